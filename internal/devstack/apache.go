package devstack

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// ApacheVersion is the release that deploy/kafka pins.
const ApacheVersion = "4.1.0"

// ApacheMechanism is how the users of a secure cluster prove their passwords.
const ApacheMechanism = "scram-sha-512"

// ApacheAdmin is the user who has every right on a secure cluster.
const ApacheAdmin = "admin"

// ApacheOptions say how a cluster is set up. With nothing but a Dir it is one broker that lets everybody in.
type ApacheOptions struct {
	// Dir holds everything; it must be empty or missing.
	Dir string
	// Brokers is how many there are, each its own controller: 1 (the default), or 3, of which one may be down.
	Brokers int
	// Secure makes clients come over TLS, prove a password and hold a right to what they do (an ACL). Brokers know each
	// other by certificate. The certificates are made for this cluster and trusted by its own clients alone.
	Secure bool
	// Users are those of a secure cluster, name to password. Nil is ingest, api, operator and partner, each with a
	// password that is made up. The admin is there in any case.
	Users map[string]string
	// Proxied gives each broker a second listener for clients and is the "host:port" that it advertises there: that of
	// a proxy, which forwards to ProxiedUpstream. Who comes by the proxies goes on by the proxies.
	Proxied []string
	// DataDirs are where each broker keeps its data, for a test that fills a small disk; an empty one is within Dir.
	DataDirs []string
	// Settings are further properties of every broker.
	Settings map[string]string
}

// ApacheCluster is an Apache Kafka of one broker or several, each a Java process. They end with this process.
type ApacheCluster struct {
	dir     string
	brokers []*ApacheBroker
	users   map[string]string
	tls     *tls.Config // nil unless secure
}

