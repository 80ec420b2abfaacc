package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func audit(t *testing.T, d *db, committed map[int32]int64) store.AuditReport {
	t.Helper()
	report, err := d.Audit(t.Context(), committed)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantClean(t *testing.T, d *db, committed map[int32]int64) {
	t.Helper()
	if report := audit(t, d, committed); !report.OK {
		t.Fatal(strings.Join(report.Lines(), "\n"))
	}
}

func faultOf(err error) *fraud.Fault {
	var f *fraud.Fault
	errors.As(err, &f)
	return f
}

// seeded has 200 messages on each partition, from offset 10, some of them dead letters.
func seeded(t *testing.T, partitions int32) (*db, maker) {
	t.Helper()
	d, m := newDB(t), maker{testkit.Seed(t)}
	for p := range partitions {
		entries := make([]fraud.Entry, 200)
		for i := range entries {
			entries[i] = m.entry(noon)
		}
		seg := messages(p, 10, entries)
		for i := range seg.Entries {
			if i%20 == 7 {
				e := seg.Entries[i]
				seg.DeadLetters = append(seg.DeadLetters, fraud.DeadLetter{
					Position: e.Position, Appended: e.Appended, Partner: e.Partner, EventID: e.Event.ID, Size: 300,
					Fault: *fraud.Refuse(fraud.ReasonUnknownTerm, "/events/0/category", "is not in the taxonomy"),
				})
			}
		}
		kept := seg.Entries[:0]
		for i, e := range seg.Entries {
			if i%20 != 7 {
				kept = append(kept, e)
			}
		}
		seg.Entries = kept
		d.insert(t, seg)
	}
	if err := errors.Join(d.RollUp(t.Context()), d.RollUpDays(t.Context()), d.CountIndicators(t.Context()),
		d.RollUpBoards(t.Context(), active())); err != nil {
		t.Fatal(err)
	}
	return d, m
}

// active are the partners as a registry would have them.
func active() []fraud.Partner {
	all := slices.Clone(partners)
	for i := range all {
		all[i].State = fraud.Active
	}
	return all
}

func TestAuditIsCleanWhenNothingIsWrong(t *testing.T) {
	d, _ := seeded(t, 2)
	report := audit(t, d, map[int32]int64{0: 210, 1: 210})
	want := []store.PartitionAudit{
		{Partition: 0, First: 10, Next: 210, Stored: 210, Committed: 210},
		{Partition: 1, First: 10, Next: 210, Stored: 210, Committed: 210},
	}
	if diff := cmp.Diff(want, report.Partitions); diff != "" || !report.OK {
		t.Fatalf("%s\n%s", diff, strings.Join(report.Lines(), "\n"))
	}
	if diff := cmp.Diff(map[fraud.Reason]uint64{fraud.ReasonUnknownTerm: 20}, report.DeadLetters); diff != "" {
		t.Fatal(diff)
	}
	if o := report.Opinions; report.Rows != 380 || report.Trends.Shown != 380 || o.Checked != o.Total || o.Total == 0 {
		t.Fatalf("%+v", report)
	}
	if b := report.Boards; !b.RolledUp || b.Indicators == 0 || b.Hours == 0 || report.Days.Cells == 0 || report.Days.Sketches == 0 {
		t.Fatalf("%+v", report)
	}
}

// Each partition but the first is damaged in its own way, in one ledger, and found so.
func TestAuditFindsWhatIsWrongWithAPartition(t *testing.T) {
	type plant = func(t *testing.T, d *db, m maker, p int32)
	lose := func(table, rows string) plant {
		return func(t *testing.T, d *db, _ maker, p int32) {
			t.Helper()
			d.lose(t, table, fmt.Sprintf("kafka_partition = %d AND kafka_offset %s", p, rows))
		}
	}
	cases := []struct {
		situation string
		plant     plant
		committed int64
		kind      string // of what is found
		want      string
	}{
		{"nothing", func(*testing.T, *db, maker, int32) {}, 210, "", "messages 10 to 209, committed 210: no gap"},
		{"a lost message", lose("events", "BETWEEN 50 AND 52"), 210, store.MissingMessages, "MISSING 50-52"},
		{"the last message lost", lose("events", "= 209"), 210, store.MissingMessages, "MISSING 209-209"},
		{"a lost dead letter", lose("dead_letters", "= 17"), 210, store.MissingMessages, "MISSING 17-17"},
		{"committed and never stored", func(*testing.T, *db, maker, int32) {}, 215, store.MissingMessages, "MISSING 210-214"},
		{"an event lost from a bundle", func(t *testing.T, d *db, m maker, p int32) {
			bundle := []fraud.Entry{at(m.entry(noon), p, 210, 0), at(m.entry(noon), p, 210, 2)}
			d.insert(t, fraud.Segment{Partition: p, First: 210, Last: 210, Entries: bundle})
		}, 210, store.IncompleteMessages, "1 messages LACK EVENTS"},
		{"a segment never stored", func(t *testing.T, d *db, m maker, p int32) {
			d.insert(t, messages(p, 220, []fraud.Entry{m.entry(noon)}))
		}, 210, store.MissingMessages, "MISSING 210-219"},
		{"a partition lost whole", func(t *testing.T, d *db, _ maker, p int32) {
			for _, table := range []string{"events", "dead_letters", "stored_ranges"} {
				d.lose(t, table, fmt.Sprintf("kafka_partition = %d", p))
			}
		}, 210, store.MissingMessages, "no messages, committed 210: MISSING 0-209"},
		{"an offset given to a second message", func(t *testing.T, d *db, m maker, p int32) {
			d.insert(t, messages(p, 50, []fraud.Entry{m.entry(noon.AddDate(0, 1, 0))})) // a month that merges with none
		}, 210, store.MixedMessages, "1 offsets hold TWO MESSAGES"},
	}
	d, m := seeded(t, int32(len(cases)))
	committed := map[int32]int64{}
	for p := range cases {
		committed[int32(p)] = 210
	}
	wantClean(t, d, committed)
	for p, c := range cases {
		c.plant(t, d, m, int32(p))
		committed[int32(p)] = c.committed
	}
	report := audit(t, d, committed)
	if report.OK {
		t.Error("the audit finds nothing")
	}
	lines := report.Lines()
	for p, c := range cases {
		t.Run(c.situation, func(t *testing.T) {
			partition := fmt.Sprintf("partition %d: ", p)
			if !strings.HasPrefix(lines[p], partition) || !strings.Contains(lines[p], c.want) {
				t.Errorf("want %q in %q", c.want, lines[p])
			}
			var kinds []string
			for _, f := range report.Findings() {
				if strings.HasPrefix(f.Text, partition) {
					kinds = append(kinds, f.Kind)
				}
			}
			if got := strings.Join(kinds, " "); got != c.kind {
				t.Errorf("found %q, want %q", got, c.kind)
			}
		})
	}
}

// A cell counts double, and so the sums that it is part of differ from it; an opinion is lost, and one is of nobody. Each is
// found, and nothing else.
func TestAuditFindsWhatDoesNotFollowFromTheLedger(t *testing.T) {
	d, _ := seeded(t, 2)
	for _, sql := range []string{
		`INSERT INTO DB.trend_cells SELECT hour, type, category, kind, partner, audience, events + 1 FROM DB.trend_cells LIMIT 1`,
		`INSERT INTO DB.opinions (digest, partner, type, grade, stance, issued)
			SELECT unhex(repeat('ab', 32)), 1, 'phone', 'exact', 'listed', 1`,
	} {
		d.query(t, strings.ReplaceAll(sql, "DB.", d.Database+".")+
			" SETTINGS distributed_foreground_insert = 1, parallel_distributed_insert_select = 0")
	}
	first := strings.TrimSpace(d.query(t, "SELECT hex(min(digest)) FROM "+d.Database+".opinions"))
	lost := strings.TrimSpace(d.query(t, "SELECT count() FROM "+d.Database+".opinions FINAL WHERE digest = unhex('"+first+"')"))
	d.lose(t, "opinions", "digest = unhex('"+first+"')")
	report := audit(t, d, map[int32]int64{0: 210, 1: 210})
	var got []string
	for _, f := range report.Findings() {
		if f.Kind == store.WrongSums {
			f.Count = min(f.Count, 1)
		}
		got = append(got, fmt.Sprint(f.Kind, " ", f.Count))
	}
	want := []string{store.WrongTrends + " 1", store.WrongSums + " 1", store.OldOpinions + " " + lost, store.UnknownOpinions + " 1"}
	if diff := cmp.Diff(want, got); diff != "" || report.OK {
		t.Errorf("what is found (-want +got):\n%s\n%s", diff, strings.Join(report.Lines(), "\n"))
	}
	text := strings.Join(report.Lines(), "\n")
	for _, want := range []string{"1 cells are WRONG", lost + " are MISSING or OLD, 1 are unknown to it"} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q:\n%s", want, text)
		}
	}
}

