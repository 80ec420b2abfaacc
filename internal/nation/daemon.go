package nation

import (
	"os"
	"strings"

	goyaml "github.com/goccy/go-yaml"
)

// Surroundings are the addresses and names that a daemon of this country is configured with.
type Surroundings struct {
	Node, HTTPAddr, AdminAddr string
	Brokers                   []string
	ClickHouse, Database      string
	// Cluster is the ClickHouse cluster's name; empty for a single server. It has no Keeper.
	Cluster string
	// Topics, when set, replace the default topic names and the consumer group's.
	Topics *Topics
	// SnapshotDir keeps the index's snapshots; empty for none.
	SnapshotDir string
	// Settings are further keys of the configuration, dotted: "kafka.session_timeout".
	Settings map[string]any
}

// Topics are the names that a hub uses on a broker that it shares.
type Topics struct {
	Reports, Changes, DeadLetters, Group string
}

// WriteDaemonConfig writes the configuration of a waspadad that uses these keys, as an operator would.
func (s *Keys) WriteDaemonConfig(path string, around Surroundings) error {
	kafka := map[string]any{"brokers": around.Brokers}
	if t := around.Topics; t != nil {
		kafka["reports"], kafka["changes"], kafka["dead_letters"], kafka["group"] = t.Reports, t.Changes, t.DeadLetters, t.Group
	}
	settings := map[string]any{
		"node": around.Node, "key_ring": s.File("keyring.yaml"), "partners": s.File("partners.yaml"),
		"http":       map[string]any{"addr": around.HTTPAddr, "admin_addr": around.AdminAddr},
		"gateway":    map[string]any{"key_id": GatewayKeyID, "key": s.File("gateway.pem")},
		"kafka":      kafka,
		"clickhouse": map[string]any{"addrs": []string{around.ClickHouse}, "database": around.Database},
		"index":      map[string]any{"snapshot_dir": around.SnapshotDir},
	}
	if around.Cluster != "" {
		set(settings, []string{"clickhouse", "cluster"}, around.Cluster)
		set(settings, []string{"clickhouse", "keeper"}, false)
	}
	for key, value := range around.Settings {
		set(settings, strings.Split(key, "."), value)
	}
	text, err := goyaml.Marshal(settings)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// set puts a value at its place in nested maps.
func set(settings map[string]any, path []string, value any) {
	if len(path) == 1 {
		settings[path[0]] = value
		return
	}
	inner, ok := settings[path[0]].(map[string]any)
	if !ok {
		inner = map[string]any{}
		settings[path[0]] = inner
	}
	set(inner, path[1:], value)
}
