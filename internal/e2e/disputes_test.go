package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// account is the n-th of the accounts that are disputed here.
func account(n int) nation.Case {
	return nation.Case{Type: indicator.BankAccount, Raw: indicator.Raw(fmt.Sprintf("maybank:1140 1234 %04d", n))}
}

// disputes is a hub with two nodes that answer.
type disputes struct {
	*hubtest.Hub
	other *hubtest.Node
}

func startDisputes(t *testing.T, settings map[string]any) *disputes {
	t.Helper()
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Settings: settings}})
	other := hub.NewNode(t, hubtest.NodeOptions{Role: "api", Settings: settings})
	other.Restart(t)
	return &disputes{hub, other}
}

// says sends a word over Kafka and returns the id of its event.
func (d *disputes) says(t *testing.T, partner string, kind fraud.Kind, c nation.Case) uuid.UUID {
	t.Helper()
	event := report(t, d.Hub, c)
	if kind != fraud.Report {
		event = fraud.Event{ID: event.ID, Kind: kind, IssuedAt: event.IssuedAt, Indicator: event.Indicator}
	}
	d.Publish(t, partner, event)
	return event.ID
}

// become waits until both nodes give the verdict.
func (d *disputes) become(t *testing.T, c nation.Case, want fraud.Status) (got client.Result) {
	t.Helper()
	for _, node := range []*hubtest.Node{d.Node, d.other} {
		testkit.Eventually(t, 20*time.Second, func() error {
			results, err := node.Client(t, "platform").Lookup(t.Context(), []client.Item{{Type: c.Type, Value: c.Raw}})
			if err != nil {
				return err
			}
			if got = results[0]; got.Verdict != want {
				return fmt.Errorf("%s: verdict %s, want %s", node.Name, got.Verdict, want)
			}
			return nil
		})
	}
	return got
}

// shows waits until a node shows a role the dispute in a state and with its effect.
func (d *disputes) shows(t *testing.T, node *hubtest.Node, role string, id uuid.UUID, want string) (got client.Dispute) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() (err error) {
		if got, err = node.Client(t, role).Dispute(t.Context(), id); err != nil {
			return err
		}
		if text := got.State + " " + got.Effect; text != want {
			return fmt.Errorf("%s is shown %s, want %s", role, text, want)
		}
		return nil
	})
	return got
}

