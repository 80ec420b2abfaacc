package store_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// What a partner said is counted by day, messages and class; what is held is told, and what it lists by other words.
func TestWhatPartnersSaidIsCountedByDay(t *testing.T) {
	db := newDB(t)
	m := maker{rand.New(rand.NewPCG(1, 2))}
	last := time.Date(2026, 3, 10, 15, 59, 59, 0, time.UTC) // before midnight in Malaysia
	said := func(offset int64, partner fraud.PartnerNumber, at time.Time, kind fraud.Kind, held bool) fraud.Entry {
		e := fraud.Entry{Position: fraud.Position{Partition: 2, Offset: offset}, Appended: at, Partner: partner,
			Event: fraud.Event{ID: m.id(at), Kind: kind, IssuedAt: at, Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1,
				Digest: m.digest()}}}
		e.Opinions = e.Event.Opinions(partner, 0, fraud.Provenance{Accepted: fraud.SecondsOf(at)})
		e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: m.digest()}}
		e.Event.Role, e.Event.Evidence, e.Event.TLP, e.Event.Advice = fraud.Caller, fraud.UserReport, fraud.TLPGreen, fraud.Warn
		e.Event.ObservedAt, e.Event.ExpiresAt = at.Add(-time.Hour), at.Add(time.Hour)
		e.Event.LossBand, e.Event.Case, e.Category, e.Region, e.SignedBy = fraud.LossUnder1K, "a:1", 3, 14, 2
		if held {
			e.Hold()
		}
		return e
	}
	entries := []fraud.Entry{
		said(0, 1, noon, fraud.Report, false), said(1, 1, last, fraud.Uphold, false), said(2, 1, last, fraud.Clear, false),
		said(3, 1, last.Add(time.Second), fraud.Report, true), said(4, 1, last.Add(time.Second), fraud.Withdraw, false),
		said(5, 6, last.Add(time.Minute), fraud.Dispute, true), said(6, 6, last.Add(time.Hour), fraud.Report, true),
	}
	segment := fraud.Segment{Partition: 2, Last: 6, Entries: entries}
	db.insert(t, segment)
	again := segment // a delivery that was not merged yet
	again.Entries = []fraud.Entry{entries[0]}
	again.First, again.Last = 0, 0
	db.insert(t, again)

	if to, err := db.StoredTo(t.Context()); err != nil || !cmp.Equal(to, map[int32]int64{2: 7}) {
		t.Errorf("stored to %v, %v", to, err)
	}
	today, all := fraud.DayOf(noon), []fraud.Messages{{Partition: 2, To: 7}}
	got, err := db.Said(t.Context(), all, noon.Add(-time.Hour), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[fraud.Said]bool{
		{Partner: 1, Day: today, Listings: 2, Retractions: 1}: true, {Partner: 1, Day: today + 1, Listings: 1}: true,
		{Partner: 6, Day: today + 1, Listings: 1, Retractions: 1}: true,
	}
	set := map[fraud.Said]bool{}
	for _, s := range got {
		set[s] = true
	}
	if diff := cmp.Diff(want, set); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	got, err = db.Said(t.Context(), []fraud.Messages{{Partition: 2, From: 5, To: 6}, {Partition: 3, To: 9}}, noon, false, nil)
	if err != nil || !cmp.Equal(got, []fraud.Said{{Partner: 6, Day: today + 1, Retractions: 1}}) {
		t.Errorf("of one message: %+v, %v", got, err)
	}
	at := fraud.SecondsOf(last)
	got, err = db.Said(t.Context(), all, noon.Add(-time.Hour), true, []fraud.PartnerVoid{
		{Partner: 1, Void: fraud.Void{Since: at, Until: at + 1}}, {Partner: 6, Void: fraud.Void{Since: at + 61}},
		{Partner: 1, Void: fraud.Void{SignedBy: 3}},
	})
	set = map[fraud.Said]bool{}
	for _, s := range got {
		set[s] = true
	}
	if diff := cmp.Diff(map[fraud.Said]bool{{Partner: 1, Day: today, Listings: 1}: true,
		{Partner: 1, Day: today + 1, Listings: 1}: true, {Partner: 6, Day: today + 1, Retractions: 1}: true}, set); diff != "" ||
		err != nil {
		t.Errorf("less what is void: %v (-want +got):\n%s", err, diff)
	}
	held, err := db.HeldAt(t.Context(), fraud.Messages{Partition: 2, From: 0, To: 5})
	if err != nil || !cmp.Equal(held, map[fraud.Position]bool{{Partition: 2, Offset: 3}: true}) {
		t.Errorf("held %v, %v", held, err)
	}
	digest := func(i int) indicator.Digest { return entries[i].Event.Indicator.Digest }
	listed, err := db.Listed(t.Context(), 1, []indicator.Digest{digest(0), digest(1), digest(2), digest(3), digest(6)})
	if err != nil || !cmp.Equal(listed, map[indicator.Digest]bool{digest(0): true, digest(1): true}) {
		t.Errorf("listed %v, %v", listed, err)
	}
	holds, err := db.Holds(t.Context(), noon)
	if diff := cmp.Diff([]fraud.HeldWords{
		{Partner: 1, Day: today + 1, Events: 1, Types: map[indicator.Type]int{indicator.Phone: 1},
			Kinds: map[fraud.Kind]int{fraud.Report: 1}, First: last.Add(time.Second), Last: last.Add(time.Second)},
		{Partner: 6, Day: today + 1, Events: 2, Types: map[indicator.Type]int{indicator.Phone: 2},
			Kinds: map[fraud.Kind]int{fraud.Report: 1, fraud.Dispute: 1}, First: last.Add(time.Minute),
			Last: last.Add(time.Hour)},
	}, holds); diff != "" || err != nil {
		t.Errorf("holds: %v (-want +got):\n%s", err, diff)
	}
	words := map[indicator.Digest][]fraud.Entry{}
	if err := db.SaidSince(t.Context(), 1, last, last.Add(time.Second), func(said []fraud.Entry) error {
		words[said[0].Event.Indicator.Digest] = slices.Clone(said)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	asRead := func(e fraud.Entry) []fraud.Entry {
		e.Position, e.Opinions = fraud.Position{}, nil
		return []fraud.Entry{e}
	}
	if diff := cmp.Diff(map[indicator.Digest][]fraud.Entry{digest(1): asRead(entries[1]), digest(2): asRead(entries[2])},
		words); diff != "" {
		t.Errorf("said in a second (-want +got):\n%s", diff)
	}
	for i, want := range map[int]bool{0: false, 3: true} {
		fate, ok, err := db.Event(t.Context(), 1, entries[i].Event.ID)
		if err != nil || !ok || fate.OnHold != want {
			t.Errorf("event %d: %+v, %t, %v", i, fate, ok, err)
		}
	}
}
