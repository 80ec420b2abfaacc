package disputes

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// hub is a ledger and a gateway in memory. It holds every step that was ever written.
type hub struct {
	mu     sync.Mutex
	cases  []fraud.DisputeCase
	steps  []fraud.DisputeStep
	events []fraud.Event
	by     []string
	down   error  // of the gateway
	meet   func() // before a step is written
	lists  int    // how often all disputes were asked for
}

func (h *hub) AddDisputeStep(_ context.Context, s fraud.DisputeStep) error {
	if h.meet != nil {
		h.meet()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, s)
	return nil
}

func (h *hub) Disputes(_ context.Context, since time.Time) (all []fraud.DisputeCase, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !since.IsZero() {
		h.lists++
	}
	steps := slices.Clone(h.steps)
	slices.SortFunc(steps, func(a, b fraud.DisputeStep) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.ID[:], b.ID[:]))
	})
	for _, c := range h.cases {
		for _, s := range steps {
			if s.Dispute != c.ID || len(c.Steps) > 0 && c.Steps[len(c.Steps)-1].Number == s.Number {
				continue
			}
			c.Steps = append(c.Steps, s)
			c.Said = slices.ContainsFunc(h.events, func(e fraud.Event) bool { return e.ID == s.Event })
		}
		all = append(all, c)
	}
	return all, nil
}

func (h *hub) Dispute(ctx context.Context, id uuid.UUID) (fraud.DisputeCase, bool, error) {
	all, err := h.Disputes(ctx, time.Time{})
	i := slices.IndexFunc(all, func(c fraud.DisputeCase) bool { return c.ID == id })
	if i < 0 {
		return fraud.DisputeCase{}, false, err
	}
	return all[i], true, err
}

func (h *hub) PublishAs(_ context.Context, partner string, _ uuid.UUID, events []fraud.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return h.down
	}
	h.events, h.by = append(h.events, events...), append(h.by, partner)
	return nil
}

// book is what was logged.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The partners: a bank that opens, another that listed, a third, and two authorities.
var partners = []*fraud.Partner{
	{Number: 1, ID: "holder", Kind: fraud.Bank, State: fraud.Active},
	{Number: 2, ID: "reporter", Kind: fraud.Bank, State: fraud.Active},
	{Number: 3, ID: "other", Kind: fraud.Bank, State: fraud.Active},
	{Number: 4, ID: "police", Kind: fraud.Police, State: fraud.Active},
	{Number: 5, ID: "regulator", Kind: fraud.Regulator, State: fraud.Active},
	{Number: 6, ID: "trainee", Kind: fraud.Police, State: fraud.Shadow},
}

func as(id string) *fraud.Identity {
	i := slices.IndexFunc(partners, func(p *fraud.Partner) bool { return p.ID == id })
	return &fraud.Identity{Partner: partners[i], KeyID: id + ".1", Scopes: fraud.MayReport}
}

func (h *hub) desk(t *testing.T, log *book) (*Desk, *prometheus.Registry) {
	t.Helper()
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.NewKeyRing(bytes.Repeat([]byte{1}, indicator.MinKeyLen))
	if err != nil {
		t.Fatal(err)
	}
	policy := fraud.DefaultPolicy()
	policy.Protected = fraud.Protect(indicator.Digest{99})
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		if n < 1 || int(n) > len(partners) {
			return nil, false
		}
		return partners[n-1], true
	}
	screen := &fraud.Screen{Keys: ring, Taxonomy: taxonomy, Protected: policy.Protected}
	registry := prometheus.NewRegistry()
	logger := slog.New(slog.NewTextHandler(log, nil))
	return NewDesk(DefaultConfig(), h, h, screen, &policy, time.Now, registry, logger), registry
}

