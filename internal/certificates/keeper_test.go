package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var purse = pkix.Name{CommonName: "hub.purse.example", Organization: []string{"Purse, Bhd"}, Country: []string{"MY"}}

// room is a folder with the files of a server.
type room struct {
	dir   string
	files Files
	own   *testkit.Authority // the server's
}

func newRoom(t *testing.T, clients ...*testkit.Authority) *room {
	t.Helper()
	r := &room{dir: t.TempDir(), own: testkit.NewAuthority(t, "servers")}
	r.renew(t)
	r.files.ClientCA = filepath.Join(r.dir, "clients.pem")
	r.trust(t, clients...)
	return r
}

// renew gives the server another certificate.
func (r *room) renew(t *testing.T) tls.Certificate {
	t.Helper()
	c := r.own.Issue(t, testkit.Certificate{Server: true, NotAfter: time.Now().Add(5 * time.Hour)})
	r.files.Cert, r.files.Key = testkit.WriteCertificate(t, r.dir, "server", c)
	return c
}

func (r *room) trust(t *testing.T, clients ...*testkit.Authority) {
	t.Helper()
	var all []byte
	for _, c := range clients {
		all = append(all, c.PEM()...)
	}
	r.put(t, "clients.pem", all)
}

func (r *room) put(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	err := os.WriteFile(path+".new", data, 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

func (r *room) load(t *testing.T) *Keeper {
	t.Helper()
	k, err := Load(r.files)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// chain is what a client shows.
func chain(c tls.Certificate, others ...*testkit.Authority) []*x509.Certificate {
	all := []*x509.Certificate{c.Leaf}
	for _, o := range others {
		all = append(all, o.Leaf())
	}
	return all
}

func TestOnlyAGoodCertificateOfATrustedAuthorityCertifies(t *testing.T) {
	trusted, stranger := testkit.NewAuthority(t, "clients"), testkit.NewAuthority(t, "clients")
	second := testkit.NewAuthority(t, "more clients")
	between := trusted.Intermediate(t, "branch")
	k := newRoom(t, trusted, second).load(t)
	now := time.Now()
	issue := func(by *testkit.Authority, c testkit.Certificate) tls.Certificate {
		c.Subject = purse
		return by.Issue(t, c)
	}
	const subject = `CN=hub.purse.example,O=Purse\, Bhd,C=MY`
	for _, c := range []struct {
		situation string
		chain     []*x509.Certificate
		denied    string
	}{
		{"a good one", chain(issue(trusted, testkit.Certificate{})), ""},
		{"of the second authority", chain(issue(second, testkit.Certificate{})), ""},
		{"with the one between sent along", chain(issue(between, testkit.Certificate{}), between), ""},
		{"without the one between", chain(issue(between, testkit.Certificate{})), fraud.DeniedCertUntrusted},
		{"of a stranger with the same name", chain(issue(stranger, testkit.Certificate{})), fraud.DeniedCertUntrusted},
		{"the stranger sent along", chain(issue(stranger, testkit.Certificate{}), stranger), fraud.DeniedCertUntrusted},
		{"expired", chain(issue(trusted, testkit.Certificate{NotAfter: now.Add(-time.Minute)})), fraud.DeniedCertExpired},
		{"not valid yet", chain(issue(trusted, testkit.Certificate{NotBefore: now.Add(time.Minute)})),
			fraud.DeniedCertExpired},
		{"a server's", chain(issue(trusted, testkit.Certificate{Server: true})), fraud.DeniedCertUntrusted},
		{"without a subject", chain(trusted.Issue(t, testkit.Certificate{})), fraud.DeniedCertUnknown},
		{"none", nil, fraud.DeniedCertUntrusted},
	} {
		t.Run(c.situation, func(t *testing.T) {
			for range 2 { // the second time from memory
				got, err := k.Certify(c.chain, now)
				var denial *fraud.Denial
				if errors.As(err, &denial); c.denied != "" {
					if denial == nil || denial.Code != c.denied || denial.Told() != fraud.DeniedCertificate {
						t.Fatalf("got %+v, %v; want %s", got, err, c.denied)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got.Subject != subject || !regexp.MustCompile(`^cert-[0-9a-f]{16}$`).MatchString(got.ID) {
					t.Errorf("got %+v, want %s", got, subject)
				}
			}
		})
	}
}

func TestARememberedCertificateEndsWithItsLastDay(t *testing.T) {
	trusted := testkit.NewAuthority(t, "clients")
	k := newRoom(t, trusted).load(t)
	now := time.Now()
	c := chain(trusted.Issue(t, testkit.Certificate{Subject: purse, NotAfter: now.Add(time.Minute)}))
	if _, err := k.Certify(c, now); err != nil {
		t.Fatal(err)
	}
	_, err := k.Certify(c, now.Add(2*time.Minute))
	var denial *fraud.Denial
	if !errors.As(err, &denial) || denial.Code != fraud.DeniedCertExpired {
		t.Errorf("after its end: %v", err)
	}
}

// shakeHands makes one connection and returns the certificate that the server showed.
func shakeHands(t *testing.T, r *room, addr string) (shown []byte, err error) {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: r.own.Pool(), ServerName: "localhost"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw, nil
}

// counts tells how often Follow has logged.
type counts struct {
	slog.Handler
	loaded, refused atomic.Int64
}

func (c *counts) Enabled(context.Context, slog.Level) bool { return true }

func (c *counts) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "refused") {
		c.refused.Add(1)
	} else {
		c.loaded.Add(1)
	}
	return nil
}

func TestCertificatesAreRenewedWithoutARestart(t *testing.T) {
	first, second := testkit.NewAuthority(t, "clients"), testkit.NewAuthority(t, "other clients")
	r := newRoom(t, first)
	k := r.load(t)
	log := &counts{Handler: slog.DiscardHandler}
	ctx, stop := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- k.Follow(ctx, 20*time.Millisecond, slog.New(log)) }()
	defer func() {
		stop()
		if err := <-followed; err != nil {
			t.Error(err)
		}
	}()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", k.TLS())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) {
				defer c.Close()
				_ = c.(*tls.Conn).HandshakeContext(ctx)
				_, _ = c.Read(make([]byte, 1))
			}(conn)
		}
	}()
	until := func(what string, done func() bool) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() error {
			if !done() {
				return fmt.Errorf("not yet: %s", what)
			}
			return nil
		})
	}
	old := chain(first.Issue(t, testkit.Certificate{Subject: purse}))
	if _, err := k.Certify(old, time.Now()); err != nil {
		t.Fatal(err)
	}

	renewed := r.renew(t)
	until("the renewed certificate is shown", func() bool {
		shown, err := shakeHands(t, r, listener.Addr().String())
		if err != nil {
			t.Errorf("while it is renewed: %v", err)
		}
		return cmp.Equal(shown, renewed.Certificate[0])
	})
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(k)
	if got, err := metrics.Gather(); err != nil ||
		got[0].Metric[0].Gauge.GetValue() != float64(renewed.Leaf.NotAfter.Unix()) {
		t.Errorf("metric %v, %v", got, err)
	}

	r.trust(t, second)
	until("the first authority is trusted no longer", func() bool {
		_, err := k.Certify(old, time.Now())
		return err != nil
	})
	if _, err := k.Certify(chain(second.Issue(t, testkit.Certificate{Subject: purse})), time.Now()); err != nil {
		t.Errorf("of the second authority: %v", err)
	}

	ended := r.own.Issue(t, testkit.Certificate{Server: true, NotAfter: time.Now().Add(-time.Minute)})
	other := r.own.Issue(t, testkit.Certificate{Server: true})
	for situation, spoil := range map[string]func(){
		"no key": func() { r.put(t, "server.key", nil) },
		"another's key": func() {
			testkit.WriteCertificate(t, r.dir, "server", tls.Certificate{Certificate: renewed.Certificate, PrivateKey: other.PrivateKey})
		},
		"an ended one":              func() { testkit.WriteCertificate(t, r.dir, "server", ended) },
		"authorities that are none": func() { r.put(t, "clients.pem", []byte("none")) },
		"a file that is gone":       func() { _ = os.Remove(r.files.ClientCA) },
	} {
		before, loaded := log.refused.Load(), log.loaded.Load()
		spoil()
		until(situation+" is refused", func() bool { return log.refused.Load() > before })
		shown, err := shakeHands(t, r, listener.Addr().String())
		if err != nil || !cmp.Equal(shown, renewed.Certificate[0]) || log.loaded.Load() != loaded {
			t.Errorf("%s: what was before is not in force: %v", situation, err)
		}
		renewed = r.renew(t)
		r.trust(t, second)
		until("it is mended", func() bool { return log.loaded.Load() > loaded })
	}
}

