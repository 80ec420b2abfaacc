package store

import (
	"crypto/tls"
	"fmt"
	"maps"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Config says where ClickHouse is.
type Config struct {
	// Addrs are "host:port" of the native protocol. The next one is tried when one cannot be reached.
	Addrs    []string
	Database string
	User     string
	Password string
	// Cluster is the name of the cluster in ClickHouse's remote_servers. Empty is a single node: plain tables. With a
	// name, rows are spread over its shards and read and written through Distributed tables.
	Cluster string
	// Keeper says that the cluster has one: tables are then replicated. Without it each shard must have one replica.
	Keeper bool
	// TLS secures the connections; nil is plain TCP.
	TLS *tls.Config
}

// How long ClickHouse may take. Reads have a pool of their own, so that analysts cannot starve the ledger.
const (
	dialTimeout   = 5 * time.Second  // a server that is slow is not down: with 1 s, a latency of 1 s was an outage
	writeTimeout  = 30 * time.Second // one block of 200,000 rows takes 0.3 s
	readTimeout   = 60 * time.Second
	pointTimeout  = 5 * time.Second  // questions that a person waits for
	startTimeout  = 30 * time.Second // questions that a start-up waits for: several round trips
	connLifetime  = 5 * time.Minute  // so that connections spread again after a node has returned
	writeConns    = 16
	readConns     = 8
	streamedBlock = 8192
)

// open makes a pool. It reaches nobody yet. Blocks travel uncompressed: most of their bytes are digests and ids, and
// compressing costs a fifth of an insert's time.
func (c *Config) open(
	database string, conns int, wait time.Duration, settings clickhouse.Settings,
) (driver.Conn, error) {
	if len(c.Addrs) == 0 || c.Database == "" {
		return nil, fmt.Errorf("store: the configuration needs an address and a database")
	}
	all := clickhouse.Settings{
		// An answer without a shard's rows would look like one; a server's profile may allow it.
		"skip_unavailable_shards": 0,
	}
	maps.Copy(all, settings)
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:             c.Addrs,
		Auth:             clickhouse.Auth{Database: database, Username: c.User, Password: c.Password},
		TLS:              c.TLS,
		DialTimeout:      dialTimeout,
		ReadTimeout:      wait,
		MaxOpenConns:     conns,
		MaxIdleConns:     conns,
		ConnMaxLifetime:  connLifetime,
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
		Settings:         all,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return conn, nil
}

// writeSettings make an acknowledged insert a durable one.
func (c *Config) writeSettings() clickhouse.Settings {
	s := clickhouse.Settings{
		"async_insert": 0, // the default since 26.2 acknowledges what is in memory
		// Rows are idempotent by their keys. Deduplication by block would only hide a second insert of rows that were
		// dropped in between.
		"insert_deduplicate": 0,
		// Nor are rows of one block held against each other before they are written: what reads them has to tell rows of
		// different blocks apart anyway, and it costs a sixth of ClickHouse's time.
		"optimize_on_insert": 0,
	}
	if c.Cluster != "" {
		s["distributed_foreground_insert"] = 1 // an insert that waits in a queue of the server is not a durable one
		// Not per shard: an event that was sent twice may stand on two of them, and still counts once.
		s["parallel_distributed_insert_select"] = 0
		// A server waits for a shard that hangs no longer than we for the server: it holds the block meanwhile.
		s["receive_timeout"] = int(writeTimeout.Seconds())
	}
	if c.layout() == replicated {
		s["insert_quorum"] = "auto"
		s["load_balancing"] = "in_order" // a writer reads from the replica that it wrote to: it holds what was written
	}
	return s
}
