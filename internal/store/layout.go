package store

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// layout is how the tables of a database are made.
type layout string

const (
	oneServer  layout = "one server"
	replicated layout = "a cluster with Keeper"
	sharded    layout = "a cluster without Keeper"
)

func (c *Config) layout() layout {
	switch {
	case c.Cluster == "":
		return oneServer
	case c.Keeper:
		return replicated
	}
	return sharded
}

// history is the table of what was applied. Its name and engine tell for which layout a database was made.
func (c *Config) history() string {
	if c.layout() == sharded {
		return "schema_migrations_local"
	}
	return "schema_migrations"
}

// fill puts the forms of the layout into the placeholders of a file: for one server, with Keeper, without it.
//
//	{{table "x"}}                      x | x_local | x_local
//	{{on_cluster}}                     nothing | ON CLUSTER 'c' | nothing, as Migrate goes to each host
//	{{engine "MergeTree" "a" …}}       MergeTree(a) | ReplicatedMergeTree(a) | MergeTree(a)
//	{{distributed "x" "key"}}          nothing | the table x over x_local of every shard, sharded by key | the same
//	{{alter "x" "ADD COLUMN …"}}       ALTER TABLE x … | x_local and x, ON CLUSTER | x_local and x
//	{{shared_engine "MergeTree" "x"}}  as engine, but with Keeper one replica set over all shards
//	{{history}}                        the table of what was applied
func (c *Config) fill(name, text string) (string, error) {
	onCluster := ""
	if c.layout() == replicated {
		onCluster = "ON CLUSTER " + literal(c.Cluster)
	}
	forms := template.FuncMap{
		"table": func(table string) string {
			if c.layout() == oneServer {
				return table
			}
			return table + "_local"
		},
		"on_cluster": func() string { return onCluster },
		"engine": func(engine string, args ...string) string {
			if c.layout() == replicated {
				engine = "Replicated" + engine
			}
			return engine + "(" + strings.Join(args, ", ") + ")"
		},
		"distributed": func(table, key string) string {
			if c.layout() == oneServer {
				return ""
			}
			return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s %s AS %s_local "+
				"ENGINE = Distributed(%s, currentDatabase(), %s, %s)",
				table, onCluster, table, literal(c.Cluster), literal(table+"_local"), key)
		},
		"alter": func(table, change string) string {
			if c.layout() == oneServer {
				return "ALTER TABLE " + table + " " + change
			}
			return fmt.Sprintf("ALTER TABLE %s_local %s %s;\nALTER TABLE %s %s %s", table, onCluster, change, table, onCluster,
				change)
		},
		"shared_engine": func(engine, table string) string {
			if c.layout() == replicated {
				return "Replicated" + engine + "('/clickhouse/tables/{database}/" + table + "', '{shard}-{replica}')"
			}
			return engine + "()"
		},
		"history": c.history,
	}
	t, err := template.New(name).Funcs(forms).Parse(text)
	if err != nil {
		return "", fmt.Errorf("store: migrate: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, nil); err != nil {
		return "", fmt.Errorf("store: migrate: %w", err)
	}
	return out.String(), nil
}

// hosts are the configurations to migrate with: the one given, or without Keeper one for the host of each shard, as
// nothing else carries a statement from one to the others.
func (c Config) hosts(ctx context.Context) ([]Config, error) {
	if c.layout() != sharded {
		return []Config{c}, nil
	}
	conn, err := c.open("", 1, readTimeout, nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	const what = "migrate: find the shards"
	rows, err := conn.Query(ctx, "SELECT shard_num, host_name, port FROM system.clusters WHERE cluster = ? "+
		"ORDER BY shard_num, replica_num", c.Cluster)
	if err != nil {
		return nil, failed(what, err)
	}
	defer rows.Close()
	var (
		hosts []Config
		last  uint32
	)
	for rows.Next() {
		var (
			shard uint32
			name  string
			port  uint16
		)
		if err := rows.Scan(&shard, &name, &port); err != nil {
			return nil, failed(what, err)
		}
		if shard == last {
			return nil, fmt.Errorf("store: %s: shard %d of cluster %s has several replicas, which only Keeper can "+
				"keep alike: run one and set clickhouse.keeper, or leave one replica in each shard",
				what, shard, c.Cluster)
		}
		last = shard
		host := c
		host.Addrs = []string{net.JoinHostPort(name, strconv.Itoa(int(port)))}
		hosts = append(hosts, host)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(what, err)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("store: %s: ClickHouse knows no cluster %s: name one of its remote_servers",
			what, c.Cluster)
	}
	return hosts, nil
}

// checkLayout refuses a database that was made for another layout. Its tables would stay as they are, and rows would be
// written where the others do not look for them.
func (c *Config) checkLayout(ctx context.Context, conn driver.Conn, what string) error {
	what += ": look at the tables"
	rows, err := conn.Query(ctx, "SELECT name, engine FROM system.tables WHERE database = ? "+
		"AND name IN ('schema_migrations', 'schema_migrations_local')", c.Database)
	if err != nil {
		return failed(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			return failed(what, err)
		}
		made := oneServer
		switch {
		case name == "schema_migrations_local":
			made = sharded
		case strings.HasPrefix(engine, "Replicated"):
			made = replicated
		}
		if made != c.layout() {
			return fmt.Errorf("store: %s: database %s was made for %s, and the configuration is for %s: put "+
				"clickhouse.cluster and clickhouse.keeper back as they were, or name a new database",
				what, c.Database, made, c.layout())
		}
	}
	return failed(what, rows.Err())
}
