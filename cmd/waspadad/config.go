package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	goyaml "github.com/goccy/go-yaml"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"github.com/waspada-hub/waspada/internal/audit"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// config is the daemon's configuration: a YAML file in which unknown keys are refused, overridden by the environment
// (http.addr by WASPADA_HTTP_ADDR). Secrets are never in it: it names the files that hold them.
type config struct {
	// Name is the hub for which bundles must be signed.
	Name string `koanf:"name" yaml:"name"`
	// Node names this process in answers, logs and Kafka's consumer group; by default the host's name and HTTP port. No
	// two processes may share a name.
	Node string `koanf:"node" yaml:"node"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `koanf:"log_level" yaml:"log_level"`
	// KeyRing is the file with the digest keys of every epoch.
	KeyRing string `koanf:"key_ring" yaml:"key_ring"`
	// Partners is the file with the partners, their API keys (hashed) and signing keys (public).
	Partners string `koanf:"partners" yaml:"partners"`
	// Registry is where partners are kept: "file" follows the partner file; "clickhouse" imports it once and then follows
	// ClickHouse, where waspada partner and /v1/admin change it, and takes the file for the gateway's keys alone.
	Registry string `koanf:"registry" yaml:"registry"`
	// Protected is an optional file of further indicators that nobody may list, read again when it changes.
	Protected string `koanf:"protected" yaml:"protected"`

	HTTP struct {
		Addr string `koanf:"addr" yaml:"addr"`
		// AdminAddr serves /metrics and /debug/pprof; keep it away from the outside.
		AdminAddr string `koanf:"admin_addr" yaml:"admin_addr"`
		// RefuseValues makes the hub take digests only.
		RefuseValues bool `koanf:"refuse_values" yaml:"refuse_values"`
		// Concurrency is how many requests may be at work at a time; beyond, analysis is turned away first, then events, then
		// look-ups. 0 is 32 for each CPU, and 64 at least.
		Concurrency int `koanf:"concurrency" yaml:"concurrency"`
		// Connections is how many may be open at a time; for one more the longest idle is closed, or the new one waits. 0 is
		// 2048 for each CPU, and 4096 at least.
		Connections int `koanf:"connections" yaml:"connections"`
		// Shed refuses requests that waited too long for a CPU, so that the others are answered in time.
		Shed bool    `koanf:"shed" yaml:"shed"`
		TLS  httpTLS `koanf:"tls" yaml:"tls"`
	} `koanf:"http" yaml:"http"`

	// Gateway is the hub's own signing key, for partners that report over HTTP.
	Gateway struct {
		KeyID string `koanf:"key_id" yaml:"key_id"`
		Key   string `koanf:"key" yaml:"key"`
	} `koanf:"gateway" yaml:"gateway"`

	Kafka struct {
		Brokers     []string `koanf:"brokers" yaml:"brokers"`
		Reports     string   `koanf:"reports" yaml:"reports"`
		Changes     string   `koanf:"changes" yaml:"changes"`
		DeadLetters string   `koanf:"dead_letters" yaml:"dead_letters"`
		Group       string   `koanf:"group" yaml:"group"`
		// AcceptLoss goes on where Kafka has deleted reports before they were stored, instead of stopping with an error. For
		// one start, by an operator who knows what is lost.
		AcceptLoss bool `koanf:"accept_loss" yaml:"accept_loss"`
		// SessionTimeout is how long a node that ingests may be silent before the others take over its partitions. Brokers
		// allow 6 s to 30 min unless they are told otherwise.
		SessionTimeout time.Duration `koanf:"session_timeout" yaml:"session_timeout"`
		TLS            kafkaTLS      `koanf:"tls" yaml:"tls"`
		SASL           kafkaSASL     `koanf:"sasl" yaml:"sasl"`
	} `koanf:"kafka" yaml:"kafka"`

	ClickHouse struct {
		Addrs    []string `koanf:"addrs" yaml:"addrs"`
		Database string   `koanf:"database" yaml:"database"`
		User     string   `koanf:"user" yaml:"user"`
		// PasswordFile holds the password; empty for none.
		PasswordFile string `koanf:"password_file" yaml:"password_file"`
		// AnalystUser asks for trends, with the password in AnalystPasswordFile; empty for User. What it needs is in
		// deploy/clickhouse/analyst.sql.
		AnalystUser         string `koanf:"analyst_user" yaml:"analyst_user"`
		AnalystPasswordFile string `koanf:"analyst_password_file" yaml:"analyst_password_file"`
		// Cluster names a ClickHouse cluster; empty for a single server.
		Cluster string `koanf:"cluster" yaml:"cluster"`
		// Keeper is false for a cluster without one, whose shards have one replica each and so one copy of their rows.
		Keeper bool          `koanf:"keeper" yaml:"keeper"`
		TLS    clickHouseTLS `koanf:"tls" yaml:"tls"`
	} `koanf:"clickhouse" yaml:"clickhouse"`

	Index struct {
		// SnapshotDir keeps a copy of the index from which a node starts without ClickHouse; empty for none.
		SnapshotDir string `koanf:"snapshot_dir" yaml:"snapshot_dir"`
		// Freshness is how old the node's knowledge may be before its negatives turn unsure.
		Freshness time.Duration `koanf:"freshness" yaml:"freshness"`
	} `koanf:"index" yaml:"index"`

	Quotas quotaSettings `koanf:"quotas" yaml:"quotas"`

	// Disputes has the clocks of the policy; all count from when a dispute was opened.
	Disputes struct {
		// AcknowledgeWithin and DecideWithin are how long authorities may take; overdue disputes come first in the list.
		AcknowledgeWithin time.Duration `koanf:"acknowledge_within" yaml:"acknowledge_within"`
		DecideWithin      time.Duration `koanf:"decide_within" yaml:"decide_within"`
		// ReaffirmWithin is how long reporters may take to renew a disputed listing before it lapses; 0 is for ever. It must
		// be the same on every node.
		ReaffirmWithin time.Duration `koanf:"reaffirm_within" yaml:"reaffirm_within"`
		// LookEvery is how often a node that answers counts what is open and overdue.
		LookEvery time.Duration `koanf:"look_every" yaml:"look_every"`
	} `koanf:"disputes" yaml:"disputes"`

	Sweeps sweepSettings `koanf:"sweeps" yaml:"sweeps"`

	// Campaigns are kept by the nodes that take in reports.
	Campaigns struct {
		// Every is how far they lag behind the ledger.
		Every time.Duration `koanf:"every" yaml:"every"`
	} `koanf:"campaigns" yaml:"campaigns"`

	Boards struct {
		// OverdueAfter is how long a platform may take to act on what it was told before the boards call it overdue.
		OverdueAfter time.Duration `koanf:"overdue_after" yaml:"overdue_after"`
		// Every is how far their roll-up lags behind the ledger; answers do not.
		Every time.Duration `koanf:"every" yaml:"every"`
	} `koanf:"boards" yaml:"boards"`

	Audit struct {
		// At is the hour and minute, in Malaysia's time, at which the audit runs each night; empty for never.
		At string `koanf:"at" yaml:"at"`
		// UsageEvery is how often a node writes how much partners have asked; a node that is killed forgets so much.
		UsageEvery time.Duration `koanf:"usage_every" yaml:"usage_every"`
	} `koanf:"audit" yaml:"audit"`
}

// Where partners are kept.
const (
	registryFile       = "file"
	registryClickHouse = "clickhouse"
)

func defaultConfig() config {
	var c config
	c.Name = wire.DefaultAudience
	c.LogLevel = "info"
	c.KeyRing, c.Partners, c.Registry = "keyring.yaml", "partners.yaml", registryFile
	c.HTTP.Addr, c.HTTP.AdminAddr, c.HTTP.Shed = "127.0.0.1:8080", "127.0.0.1:8081", true
	c.Gateway.KeyID, c.Gateway.Key = "gateway-1", "gateway.pem"
	c.Kafka.Brokers = []string{"127.0.0.1:9092"}
	c.Kafka.Reports, c.Kafka.Changes = "waspada.reports.v1", "waspada.changes.v1"
	c.Kafka.DeadLetters, c.Kafka.Group = "waspada.deadletters.v1", "waspada-ingest"
	c.ClickHouse.Addrs, c.ClickHouse.Database, c.ClickHouse.User = []string{"127.0.0.1:9000"}, "waspada", "default"
	c.ClickHouse.Keeper = true
	c.Kafka.SessionTimeout = 15 * time.Second
	c.Index.Freshness = 30 * time.Second
	c.Audit.At, c.Audit.UsageEvery = "03:30", time.Minute
	c.Campaigns.Every = 30 * time.Second
	c.Disputes.AcknowledgeWithin, c.Disputes.DecideWithin = 24*time.Hour, 72*time.Hour
	c.Disputes.ReaffirmWithin, c.Disputes.LookEvery = 14*24*time.Hour, time.Minute
	c.Quotas.Enforce, c.Quotas.Nodes, c.Quotas.SpikeFactor, c.Quotas.SpikeFloor = true, 1, 10, 500
	c.Boards.OverdueAfter, c.Boards.Every = 24*time.Hour, 30*time.Second
	c.Sweeps.Distinct, c.Sweeps.HitFloor = 10_000, 0.0001
	return c
}

// loadConfig reads the defaults, the file (when path is not empty) and the environment, in this order.
func loadConfig(path string, env func(string) (string, bool)) (config, error) {
	var c config
	k := koanf.New(".")
	if err := k.Load(structs.Provider(defaultConfig(), "koanf"), nil); err != nil {
		return c, fmt.Errorf("config defaults: %w", err)
	}
	known := k.Keys()
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return c, fmt.Errorf("config %s: %w", path, err)
		}
		for _, key := range k.Keys() {
			if !slices.Contains(known, key) {
				return c, fmt.Errorf("config %s: unknown key %q; see `waspadad config print` for the known ones", path, key)
			}
		}
	}
	overrides := map[string]any{}
	for _, key := range known {
		value, ok := env(envName(key))
		if !ok {
			continue
		}
		overrides[key] = value
		if _, list := k.Get(key).([]string); list || strings.HasSuffix(key, "brokers") || strings.HasSuffix(key, "addrs") {
			overrides[key] = strings.Split(value, ",")
		}
	}
	if err := k.Load(confmap.Provider(overrides, "."), nil); err != nil {
		return c, fmt.Errorf("config from the environment: %w", err)
	}
	if err := k.Unmarshal("", &c); err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	if c.Node == "" {
		host, _ := os.Hostname()
		_, port, _ := net.SplitHostPort(c.HTTP.Addr)
		c.Node = host + "-" + port
	}
	return c, c.check()
}

// envName is the environment variable that overrides a key.
func envName(key string) string {
	return "WASPADA_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (c *config) check() error {
	var errs []error
	need := func(key, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("config: %s is empty: set it in the file or as %s", key, envName(key)))
		}
	}
	need("key_ring", c.KeyRing)
	need("partners", c.Partners)
	need("http.addr", c.HTTP.Addr)
	need("gateway.key", c.Gateway.Key)
	need("kafka.brokers", strings.Join(c.Kafka.Brokers, ""))
	need("clickhouse.addrs", strings.Join(c.ClickHouse.Addrs, ""))
	need("clickhouse.database", c.ClickHouse.Database)
	if c.Registry != registryFile && c.Registry != registryClickHouse {
		errs = append(errs, fmt.Errorf("config: registry is %q: set file or clickhouse", c.Registry))
	}
	if c.Index.Freshness < time.Second {
		errs = append(errs, errors.New("config: index.freshness must be at least 1s: heartbeats come every 250 ms"))
	}
	if c.Kafka.SessionTimeout < time.Second || c.Kafka.SessionTimeout > 30*time.Minute {
		errs = append(errs, fmt.Errorf("config: kafka.session_timeout is %s: set 1s to 30m", c.Kafka.SessionTimeout))
	}
	if c.HTTP.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("config: http.concurrency is %d: set 0 or more", c.HTTP.Concurrency))
	}
	if c.HTTP.Connections < 0 {
		errs = append(errs, fmt.Errorf("config: http.connections is %d: set 0 or more", c.HTTP.Connections))
	}
	errs = append(errs, c.Quotas.check(), c.Sweeps.check())
	if after := c.Boards.OverdueAfter; after < time.Minute || after > 30*24*time.Hour {
		errs = append(errs, fmt.Errorf("config: boards.overdue_after is %s: set 1m to 720h", after))
	}
	if every := c.Boards.Every; every < 100*time.Millisecond || every > time.Hour {
		errs = append(errs, fmt.Errorf("config: boards.every is %s: set 100ms to 1h", every))
	}
	if every := c.Audit.UsageEvery; every < time.Second || every > time.Hour || time.Hour%every != 0 {
		errs = append(errs, fmt.Errorf("config: audit.usage_every is %s: set a part of an hour, 1s to 1h", every))
	}
	if every := c.Campaigns.Every; every < 100*time.Millisecond || every > time.Hour {
		errs = append(errs, fmt.Errorf("config: campaigns.every is %s: set 100ms to 1h", every))
	}
	if d := &c.Disputes; d.AcknowledgeWithin <= 0 || d.DecideWithin < d.AcknowledgeWithin {
		errs = append(errs, fmt.Errorf("config: disputes.acknowledge_within is %s and disputes.decide_within %s: set both, and "+
			"the second no shorter", d.AcknowledgeWithin, d.DecideWithin))
	}
	if d := &c.Disputes; d.ReaffirmWithin < 0 || d.LookEvery < 10*time.Millisecond {
		errs = append(errs, fmt.Errorf("config: disputes.reaffirm_within is %s and disputes.look_every %s: set 0 or more, and "+
			"10ms or more", d.ReaffirmWithin, d.LookEvery))
	}
	if _, _, err := c.auditAt(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, c.checkSecurity())...)
}

// auditAt is when the audit runs each night; on is false when it does not.
func (c *config) auditAt() (at audit.TimeOfDay, on bool, err error) {
	if c.Audit.At == "" {
		return at, false, nil
	}
	if at, err = audit.ParseTimeOfDay(c.Audit.At); err != nil {
		return at, false, fmt.Errorf("config: audit.at: %w", err)
	}
	return at, true, nil
}

// String is the configuration as YAML, as `config print` shows it.
func (c config) String() string {
	text, err := goyaml.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
