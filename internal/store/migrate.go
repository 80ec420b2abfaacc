package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Migrate brings the database to the state that the files of fsys describe: every *.sql of its root, in the order of
// their names. It makes the database itself when that is missing. Files that were applied before are not applied
// again, and one that was edited since is refused. Several nodes may call it at once: every statement is idempotent.
//
// On a cluster without Keeper it does so on the host of every shard, which it finds in system.clusters; a shard that
// was added gets its tables so. User, password, TLS and the database's name are then the same on all of them.
func Migrate(ctx context.Context, cfg Config, fsys fs.FS, log *slog.Logger) error {
	files, err := cfg.migrations(fsys)
	if err != nil {
		return err
	}
	hosts, err := cfg.hosts(ctx)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		if err := migrate(ctx, host, files, log); err != nil {
			return err
		}
	}
	return nil
}

// migrate applies files through one connection.
func migrate(ctx context.Context, cfg Config, files []migration, log *slog.Logger) error {
	what := "migrate " + strings.Join(cfg.Addrs, ", ")
	if err := cfg.createDatabase(ctx, what); err != nil {
		return err
	}
	conn, err := cfg.open(cfg.Database, 1, migrateTimeout, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := cfg.execute(ctx, conn, historyTable); err != nil {
		return failed(what+": make "+cfg.history(), err)
	}
	applied, err := cfg.applied(ctx, conn, what)
	if err != nil {
		return err
	}
	for _, m := range files {
		switch sum, known := applied[m.name]; {
		case known && sum != m.sum:
			return fmt.Errorf("store: %s: %s was edited after it was applied (recorded SHA-256 %.12s…, the file "+
				"has %.12s…): put the file back as it was and write the change as a new, higher-numbered file",
				what, m.name, sum, m.sum)
		case known:
			continue
		}
		began := time.Now()
		for i, statement := range m.statements {
			if err := conn.Exec(ctx, statement); err != nil {
				return failed(fmt.Sprintf("%s: %s, statement %d", what, m.name, i+1), err)
			}
		}
		err := conn.Exec(ctx, "INSERT INTO "+cfg.history()+" (name, checksum) VALUES (?, ?)", m.name, m.sum)
		if err != nil {
			return failed(what+": record "+m.name, err)
		}
		log.Info("migration applied", "name", m.name, "database", cfg.Database, "addrs", cfg.Addrs,
			"took", time.Since(began))
	}
	return nil
}

const migrateTimeout = 10 * time.Minute // a migration may rewrite a large table

// historyTable has, with Keeper, one path for all shards: what is applied is one fact for the whole cluster. Without,
// each host knows what was applied to it.
const historyTable = `
CREATE TABLE IF NOT EXISTS {{history}} {{on_cluster}} (
    name     String,
    checksum String COMMENT 'SHA-256 of the file',
    applied  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{shared_engine "ReplacingMergeTree" "schema_migrations"}}
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

func (c *Config) createDatabase(ctx context.Context, what string) error {
	conn, err := c.open("", 1, migrateTimeout, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := c.checkLayout(ctx, conn, what); err != nil {
		return err
	}
	statement := "CREATE DATABASE IF NOT EXISTS " + identifier(c.Database) + " {{on_cluster}} ENGINE = Atomic"
	return failed(what+": make the database", c.execute(ctx, conn, statement))
}

func (c *Config) execute(ctx context.Context, conn driver.Conn, statement string) error {
	text, err := c.fill("", statement)
	if err != nil {
		return err
	}
	return conn.Exec(ctx, text)
}

// applied is what was applied: checksums by name. When two nodes with different files raced, the later record shows.
func (c *Config) applied(ctx context.Context, conn driver.Conn, what string) (map[string]string, error) {
	what += ": read " + c.history()
	rows, err := conn.Query(ctx, "SELECT name, argMax(checksum, applied) FROM "+c.history()+" GROUP BY name")
	if err != nil {
		return nil, failed(what, err)
	}
	defer rows.Close()
	sums := map[string]string{}
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			return nil, failed(what, err)
		}
		sums[name] = sum
	}
	return sums, failed(what, rows.Err())
}

// migration is one file, ready to run.
type migration struct {
	name, sum  string
	statements []string
}

// migrations reads and fills every file, so that a broken one is found before the first statement runs.
func (c *Config) migrations(fsys fs.FS) ([]migration, error) {
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
		text, err := c.fill(name, string(data))
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

var quoting = strings.NewReplacer(`\`, `\\`, "`", "\\`", `'`, `\'`)

func identifier(s string) string { return "`" + quoting.Replace(s) + "`" }
func literal(s string) string    { return "'" + quoting.Replace(s) + "'" }
