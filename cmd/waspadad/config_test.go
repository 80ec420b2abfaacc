package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noEnv(string) (string, bool) { return "", false }

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "waspada.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheEnvironmentOverridesTheFileWhichOverridesDefaults(t *testing.T) {
	path := writeConfig(t, "node: n1\nhttp: {addr: '127.0.0.1:1', admin_addr: '127.0.0.1:2'}\nindex: {freshness: 5s}\n")
	env := map[string]string{"WASPADA_HTTP_ADDR": "127.0.0.1:3", "WASPADA_KAFKA_BROKERS": "a:1,b:2", "WASPADA_KAFKA_ACCEPT_LOSS": "true"}
	got, err := loadConfig(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Node = "n1"
	want.HTTP.Addr, want.HTTP.AdminAddr = "127.0.0.1:3", "127.0.0.1:2"
	want.Kafka.Brokers, want.Kafka.AcceptLoss = []string{"a:1", "b:2"}, true
	want.Index.Freshness = 5 * time.Second
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("config (-want +got):\n%s", diff)
	}
}

func TestAnUnknownKeyIsRefusedByName(t *testing.T) {
	_, err := loadConfig(writeConfig(t, "http: {adr: '127.0.0.1:1'}\n"), noEnv)
	if err == nil || !strings.Contains(err.Error(), `"http.adr"`) {
		t.Fatalf("error %v does not name the unknown key", err)
	}
}

func TestClocksOfDisputesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range []struct{ situation, text, names string }{
		{"decided before it is acknowledged", "{decide_within: 1h}", "disputes.decide_within"},
		{"no time at all", "{acknowledge_within: 0s}", "disputes.acknowledge_within"},
		{"a negative time", "{reaffirm_within: -1h}", "disputes.reaffirm_within"},
		{"looking all the time", "{look_every: 1ms}", "disputes.look_every"},
	} {
		if _, err := loadConfig(writeConfig(t, "disputes: "+c.text+"\n"), noEnv); err == nil ||
			!strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", c.situation, err)
		}
	}
}

func TestPrintedConfigIsAConfig(t *testing.T) {
	want := defaultConfig()
	want.Node = "n1"
	got, err := loadConfig(writeConfig(t, want.String()), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("read back (-want +got):\n%s", diff)
	}
}
