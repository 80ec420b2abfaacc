package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestAHistoryHasWhatNamesTheDigestAndNothingElse(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	asked, broader := m.digest(), m.digest()
	var want []fraud.Entry
	var entries []fraud.Entry
	for i := range 300 {
		e := m.entry(noon.Add(time.Duration(i) * time.Second))
		e.Appended = e.Event.IssuedAt.Add(time.Second)
		switch i % 10 {
		case 0:
			e.Event.Indicator.Digest = asked
		case 1:
			e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: m.digest()}, {Grade: indicator.Prefix, Digest: broader}}
		case 2: // both ways at once
			e.Event.Indicator.Digest, e.Event.Indicator.Also = asked, []fraud.Also{{Grade: indicator.Prefix, Digest: broader}}
		}
		speak(&e)
		entries = append(entries, e)
	}
	seg := messages(0, 0, entries)
	for _, e := range seg.Entries {
		if e.Offset%10 < 3 {
			e.Opinions, e.Event.Role, e.Event.Case, e.Event.LossBand, e.Platform, e.Institution, e.Region = nil, 0, "", 0, 0, 0, 0
			want = append(want, e)
		}
	}
	d.insert(t, seg, seg)
	got, err := d.Sayings(t.Context(), []indicator.Digest{asked, broader, m.digest()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sayings (-want +got):\n%s", diff)
	}
	if got, err = d.Sayings(t.Context(), []indicator.Digest{m.digest()}); err != nil || len(got) > 0 {
		t.Errorf("of a digest that nobody named: %d, %v", len(got), err)
	}
}

func TestNobodyPushesAnothersWordsOutOfSight(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	asked := m.digest()
	var entries []fraud.Entry
	for i := range 900 {
		e := m.entry(noon.Add(time.Duration(i) * time.Second))
		e.Event.Indicator.Digest, e.Partner, e.Group, e.Event.TLP = asked, 1, 0, fraud.TLPRed
		switch {
		case i < 3:
			e.Partner = 2
		case i < 6:
			e.Event.TLP = fraud.TLPGreen
		}
		entries = append(entries, e)
	}
	d.insert(t, messages(0, 0, entries))
	got, err := d.Sayings(t.Context(), []indicator.Digest{asked})
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	for _, e := range got {
		offsets = append(offsets, e.Offset)
	}
	var want []int64
	for i := range int64(6) {
		want = append(want, i)
	}
	for i := int64(700); i < 900; i++ {
		want = append(want, i)
	}
	if !slices.Equal(want, offsets) {
		t.Errorf("want the 3 of another, the 3 for others and the newest 200: %v", offsets)
	}
}

func TestPartnersAreFoundAsTheyWere(t *testing.T) {
	d := newDB(t)
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	revision := func(number fraud.PartnerNumber, n uint64, hour int, state fraud.PartnerState) fraud.PartnerRevision {
		r := fraud.PartnerRevision{Revision: n, Act: uuid.Must(uuid.NewV7()), At: at(hour)}
		r.Partner = fraud.Partner{Number: number, ID: partners[number-1].ID, Kind: partners[number-1].Kind, State: state}
		return r
	}
	lost := revision(1, 2, 3, fraud.Suspended) // another act made the same revision first
	all := []fraud.PartnerRevision{
		revision(1, 1, 0, fraud.Shadow), revision(1, 2, 2, fraud.Active), revision(1, 3, 6, fraud.Suspended),
		revision(2, 1, 4, fraud.Active),
	}
	lost.Act[0] = 0xff
	if err := d.Revise(t.Context(), append(all, lost), nil); err != nil {
		t.Fatal(err)
	}
	for hour, want := range map[int][]int{-1: {0, 3}, 0: {0, 3}, 1: {0, 3}, 2: {1, 3}, 3: {1, 3}, 5: {1, 3}, 6: {2, 3}, 9: {2, 3}} {
		got, err := d.PartnersAt(t.Context(), at(hour))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if diff := cmp.Diff(all[w], got[i], cmp.Comparer(func(a, b fraud.PartnerRecord) bool {
				return a.Number == b.Number && a.State == b.State
			})); diff != "" {
				t.Errorf("at hour %d (-want +got):\n%s", hour, diff)
			}
		}
	}
}
