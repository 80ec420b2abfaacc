package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/waspada-hub/waspada/internal/certificates"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/topic"
)

// httpTLS secures the HTTP API. It is on where there is a certificate. Its files are read again when they change.
type httpTLS struct {
	// CertFile (PEM) is the certificate of this node, those that lead to its authority after it, and KeyFile its key.
	CertFile string `koanf:"cert_file" yaml:"cert_file"`
	KeyFile  string `koanf:"key_file" yaml:"key_file"`
	// ClientCAFile holds the certificates (PEM) of the authorities by whose certificates callers may prove to be partners;
	// empty to ask callers for none.
	ClientCAFile string `koanf:"client_ca_file" yaml:"client_ca_file"`
}

// kafkaTLS secures the connections to Kafka.
type kafkaTLS struct {
	Enabled bool `koanf:"enabled" yaml:"enabled"`
	// CAFile holds the certificates (PEM) of the authorities that sign the brokers'; empty for those of the system.
	CAFile string `koanf:"ca_file" yaml:"ca_file"`
	// CertFile and KeyFile (PEM) are this node's own, where brokers ask for a certificate.
	CertFile string `koanf:"cert_file" yaml:"cert_file"`
	KeyFile  string `koanf:"key_file" yaml:"key_file"`
}

// kafkaSASL proves to Kafka who this node is.
type kafkaSASL struct {
	// Mechanism is plain, scram-sha-256 or scram-sha-512; empty for none.
	Mechanism string `koanf:"mechanism" yaml:"mechanism"`
	User      string `koanf:"user" yaml:"user"`
	// PasswordFile holds the password.
	PasswordFile string `koanf:"password_file" yaml:"password_file"`
}

// clickHouseTLS secures the connections to ClickHouse.
type clickHouseTLS struct {
	Enabled bool `koanf:"enabled" yaml:"enabled"`
	// CAFile holds the certificates (PEM) of the authorities that sign the servers'; empty for those of the system.
	CAFile string `koanf:"ca_file" yaml:"ca_file"`
}

// checkSecurity finds settings that contradict each other: above all those by which somebody believes that connections
// are secured.
func (c *config) checkSecurity() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf("config: "+format, args...)) }
	unused := func(key, value, switched string) {
		if value != "" {
			refuse("%s is set, but %s: it would have no effect", key, switched)
		}
	}
	if h := c.HTTP.TLS; (h.CertFile == "") != (h.KeyFile == "") {
		refuse("http.tls.cert_file and http.tls.key_file belong together: set both or none")
	} else if h.CertFile == "" {
		unused("http.tls.client_ca_file", h.ClientCAFile, "http.tls.cert_file is empty")
	}
	if k := c.Kafka.TLS; !k.Enabled {
		unused("kafka.tls.ca_file", k.CAFile, "kafka.tls.enabled is false")
		unused("kafka.tls.cert_file", k.CertFile, "kafka.tls.enabled is false")
		unused("kafka.tls.key_file", k.KeyFile, "kafka.tls.enabled is false")
	} else if (k.CertFile == "") != (k.KeyFile == "") {
		refuse("kafka.tls.cert_file and kafka.tls.key_file belong together: set both or none")
	}
	switch s := c.Kafka.SASL; {
	case s.Mechanism == "":
		unused("kafka.sasl.user", s.User, "kafka.sasl.mechanism is empty")
		unused("kafka.sasl.password_file", s.PasswordFile, "kafka.sasl.mechanism is empty")
	case !slices.Contains(topic.Mechanisms(), s.Mechanism):
		refuse("kafka.sasl.mechanism is %q: set %s, or leave it empty", s.Mechanism, strings.Join(topic.Mechanisms(), ", "))
	case s.User == "" || s.PasswordFile == "":
		refuse("kafka.sasl.mechanism is %s, which needs kafka.sasl.user and kafka.sasl.password_file", s.Mechanism)
	}
	if c.ClickHouse.AnalystUser == "" {
		unused("clickhouse.analyst_password_file", c.ClickHouse.AnalystPasswordFile, "clickhouse.analyst_user is empty")
	}
	if k := c.ClickHouse.TLS; !k.Enabled {
		unused("clickhouse.tls.ca_file", k.CAFile, "clickhouse.tls.enabled is false")
	}
	return errors.Join(errs...)
}

