package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Eraser removes one indicator from every table. Rows of the ledger stay as places, so that the audit still proves that
// nothing is lost and nothing counts twice, and keep what trends count: that a partner said something of an indicator of
// a type and a category, at a time, for whom to see, on which platform and of which institution, region and band of loss.
// Everything else in them goes.
//
//	events about it          digest 0, and no other word of what was said
//	events that mention it   as a broader or weaker form of another indicator: without that form
//	opinions                 deleted, those on the broader and weaker forms that came from it too
//	campaigns                without it, and without what it had in common with others; they are looked at again
//	trend_distinct_*         of days on which it was spoken of, their weeks and months, are made anew without it
//	board_words, _indicators deleted
//
// It needs the right to ALTER these tables (UPDATE and DELETE), and to INSERT into campaign_passes, trend_distinct_sketches
// and trend_distinct_counts.
type Eraser struct {
	cfg  Config
	conn driver.Conn
}

// NewEraser makes an Eraser. It reaches nobody yet.
func NewEraser(cfg Config) (*Eraser, error) {
	settings := cfg.writeSettings()
	maps.Copy(settings, unlogged)
	conn, err := cfg.open(cfg.Database, 1, migrateTimeout, settings)
	if err != nil {
		return nil, err
	}
	return &Eraser{cfg, conn}, nil
}

// unlogged keeps what is erased out of the server's log of queries.
var unlogged = clickhouse.Settings{"log_queries": 0}

// Close ends the connections.
func (e *Eraser) Close() error { return e.conn.Close() }

// Traces are what the tables hold of one indicator.
type Traces struct {
	// Events are rows about it, copies too, and Mentions rows about others that it is a broader or weaker form of.
	Events, Mentions uint64
	// Campaigns are rows of them, and of their links and members; Boards are of the boards' roll-up.
	Campaigns, Boards uint64
	// Opinions are the words on it, and on its broader and weaker forms as far as they came from it.
	Opinions []fraud.Opinion
	// Unfinished are rows that an erasure blanked, of this or another indicator, before it was cut off.
	Unfinished uint64
	// Elsewhere names tables that hold it and that this version does not know.
	Elsewhere []string
	forms     []indicator.Digest // its broader and weaker ones
}

// None reports whether nothing is left.
func (t *Traces) None() bool {
	return t.Events == 0 && t.Mentions == 0 && t.Campaigns == 0 && t.Boards == 0 && len(t.Opinions) == 0 &&
		t.Unfinished == 0 && len(t.Elsewhere) == 0
}

// erasedDigest stands in the ledger where a digest was. Nobody can report it.
const erasedDigest = "toFixedString('', 32)"

// unfinished is the condition for rows that are blanked while the trends still count what was there.
const unfinished = "digest = " + erasedDigest + " AND case_id = 'erasing'"

func quoted(d indicator.Digest) string {
	return "toFixedString(unhex('" + hex.EncodeToString(d[:]) + "'), 32)"
}

// hostOf is the connector of the pages below a digest.
func hostOf(digest string) string { return "sipHash128('host', " + digest + ")" }

// Find looks for a digest in every table.
func (e *Eraser) Find(ctx context.Context, d indicator.Digest) (t Traces, err error) {
	const what = "look for what is to be erased"
	this := quoted(d)
	err = e.conn.QueryRow(ctx, fmt.Sprintf("SELECT countIf(digest = %[1]s), countIf(digest != %[1]s) FROM events "+
		"WHERE digest = %[1]s OR has(also_digest, %[1]s)", this)).Scan(&t.Events, &t.Mentions)
	if err == nil {
		err = e.conn.QueryRow(ctx, fmt.Sprintf("SELECT (SELECT count() FROM campaign_links WHERE digest = %[1]s OR connector = %[2]s) + "+
			"(SELECT count() FROM campaign_members WHERE digest = %[1]s) + "+
			"(SELECT count() FROM campaigns WHERE has(members, %[1]s) OR has(edge_connectors, %[2]s))", this, hostOf(this))).
			Scan(&t.Campaigns)
	}
	if err == nil {
		err = e.conn.QueryRow(ctx, fmt.Sprintf("SELECT (SELECT count() FROM board_words WHERE digest = %[1]s) + "+
			"(SELECT count() FROM board_indicators WHERE digest = %[1]s)", this)).Scan(&t.Boards)
	}
	if err == nil {
		err = e.conn.QueryRow(ctx, "SELECT count() FROM events WHERE "+unfinished).Scan(&t.Unfinished)
	}
	if err != nil {
		return t, classify(what, err)
	}
	err = each(ctx, e.conn, what, "SELECT DISTINCT arrayJoin(also_digest) FROM events WHERE digest = "+this,
		func(rows driver.Rows) error {
			var form []byte
			err := rows.Scan(&form)
			t.forms = append(t.forms, indicator.Digest(form))
			return err
		})
	if err != nil {
		return t, err
	}
	reader := &Reader{conn: e.conn}
	err = reader.opinions(ctx, "WHERE "+opinionsOf(d, t.forms), func(block []fraud.Opinion) error {
		t.Opinions = append(t.Opinions, slices.Clone(block)...)
		return nil
	})
	if err != nil {
		return t, err
	}
	t.Elsewhere, err = e.elsewhere(ctx, this)
	return t, err
}

