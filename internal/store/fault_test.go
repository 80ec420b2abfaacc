package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// TestKillLosesNothingAcknowledged kills the engine, or a shard, with SIGKILL while segments are inserted, five times,
// and delivers again from where the ledger says that it is.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	d := newDBOn(t, engine)
	m := maker{testkit.Seed(t)}
	messagesEach := int64(150)
	if testkit.Long() {
		messagesEach = 500
	}
	entries := make([]fraud.Entry, 60*messagesEach)
	for i := range entries {
		entries[i] = m.entry(noon.Add(-time.Duration(m.IntN(600)) * time.Minute))
	}
	acknowledged := int64(0)
	deliver := func(ctx context.Context, from int64) error {
		for first := from; first < int64(len(entries)); first += messagesEach {
			last := min(first+messagesEach, int64(len(entries)))
			if err := d.Insert(ctx, messages(0, first, entries[first:last])); err != nil {
				return err
			}
			acknowledged = last
		}
		return nil
	}
	for range 5 {
		victim := engine.Shards()[m.IntN(len(engine.Shards()))]
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(time.Duration(20+m.IntN(150)) * time.Millisecond) // any moment will do
			victim.Kill()
		}()
		err := deliver(t.Context(), acknowledged)
		<-killed
		if err != nil && !errors.Is(err, fraud.ErrUnavailable) {
			t.Fatal(err)
		}
		if err := victim.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var stored fraud.Stored
		testkit.Eventually(t, 20*time.Second, func() (err error) {
			stored, err = d.StoredOffset(t.Context(), 0)
			return err
		})
		if stored.Next < acknowledged {
			t.Fatalf("%d messages were acknowledged, %d are stored", acknowledged, stored.Next)
		}
		acknowledged = stored.Next
	}
	testkit.Eventually(t, 20*time.Second, func() error { return deliver(t.Context(), acknowledged) })
	wantClean(t, d, map[int32]int64{0: int64(len(entries))})
	wantSeries(t, d, entries, "after five kills")
}

func TestClickHouseDownIsUnavailableAtOnce(t *testing.T) {
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	d := newDBOn(t, engine)
	m := maker{testkit.Seed(t)}
	entries := []fraud.Entry{m.entry(noon)}
	d.insert(t, messages(0, 0, entries))
	for _, shard := range engine.Shards() {
		shard.Kill()
	}
	began := time.Now()
	for name, call := range map[string]func() error{
		"insert":  func() error { return d.Insert(t.Context(), messages(0, 1, entries)) },
		"offset":  func() error { _, err := d.StoredOffset(t.Context(), 0); return err },
		"offsets": func() error { _, err := d.StoredOffsets(t.Context()); return err },
		"event":   func() error { _, _, err := d.Event(t.Context(), 0, uuid.New()); return err },
		"roll up": func() error { return d.RollUp(t.Context()) },
		"opinions": func() error {
			return d.Opinions(t.Context(), func([]fraud.Opinion) error { return nil })
		},
		"ping": func() error { return d.Writer.Ping(t.Context()) },
	} {
		if err := call(); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to notice", took)
	}
}

