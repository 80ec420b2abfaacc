package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// certified writes a certificate for 127.0.0.1 and its key as files; "bad" files beside them.
func certified(t *testing.T) (dir string, server *httptest.Server) {
	t.Helper()
	server = httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, content := range map[string][]byte{
		"ca.pem":    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		"key.pem":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"password":  []byte("s3cret\n"),
		"empty":     []byte("\n"),
		"two-lines": []byte("s3cret\nother\n"),
		"not-pem":   []byte("s3cret"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, server
}

func TestTheEnvironmentSetsNestedKeys(t *testing.T) {
	env := map[string]string{
		"WASPADA_NODE": "n1", "WASPADA_KAFKA_SESSION_TIMEOUT": "6s", "WASPADA_AUDIT_AT": "23:05",
		"WASPADA_KAFKA_TLS_ENABLED": "true", "WASPADA_KAFKA_TLS_CA_FILE": "ca.pem",
		"WASPADA_KAFKA_TLS_CERT_FILE": "node.pem", "WASPADA_KAFKA_TLS_KEY_FILE": "node.key",
		"WASPADA_KAFKA_SASL_MECHANISM": "scram-sha-512", "WASPADA_KAFKA_SASL_USER": "hub",
		"WASPADA_KAFKA_SASL_PASSWORD_FILE": "kafka.password",
		"WASPADA_CLICKHOUSE_TLS_ENABLED":   "true", "WASPADA_CLICKHOUSE_TLS_CA_FILE": "ch.pem",
		"WASPADA_HTTP_TLS_CERT_FILE": "hub.pem", "WASPADA_HTTP_TLS_KEY_FILE": "hub.key",
		"WASPADA_HTTP_TLS_CLIENT_CA_FILE": "partners.pem",
	}
	got, err := loadConfig("", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Node, want.Audit.At, want.Kafka.SessionTimeout = "n1", "23:05", 6*time.Second
	want.Kafka.TLS = kafkaTLS{Enabled: true, CAFile: "ca.pem", CertFile: "node.pem", KeyFile: "node.key"}
	want.Kafka.SASL = kafkaSASL{Mechanism: "scram-sha-512", User: "hub", PasswordFile: "kafka.password"}
	want.ClickHouse.TLS = clickHouseTLS{Enabled: true, CAFile: "ch.pem"}
	want.HTTP.TLS = httpTLS{"hub.pem", "hub.key", "partners.pem"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("config (-want +got):\n%s", diff)
	}
}

func TestContradictionsAreRefusedByKey(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"an unknown key in a group": {"kafka: {tls: {ca: x}}", `unknown key "kafka.tls.ca"`},
		"a value for a group":       {"kafka: {tls: true}", `unknown key "kafka.tls"`},
		"a CA with TLS off": {"kafka: {tls: {ca_file: x}}",
			"kafka.tls.ca_file is set, but kafka.tls.enabled is false"},
		"a certificate without its key": {"kafka: {tls: {enabled: true, cert_file: x}}",
			"kafka.tls.cert_file and kafka.tls.key_file"},
		"a certificate of the API without its key": {"http: {tls: {cert_file: x}}",
			"http.tls.cert_file and http.tls.key_file belong together"},
		"authorities of callers without TLS": {"http: {tls: {client_ca_file: x}}",
			"http.tls.client_ca_file is set, but http.tls.cert_file is empty"},
		"TLS of the API as a word": {"http: {tls: {enabled: true}}", `unknown key "http.tls.enabled"`},
		"a user without a mechanism": {"kafka: {sasl: {user: x}}",
			"kafka.sasl.user is set, but kafka.sasl.mechanism is empty"},
		"an unknown mechanism": {"kafka: {sasl: {mechanism: gssapi}}", `kafka.sasl.mechanism is "gssapi": set plain, `},
		"a mechanism without a password": {"kafka: {sasl: {mechanism: plain, user: x}}",
			"needs kafka.sasl.user and kafka.sasl.password_file"},
		"a CA of ClickHouse with TLS off":    {"clickhouse: {tls: {ca_file: x}}", "clickhouse.tls.ca_file is set, but"},
		"a session that no heartbeat keeps":  {"kafka: {session_timeout: 10ms}", "kafka.session_timeout is 10ms"},
		"an hour that no day has":            {"audit: {at: '24:00'}", `config: audit.at: "24:00" is no time of day`},
		"a time of day without leading zero": {"audit: {at: '3:30'}", `audit.at: "3:30"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadConfig(writeConfig(t, c.file), noEnv)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestAnEmptyTimeTurnsTheNightlyAuditOff(t *testing.T) {
	cfg, err := loadConfig(writeConfig(t, "audit: {at: ''}"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if _, on, err := cfg.auditAt(); on || err != nil {
		t.Fatalf("on %t, %v", on, err)
	}
}

func TestWrongFilesAreNamedWithTheirKeyAndNeverQuoted(t *testing.T) {
	dir, _ := certified(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, c := range map[string]struct {
		set  func(*config)
		want string
	}{
		"no CA file": {func(c *config) { c.Kafka.TLS = kafkaTLS{Enabled: true, CAFile: in("nowhere")} },
			"kafka.tls.ca_file: open DIR/nowhere: no such file"},
		"a CA file without a certificate": {func(c *config) { c.Kafka.TLS = kafkaTLS{Enabled: true, CAFile: in("not-pem")} },
			"kafka.tls.ca_file: DIR/not-pem holds no certificate in PEM form"},
		"a key that is none": {func(c *config) { c.Kafka.TLS = kafkaTLS{true, "", in("ca.pem"), in("not-pem")} },
			"kafka.tls.cert_file DIR/ca.pem with key_file DIR/not-pem: "},
		"an empty password": {func(c *config) { c.Kafka.SASL = kafkaSASL{"plain", "hub", in("empty")} },
			"kafka.sasl.password_file: DIR/empty is empty"},
		"a password of two lines": {func(c *config) { c.Kafka.SASL = kafkaSASL{"plain", "hub", in("two-lines")} },
			"kafka.sasl.password_file: DIR/two-lines has more than one line"},
		"no password of ClickHouse": {func(c *config) { c.ClickHouse.PasswordFile = in("nowhere") },
			"clickhouse.password_file: open DIR/nowhere: no such file"},
		"a certificate of the API that is nowhere": {func(c *config) { c.HTTP.TLS = httpTLS{in("nowhere"), in("key.pem"), ""} },
			"http.tls.cert_file: open DIR/nowhere: no such file"},
		"a key of the API that is none": {func(c *config) { c.HTTP.TLS = httpTLS{in("ca.pem"), in("not-pem"), ""} },
			"http.tls.cert_file DIR/ca.pem with key_file DIR/not-pem: "},
		"authorities of callers that are none": {func(c *config) {
			c.HTTP.TLS = httpTLS{in("ca.pem"), in("key.pem"), in("not-pem")}
		}, "http.tls.client_ca_file: DIR/not-pem holds no certificate"},
		"a CA of ClickHouse that is none": {func(c *config) { c.ClickHouse.TLS = clickHouseTLS{true, in("not-pem")} },
			"clickhouse.tls.ca_file: DIR/not-pem holds no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaultConfig()
			c.set(&cfg)
			err := checkFiles(cfg)
			want := strings.ReplaceAll(c.want, "DIR", dir)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("error %v, want %q in it", err, want)
			}
		})
	}
}

func TestACertificateOfTheAPIThatHasEndedFailsTheCheck(t *testing.T) {
	authority := testkit.NewAuthority(t, "servers")
	for _, c := range []struct {
		end  time.Time
		want bool
	}{{time.Now().Add(time.Hour), false}, {time.Now().Add(-time.Minute), true}} {
		cfg := defaultConfig()
		cfg.HTTP.TLS.CertFile, cfg.HTTP.TLS.KeyFile = testkit.WriteCertificate(t, t.TempDir(), "hub",
			authority.Issue(t, testkit.Certificate{Server: true, NotAfter: c.end}))
		err := checkFiles(cfg)
		if got := err != nil && strings.Contains(err.Error(), "has ended: no caller trusts it"); got != c.want {
			t.Errorf("one that ends at %s: %v", c.end, err)
		}
	}
}

func TestWhoServesOthersWithoutTLSIsWarned(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:8080": false, "localhost:8080": false, "[::1]:8080": false,
		"0.0.0.0:8080": true, ":8080": true, "10.0.0.7:8080": true,
	} {
		cfg := defaultConfig()
		cfg.HTTP.Addr = addr
		if got := len(cfg.warnings()) > 0; got != want {
			t.Errorf("%s: %v", addr, cfg.warnings())
		}
		cfg.HTTP.TLS = httpTLS{CertFile: "hub.pem", KeyFile: "hub.key"}
		if got := cfg.warnings(); len(got) > 0 {
			t.Errorf("%s with TLS: %v", addr, got)
		}
	}
}

func TestOneFunctionSecuresEveryWayToKafka(t *testing.T) {
	dir, server := certified(t)
	cfg := defaultConfig()
	cfg.Kafka.Brokers = []string{"a:1", "b:2"}
	own := filepath.Join(dir, "ca.pem")
	cfg.Kafka.TLS = kafkaTLS{true, own, own, filepath.Join(dir, "key.pem")}
	cfg.Kafka.SASL = kafkaSASL{"scram-sha-256", "hub", filepath.Join(dir, "password")}
	got, err := kafkaCluster(cfg, "me")
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	switch {
	case !cmp.Equal(got.Brokers, cfg.Kafka.Brokers) || got.ClientID != "me":
		t.Errorf("%+v", got)
	case got.TLS == nil || !got.TLS.RootCAs.Equal(trusted) || got.TLS.MinVersion != tls.VersionTLS12:
		t.Errorf("TLS %+v", got.TLS)
	case len(got.TLS.Certificates) != 1:
		t.Error("the node's own certificate is not shown to brokers")
	case got.SASL == nil || got.SASL.Name() != "SCRAM-SHA-256":
		t.Errorf("SASL %v", got.SASL)
	}
	plain, err := kafkaCluster(defaultConfig(), "me")
	if err != nil || plain.TLS != nil || plain.SASL != nil {
		t.Errorf("by default: %+v, %v", plain, err)
	}
}

func TestOneFunctionSecuresEveryWayToClickHouse(t *testing.T) {
	dir, _ := certified(t)
	cfg := defaultConfig()
	cfg.ClickHouse.TLS = clickHouseTLS{true, filepath.Join(dir, "ca.pem")}
	cfg.ClickHouse.PasswordFile = filepath.Join(dir, "password")
	got, err := storeConfig(cfg)
	if err != nil || got.TLS == nil || got.TLS.RootCAs == nil || got.Password != "s3cret" {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestTrendsAreAskedByAUserOfTheirOwn(t *testing.T) {
	dir, _ := certified(t)
	cfg := defaultConfig()
	cfg.ClickHouse.PasswordFile = filepath.Join(dir, "password")
	if got, err := analystConfig(cfg); err != nil || got.User != "default" || got.Password != "s3cret" {
		t.Errorf("without one: %s, %v", got.User, err)
	}
	cfg.ClickHouse.AnalystUser = "analyst"
	if got, err := analystConfig(cfg); err != nil || got.User != "analyst" || got.Password != "" {
		t.Errorf("without a password: %s, %v", got.User, err)
	}
	cfg.ClickHouse.AnalystPasswordFile = filepath.Join(dir, "password")
	if got, err := analystConfig(cfg); err != nil || got.User != "analyst" || got.Password != "s3cret" {
		t.Errorf("with one: %s, %v", got.User, err)
	}
}

func TestGroupTimeoutsFollowTheSession(t *testing.T) {
	for session, want := range map[time.Duration][2]time.Duration{
		15 * time.Second: {2 * time.Second, 30 * time.Second},
		6 * time.Second:  {1200 * time.Millisecond, 12 * time.Second},
		time.Minute:      {2 * time.Second, 2 * time.Minute},
	} {
		cfg := defaultConfig()
		cfg.Kafka.SessionTimeout = session
		cluster, err := kafkaCluster(cfg, "me")
		if err != nil {
			t.Fatal(err)
		}
		got := ingestConfig(cfg, cluster)
		if got.SessionTimeout != session || got.HeartbeatInterval != want[0] || got.RebalanceTimeout != want[1] {
			t.Errorf("session %s: heartbeats every %s, rebalances within %s; want %v",
				got.SessionTimeout, got.HeartbeatInterval, got.RebalanceTimeout, want)
		}
	}
}