func TestWrongFilesAreNamedAndNeverQuoted(t *testing.T) {
	trusted := testkit.NewAuthority(t, "clients")
	for situation, c := range map[string]struct {
		spoil func(*room)
		want  string
	}{
		"no certificate":       {func(r *room) { r.files.Cert = filepath.Join(r.dir, "nowhere") }, "cert_file: open "},
		"a key that is none":   {func(r *room) { r.put(t, "server.key", []byte("s3cret")) }, "key_file "},
		"authorities of none":  {func(r *room) { r.put(t, "clients.pem", []byte("s3cret")) }, "client_ca_file: "},
		"no authorities' file": {func(r *room) { r.files.ClientCA = filepath.Join(r.dir, "nowhere") }, "client_ca_file: open "},
	} {
		r := newRoom(t, trusted)
		c.spoil(r)
		_, err := Load(r.files)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v\nwant …%s…", situation, err, c.want)
		}
	}
}

func TestWithoutAuthoritiesNobodyIsAsked(t *testing.T) {
	r := newRoom(t)
	r.files.ClientCA = ""
	k := r.load(t)
	if k.AsksClients() || k.current.Load().tls.ClientAuth != tls.NoClientCert {
		t.Error("clients are asked for certificates")
	}
	stranger := testkit.NewAuthority(t, "stranger").Issue(t, testkit.Certificate{Subject: purse})
	if _, err := k.Certify(chain(stranger), time.Now()); err == nil {
		t.Error("a certificate is believed")
	}
}