// What is wrong in a roll-up is counted: each of these is found, and nothing else.
func TestAuditFindsWhatWasPlantedInRollUps(t *testing.T) {
	d, _ := seeded(t, 2)
	plant := func(sql string) {
		t.Helper()
		d.query(t, strings.ReplaceAll(sql, "DB.", d.Database+".")+
			" SETTINGS distributed_foreground_insert = 1, parallel_distributed_insert_select = 0")
	}
	// A sum that counts double, one of nobody, and an indicator too many in a week.
	plant("INSERT INTO DB.trend_sums SELECT * REPLACE (events + 1 AS events) FROM DB.trend_sums WHERE grain = 'hour' LIMIT 1")
	plant("INSERT INTO DB.trend_sums SELECT * REPLACE (9999 AS key) FROM DB.trend_sums WHERE grain = 'day' AND events > 0 LIMIT 1")
	plant("INSERT INTO DB.trend_distinct_counts SELECT * REPLACE (total + 1 AS total, known + 1 AS known) " +
		"FROM DB.trend_distinct_counts WHERE grain = 'week' LIMIT 1")
	plant("INSERT INTO DB.trend_distinct_sketches SELECT grain, dimension, partner, at, key, audience, " +
		"uniqCombined64State(12)(toFixedString('nobody', 32)) FROM DB.trend_distinct_sketches WHERE grain = 'week' " +
		"GROUP BY grain, dimension, partner, at, key, audience LIMIT 1")
	if a := audit(t, d, nil); a.Sums.Wrong != 4 || len(a.Findings()) != 1 {
		t.Fatalf("%+v\n%s", a.Sums, strings.Join(a.Lines(), "\n"))
	}
	for _, sql := range []string{
		// a cell of a day that counts double, a sketch with a stranger, and another that was lost
		`INSERT INTO DB.trend_days SELECT dimension, day, key, kind, partner, audience, max(events) + 1, 0, 0 FROM DB.trend_days
			GROUP BY dimension, day, key, kind, partner, audience LIMIT 1`,
		`INSERT INTO DB.trend_distinct_sketches SELECT grain, dimension, partner, at, key, audience,
			uniqCombined64State(12)(toFixedString('nobody', 32)) FROM DB.trend_distinct_sketches
			WHERE grain = 'day' AND dimension = 'type'
			GROUP BY grain, dimension, partner, at, key, audience LIMIT 1`,
		// an indicator that has come to nothing, and one of nobody
		`INSERT INTO DB.board_indicators (digest, version) SELECT digest, max(version) + 1 FROM DB.board_indicators
			WHERE notEmpty(reporters) GROUP BY digest ORDER BY digest DESC LIMIT 1`,
		`INSERT INTO DB.board_indicators (digest, version, cleared) SELECT unhex(repeat('ab', 32)), 1, true`,
		// an hour in which more was said
		`INSERT INTO DB.board_said (hour, partner, version, said) SELECT hour, partner, version + 1, arrayConcat(said, said)
			FROM DB.board_said WHERE notEmpty(said) LIMIT 1`,
	} {
		plant(sql)
	}
	first := strings.TrimSpace(d.query(t, "SELECT hex(min(digest)) FROM "+d.Database+".board_words"))
	d.lose(t, "board_words", "digest = unhex('"+first+"')")
	d.lose(t, "trend_distinct_sketches", "grain = 'day' AND dimension = 'kind' AND key = 1 AND partner = 65535")
	report := audit(t, d, nil)
	days, boards := report.Days, report.Boards
	if days.Wrong != 1 || days.WrongSketches != 2 || boards.Wrong != 3 || boards.WrongHours != 1 || report.OK {
		t.Fatalf("%+v %+v\n%s", days, boards, strings.Join(report.Lines(), "\n"))
	}
	var kinds []string
	for _, f := range report.Findings() {
		kinds = append(kinds, f.Kind)
	}
	if diff := cmp.Diff([]string{store.WrongDays, store.WrongSums, store.WrongBoards}, kinds); diff != "" {
		t.Fatal(diff)
	}
}

func TestAuditTellsOfReusedIDsAndCopies(t *testing.T) {
	d, m := seeded(t, 2)
	e := m.entry(noon)
	other := e
	other.Category++
	speak(&other)
	for range 2 {
		d.insert(t, messages(0, 210, []fraud.Entry{e, other}))
	}
	report := audit(t, d, nil)
	if !report.OK || report.Trends.Reused != 1 {
		t.Fatal(fmt.Sprintf("%+v\n", report.Trends) + strings.Join(report.Lines(), "\n"))
	}
}
