package store_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

func migration(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestMigrateRefusesAnEditedFile(t *testing.T) {
	cfg := configOn(t, testkit.ClickHouse(t))
	files := fstest.MapFS{
		"0001_a.sql": migration(`CREATE TABLE IF NOT EXISTS {{table "a"}} (x UInt8) ENGINE = {{engine "MergeTree"}}
			ORDER BY x;`),
	}
	for range 2 { // the second time is a no-op
		if err := store.Migrate(t.Context(), cfg, files, quiet); err != nil {
			t.Fatal(err)
		}
	}
	files["0002_b.sql"] = migration(`-- with a comment; with a semicolon
ALTER TABLE {{table "a"}} ADD COLUMN IF NOT EXISTS y UInt8;
ALTER TABLE {{table "a"}} ADD COLUMN IF NOT EXISTS z UInt8;
`)
	if err := store.Migrate(t.Context(), cfg, files, quiet); err != nil {
		t.Fatal(err)
	}
	files["0001_a.sql"] = migration("CREATE TABLE IF NOT EXISTS a (x UInt16) ENGINE = MergeTree ORDER BY x;\n")
	err := store.Migrate(t.Context(), cfg, files, quiet)
	if err == nil || !strings.Contains(err.Error(), "0001_a.sql was edited after it was applied") {
		t.Fatalf("got %v", err)
	}
}

func TestMigrateMakesTheDatabaseOnTwoNodesAtOnce(t *testing.T) {
	engine := testkit.ClickHouse(t)
	cfg := configOn(t, engine)
	for _, shard := range engine.Shards() {
		if _, err := shard.Query(t.Context(), "DROP DATABASE "+cfg.Database+" SYNC"); err != nil {
			t.Fatal(err)
		}
	}
	run := func() error { return store.Migrate(t.Context(), cfg, schemas.ClickHouse(), quiet) }
	together(t, run, run, run)
	if err := run(); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateTellsABrokenStatementFromAnAbsentServer(t *testing.T) {
	cfg := configOn(t, testkit.ClickHouse(t))
	err := store.Migrate(t.Context(), cfg, fstest.MapFS{"0001_a.sql": migration("CREATE TABEL a;\n")}, quiet)
	if err == nil || errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("a broken statement: %v", err)
	}
	cfg.Addrs = []string{"127.0.0.1:1"}
	err = store.Migrate(t.Context(), cfg, schemas.ClickHouse(), quiet)
	if !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("no server: %v", err)
	}
}

// TestClusterFormsAreFilled holds the files to their placeholders: on a cluster nothing stays a plain table.
func TestClusterFormsAreFilled(t *testing.T) {
	for name, c := range map[string]struct {
		keeper            bool
		onCluster, engine string
	}{
		"with Keeper":    {true, "ON CLUSTER 'prod'", "ENGINE = Replicated"},
		"without Keeper": {false, "", "ENGINE = "},
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range store.Statements(t, store.Config{Cluster: "prod", Keeper: c.keeper}, schemas.ClickHouse()) {
				m = strings.Join(strings.Fields(m), " ")
				made := strings.Fields(strings.TrimPrefix(m, "CREATE TABLE IF NOT EXISTS "))[0]
				head := strings.TrimSpace("CREATE TABLE IF NOT EXISTS " + made + " " + c.onCluster)
				switch {
				case strings.HasPrefix(m, "ALTER TABLE "), strings.HasPrefix(m, "DROP TABLE "):
					if c.onCluster != "" && !strings.Contains(m+" ", " "+c.onCluster+" ") {
						t.Errorf("not over the cluster: %.200s", m)
					}
				case strings.Contains(m, "Distributed("):
					if !strings.HasPrefix(m, head+" AS "+made+"_local ENGINE = Distributed('prod', ") {
						t.Errorf("not over the cluster: %s", m)
					}
				case !strings.HasPrefix(m, head+" (") || !strings.HasSuffix(made, "_local") || !strings.Contains(m, c.engine) ||
					!c.keeper && strings.Contains(m, "Replicated") || !strings.Contains(m, "fsync_after_insert = 1"):
					t.Errorf("not a table of a shard: %.200s", m)
				}
			}
		})
	}
}

// TestEnumsAreTheVocabulary compares the words of the tables with those of the code.
func TestEnumsAreTheVocabulary(t *testing.T) {
	d := newDB(t)
	words := func(n int, name func(uint8) string) string {
		var all []string
		for i := range n + 1 {
			all = append(all, name(uint8(i)))
		}
		return strings.Join(all, ",")
	}
	optional := words
	required := func(n int, name func(uint8) string) string {
		all := strings.TrimPrefix(words(n, name), ",")
		return strings.TrimPrefix(all, "unknown,")
	}
	want := map[string]string{
		"kind":      strings.Join(fraud.Kinds(), ","),
		"type":      required(8, func(i uint8) string { return indicator.Type(i).String() }),
		"grade":     required(3, func(i uint8) string { return indicator.Grade(i).String() }),
		"stance":    required(6, func(i uint8) string { return fraud.Stance(i).String() }),
		"role":      optional(5, func(i uint8) string { return fraud.Role(i).String() }),
		"tlp":       optional(5, func(i uint8) string { return fraud.TLP(i).String() }),
		"advice":    optional(4, func(i uint8) string { return fraud.Advice(i).String() }),
		"action":    optional(6, func(i uint8) string { return fraud.Action(i).String() }),
		"loss_band": optional(6, func(i uint8) string { return fraud.LossBand(i).String() }),
		"campaign_links kind": strings.Join([]string{fraud.SharedCase.String(), fraud.SharedBundle.String(),
			fraud.SharedHost.String()}, ","),
		"partners kind": strings.Join(fraud.PartnerKinds(), ","),
	}
	seen := map[string]bool{}
	rows := d.query(t, "SELECT table, name, type FROM system.columns "+
		"WHERE database = '"+d.Database+"' AND NOT endsWith(table, '_local') AND type LIKE 'Enum8%' ORDER BY table, position")
	for line := range strings.Lines(rows) {
		f := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		name := f[1]
		if f[0] == "partners" || name == "kind" && f[0] == "campaign_links" {
			name = f[0] + " " + name
		}
		var got []string
		list := strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(f[2], `\'`, "'"), "Enum8("), ")")
		if name == "dimension" || name == "grain" { // each table has those that it counts by
			for _, part := range strings.Split(list, ", ") {
				word, number, _ := strings.Cut(part, " = ")
				n, _ := strconv.Atoi(number)
				known := fraud.Dimension(n).String()
				if name == "grain" {
					known = fraud.Bucket(n).String()
				}
				if name == "grain" && f[0] == "trend_distinct_sketches" && n == 4 { // theirs alone
					known = "month"
				}
				if strings.Trim(word, "'") != known {
					t.Errorf("%s.%s: %s", f[0], f[1], part)
				}
			}
			continue
		}
		for i, part := range strings.Split(list, ", ") {
			word, number, _ := strings.Cut(part, " = ")
			got = append(got, strings.Trim(word, "'"))
			first := 1
			if got[0] == "" {
				first = 0
			}
			if number != string(rune('0'+i+first)) {
				t.Errorf("%s.%s: %s", f[0], f[1], part)
			}
		}
		if strings.Join(got, ",") != want[name] {
			t.Errorf("%s.%s has %q, the code %q", f[0], f[1], strings.Join(got, ","), want[name])
		}
		seen[name] = true
	}
	if len(seen) != len(want) {
		t.Errorf("checked only %v", slices.Sorted(maps.Keys(seen)))
	}
}