// opinionsOf is a condition for the words on a digest, and those on its forms that came from it.
func opinionsOf(d indicator.Digest, forms []indicator.Digest) string {
	condition := "digest = " + quoted(d)
	if len(forms) > 0 {
		condition += fmt.Sprintf(" OR (origin = %d AND digest IN (%s))", fraud.OriginOf(d), list(forms, quoted))
	}
	return "(" + condition + ")"
}

// elsewhere looks through every other column that may hold digests.
func (e *Eraser) elsewhere(ctx context.Context, this string) (tables []string, err error) {
	const what = "look for tables with digests"
	conditions := map[string][]string{}
	err = each(ctx, e.conn, what, "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() "+
		"AND type IN ('FixedString(32)', 'Array(FixedString(32))') ORDER BY table, name", func(rows driver.Rows) error {
		var table, name, kind string
		if err := rows.Scan(&table, &name, &kind); err != nil {
			return err
		}
		condition := identifier(name) + " = " + this
		if kind != "FixedString(32)" {
			condition = "has(" + identifier(name) + ", " + this + ")"
		}
		switch strings.TrimSuffix(table, "_local") {
		case "events", "opinions", "campaign_links", "campaign_members", "campaigns", "board_words", "board_indicators":
		default:
			conditions[table] = append(conditions[table], condition)
		}
		return nil
	})
	for table, any := range conditions {
		var n uint64
		if err == nil {
			err = classify(what, e.conn.QueryRow(ctx, "SELECT count() FROM "+identifier(table)+" WHERE "+
				strings.Join(any, " OR ")).Scan(&n))
		}
		if n > 0 {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return tables, err
}

// Erase removes what was found and returns when ClickHouse has rewritten the tables. It may be repeated, also after it
// was cut off: opinions go first, since the ledger tells which they are, and its rows are marked until trends are without it.
func (e *Eraser) Erase(ctx context.Context, d indicator.Digest, found *Traces) error {
	hosts, err := e.cfg.hosts(ctx)
	if err != nil {
		return err
	}
	this := quoted(d)
	err = e.conn.Exec(ctx, fmt.Sprintf("INSERT INTO campaign_passes (name, state, slice, version) SELECT DISTINCT "+
		"concat(%s, id), 0, 0, toUnixTimestamp64Micro(now64(6)) FROM campaigns WHERE has(members, %s) OR has(edge_connectors, %s)",
		literal(fraud.LookAgain), this, hostOf(this)))
	if err != nil {
		return failed("erase", err)
	}
	for _, step := range [][]string{
		{
			`ALTER TABLE {{table "opinions"}} {{on_cluster}} DELETE WHERE ` + opinionsOf(d, found.forms),
			`ALTER TABLE {{table "events"}} {{on_cluster}} UPDATE
				also_grade = arrayFilter((g, d) -> d != ` + this + `, also_grade, also_digest),
				also_digest = arrayFilter(d -> d != ` + this + `, also_digest)
				WHERE has(also_digest, ` + this + `)`,
			`ALTER TABLE {{table "events"}} {{on_cluster}} UPDATE digest = ` + erasedDigest + `, case_id = 'erasing',
				also_grade = arrayResize(also_grade, 0), also_digest = arrayResize(also_digest, 0),
				role = '', confidence = 0, evidence = 0, observed_at = toDateTime64(0, 3, 'UTC'),
				expires_at = toDateTime64(0, 3, 'UTC'), advice = '', action = ''
				WHERE digest = ` + this,
		},
		{ // made of the ledger
			`ALTER TABLE {{table "campaign_links"}} {{on_cluster}} DELETE WHERE digest = ` + this + ` OR connector = ` + hostOf(this),
			`ALTER TABLE {{table "board_words"}} {{on_cluster}} DELETE WHERE digest = ` + this,
		},
		{ // made of these
			`ALTER TABLE {{table "campaign_members"}} {{on_cluster}} DELETE WHERE digest = ` + this,
			`ALTER TABLE {{table "campaigns"}} {{on_cluster}} UPDATE
				members = arrayMap(d -> if(d = ` + this + `, ` + erasedDigest + `, d), members),
				edge_connectors = arrayMap(c -> if(c = ` + hostOf(this) + `, toFixedString('', 16), c), edge_connectors)
				WHERE has(members, ` + this + `) OR has(edge_connectors, ` + hostOf(this) + `)`,
			`ALTER TABLE {{table "board_indicators"}} {{on_cluster}} DELETE WHERE digest = ` + this,
		},
	} {
		if err := executeAll(ctx, hosts, step); err != nil {
			return err
		}
		// What a roll-up read before must not come after the next step.
		if err := untilInserted(ctx, hosts); err != nil {
			return err
		}
	}
	if err := e.remakeTrends(ctx, hosts); err != nil {
		return err
	}
	last := []string{`ALTER TABLE {{table "events"}} {{on_cluster}} UPDATE case_id = '' WHERE ` + unfinished}
	for _, table := range []string{"opinions", "campaign_links", "campaign_members", "campaigns", "board_words", "board_indicators"} {
		// The text of a table's last statement stays with it.
		last = append(last, `ALTER TABLE {{table "`+table+`"}} {{on_cluster}} DELETE WHERE 0`)
	}
	return executeAll(ctx, hosts, last)
}

// remakeTrends makes anew what the days of blanked rows, their weeks and months have of indicators.
func (e *Eraser) remakeTrends(ctx context.Context, hosts []Config) error {
	days, err := touchedBuckets(ctx, e.conn, dayOf, unfinished, "")
	if err != nil || len(days) == 0 {
		return err
	}
	who, err := readWho(ctx, e.conn)
	if err != nil {
		return err
	}
	var deletes []string
	for _, table := range []string{"trend_distinct_sketches", "trend_distinct_counts"} {
		var of []string
		for _, g := range []*grain{daily, weekly, monthly} {
			of = append(of, "toString(grain) = '"+g.name+"' AND "+g.within("at", g.of(days)))
		}
		deletes = append(deletes, `ALTER TABLE {{table "`+table+`"}} {{on_cluster}} DELETE WHERE `+strings.Join(of, " OR "))
	}
	if err := executeAll(ctx, hosts, deletes); err != nil {
		return err
	}
	for _, insert := range slices.Concat(addSketches(always, days), addCounts(who, days)) {
		if err := e.conn.Exec(ctx, insert); err != nil {
			return classify("erase", err)
		}
	}
	return nil
}

// untilInserted waits until the statements that write into tables made of the ledger now have ended on every host.
func untilInserted(ctx context.Context, hosts []Config) error {
	began := time.Now()
	for _, host := range hosts {
		conn, err := host.open(host.Database, 1, migrateTimeout, unlogged)
		if err != nil {
			return err
		}
		for running := uint64(1); running > 0 && err == nil; {
			query := fmt.Sprintf("SELECT count() FROM system.processes WHERE query_kind = 'Insert' "+
				"AND match(query, 'INTO (trend|board|campaign)_') AND current_database = currentDatabase() AND elapsed > %f", time.Since(began).Seconds())
			if err = conn.QueryRow(ctx, query).Scan(&running); err == nil && running > 0 {
				select {
				case <-ctx.Done():
					err = ctx.Err()
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
		if err := errors.Join(failed("erase", err), conn.Close()); err != nil {
			return err
		}
	}
	return nil
}

// executeAll runs statements that change rows on every host.
func executeAll(ctx context.Context, hosts []Config, statements []string) error {
	for _, host := range hosts {
		conn, err := host.open(host.Database, 1, migrateTimeout, unlogged)
		if err != nil {
			return err
		}
		for _, s := range statements {
			// Waits for every replica.
			if err = host.execute(ctx, conn, s+" SETTINGS mutations_sync = 2"); err != nil {
				break
			}
		}
		if err = errors.Join(failed("erase", err), conn.Close()); err != nil {
			return err
		}
	}
	return nil
}
