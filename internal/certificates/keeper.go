package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Files are where the certificates are, in PEM form.
type Files struct {
	// Cert is the server's certificate, those that lead to its authority after it, and Key its private key.
	Cert, Key string
	// ClientCA holds the certificates of the authorities whose clients are believed, "" to ask clients for none.
	ClientCA string
}

// Keeper holds what the files held when they were last good. It is safe for concurrent use.
type Keeper struct {
	files   Files
	current atomic.Pointer[state]
}

// state is what the files held at one moment. Only its proofs change.
type state struct {
	read  [][]byte // the files' contents
	tls   *tls.Config
	until time.Time // the end of the server's own certificate
	// clients is nil where none is asked for a certificate.
	clients *x509.CertPool
	proofs  sync.Map // of certificates that were good, by their bytes
	proven  atomic.Int64
}

// Load reads the files. Its error names the setting at fault and never quotes a file.
func Load(files Files) (*Keeper, error) {
	k := &Keeper{files: files}
	contents, err := k.read()
	if err != nil {
		return nil, err
	}
	next, err := k.parse(contents)
	if err != nil {
		return nil, err
	}
	k.current.Store(next)
	return k, nil
}

func (k *Keeper) read() (contents [][]byte, err error) {
	for _, f := range []struct{ setting, path string }{
		{"cert_file", k.files.Cert}, {"key_file", k.files.Key}, {"client_ca_file", k.files.ClientCA},
	} {
		var data []byte
		if f.path != "" {
			if data, err = os.ReadFile(f.path); err != nil {
				return nil, fmt.Errorf("%s: %w", f.setting, err)
			}
		}
		contents = append(contents, data)
	}
	return contents, nil
}

func (k *Keeper) parse(contents [][]byte) (*state, error) {
	own, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, fmt.Errorf("cert_file %s with key_file %s: %w", k.files.Cert, k.files.Key, err)
	}
	s := &state{read: contents, until: own.Leaf.NotAfter, tls: &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, NextProtos: []string{"http/1.1"},
	}}
	if k.files.ClientCA != "" {
		s.clients = x509.NewCertPool()
		if !s.clients.AppendCertsFromPEM(contents[2]) {
			return nil, fmt.Errorf("client_ca_file: %s holds no certificate in PEM form", k.files.ClientCA)
		}
		s.tls.ClientAuth, s.tls.ClientCAs = tls.RequestClientCert, s.clients // Certify verifies
	}
	return s, nil
}

// TLS is for a listener. Each new connection gets what the files held last.
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return k.current.Load().tls, nil
		},
	}
}

// AsksClients reports whether clients are asked for a certificate.
func (k *Keeper) AsksClients() bool { return k.files.ClientCA != "" }

// Until is the end of the server's own certificate.
func (k *Keeper) Until() time.Time { return k.current.Load().until }

// Describe and Collect make the Keeper a metric: when the server's own certificate ends.
func (k *Keeper) Describe(to chan<- *prometheus.Desc) { to <- expiry }

// Collect implements prometheus.Collector.
func (k *Keeper) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(expiry, prometheus.GaugeValue, float64(k.Until().Unix()))
}

var expiry = prometheus.NewDesc("waspada_certificates_expiry_timestamp_seconds",
	"When the certificate ends that the HTTP API shows.", nil, nil)

// Follow takes the files whenever their contents have changed, until ctx ends: at the latest after every. It looks twice
// in that time and takes only what it has seen twice, since files are written one after the other, and half a list of
// authorities is a good list. What is refused leaves what was before in force.
func (k *Keeper) Follow(ctx context.Context, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	var before [][]byte
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		contents, err := k.read()
		settled := err == nil && slices.EqualFunc(contents, before, bytes.Equal)
		before = contents
		if settled && !slices.EqualFunc(contents, k.current.Load().read, bytes.Equal) {
			var next *state
			if next, err = k.parse(contents); err == nil && !next.until.After(time.Now()) {
				err = errors.New("cert_file: the certificate has ended already")
			}
			if err == nil {
				k.current.Store(next)
				log.Info("certificates loaded", "until", next.until)
			}
		}
		if err != nil && !failing {
			log.Error("certificates refused, those before them stay in force", "error", err)
		}
		failing = err != nil
	}
}
