package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Migrate brings the database to the state that the files of fsys describe: every *.sql of its root, in the order of
// their names. It makes the database itself when that is missing. Files that were applied before are not applied
// again, and one that was edited since is refused. Several nodes may call it at once: every statement is idempotent.
func Migrate(ctx context.Context, cfg Config, fsys fs.FS, log *slog.Logger) error {
	files, err := migrations(fsys, cfg.Cluster)
	if err != nil {
		return err
	}
	if err := createDatabase(ctx, cfg); err != nil {
		return err
	}
	conn, err := cfg.open(cfg.Database, 1, migrateTimeout, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := execute(ctx, conn, historyTable, cfg.Cluster); err != nil {
		return failed("migrate: make schema_migrations", err)
	}
	applied, err := history(ctx, conn)
	if err != nil {
		return err
	}
	for _, m := range files {
		switch sum, known := applied[m.name]; {
		case known && sum != m.sum:
			return fmt.Errorf("store: migrate: %s was edited after it was applied (recorded SHA-256 %.12s…, the file "+
				"has %.12s…): put the file back as it was and write the change as a new, higher-numbered file",
				m.name, sum, m.sum)
		case known:
			continue
		}
		began := time.Now()
		for i, statement := range m.statements {
			if err := conn.Exec(ctx, statement); err != nil {
				return failed(fmt.Sprintf("migrate: %s, statement %d", m.name, i+1), err)
			}
		}
		err := conn.Exec(ctx, "INSERT INTO schema_migrations (name, checksum) VALUES (?, ?)", m.name, m.sum)
		if err != nil {
			return failed("migrate: record "+m.name, err)
		}
		log.Info("migration applied", "name", m.name, "database", cfg.Database, "took", time.Since(began))
	}
	return nil
}

const migrateTimeout = 10 * time.Minute // a migration may rewrite a large table

// historyTable has one path for all shards: what is applied is one fact for the whole cluster.
const historyTable = `
CREATE TABLE IF NOT EXISTS schema_migrations {{on_cluster}} (
    name     String,
    checksum String COMMENT 'SHA-256 of the file',
    applied  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{shared_engine "ReplacingMergeTree" "schema_migrations"}}
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

func createDatabase(ctx context.Context, cfg Config) error {
	conn, err := cfg.open("", 1, migrateTimeout, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	statement := "CREATE DATABASE IF NOT EXISTS " + identifier(cfg.Database) + " {{on_cluster}} ENGINE = Atomic"
	return failed("migrate: make the database", execute(ctx, conn, statement, cfg.Cluster))
}

func execute(ctx context.Context, conn driver.Conn, statement, cluster string) error {
	text, err := fill("", statement, cluster)
	if err != nil {
		return err
	}
	return conn.Exec(ctx, text)
}

// history is what was applied: checksums by name. When two nodes with different files raced, the later record shows.
func history(ctx context.Context, conn driver.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, "SELECT name, argMax(checksum, applied) FROM schema_migrations GROUP BY name")
	if err != nil {
		return nil, failed("migrate: read schema_migrations", err)
	}
	defer rows.Close()
	applied := map[string]string{}
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			return nil, failed("migrate: read schema_migrations", err)
		}
		applied[name] = sum
	}
	return applied, failed("migrate: read schema_migrations", rows.Err())
}

// migration is one file, ready to run.
type migration struct {
	name, sum  string
	statements []string
}

// migrations reads and fills every file, so that a broken one is found before the first statement runs.
func migrations(fsys fs.FS, cluster string) ([]migration, error) {
	names, err := fs.Glob(fsys, "*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("store: migrate: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("store: migrate: no migration files found")
	}
	all := make([]migration, 0, len(names))
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("store: migrate: %w", err)
		}
		text, err := fill(name, string(data), cluster)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		all = append(all, migration{name, hex.EncodeToString(sum[:]), split(text)})
	}
	return all, nil
}

// split cuts a file at the semicolons that end a line. Comments may stand on lines of their own or after "-- ".
func split(text string) []string {
	var all []string
	for _, part := range strings.Split(text+"\n", ";\n") {
		var kept []string
		for line := range strings.Lines(part) {
			if !strings.HasPrefix(strings.TrimSpace(line), "--") {
				kept = append(kept, line)
			}
		}
		if statement := strings.TrimSpace(strings.Join(kept, "")); statement != "" {
			all = append(all, statement)
		}
	}
	return all
}

// fill puts the forms for one node or for a cluster into the placeholders of a file:
//
//	{{table "x"}}                    x, or x_local
//	{{on_cluster}}                   nothing, or ON CLUSTER 'c'
//	{{engine "MergeTree" "a" …}}     MergeTree(a), or ReplicatedMergeTree(a)
//	{{distributed "x" "key"}}        nothing, or the table x over x_local of every shard, sharded by key
//	{{shared_engine "MergeTree" "x"}} as engine, with one replica set over all shards
func fill(name, text, cluster string) (string, error) {
	onCluster := ""
	if cluster != "" {
		onCluster = "ON CLUSTER " + literal(cluster)
	}
	forms := template.FuncMap{
		"table": func(table string) string {
			if cluster == "" {
				return table
			}
			return table + "_local"
		},
		"on_cluster": func() string { return onCluster },
		"engine": func(engine string, args ...string) string {
			if cluster != "" {
				engine = "Replicated" + engine
			}
			return engine + "(" + strings.Join(args, ", ") + ")"
		},
		"shared_engine": func(engine, table string) string {
			if cluster == "" {
				return engine + "()"
			}
			return "Replicated" + engine + "('/clickhouse/tables/{database}/" + table + "', '{shard}-{replica}')"
		},
		"distributed": func(table, key string) string {
			if cluster == "" {
				return ""
			}
			return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s %s AS %s_local "+
				"ENGINE = Distributed(%s, currentDatabase(), %s, %s)",
				table, onCluster, table, literal(cluster), literal(table+"_local"), key)
		},
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

var quoting = strings.NewReplacer(`\`, `\\`, "`", "\\`", `'`, `\'`)

func identifier(s string) string { return "`" + quoting.Replace(s) + "`" }
func literal(s string) string    { return "'" + quoting.Replace(s) + "'" }