func TestOnlyARefusalOfRowsGivesThemUp(t *testing.T) {
	for code, refused := range map[int32]bool{
		53:   true,  // TYPE_MISMATCH
		32:   false, // ATTEMPT_TO_READ_AFTER_EOF and
		33:   false, // CANNOT_READ_ALL_DATA: a shard died
		210:  false, // NETWORK_ERROR
		252:  false, // TOO_MANY_PARTS
		279:  false, // ALL_CONNECTION_TRIES_FAILED
		9999: false, // nobody knows
	} {
		err := store.Classify("insert", &clickhouse.Exception{Code: code, Message: "with a value"})
		if (faultOf(err) != nil) != refused || errors.Is(err, fraud.ErrUnavailable) == refused {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

func TestAStreamThatBreaksOffIsAnError(t *testing.T) {
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	d := newDBOn(t, engine)
	d.manyOpinions(t)
	err := d.Opinions(t.Context(), func([]fraud.Opinion) error {
		engine.Kill()
		return nil
	})
	if !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestACancelledInsertIsUnknownAndMayBeRepeated(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	entries := make([]fraud.Entry, 5_000)
	for i := range entries {
		entries[i] = m.entry(noon)
	}
	seg := messages(0, 0, entries)
	for wait := time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		err := d.Insert(ctx, seg)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, fraud.ErrUnavailable) || faultOf(err) != nil {
			t.Fatal(err)
		}
	}
	wantClean(t, d, map[int32]int64{0: 5_000})
}

func TestAnUnstorableRowIsAFaultBeforeAnythingIsStored(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	for name, spoil := range map[string]func(*fraud.Entry){
		"a role that nobody knows": func(e *fraud.Entry) { e.Event.Role = 99 },
		"a time before 1970":       func(e *fraud.Entry) { e.Event.ObservedAt = time.Unix(-1, 0) },
		"a time after 2106":        func(e *fraud.Entry) { e.Event.ExpiresAt = noon.AddDate(100, 0, 0) },
		"no append time":           func(e *fraud.Entry) { e.Appended = time.Time{} },
		"no kind":                  func(e *fraud.Entry) { e.Event.Kind = 0 },
		"no grade":                 func(e *fraud.Entry) { e.Event.Indicator.Also = []fraud.Also{{}} },
		"an opinion without type":  func(e *fraud.Entry) { e.Opinions = []fraud.Opinion{{Grade: 1, Stance: 1}} },
	} {
		t.Run(name, func(t *testing.T) {
			bad := m.entry(noon)
			spoil(&bad)
			err := d.Insert(t.Context(), messages(0, 0, []fraud.Entry{m.entry(noon), bad}))
			f := faultOf(err)
			if f == nil || f.Reason != fraud.ReasonRefusedByLog || errors.Is(err, fraud.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
		})
	}
	outside := messages(0, 5, []fraud.Entry{m.entry(noon)})
	outside.First, outside.Last = 6, 7
	if err := d.Insert(t.Context(), outside); err == nil {
		t.Fatal("a row outside of its segment was taken")
	}
	if report := audit(t, d, nil); report.Rows != 0 || report.Opinions.Total != 0 {
		t.Fatalf("%+v", report)
	}
}

// TestAHoleIsNeverReportedAsStored stores segments in an order that leaves a hole, by two writers, and closes it.
func TestAHoleIsNeverReportedAsStored(t *testing.T) {
	d := newDB(t)
	other, err := store.NewWriter(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	m := maker{testkit.Seed(t)}
	topic := make([]fraud.Entry, 200)
	for i := range topic {
		topic[i] = m.entry(noon)
		topic[i].Appended = noon.Add(time.Duration(i) * time.Second)
		speak(&topic[i])
	}
	some := func(first, last int64) fraud.Segment { return messages(3, first, topic[first:last+1]) }
	want := func(next int64) {
		t.Helper()
		got, err := d.StoredOffsets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := map[int32]fraud.Stored{3: {Next: next, Appended: noon.Add(time.Duration(next-1) * time.Second)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
	d.insert(t, some(100, 109))
	want(110)
	d.insert(t, some(120, 129)) // after a hole
	want(110)
	d.insert(t, some(130, 139)) // and on
	want(110)
	if err := other.Insert(t.Context(), some(105, 115)); err != nil { // overlaps, by another node
		t.Fatal(err)
	}
	want(116)
	if err := d.RollUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := other.Insert(t.Context(), some(116, 119)); err != nil {
		t.Fatal(err)
	}
	want(140)
	d.insert(t, some(140, 141)) // by the first again, whose own range ended at 140
	want(142)
	d.insert(t, fraud.Segment{Partition: 3, First: 142, Last: 142, DeadLetters: []fraud.DeadLetter{{
		Position: fraud.Position{Partition: 3, Offset: 142}, Whole: true, Appended: noon.Add(142 * time.Second),
		Fault: *fraud.Refuse(fraud.ReasonSignature, "", "the signature does not fit"),
	}}})
	want(143)
	wantClean(t, d, map[int32]int64{3: 143})

	// Should the ledger lose rows all the same, the range is not believed.
	d.lose(t, "events", "kafka_offset = 131")
	want(131)
}

func TestALedgerThatWasSetBackSaysSo(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var entries []fraud.Entry
	for range 30 {
		entries = append(entries, m.entry(time.Now()))
	}
	d.insert(t, messages(1, 0, entries[:10]), messages(1, 10, entries[10:20]))
	for _, table := range []string{"events", "opinions", "stored_ranges"} {
		d.lose(t, table, "1")
	}
	next := messages(1, 20, entries[20:])
	if err := d.Insert(t.Context(), next); !errors.Is(err, fraud.ErrForgotten) || errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("the insert after the loss: %v", err)
	}
	if stored, err := d.StoredOffset(t.Context(), 1); err != nil || stored.Next != 0 {
		t.Fatalf("stored up to %d (%v); the ledger is empty", stored.Next, err)
	}
	d.insert(t, messages(1, 0, entries[:10]), messages(1, 10, entries[10:20]), next) // from where it stands
	if stored, err := d.StoredOffset(t.Context(), 1); err != nil || stored.Next != 30 {
		t.Fatalf("stored up to %d (%v), want 30", stored.Next, err)
	}
}

func TestNothingIsStoredOfAnEmptyPartition(t *testing.T) {
	d := newDB(t)
	got, err := d.StoredOffset(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fraud.Stored{}, got); diff != "" {
		t.Fatal(diff)
	}
	wantClean(t, d, map[int32]int64{0: 0})
	if err := d.RollUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}
