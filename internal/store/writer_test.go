package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
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
