package store_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestDisputesAreReadFromTheLedgerWithTheStepsThatStand(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	word := func(partner fraud.PartnerNumber, kind fraud.Kind, days int, of indicator.Digest) fraud.Entry {
		e := m.entry(noon.AddDate(0, 0, days))
		e.Partner, e.Held, e.Event.Kind, e.Event.ExpiresAt = partner, false, kind, time.Time{}
		e.Event.Indicator = fraud.Ref{Type: indicator.Phone, Epoch: 1, Digest: of,
			Also: []fraud.Also{{Grade: indicator.Weak, Digest: indicator.Digest{9, of[0]}}}}
		speak(&e)
		return e
	}
	first, second := indicator.Digest{1}, indicator.Digest{2}
	old := word(4, fraud.Dispute, -100, first)
	decided := word(4, fraud.Dispute, -99, indicator.Digest{3})
	listing, dispute := word(1, fraud.Report, -2, second), word(4, fraud.Dispute, -1, second)
	uphold := word(5, fraud.Uphold, 0, second)
	stolen := dispute // another partner's event with the same id, later
	stolen.Partner, stolen.Appended = 3, dispute.Appended.Add(time.Hour)
	speak(&stolen)
	stolen.Opinions = nil
	for range 2 { // everything is delivered twice
		d.insert(t, messages(0, 10, []fraud.Entry{old, decided, listing, dispute, stolen, uphold}))
	}
	d.insert(t, messages(0, 20, []fraud.Entry{dispute})) // and sent twice

	id := func(n byte) uuid.UUID { return uuid.UUID{0: n, 6: 0x70, 8: 0x80} }
	review := fraud.DisputeStep{ID: id(1), Dispute: dispute.Event.ID, Number: 1, At: noon, By: "force", Key: "force.1",
		To: fraud.DisputeUnderReview}
	late := review
	late.ID, late.By = id(2), "watch"
	decision := fraud.DisputeStep{ID: id(3), Dispute: dispute.Event.ID, Number: 2, At: noon.Add(time.Minute), By: "force",
		Key: "force.1", To: fraud.DisputeUpheld, Reason: "report_verified", Investigator: "funds_traced",
		Event: uphold.Event.ID, IssuedAt: noon.Add(time.Minute), Category: "telecommunication", Confidence: 90}
	closed := decision
	closed.Dispute, closed.Event, closed.Number = decided.Event.ID, id(9), 1
	for _, s := range []fraud.DisputeStep{late, review, decision, review, closed} {
		if err := d.AddDisputeStep(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	want := fraud.DisputeCase{ID: dispute.Event.ID, Opener: 4, OpenedAt: dispute.Appended, IssuedAt: dispute.Event.IssuedAt,
		Indicator: dispute.Event.Indicator, Steps: []fraud.DisputeStep{review, decision}, Said: true,
		Opinions: []fraud.Opinion{listing.Opinions[0], dispute.Opinions[0], uphold.Opinions[0]}}
	got, found, err := d.Dispute(t.Context(), dispute.Event.ID)
	slices.SortFunc(got.Opinions, func(a, b fraud.Opinion) int { return cmp.Compare(a.Version, b.Version) })
	if diff := gocmp.Diff(want, got); diff != "" || !found || err != nil {
		t.Errorf("dispute (-want +got) %t %v:\n%s", found, err, diff)
	}
	if _, found, err := d.Dispute(t.Context(), listing.Event.ID); found || err != nil {
		t.Errorf("a report is a dispute: %t %v", found, err)
	}
	// What no step has decided is there however old it is; what was decided long ago is not.
	ids := func(since time.Time) (all []uuid.UUID) {
		t.Helper()
		disputes, err := d.Disputes(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		for i := range disputes {
			all = append(all, disputes[i].ID)
			if disputes[i].ID == decided.Event.ID && (disputes[i].Said || len(disputes[i].Steps) != 1) {
				t.Errorf("the ledger does not hold what was decided: %+v", disputes[i])
			}
		}
		return all
	}
	if diff := gocmp.Diff([]uuid.UUID{dispute.Event.ID, old.Event.ID}, ids(noon.AddDate(0, 0, -30))); diff != "" {
		t.Errorf("of a month (-want +got):\n%s", diff)
	}
	all := []uuid.UUID{dispute.Event.ID, decided.Event.ID, old.Event.ID}
	if diff := gocmp.Diff(all, ids(noon.AddDate(-1, 0, 0))); diff != "" {
		t.Errorf("of a year (-want +got):\n%s", diff)
	}

	lines := trail(t, d, fraud.AuditQuery{Kinds: []fraud.AuditKind{fraud.AuditAct}})
	wantLines := []string{
		`10T12:01:00 act decide_dispute by "force"  upheld: report_verified, funds_traced true`,
		`10T12:01:00 act decide_dispute by "force"  upheld: report_verified, funds_traced true`,
		`10T12:00:00 act review_dispute by "force"   true`,
		`10T12:00:00 act review_dispute by "watch"   false`,
	}
	slices.SortStableFunc(lines, func(a, b string) int { return -cmp.Compare(a[:11], b[:11]) })
	slices.Sort(lines[2:])
	if diff := gocmp.Diff(wantLines, lines); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}
