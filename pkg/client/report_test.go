package client_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// told is the body of a report in digests.
type told struct {
	Events []fraud.Event `json:"events"`
}

func TestReportSendsEveryReportExpression(t *testing.T) {
	h := &hub{script: []reply{accepted(1)}}
	ring := testRing(t)
	event := client.NewReport(indicator.Domain, "evil[.]example", "investment")
	event.Confidence, event.Evidence = 90, fraud.PoliceReport|fraud.ConfirmedLoss
	before := time.Now().Add(-time.Millisecond)
	receipt, err := h.client(t, client.WithKeyRing(ring)).Report(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	got := bodyOf[told](t, h.sent[0]).Events[0]
	want := fraud.Event{ID: receipt.Results[0].EventID, Kind: fraud.Report, IssuedAt: receipt.Results[0].IssuedAt,
		Category: "investment", Confidence: 90, Evidence: fraud.PoliceReport | fraud.ConfirmedLoss,
		Indicator: fraud.Ref{Type: indicator.Domain, Epoch: 2, Digest: ring.Digest(indicator.Domain, "evil.example"),
			Also: []fraud.Also{{Grade: indicator.Prefix, Digest: ring.Digest(indicator.URL, "evil.example/")}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.ID.Version() != 7 || got.IssuedAt.Before(before) || got.IssuedAt.Nanosecond()%1e6 != 0 {
		t.Errorf("event %s of %s", got.ID, got.IssuedAt)
	}
	if err := got.Validate(time.Now()); err != nil {
		t.Error(err)
	}
}

// TestWithdrawalNamesWhatTheReportNamed: a withdrawal that forgets a further expression leaves it listed.
func TestWithdrawalNamesWhatTheReportNamed(t *testing.T) {
	h := &hub{script: []reply{accepted(2)}}
	_, err := h.client(t, client.WithKeyRing(testRing(t))).Report(t.Context(),
		client.NewReport(indicator.BankAccount, "maybank:1234 5678 9012", "loan"),
		client.NewWithdrawal(indicator.BankAccount, "MBBEMYKL:1234-5678-9012"))
	if err != nil {
		t.Fatal(err)
	}
	events := bodyOf[told](t, h.sent[0]).Events
	if diff := cmp.Diff(events[0].Indicator, events[1].Indicator); diff != "" {
		t.Error(diff)
	}
}

func TestReceiptTellsOfEachEventInOrder(t *testing.T) {
	ids := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())}
	h := &hub{script: []reply{{status: 202, body: fmt.Sprintf(`{
		"bundle_id":"01900000-0000-7000-8000-00000000000b","results":[
		{"event_id":"%s","status":"accepted"},
		{"event_id":"%s","status":"refused","reason":"unknown_term","pointer":"/events/1/category","detail":"D"}]}`,
		ids[0], ids[2])}}}
	at := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	var events []client.Event
	for i, value := range []indicator.Raw{"012-345 6789", "not a number", "012-345 6780"} {
		e := client.NewReport(indicator.Phone, value, "loan")
		e.ID, e.IssuedAt = ids[i], at
		events = append(events, e)
	}
	got, err := h.client(t, client.WithKeyRing(testRing(t))).Report(t.Context(), events...)
	if err != nil {
		t.Fatal(err)
	}
	want := &client.Receipt{BundleID: "01900000-0000-7000-8000-00000000000b", Results: []client.EventReceipt{
		{EventID: ids[0], Status: client.Accepted, IssuedAt: at},
		{EventID: ids[1], Status: client.Refused, Reason: "phone/alphanumeric",
			Detail: "a sender's name is not a telephone number", IssuedAt: at},
		{EventID: ids[2], Status: client.Refused, Reason: "unknown_term", Pointer: "/category", Detail: "D", IssuedAt: at},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReportThatIsRefusedWholeComesWithItsReceipt(t *testing.T) {
	refusal := problem(422, "no_acceptable_event")
	refusal.body = `{"status":422,"code":"no_acceptable_event","detail":"D","request_id":"r","results":[
		{"status":"refused","reason":"protected","pointer":"/events/0/indicator","detail":"P"}]}`
	h := &hub{script: []reply{refusal}}
	receipt, err := h.client(t).Report(t.Context(), client.NewReport(indicator.Phone, "012-345 6789", "loan"))
	var p *client.Problem
	if !errors.Is(err, client.ErrNoneAcceptable) || !errors.As(err, &p) || receipt.Results[0].Reason != "protected" ||
		receipt.Results[0].EventID == uuid.Nil {
		t.Errorf("%v, %+v", err, receipt)
	}

	withRing := h.client(t, client.WithKeyRing(testRing(t)))
	receipt, err = withRing.Report(t.Context(), client.NewReport(indicator.Phone, "x", "loan"))
	if !errors.Is(err, client.ErrNoneAcceptable) || receipt.Results[0].Status != client.Refused || len(h.sent) != 1 {
		t.Errorf("%v, %+v, sent %d", err, receipt, len(h.sent))
	}

	h.script = []reply{problem(422, "idempotency_key_reused")}
	receipt, err = h.client(t).Report(t.Context(), client.NewReport(indicator.Phone, "012-345 6789", "loan"))
	if receipt != nil || !errors.As(err, &p) || errors.Is(err, client.ErrNoneAcceptable) {
		t.Errorf("another 422: %v, %+v", err, receipt)
	}
}

func TestReportTakesBetween1And500Events(t *testing.T) {
	c := (&hub{}).client(t)
	for _, n := range []int{0, client.MaxReport + 1} {
		if _, err := c.Report(t.Context(), make([]client.Event, n)...); err == nil {
			t.Errorf("took %d", n)
		}
	}
}

func TestDryRunSaysSoToTheHub(t *testing.T) {
	h := &hub{script: []reply{{status: 200, body: `{"dry_run":true,"results":[{"status":"accepted"}]}`}}}
	if _, err := h.client(t).DryRun(t.Context(), client.NewClear(indicator.Phone, "012-345 6789")); err != nil {
		t.Fatal(err)
	}
	if h.sent[0].target != "/v1/events?dry_run=true" {
		t.Error(h.sent[0].target)
	}
}
