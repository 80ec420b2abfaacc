package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// disputePolicy knows the callers.
func disputePolicy() *fraud.Policy {
	policy := fraud.DefaultPolicy()
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		for _, who := range callers {
			if who.Partner.Number == n {
				return who.Partner, true
			}
		}
		return nil, false
	}
	return &policy
}

func (f *fakes) Dispute(_ context.Context, asker *fraud.Partner, id uuid.UUID) (fraud.SeenDispute, error) {
	for i := range f.disputes {
		if seen := f.disputes[i].SeenBy(asker, disputePolicy(), now); f.disputes[i].ID == id && seen.As != 0 {
			return seen, f.storeErr
		}
	}
	return fraud.SeenDispute{}, fmt.Errorf("fake: %w", fraud.ErrNoSuchDispute)
}

func (f *fakes) Disputes(_ context.Context, asker *fraud.Partner, q fraud.DisputeQuery) (
	page []fraud.SeenDispute, more bool, err error,
) {
	for i := range f.disputes {
		seen := f.disputes[i].SeenBy(asker, disputePolicy(), now)
		wanted := len(q.States) == 0 || slices.Contains(q.States, seen.State)
		if seen.As != 0 && wanted && (q.After == fraud.DisputePlace{} || q.After.Before(seen.Place())) {
			page = append(page, seen)
		}
	}
	if len(page) > q.Limit {
		return page[:q.Limit], true, f.storeErr
	}
	return page, false, f.storeErr
}

func (f *fakes) Review(ctx context.Context, who *fraud.Identity, id uuid.UUID) (fraud.SeenDispute, error) {
	if f.takeErr != nil {
		return fraud.SeenDispute{}, f.takeErr
	}
	return f.Dispute(ctx, who.Partner, id)
}

func (f *fakes) Decide(ctx context.Context, who *fraud.Identity, id uuid.UUID, decision fraud.DisputeDecision) (
	fraud.SeenDispute, error,
) {
	f.decisions = append(f.decisions, decision)
	return f.Review(ctx, who, id)
}

// dispute is one that bank-b opened on a listing of telco-c, decided by the police.
func dispute() fraud.DisputeCase {
	opened := now.Add(-30 * time.Hour)
	d := fraud.DisputeCase{ID: uuid.MustParse(someID), Opener: 2, OpenedAt: opened, IssuedAt: opened,
		Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 2, Digest: indicator.Digest{7},
			Also: []fraud.Also{{Grade: indicator.Weak, Digest: indicator.Digest{8}}}}}
	word := func(p fraud.PartnerNumber, s fraud.Stance) fraud.Opinion {
		return fraud.Opinion{Digest: d.Indicator.Digest, Partner: p, Type: indicator.BankAccount, Grade: indicator.Exact,
			Stance: s, Version: fraud.MakeVersion(opened, s, d.ID), Category: 1, Confidence: 80}
	}
	d.Opinions = []fraud.Opinion{word(2, fraud.Disputed), word(3, fraud.Listed)}
	return d
}

func cleared() fraud.DisputeCase {
	d := dispute()
	d.Steps = []fraud.DisputeStep{
		{Number: 1, At: now.Add(-20 * time.Hour), By: "police-e", Key: "e.1", To: fraud.DisputeUnderReview},
		{Number: 2, At: now.Add(-time.Hour), By: "police-e", Key: "e.1", To: fraud.DisputeCleared, Reason: "victim_not_mule",
			Investigator: "mule_recruited", Event: uuid.MustParse(someID), IssuedAt: now},
	}
	return d
}