// StartApacheCluster sets up a cluster, starts it and returns when every broker answers. The jars come from
// $WASPADA_KAFKA_JARS or from where `make kafka-jars` puts them.
func StartApacheCluster(ctx context.Context, opts ApacheOptions) (*ApacheCluster, error) {
	c, err := formatApacheCluster(ctx, opts)
	if err == nil {
		err = c.Start(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("start Apache Kafka: %w", err)
	}
	return c, nil
}

func formatApacheCluster(ctx context.Context, opts ApacheOptions) (*ApacheCluster, error) {
	if opts.Brokers == 0 {
		opts.Brokers = 1
	}
	if opts.Brokers != 1 && opts.Brokers != 3 {
		return nil, fmt.Errorf("%d brokers: one, or three of which one may be down", opts.Brokers)
	}
	for name, list := range map[string][]string{"Proxied": opts.Proxied, "DataDirs": opts.DataDirs} {
		if len(list) != 0 && len(list) != opts.Brokers {
			return nil, fmt.Errorf("%s names %d brokers of %d: name every one or none", name, len(list), opts.Brokers)
		}
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &ApacheCluster{dir: dir}
	if err := os.WriteFile(c.file("log4j2.properties"), []byte(apacheLogging), 0o600); err != nil {
		return nil, err
	}
	if opts.Secure {
		if err := c.secure(opts); err != nil {
			return nil, err
		}
	}
	for i := range opts.Brokers {
		b, err := newApacheBroker(c, i, opts)
		if err != nil {
			return nil, err
		}
		c.brokers = append(c.brokers, b)
	}
	id := randomID()
	return c, c.all(func(b *ApacheBroker) error { return b.format(ctx, id, opts.Settings) })
}

// secure makes certificates and users, and the files by which Kafka's tools and the hub prove to be one of them.
func (c *ApacheCluster) secure(opts ApacheOptions) error {
	users := opts.Users
	if users == nil {
		users = map[string]string{
			"ingest": rand.Text(), "api": rand.Text(), "operator": rand.Text(), "partner": rand.Text(),
		}
	}
	c.users = maps.Clone(users)
	if c.users[ApacheAdmin] == "" {
		c.users[ApacheAdmin] = rand.Text()
	}
	trust, err := writeCertificates(c.CAFile(), c.file("brokers.pem"))
	if err != nil {
		return err
	}
	c.tls = &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}
	for user, password := range c.users {
		if err := os.WriteFile(c.PasswordFile(user), []byte(password), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(c.file("admin.properties"), fmt.Appendf(nil, `security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location=%s
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=%s required username="%s" password="%s";
`, c.CAFile(), scramModule, ApacheAdmin, c.users[ApacheAdmin]), 0o600)
}

// randomID makes an id of Kafka's form.
func randomID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	id[0] &= 0x7f        // the text must not start with "-", which Kafka's tools take for a flag
	return base64.RawURLEncoding.EncodeToString(id)
}

func (c *ApacheCluster) file(name string) string { return filepath.Join(c.dir, name) }

// all does the same to every broker at the same time.
func (c *ApacheCluster) all(do func(*ApacheBroker) error) error {
	errs := make([]error, len(c.brokers))
	var busy sync.WaitGroup
	for i, b := range c.brokers {
		busy.Go(func() { errs[i] = do(b) })
	}
	busy.Wait()
	return errors.Join(errs...)
}

// Start starts the brokers that have ended and returns when each of them answers. If one does not, it kills them all.
func (c *ApacheCluster) Start(ctx context.Context) error {
	err := c.all(func(b *ApacheBroker) error { return b.Start(ctx) })
	if err != nil {
		c.Kill()
	}
	return err
}

// Kill ends all brokers at once with SIGKILL and returns when they have ended.
func (c *ApacheCluster) Kill() {
	_ = c.all(func(b *ApacheBroker) error { b.Kill(); return nil })
}

// Broker is one of the brokers, counted from 0; this is its id in Kafka, too.
func (c *ApacheCluster) Broker(i int) *ApacheBroker { return c.brokers[i] }

// Addrs are the "host:port" of the brokers, without proxies.
func (c *ApacheCluster) Addrs() []string {
	var addrs []string
	for _, b := range c.brokers {
		addrs = append(addrs, b.Addr())
	}
	return addrs
}

// ProxiedUpstream is the "host:port" to which the proxy for a broker has to forward.
func (c *ApacheCluster) ProxiedUpstream(broker int) string {
	return c.brokers[broker].ports.addr("PROXIED")
}

// TLS is what a client of a secure cluster trusts; nil for another.
func (c *ApacheCluster) TLS() *tls.Config {
	if c.tls == nil {
		return nil
	}
	return c.tls.Clone()
}

// CAFile holds the certificate (PEM) that clients of a secure cluster trust.
func (c *ApacheCluster) CAFile() string { return c.file("ca.pem") }

// Password is a user's on a secure cluster.
func (c *ApacheCluster) Password(user string) string { return c.users[user] }

// PasswordFile holds a user's password, and nothing else.
func (c *ApacheCluster) PasswordFile(user string) string { return c.file(user + ".password") }

// Leader is the broker that leads a partition, in the eyes of a broker that runs.
func (c *ApacheCluster) Leader(ctx context.Context, topic string, partition int) (*ApacheBroker, error) {
	doing := func(err error) error { return fmt.Errorf("leader of %s, partition %d: %w", topic, partition, err) }
	var err error
	for _, b := range c.brokers {
		if !b.running() {
			continue
		}
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = &topic
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = append(req.Topics, asked)
		var meta *kmsg.MetadataResponse
		if meta, err = b.metadata(ctx, req); err != nil {
			continue
		}
		for _, p := range meta.Topics[0].Partitions {
			if int(p.Partition) == partition && int(p.Leader) >= 0 {
				return c.brokers[p.Leader], nil
			}
		}
		return nil, doing(errors.Join(errors.New("none"), kerr.ErrorForCode(meta.Topics[0].ErrorCode)))
	}
	return nil, doing(errors.Join(errors.New("no broker runs"), err))
}

// client is the admin's, by way of one broker.
func (c *ApacheCluster) client(addr string) (*kgo.Client, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(addr)}
	if c.tls != nil {
		admin := scram.Auth{User: ApacheAdmin, Pass: c.users[ApacheAdmin]}
		opts = append(opts, kgo.DialTLSConfig(c.TLS()), kgo.SASL(admin.AsSha512Mechanism()))
	}
	return kgo.NewClient(opts...)
}
