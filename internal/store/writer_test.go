package store_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestStoredOpinionsAreThoseOfTheEvents(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var entries []fraud.Entry
	want := map[fraud.Key]fraud.Opinion{}
	for range 2000 {
		e := m.entry(noon)
		entries = append(entries, e)
		for _, o := range e.Opinions {
			if old, ok := want[o.Key()]; !ok || o.Supersedes(&old) {
				want[o.Key()] = o
			}
		}
	}
	d.insert(t, messages(0, 100, entries))
	got := map[fraud.Key]fraud.Opinion{}
	err := d.Opinions(t.Context(), func(block []fraud.Opinion) error {
		for _, o := range block {
			got[o.Key()] = o
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	stored, err := d.StoredOffset(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fraud.Stored{Next: 2100, Appended: entries[1999].Appended}, stored); diff != "" {
		t.Fatal(diff)
	}
}

// TestAReplayedReportDoesNotListAgainWhatWasWithdrawn delivers a report and its withdrawal in every order, the report
// last too, over blocks and merges.
func TestAReplayedReportDoesNotListAgainWhatWasWithdrawn(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	report := m.entry(noon)
	report.Event.Kind, report.Event.Confidence, report.Event.Action = fraud.Report, 90, 0
	report.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: m.digest()}}
	speak(&report)
	withdraw := report
	withdraw.Event.ID, withdraw.Event.Kind, withdraw.Event.Confidence = m.id(noon), fraud.Withdraw, 0
	withdraw.Appended = noon.AddDate(0, 2, 0) // issued in the same millisecond, and taken in months later
	speak(&withdraw)
	for i, e := range []fraud.Entry{withdraw, report, report, withdraw, report, report} {
		d.insert(t, messages(0, int64(i), []fraud.Entry{e}))
		if i == 3 {
			d.everywhere(t, "OPTIMIZE TABLE "+d.rows("opinions")+" FINAL")
		}
		var got []fraud.Opinion
		err := d.Opinions(t.Context(), func(block []fraud.Opinion) error {
			got = append(got, block...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		byGrade := func(a, b fraud.Opinion) int { return int(a.Grade) - int(b.Grade) }
		slices.SortFunc(got, byGrade)
		if diff := cmp.Diff(withdraw.Opinions, got); diff != "" {
			t.Fatalf("after delivery %d: %s", i, diff)
		}
	}
	wantClean(t, d, nil)
}

func TestAnEventTellsItsFateToItsPartnerAlone(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	stored, late, twice := m.entry(noon), m.entry(noon), m.entry(noon)
	stored.Partner, late.Partner, twice.Partner = 1, 2, 1
	late.Event.ID = m.id(noon.AddDate(-3, 0, 0)) // an id that lies about its time
	late.Event.ID[6] = late.Event.ID[6]&0x0f | 0x70
	seg := messages(0, 0, []fraud.Entry{stored, late, twice})
	refused := func(offset int64, id uuid.UUID) fraud.DeadLetter {
		return fraud.DeadLetter{
			Position: fraud.Position{Offset: offset}, Appended: noon, Partner: 1, EventID: id, Size: 100,
			Fault: *fraud.Refuse(fraud.ReasonProtected, "/events/0/indicator", "is on the protected list"),
		}
	}
	bad := m.id(noon)
	seg.DeadLetters = []fraud.DeadLetter{refused(3, bad), refused(4, twice.Event.ID)}
	seg.Last = 4
	d.insert(t, seg)
	kept := func(e fraud.Entry) *fraud.Fate {
		return &fraud.Fate{EventID: e.Event.ID, Partner: e.Partner, Appended: e.Appended, OnHold: e.Held}
	}
	refusal := &fraud.Fate{EventID: bad, Partner: 1, Appended: noon, Fault: &seg.DeadLetters[0].Fault}
	for name, c := range map[string]struct {
		partner fraud.PartnerNumber
		id      uuid.UUID
		want    *fraud.Fate
	}{
		"stored":                       {1, stored.Event.ID, kept(stored)},
		"stored, asked by an admin":    {0, stored.Event.ID, kept(stored)},
		"another partner's":            {2, stored.Event.ID, nil},
		"with an id of another year":   {2, late.Event.ID, kept(late)},
		"refused":                      {1, bad, refusal},
		"refused, another partner's":   {2, bad, nil},
		"stored once and refused once": {1, twice.Event.ID, kept(twice)},
		"never seen":                   {1, uuid.New(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := d.Event(t.Context(), c.partner, c.id)
			if err != nil {
				t.Fatal(err)
			}
			if found != (c.want != nil) {
				t.Fatalf("found: %v", found)
			}
			if diff := cmp.Diff(c.want, &got); found && diff != "" {
				t.Fatal(diff)
			}
		})
	}
}