// dispute opens one, of so long ago, on a listing of the hour before.
func (h *hub) dispute(ago time.Duration, n byte) uuid.UUID {
	opened := time.Now().UTC().Truncate(time.Millisecond).Add(-ago)
	c := fraud.DisputeCase{ID: uuid.UUID{0: n, 6: 0x70, 8: 0x80}, Opener: 1, OpenedAt: opened, IssuedAt: opened,
		Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: indicator.Digest{n}}}
	word := func(p fraud.PartnerNumber, s fraud.Stance, at time.Time) fraud.Opinion {
		return fraud.Opinion{Digest: c.Indicator.Digest, Partner: p, Type: indicator.BankAccount, Grade: indicator.Exact,
			Stance: s, Version: fraud.MakeVersion(at, s, c.ID), Category: 1, Confidence: 80}
	}
	c.Opinions = []fraud.Opinion{word(1, fraud.Disputed, opened), word(2, fraud.Listed, opened.Add(-time.Hour))}
	h.cases = append(h.cases, c)
	return c.ID
}

var upheld = fraud.DisputeDecision{To: fraud.DisputeUpheld, Reason: "report_verified", Investigator: "funds_traced"}

func TestADecisionIsWrittenThenSaidAndItsRepetitionFinishesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := &hub{}, t.Context()
		d, _ := h.desk(t, new(book))
		id := h.dispute(time.Hour, 1)
		if _, err := d.Decide(ctx, as("police"), id, upheld); !errors.Is(err, fraud.ErrDisputePassed) {
			t.Errorf("decided without a review: %v", err)
		}
		for range 2 { // its repetition changes nothing
			if seen, err := d.Review(ctx, as("police"), id); err != nil || seen.State != fraud.DisputeUnderReview {
				t.Fatal(seen.State, err)
			}
		}
		if _, err := d.Review(ctx, as("regulator"), id); !errors.Is(err, fraud.ErrDisputePassed) {
			t.Errorf("reviewed by two: %v", err)
		}
		h.down = fmt.Errorf("no brokers: %w", fraud.ErrUnavailable)
		if _, err := d.Decide(ctx, as("regulator"), id, upheld); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("without Kafka: %v", err)
		}
		seen, err := d.Dispute(ctx, as("holder").Partner, id)
		if err != nil || seen.State != fraud.DisputeUpheld || !seen.Pending {
			t.Errorf("begun: %s, pending %t, %v", seen.State, seen.Pending, err)
		}
		h.down = nil
		other := upheld
		other.Reason = "new_evidence"
		if _, err := d.Decide(ctx, as("regulator"), id, other); !errors.Is(err, fraud.ErrDisputePassed) {
			t.Errorf("decided twice: %v", err)
		}
		for range 2 {
			if _, err := d.Decide(ctx, as("regulator"), id, upheld); err != nil {
				t.Fatal(err)
			}
		}
		if len(h.steps) != 2 || len(h.events) != 1 {
			t.Fatalf("%d steps, %d events", len(h.steps), len(h.events))
		}
		step := h.steps[1]
		want := fraud.Event{ID: step.Event, Kind: fraud.Uphold, IssuedAt: step.IssuedAt, Indicator: h.cases[0].Indicator,
			Category: "telecommunication", Confidence: 80, TLP: fraud.TLPAmber}
		if diff := gocmp.Diff(want, h.events[0]); diff != "" || h.by[0] != "regulator" {
			t.Errorf("event by %s (-want +got):\n%s", h.by[0], diff)
		}
	})
}

func TestOfTwoDecisionsAtOnceOneStandsAndIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := &hub{}, t.Context()
		one, _ := h.desk(t, new(book))
		two, _ := h.desk(t, new(book))
		id := h.dispute(time.Hour, 1)
		if _, err := one.Review(ctx, as("police"), id); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup // so that each decides before it could hear of the other
		both.Add(2)
		h.meet = func() { both.Done(); both.Wait() }
		ended := make(chan error)
		go func() {
			_, err := one.Decide(ctx, as("police"), id, upheld)
			ended <- err
		}()
		go func() {
			cleared := fraud.DisputeDecision{To: fraud.DisputeCleared, Reason: "court_order"}
			_, err := two.Decide(ctx, as("regulator"), id, cleared)
			ended <- err
		}()
		a, b := <-ended, <-ended
		if (a == nil) == (b == nil) || !errors.Is(cmp.Or(a, b), fraud.ErrDisputePassed) {
			t.Errorf("two decisions: %v; %v", a, b)
		}
		seen, err := one.Dispute(ctx, as("police").Partner, id)
		if err != nil || len(h.steps) != 3 || len(h.events) != 1 || seen.Steps[1].Event != h.events[0].ID {
			t.Errorf("%v: %d steps, said %v", err, len(h.steps), h.events)
		}
	})
}