// warnings are what may be meant so, and should be known.
func (c *config) warnings() []string {
	var all []string
	if c.Kafka.SASL.Mechanism == "plain" && !c.Kafka.TLS.Enabled {
		all = append(all, "kafka.sasl.mechanism is plain and kafka.tls.enabled is false: "+
			"whoever reads along learns the password")
	}
	if c.ClickHouse.PasswordFile+c.ClickHouse.AnalystPasswordFile != "" && !c.ClickHouse.TLS.Enabled {
		all = append(all, "clickhouse.tls.enabled is false: whoever reads along learns the password, and what is stored")
	}
	if host, _, err := net.SplitHostPort(c.HTTP.Addr); err == nil && c.HTTP.TLS.CertFile == "" {
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			all = append(all, "http.tls is not set and http.addr can be reached from elsewhere: unless something before it "+
				"speaks TLS, whoever reads along learns the API keys")
		}
	}
	return all
}

// httpCertificates are those of the HTTP API, nil where it has none.
func httpCertificates(cfg config) (*certificates.Keeper, error) {
	t := cfg.HTTP.TLS
	if t.CertFile == "" {
		return nil, nil
	}
	keeper, err := certificates.Load(certificates.Files{Cert: t.CertFile, Key: t.KeyFile, ClientCA: t.ClientCAFile})
	if err != nil {
		return nil, fmt.Errorf("config: http.tls.%w", err)
	}
	return keeper, nil
}

// kafkaCluster is how every command reaches Kafka. The client names it in the brokers' logs and in the consumer group.
func kafkaCluster(cfg config, client string) (topic.Cluster, error) {
	k := cfg.Kafka
	cluster := topic.Cluster{Brokers: k.Brokers, ClientID: client}
	var tlsErr, saslErr error
	cluster.TLS, tlsErr = loadTLS("kafka.tls", k.TLS.Enabled, k.TLS.CAFile, k.TLS.CertFile, k.TLS.KeyFile)
	if k.SASL.Mechanism != "" {
		var password string
		if password, saslErr = loadSecret("kafka.sasl.password_file", k.SASL.PasswordFile); saslErr == nil {
			if cluster.SASL, saslErr = topic.Password(k.SASL.Mechanism, k.SASL.User, password); saslErr != nil {
				saslErr = fmt.Errorf("config: kafka.sasl: %w", saslErr)
			}
		}
	}
	return cluster, errors.Join(tlsErr, saslErr)
}

// storeConfig is how every command reaches ClickHouse.
func storeConfig(cfg config) (store.Config, error) {
	c := cfg.ClickHouse
	secured, err := loadTLS("clickhouse.tls", c.TLS.Enabled, c.TLS.CAFile, "", "")
	var password string
	if c.PasswordFile != "" {
		var passwordErr error
		password, passwordErr = loadSecret("clickhouse.password_file", c.PasswordFile)
		err = errors.Join(err, passwordErr)
	}
	return store.Config{
		Addrs: c.Addrs, Database: c.Database, User: c.User, Password: password, TLS: secured,
		Cluster: c.Cluster, Keeper: c.Keeper,
	}, err
}

// analystConfig is how questions about trends reach ClickHouse.
func analystConfig(cfg config) (store.Config, error) {
	asks, err := storeConfig(cfg)
	c := cfg.ClickHouse
	if c.AnalystUser == "" || err != nil {
		return asks, err
	}
	asks.User, asks.Password = c.AnalystUser, ""
	if c.AnalystPasswordFile != "" {
		asks.Password, err = loadSecret("clickhouse.analyst_password_file", c.AnalystPasswordFile)
	}
	return asks, err
}

// loadTLS reads the files that a group of settings names; nil when TLS is off.
func loadTLS(group string, enabled bool, caFile, certFile, keyFile string) (*tls.Config, error) {
	if !enabled {
		return nil, nil
	}
	secured := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("config: %s.ca_file: %w", group, err)
		}
		secured.RootCAs = x509.NewCertPool()
		if !secured.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("config: %s.ca_file: %s holds no certificate in PEM form", group, caFile)
		}
	}
	if certFile != "" {
		own, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("config: %s.cert_file %s with key_file %s: %w", group, certFile, keyFile, err)
		}
		secured.Certificates = []tls.Certificate{own}
	}
	return secured, nil
}

// loadSecret reads a file that holds one line: a secret. Its errors never quote it.
func loadSecret(key, path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("config: %s: %w", key, err)
	}
	secret := strings.TrimSpace(string(data))
	switch {
	case secret == "":
		return "", fmt.Errorf("config: %s: %s is empty", key, path)
	case strings.ContainsAny(secret, "\r\n"):
		return "", fmt.Errorf("config: %s: %s has more than one line: it should hold the password alone", key, path)
	}
	return secret, nil
}
