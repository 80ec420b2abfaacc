package store_test

import (
	stdcmp "cmp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// TestAPartnerPagesThroughItsEventsAndNobodyElses inserts everything twice, and reads in pages of every size.
func TestAPartnerPagesThroughItsEventsAndNobodyElses(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var want []fraud.Arrival
	for p := range int32(2) {
		seg := fraud.Segment{Partition: p, Last: 59}
		for i := range int64(60) {
			e := at(m.entry(noon.Add(time.Duration(i/3)*time.Minute)), p, i, 0) // some at one time
			e.Appended = e.Event.IssuedAt.Add(time.Second)
			if m.IntN(3) > 0 {
				speak(&e)
				seg.Entries = append(seg.Entries, e)
				if e.Partner == 1 {
					want = append(want, fraud.Arrival{Position: e.Position,
						Fate: fraud.Fate{EventID: e.Event.ID, Partner: 1, Appended: e.Appended}, Kind: e.Event.Kind,
						Provenance: fraud.Provenance{Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group},
						IssuedAt:   e.Event.IssuedAt, Type: e.Event.Indicator.Type, Epoch: 1, Digest: e.Event.Indicator.Digest,
						Category: e.Category, TLP: e.Event.TLP})
				}
				continue
			}
			letter := fraud.DeadLetter{Position: e.Position, Appended: e.Appended, Partner: e.Partner, EventID: e.Event.ID,
				Whole: m.IntN(2) == 0, Fault: *fraud.Refuse(fraud.ReasonSchema, "/category", "a report needs a category")}
			seg.DeadLetters = append(seg.DeadLetters, letter)
			if e.Partner == 1 {
				want = append(want, fraud.Arrival{Position: e.Position, Whole: letter.Whole,
					Fate: fraud.Fate{EventID: e.Event.ID, Partner: 1, Appended: e.Appended, Fault: &letter.Fault}})
			}
		}
		d.insert(t, seg, seg)
	}
	slices.SortFunc(want, func(a, b fraud.Arrival) int {
		return stdcmp.Or(b.Appended.Compare(a.Appended), int(b.Partition-a.Partition), int(b.Offset-a.Offset))
	})
	all := fraud.ArrivalQuestion{Partner: 1, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
	for _, c := range []struct {
		situation string
		change    func(*fraud.ArrivalQuestion)
		is        func(*fraud.Arrival) bool
	}{
		{"all", func(*fraud.ArrivalQuestion) {}, func(*fraud.Arrival) bool { return true }},
		{"stored", func(q *fraud.ArrivalQuestion) { q.State = fraud.ArrivedStored },
			func(a *fraud.Arrival) bool { return a.Fault == nil && !a.Held }},
		{"held", func(q *fraud.ArrivalQuestion) { q.State = fraud.ArrivedHeld }, func(a *fraud.Arrival) bool { return a.Held }},
		{"refused", func(q *fraud.ArrivalQuestion) { q.State = fraud.ArrivedRefused },
			func(a *fraud.Arrival) bool { return a.Fault != nil }},
		{"reports", func(q *fraud.ArrivalQuestion) { q.Kind = fraud.Report },
			func(a *fraud.Arrival) bool { return a.Kind == fraud.Report }},
		{"refused reports, of which nobody knows", func(q *fraud.ArrivalQuestion) {
			q.Kind, q.State = fraud.Report, fraud.ArrivedRefused
		}, func(*fraud.Arrival) bool { return false }},
		{"within minutes", func(q *fraud.ArrivalQuestion) { q.From, q.To = noon.Add(2*time.Minute), noon.Add(9*time.Minute) },
			func(a *fraud.Arrival) bool {
				return !a.Appended.Before(noon.Add(2*time.Minute)) && a.Appended.Before(noon.Add(9*time.Minute))
			}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			q := all
			c.change(&q)
			var some []fraud.Arrival
			for i := range want {
				if c.is(&want[i]) {
					some = append(some, want[i])
				}
			}
			for _, q.Limit = range []int{1 + m.IntN(4), 500} {
				var got []fraud.Arrival
				q.Before = fraud.ArrivalPlace{}
				for {
					page, err := d.Arrivals(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, page...)
					if len(page) < q.Limit {
						break
					}
					q.Before = page[len(page)-1].Place()
				}
				if diff := cmp.Diff(some, got); diff != "" {
					t.Errorf("pages of %d (-want +got):\n%s", q.Limit, diff)
				}
			}
		})
	}
}