func TestWhoMayNotDecideIsRefusedAndWhoIsNotConcernedHearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := &hub{}, t.Context()
		d, _ := h.desk(t, new(book))
		id, protected, unlisted := h.dispute(time.Hour, 1), h.dispute(time.Hour, 99), h.dispute(time.Hour, 3)
		h.cases[2].Opinions = h.cases[2].Opinions[:1]
		for _, who := range []string{"holder", "reporter", "other", "trainee"} {
			if _, err := d.Review(ctx, as(who), id); !errors.Is(err, fraud.ErrNotAuthority) {
				t.Errorf("%s reviews: %v", who, err)
			}
			if _, err := d.Decide(ctx, as(who), id, upheld); !errors.Is(err, fraud.ErrNotAuthority) {
				t.Errorf("%s decides: %v", who, err)
			}
		}
		if _, err := d.Dispute(ctx, as("other").Partner, id); !errors.Is(err, fraud.ErrNoSuchDispute) {
			t.Errorf("who is not concerned: %v", err)
		}
		for _, of := range []uuid.UUID{id, protected, unlisted} {
			if _, err := d.Review(ctx, as("police"), of); err != nil {
				t.Fatal(err)
			}
		}
		const cleared = fraud.DisputeCleared
		for situation, c := range map[string]struct {
			of       uuid.UUID
			decision fraud.DisputeDecision
			reason   fraud.Reason
			pointer  string
		}{
			"an outcome that is none": {id, fraud.DisputeDecision{To: fraud.DisputeLapsed}, "schema", "/outcome"},
			"no reason":               {id, fraud.DisputeDecision{To: cleared}, "unknown_term", "/reason"},
			"an investigator's as reason": {id, fraud.DisputeDecision{To: cleared, Reason: "funds_traced"},
				"unknown_term", "/reason"},
			"an unknown investigator's": {id, fraud.DisputeDecision{To: cleared, Reason: "court_order", Investigator: "x"},
				"unknown_term", "/investigator_reason"},
			"a clear with a category": {id, fraud.DisputeDecision{To: cleared, Reason: "court_order", Category: "loan"},
				"schema", "/category"},
			"an unknown category": {id, fraud.DisputeDecision{To: fraud.DisputeUpheld, Reason: "court_order", Category: "x"},
				"unknown_term", "/category"},
			"nothing to take it from": {unlisted, upheld, "schema", "/category"},
			"what nobody may list":    {protected, upheld, "protected", "/indicator"},
		} {
			_, err := d.Decide(ctx, as("police"), c.of, c.decision)
			var fault *fraud.Fault
			if !errors.As(err, &fault) || fault.Reason != c.reason || fault.Pointer != c.pointer {
				t.Errorf("%s: %v", situation, err)
			}
		}
		if len(h.steps) != 3 || len(h.events) != 0 {
			t.Errorf("%d steps, %d events", len(h.steps), len(h.events))
		}
	})
}