// refused fails unless err is a refusal with the code.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if problem := new(client.Problem); !errors.As(err, &problem) || problem.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// The whole life: a holder disputes over Kafka, every node answers "observe only" at once, authorities acknowledge and
// decide, and every node answers so.
func TestADisputeGoesFromItsOpeningToItsDecision(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	d := startDisputes(t, nil)
	ctx := t.Context()
	bank, police := d.Client(t, "bank"), d.other.Client(t, "police")

	// 1. Upheld: listed by two banks, disputed by the holder, and the police find the listing right.
	right := account(1)
	d.says(t, "bank-kenari", fraud.Report, right)
	d.says(t, "bank-penyu", fraud.Report, right)
	d.become(t, right, fraud.Confirmed)
	opening := report(t, d.Hub, right)
	opening = fraud.Event{ID: opening.ID, Kind: fraud.Dispute, IssuedAt: opening.IssuedAt, Indicator: opening.Indicator}
	id := opening.ID
	for range 2 { // delivered twice, it is one dispute
		d.Publish(t, "bank-harimau", opening)
	}
	if got := d.become(t, right, fraud.InDispute); got.Advice != fraud.Observe || got.KnownFraud {
		t.Errorf("in dispute: %+v", got)
	}
	got := d.shows(t, d.other, "bank", id, "open in_force")
	if got.As != "opener" || got.Authority != nil || got.DecideBy.Sub(got.OpenedAt) != 72*time.Hour ||
		got.AcknowledgeBy.Sub(got.OpenedAt) != 24*time.Hour {
		t.Errorf("the opener is shown %+v", got)
	}
	_, err := bank.ReviewDispute(ctx, id)
	refused(t, "a bank acknowledges", err, "missing_scope")
	_, err = bank.DecideDispute(ctx, id, client.DisputeDecision{Outcome: "cleared", Reason: "mistaken_identity"})
	refused(t, "a bank decides", err, "missing_scope")
	_, err = d.Client(t, "telco").Dispute(ctx, id)
	refused(t, "whom it does not concern", err, "dispute_not_found")
	upheld := client.DisputeDecision{Outcome: "upheld", Reason: "report_verified", InvestigatorReason: "funds_traced"}
	_, err = police.DecideDispute(ctx, id, upheld)
	refused(t, "decided before it was acknowledged", err, "dispute_passed")
	for range 2 {
		if got, err = police.ReviewDispute(ctx, id); err != nil || got.State != "under_review" {
			t.Fatal(got.State, err)
		}
	}
	for range 2 {
		if got, err = police.DecideDispute(ctx, id, upheld); err != nil || got.State != "upheld" {
			t.Fatal(got.State, err)
		}
	}
	if got := d.become(t, right, fraud.Confirmed); !got.KnownFraud {
		t.Errorf("upheld: %+v", got)
	}
	got = d.shows(t, d.Node, "regulator", id, "upheld in_force")
	want := []string{"bank-kenari", "bank-penyu", "police-ccid"}
	if a := got.Authority; a == nil || a.OpenedBy != "bank-harimau" || !slices.Equal(a.Reporters, want) ||
		len(a.Steps) != 2 || a.InvestigatorReason != "funds_traced" {
		t.Errorf("an authority is shown %+v", a)
	}

	// 2. Cleared, wrongly, and restored. The bank that is shown it is one of the reporters.
	wrong := account(2)
	d.says(t, "bank-harimau", fraud.Report, wrong)
	d.says(t, "bank-kenari", fraud.Report, wrong)
	d.become(t, wrong, fraud.Confirmed)
	id2 := d.says(t, "bank-penyu", fraud.Dispute, wrong)
	d.become(t, wrong, fraud.InDispute)
	if got := d.shows(t, d.Node, "bank", id2, "open in_force"); got.As != "reporter" {
		t.Errorf("a reporter is shown %+v", got)
	}
	for _, c := range []struct{ args, want string }{
		{"review", "under_review"},
		{"decide --outcome cleared --reason victim_not_mule --investigator-reason mule_recruited", "mule_recruited"},
	} {
		step, flags, _ := strings.Cut(c.args, " ")
		args := append([]string{"dispute", step, id2.String()}, strings.Fields(flags)...)
		if out, err := d.CLI(t, "police", args...); err != nil || !strings.Contains(out, c.want) {
			t.Fatalf("%s: %s %v", c.args, out, err)
		}
	}
	d.become(t, wrong, fraud.ClearedUp)
	if got := d.shows(t, d.other, "bank", id2, "cleared in_force").Reason; got == nil || got.Code != "victim_not_mule" {
		t.Errorf("a reporter is shown the reason %+v", got)
	}
	_, err = d.Client(t, "regulator").DecideDispute(ctx, id2, client.DisputeDecision{Outcome: "upheld",
		Reason: "new_evidence"})
	refused(t, "decided once more", err, "dispute_passed")
	if _, err := d.Client(t, "regulator").DecideDispute(ctx, id2, client.DisputeDecision{Outcome: "restored",
		Reason: "cleared_in_error", InvestigatorReason: "mule_complicit"}); err != nil {
		t.Fatal(err)
	}
	d.become(t, wrong, fraud.Confirmed)
	d.shows(t, d.Node, "bank", id2, "restored in_force")

	// 3. Opened over HTTP by its value, and taken back.
	taken := account(3)
	d.says(t, "bank-kenari", fraud.Report, taken)
	d.become(t, taken, fraud.Suspected)
	id3, err := bank.OpenDispute(ctx, client.NewDispute(taken.Type, taken.Raw))
	if err != nil {
		t.Fatal(err)
	}
	d.become(t, taken, fraud.InDispute)
	d.shows(t, d.Node, "bank", id3, "open in_force")
	if out, err := d.CLI(t, "bank", "dispute", "withdraw", id3.String()); err != nil || !strings.Contains(out, "accepted") {
		t.Fatalf("%s %v", out, err)
	}
	d.become(t, taken, fraud.Suspected)
	d.shows(t, d.other, "bank", id3, "withdrawn in_force")
	_, err = police.ReviewDispute(ctx, id3)
	refused(t, "acknowledged after it was withdrawn", err, "dispute_passed")

	// 4. Two authorities decide at once, on two nodes: one decision stands and is said.
	raced := account(4)
	d.says(t, "bank-kenari", fraud.Report, raced)
	id4 := d.says(t, "bank-harimau", fraud.Dispute, raced)
	d.shows(t, d.Node, "bank", id4, "open in_force")
	if _, err := police.ReviewDispute(ctx, id4); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	for by, decision := range map[*client.Client]client.DisputeDecision{
		police:                   {Outcome: "upheld", Reason: "report_verified"},
		d.Client(t, "regulator"): {Outcome: "cleared", Reason: "court_order"},
	} {
		go func() {
			_, err := by.DecideDispute(ctx, id4, decision)
			ended <- err
		}()
	}
	one, two := <-ended, <-ended
	if (one == nil) == (two == nil) {
		t.Errorf("two decisions at once: %v; %v", one, two)
	}
	refused(t, "the decision that came second", errors.Join(one, two), "dispute_passed")
	verdict := map[string]fraud.Status{"upheld": fraud.Confirmed, "cleared": fraud.ClearedUp}
	decided, err := police.Dispute(ctx, id4)
	if err != nil {
		t.Fatal(err)
	}
	d.become(t, raced, verdict[decided.State])

	// Everything was said and written once, and the audit tells all of it.
	testkit.Eventually(t, 20*time.Second, func() error {
		const said = "SELECT uniqExact(event_id) FROM events WHERE kind IN ('uphold', 'clear')"
		if n := d.Query(t, said); n != "4" {
			return fmt.Errorf("%s decisions are said, want 4", n)
		}
		return nil
	})
	records, _, err := d.Client(t, "regulator").Audit(ctx, client.AuditQuery{Kinds: []string{"act"},
		From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	for _, r := range records {
		if r.Object != id4.String() && r.Done {
			done = append(done, r.What+" "+r.Reason)
		}
	}
	slices.Sort(done)
	wantDone := []string{"decide_dispute cleared: victim_not_mule, mule_recruited",
		"decide_dispute restored: cleared_in_error, mule_complicit", "decide_dispute upheld: report_verified, funds_traced",
		"review_dispute ", "review_dispute "}
	if !slices.Equal(done, wantDone) {
		t.Errorf("audit: %q", done)
	}
	lookForWhatAuthoritiesAloneAreShown(t, d, id, id2, id3, id4)
}

// lookForWhatAuthoritiesAloneAreShown reads, as a bank, everything that there is on disputes.
func lookForWhatAuthoritiesAloneAreShown(t *testing.T, d *disputes, ids ...uuid.UUID) {
	t.Helper()
	terms, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	secret := append(terms.Investigator.Names(), "bank-kenari", "bank-penyu", "police-ccid", "regulator-bank", "authority")
	paths := []string{"/v1/disputes", "/v1/disputes?mine=true", "/v1/disputes?state=cleared,restored,upheld,withdrawn"}
	for _, id := range ids {
		paths = append(paths, "/v1/disputes/"+id.String())
	}
	for _, path := range paths {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.API+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+d.Keys.API["bank"])
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(body) < 200 {
			t.Fatalf("%s: %s %s %v", path, answer.Status, body, err)
		}
		for _, word := range secret {
			if strings.Contains(string(body), word) {
				t.Errorf("%s tells a bank of %s: %s", path, word, body)
			}
		}
	}
}

// With clocks that run out at once: what is overdue comes first, is in the metrics and once in the log; a listing that
// nobody renews lapses, and one that its reporter renews does not.
func TestDisputesThatWaitTooLongEscalateAndListingsLapse(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	d := startDisputes(t, map[string]any{"disputes.acknowledge_within": "1ms", "disputes.decide_within": "2ms",
		"disputes.reaffirm_within": "1s", "disputes.look_every": "100ms"})
	ctx := t.Context()
	left, renewed := account(5), account(6)
	d.says(t, "bank-kenari", fraud.Report, left)
	d.says(t, "bank-kenari", fraud.Report, renewed)
	d.become(t, left, fraud.Suspected)
	lapsing := d.says(t, "bank-harimau", fraud.Dispute, left)
	waiting := d.says(t, "bank-harimau", fraud.Dispute, renewed)
	d.says(t, "bank-kenari", fraud.Report, renewed)

	d.become(t, left, fraud.NotListed)
	d.shows(t, d.other, "bank", lapsing, "lapsed in_force")
	if got := d.become(t, renewed, fraud.InDispute); got.Advice != fraud.Observe {
		t.Errorf("renewed: %+v", got)
	}
	d.shows(t, d.Node, "police", waiting, "open in_force")
	// lists waits until a list holds the disputes, the first of them with these clocks that have run out.
	lists := func(q client.DisputeQuery, clocks []string, want ...uuid.UUID) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() error {
			page, _, err := d.Client(t, "police").Disputes(ctx, q)
			if err != nil {
				return err
			}
			var got []uuid.UUID
			for i := range page {
				got = append(got, page[i].ID)
			}
			if !slices.Equal(got, want) || !slices.Equal(page[0].Overdue, clocks) {
				return fmt.Errorf("the list is %+v", page)
			}
			return nil
		})
	}
	lists(client.DisputeQuery{}, []string{"acknowledge", "decide"}, waiting, lapsing)
	overdue := func(clocks float64) {
		t.Helper()
		for _, node := range []*hubtest.Node{d.Node, d.other} {
			testkit.Eventually(t, 20*time.Second, func() error {
				if got := node.Metric(t, "waspada_api_disputes_overdue"); got != clocks {
					return fmt.Errorf("%s counts %v clocks that have run out, want %v", node.Name, got, clocks)
				}
				return nil
			})
		}
	}
	overdue(2)
	if _, err := d.Client(t, "police").ReviewDispute(ctx, waiting); err != nil {
		t.Fatal(err)
	}
	overdue(1)
	lists(client.DisputeQuery{Overdue: true}, []string{"decide"}, waiting)
	if _, err := d.Client(t, "police").DecideDispute(ctx, lapsing, client.DisputeDecision{Outcome: "restored",
		Reason: "new_evidence"}); err != nil {
		t.Fatal(err)
	}
	d.become(t, left, fraud.Confirmed)
	log, err := os.ReadFile(d.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "a dispute is overdue") && strings.Contains(line, waiting.String()) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("the log tells of %d clocks that ran out, want each of two once", told)
	}
}