// Half a list of authorities is a good list, and would lock out all who stand in the other half.
func TestAListThatIsBeingWrittenIsNotTaken(t *testing.T) {
	first, second := testkit.NewAuthority(t, "clients"), testkit.NewAuthority(t, "more clients")
	r := newRoom(t, first, second)
	c, now := chain(second.Issue(t, testkit.Certificate{Subject: purse})), time.Now()
	synctest.Test(t, func(t *testing.T) {
		k := r.load(t)
		ctx, stop := context.WithCancel(t.Context())
		followed := make(chan error, 1)
		go func() { followed <- k.Follow(ctx, 2*time.Second, slog.New(slog.DiscardHandler)) }()
		time.Sleep(900 * time.Millisecond)
		r.trust(t, first)
		time.Sleep(time.Second) // it is looked at once
		if _, err := k.Certify(c, now); err != nil {
			t.Errorf("half the list was taken: %v", err)
		}
		r.trust(t, first, second)
		time.Sleep(2 * time.Second)
		if _, err := k.Certify(c, now); err != nil {
			t.Errorf("of the whole list: %v", err)
		}
		r.trust(t, first)
		time.Sleep(2 * time.Second)
		if _, err := k.Certify(c, now); err == nil {
			t.Error("a list that stays is not taken after every")
		}
		stop()
		if err := <-followed; err != nil {
			t.Error(err)
		}
	})
}