func TestAListShowsEachWhatConcernsItPageByPageTheOverdueFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := &hub{}, t.Context()
		d, registry := h.desk(t, new(book))
		for n, ago := range []time.Duration{1, 30, 2, 80, 24 * 93} {
			h.dispute(ago*time.Hour, byte(n+1))
		}
		h.cases[2].Opener, h.cases[2].Opinions = 3, nil // not the holder's nor the reporter's
		list := func(who string, q fraud.DisputeQuery) (got string) {
			t.Helper()
			if q.Limit == 0 {
				q.Limit = 2
			}
			for {
				page, more, err := d.Disputes(ctx, as(who).Partner, q)
				if err != nil {
					t.Fatal(err)
				}
				for i := range page {
					got += fmt.Sprint(page[i].ID[0])
				}
				if !more {
					return got
				}
				got += " "
				q.After = page[len(page)-1].Place()
			}
		}
		for situation, c := range map[string]struct {
			who  string
			q    fraud.DisputeQuery
			want string
		}{
			"an authority":         {"police", fraud.DisputeQuery{}, "42 13"},
			"the opener":           {"holder", fraud.DisputeQuery{}, "42 1"},
			"who listed":           {"reporter", fraud.DisputeQuery{}, "42 1"},
			"another":              {"other", fraud.DisputeQuery{}, "3"},
			"an authority's own":   {"police", fraud.DisputeQuery{Mine: true}, ""},
			"what is overdue":      {"police", fraud.DisputeQuery{Overdue: true}, "42"},
			"what has been upheld": {"police", fraud.DisputeQuery{States: []fraud.DisputeState{fraud.DisputeUpheld}}, ""},
			"what is open": {"police", fraud.DisputeQuery{States: []fraud.DisputeState{fraud.DisputeOpen}, Limit: 9},
				"4213"},
		} {
			if got := list(c.who, c.q); got != c.want {
				t.Errorf("%s: %s, want %s", situation, got, c.want)
			}
		}
		if err := d.look(ctx); err != nil {
			t.Fatal(err)
		}
		if got, want := gauges(t, registry), "acknowledge 2, decide 1, open 4"; got != want {
			t.Errorf("metrics: %s, want %s", got, want)
		}
	})
}

func TestManyListsAskTheLedgerOnceASecondAndAStepTakenHereShowsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		d, _ := h.desk(t, new(book))
		id := h.dispute(time.Hour, 1)
		state := func() string {
			t.Helper()
			page, _, err := d.Disputes(t.Context(), as("police").Partner, fraud.DisputeQuery{Limit: 9})
			if err != nil || len(page) != 1 {
				t.Fatal(page, err)
			}
			return page[0].State.String()
		}
		for range 100 {
			state()
		}
		if h.lists != 1 {
			t.Errorf("the ledger was asked %d times in a moment", h.lists)
		}
		if _, err := d.Review(t.Context(), as("police"), id); err != nil {
			t.Fatal(err)
		}
		if got := state(); got != "under_review" {
			t.Errorf("after a step: %s", got)
		}
		time.Sleep(time.Second)
		if state(); h.lists != 3 {
			t.Errorf("a second later it was asked %d times", h.lists)
		}
		gone, end := context.WithCancel(t.Context())
		end()
		d.recent.turn <- struct{}{} // somebody waits for a ledger that does not answer
		if _, _, err := d.Disputes(gone, as("police").Partner, fraud.DisputeQuery{}); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("behind a ledger that does not answer: %v", err)
		}
	})
}

// gauges are those that are not 0.
func gauges(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		for _, m := range f.Metric {
			if len(m.Label) > 0 && m.Gauge.GetValue() != 0 {
				all = append(all, fmt.Sprint(m.Label[0].GetValue(), " ", m.Gauge.GetValue()))
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestEachClockThatRunsOutIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		var log book
		d, _ := h.desk(t, &log)
		h.dispute(23*time.Hour, 1)
		h.steps = []fraud.DisputeStep{{ID: uuid.UUID{1}, Number: 1, Dispute: h.dispute(time.Hour, 2), At: time.Now(),
			By: "police", To: fraud.DisputeCleared, Event: uuid.UUID{2}}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		for _, want := range []string{"", "acknowledge", "acknowledge decide"} {
			synctest.Wait()
			var got []string
			for _, clock := range []string{"acknowledge", "decide"} {
				if n := strings.Count(log.String(), "clock="+clock); n > 1 {
					t.Errorf("logged %d times", n)
				} else if n == 1 {
					got = append(got, clock)
				}
			}
			if n := strings.Count(log.String(), "was not sent"); n != min(len(want), 1) {
				t.Errorf("a decision that was not sent is told %d times", n)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("logged %v, want %s", got, want)
			}
			time.Sleep(30 * time.Hour)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