func TestADisputeIsShownToEachAsFarAsItConcernsIt(t *testing.T) {
	h := newHub(t)
	h.disputes = []fraud.DisputeCase{cleared()}
	digest := "07" + strings.Repeat("00", 31)
	head := func(as string) string {
		return `{"id":"` + someID + `","as":"` + as + `","state":"cleared","effect":"pending","indicator":` +
			`{"type":"bank_account","epoch":2,"digest":"` + digest + `"`
	}
	also := `,"also":[{"grade":"weak","digest":"08` + strings.Repeat("00", 31) + `"}]`
	rest := `},"opened_at":"2026-11-21T02:00:00.000Z","reviewed_at":"2026-11-21T12:00:00.000Z",` +
		`"decided_at":"2026-11-22T07:00:00.000Z","reason":{"code":"victim_not_mule",` +
		`"en":"Its owner was deceived and took no part","ms":"Pemiliknya mangsa penipuan dan tidak terlibat"}`
	authority := `,"authority":{"opened_by":"bank-b","reporters":["telco-c"],"reviewed_by":"police-e",` +
		`"decided_by":"police-e","investigator_reason":"mule_recruited","steps":[{"at":"2026-11-21T12:00:00.000Z",` +
		`"to":"under_review","by":"police-e","key":"e.1"},{"at":"2026-11-22T07:00:00.000Z","to":"cleared","by":"police-e","key":"e.1","reason":"victim_not_mule",` +
		`"investigator_reason":"mule_recruited","event_id":"` + someID + `"}]}`
	for key, want := range map[string]string{
		"report":  head("opener") + also + rest + "}",
		"report2": head("reporter") + rest + "}",
		"police":  head("authority") + also + rest + authority + "}",
	} {
		one := h.do(t, ask{method: "GET", path: "/v1/disputes/" + someID, key: key})
		if diff := cmp.Diff(want, one.Body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
		all := h.do(t, ask{method: "GET", path: "/v1/disputes", key: key})
		if diff := cmp.Diff(`{"disputes":[`+want+`]}`, all.Body); diff != "" {
			t.Errorf("list of %s (-want +got):\n%s", key, diff)
		}
	}
	h.disputes[0].Opener, h.disputes[0].Opinions = 3, nil
	if got := h.do(t, ask{method: "GET", path: "/v1/disputes/" + someID, key: "report"}); got.Status != 404 ||
		!strings.Contains(got.Body, `"dispute_not_found"`) {
		t.Errorf("whom it does not concern: %d %s", got.Status, got.Body)
	}
	if got := h.do(t, ask{method: "GET", path: "/v1/disputes", key: "report"}); got.Body != `{"disputes":[]}` {
		t.Errorf("whom none concerns: %s", got.Body)
	}
}

func TestAListOfDisputesGoesPageByPage(t *testing.T) {
	h := newHub(t)
	late := dispute()
	other := cleared()
	other.ID = uuid.MustParse("01930000-0000-7000-8000-0000000000ff")
	h.disputes = []fraud.DisputeCase{late, other}
	first := h.do(t, ask{method: "GET", path: "/v1/disputes?limit=1", key: "police"})
	if !strings.Contains(first.Body, `"overdue":["acknowledge"]`) || !strings.Contains(first.Body, `"next":"0.`) {
		t.Errorf("first page: %s", first.Body)
	}
	_, next, _ := strings.Cut(first.Body, `"next":"`)
	next = strings.TrimSuffix(next, `"}`)
	second := h.do(t, ask{method: "GET", path: "/v1/disputes?limit=1&cursor=" + next, key: "police"})
	if !strings.Contains(second.Body, `"state":"cleared"`) || strings.Contains(second.Body, `"next"`) {
		t.Errorf("second page: %s", second.Body)
	}
	for query, good := range map[string]bool{
		"state=open,cleared": true, "state=lapsed&overdue=true&mine=false": true,
		"state=": false, "state=shut": false, "state=open,open": false, "overdue=1": false, "mine=yes": false, "limit=0": false,
		"limit=201": false, "cursor=x": false, "cursor=0.1." + planted: false, "of=me": false,
	} {
		got := h.do(t, ask{method: "GET", path: "/v1/disputes?" + query, key: "police", raw: true})
		if (got.Status == 200) != good || got.Status != 200 && got.Status != 400 || strings.Contains(got.Body, planted) {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}

func TestOpeningADisputeSendsItsEvent(t *testing.T) {
	h := newHub(t)
	body := `{"indicator":{"type":"phone","value":"` + planted + `"},"case":"D-77"}`
	a := withKey(ask{method: "POST", path: "/v1/disputes", key: "report2", body: body}, "once")
	first, again := h.do(t, a), h.do(t, a)
	if first.Status != 202 || first.Body != again.Body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("%d %s; again %s", first.Status, first.Body, again.Body)
	}
	if len(h.published) != 1 || len(h.published[0].Events) != 1 {
		t.Fatalf("published %+v", h.published)
	}
	got := h.published[0].Events[0]
	want := fraud.Event{ID: got.ID, Kind: fraud.Dispute, IssuedAt: now, TLP: fraud.TLPAmber, Case: "D-77",
		Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 2, Digest: digestOf(ring, indicator.Phone, planted)}}
	if diff := cmp.Diff(want, got); diff != "" || h.published[0].Partner != "telco-c" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if want := `{"id":"` + got.ID.String() + `","state":"open","effect":"pending"}`; first.Body != want {
		t.Errorf("%s, want %s", first.Body, want)
	}
	a.key = "report" // a bank holds no telephone numbers
	if got := h.do(t, a); got.Status != 422 || !strings.Contains(got.Body, `"code":"dispute_refused","pointer":"/kind"`) {
		t.Errorf("who may not say so: %d %s", got.Status, got.Body)
	}
	if strings.Contains(h.logged(), planted) {
		t.Error("the value is in the log")
	}
}

func TestADecisionIsPassedOnAndItsRefusalTold(t *testing.T) {
	h := newHub(t)
	h.disputes = []fraud.DisputeCase{dispute()}
	body := `{"outcome":"upheld","reason":"report_verified","investigator_reason":"funds_traced",` +
		`"category":"loan","confidence":90}`
	decide := ask{method: "POST", path: "/v1/disputes/" + someID + "/decision", key: "police", body: body}
	if got := h.do(t, decide); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	want := []fraud.DisputeDecision{{To: fraud.DisputeUpheld, Reason: "report_verified", Investigator: "funds_traced",
		Category: "loan", Confidence: 90}}
	if diff := cmp.Diff(want, h.decisions); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		err    error
		status int
		told   string
	}{
		{fmt.Errorf("x: %w", fraud.ErrDisputePassed), 409, "dispute_passed"},
		{fmt.Errorf("x: %w", fraud.ErrNotAuthority), 403, "missing_scope"},
		{fmt.Errorf("x: %w", fraud.ErrUnavailable), 503, "unavailable"},
		{fraud.Refuse(fraud.ReasonUnknownTerm, "/reason", "is a term"), 422, `"dispute_refused","pointer":"/reason"`},
	} {
		h.takeErr = c.err
		if got := h.do(t, decide); got.Status != c.status || !strings.Contains(got.Body, c.told) {
			t.Errorf("%v: %d %s", c.err, got.Status, got.Body)
		}
	}
	h.takeErr = nil
	decide.key = "report"
	if got := h.do(t, decide); got.Status != 403 {
		t.Errorf("a bank decides: %d", got.Status)
	}
}
