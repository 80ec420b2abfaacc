package disputes

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Ledger is where disputes and their steps are kept. Its errors wrap fraud.ErrUnavailable where the same call may be
// repeated.
type Ledger interface {
	// Dispute reads one dispute; false where there is none, or not yet.
	Dispute(ctx context.Context, id uuid.UUID) (fraud.DisputeCase, bool, error)
	// Disputes reads those opened since a time, and those before that no step has decided.
	Disputes(ctx context.Context, since time.Time) ([]fraud.DisputeCase, error)
	// AddDisputeStep returns when the step is durable. It may be repeated.
	AddDisputeStep(ctx context.Context, step fraud.DisputeStep) error
}

// Publisher sends events on in a partner's name and returns nil when they are durable.
type Publisher interface {
	PublishAs(ctx context.Context, partner string, bundle uuid.UUID, events []fraud.Event) error
}

// Config holds the settings of a Desk.
type Config struct {
	// Every is how often Run looks at what is overdue.
	Every time.Duration
	// Settle is how long a step waits before it looks whether it stands: longer than another node takes between its look at
	// the ledger and its insert.
	Settle time.Duration
}

// DefaultConfig is what the daemon starts from.
func DefaultConfig() Config { return Config{Every: time.Minute, Settle: 250 * time.Millisecond} }

// shared is how old what the ledger said may be when a list is made of it. Many who ask for lists cost it no more than
// one; a step taken at this desk is seen at once.
const shared = time.Second

// recent is what the ledger said last. Who has the turn may look at it.
type recent struct {
	turn    chan struct{}
	at      time.Time
	all     []fraud.DisputeCase // never changed
	changed atomic.Bool         // at this desk, since
}

// shown is how long ago a dispute may have been opened that is in lists; what is undecided is in them however old it is.
const shown = 92 * 24 * time.Hour

// Desk answers about disputes and takes them on.
type Desk struct {
	cfg       Config
	ledger    Ledger
	publisher Publisher
	screen    *fraud.Screen
	policy    *fraud.Policy
	now       func() time.Time
	log       *slog.Logger
	metrics   *metrics
	told      map[overdue]bool
	recent    recent
}

// NewDesk makes a Desk. It is inert until it is asked, or Run.
func NewDesk(
	cfg Config, ledger Ledger, publisher Publisher, screen *fraud.Screen, policy *fraud.Policy, now func() time.Time,
	registerer prometheus.Registerer, log *slog.Logger,
) *Desk {
	return &Desk{
		cfg: cfg, ledger: ledger, publisher: publisher, screen: screen, policy: policy, now: now, log: log,
		metrics: newMetrics(registerer), told: map[overdue]bool{}, recent: recent{turn: make(chan struct{}, 1)},
	}
}

// Dispute shows one dispute to who asks; fraud.ErrNoSuchDispute is also for what is none of its business.
func (d *Desk) Dispute(ctx context.Context, asker *fraud.Partner, id uuid.UUID) (fraud.SeenDispute, error) {
	found, ok, err := d.ledger.Dispute(ctx, id)
	if err != nil {
		return fraud.SeenDispute{}, err
	}
	if !ok {
		return fraud.SeenDispute{}, fmt.Errorf("disputes: %w", fraud.ErrNoSuchDispute)
	}
	seen := d.see(found, asker, d.now())
	if seen.As == 0 {
		return fraud.SeenDispute{}, fmt.Errorf("disputes: %w", fraud.ErrNoSuchDispute)
	}
	return seen, nil
}

func (d *Desk) see(c fraud.DisputeCase, asker *fraud.Partner, now time.Time) fraud.SeenDispute {
	return c.SeenBy(asker, d.policy, now)
}

// Disputes lists what concerns who asks, in the order of fraud.DisputePlace. more says that the list goes on.
func (d *Desk) Disputes(ctx context.Context, asker *fraud.Partner, q fraud.DisputeQuery) (
	page []fraud.SeenDispute, more bool, err error,
) {
	now := d.now()
	all, err := d.all(ctx)
	if err != nil {
		return nil, false, err
	}
	for i := range all {
		if q.Mine && !all[i].Mine(asker, d.policy) {
			continue
		}
		seen := d.see(all[i], asker, now)
		place := seen.Place()
		switch {
		case seen.As == 0:
		case !seen.State.Undecided() && seen.OpenedAt.Before(now.Add(-shown)):
		case len(q.States) > 0 && !slices.Contains(q.States, seen.State):
		case q.Overdue && seen.Overdue == 0:
		case q.After != (fraud.DisputePlace{}) && !q.After.Before(place):
		default:
			page = append(page, seen)
		}
	}
	slices.SortFunc(page, func(a, b fraud.SeenDispute) int {
		if a.Place().Before(b.Place()) {
			return -1
		}
		return 1
	})
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	return page, more, nil
}

// open shows a dispute to who is about to take a step.
func (d *Desk) open(ctx context.Context, who *fraud.Identity, id uuid.UUID) (fraud.SeenDispute, error) {
	if !who.Partner.Kind.Authority() || who.Partner.State != fraud.Active {
		return fraud.SeenDispute{}, fmt.Errorf("disputes: %w", fraud.ErrNotAuthority)
	}
	return d.Dispute(ctx, who.Partner, id)
}

// all are the disputes that lists are made of; they are shared and must not be changed.
func (d *Desk) all(ctx context.Context) ([]fraud.DisputeCase, error) {
	select {
	case d.recent.turn <- struct{}{}:
		defer func() { <-d.recent.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("disputes: %w: %w", fraud.ErrUnavailable, ctx.Err())
	}
	now := d.now()
	if changed := d.recent.changed.Swap(false); !changed && !d.recent.at.IsZero() && now.Sub(d.recent.at) < shared {
		return d.recent.all, nil
	}
	all, err := d.ledger.Disputes(ctx, now.Add(-shown))
	if err != nil {
		d.recent.changed.Store(true)
		return nil, err
	}
	d.recent.at, d.recent.all = now, all
	return all, nil
}

// Review acknowledges a dispute for an authority. Its repetition by the same authority changes nothing.
func (d *Desk) Review(ctx context.Context, who *fraud.Identity, id uuid.UUID) (fraud.SeenDispute, error) {
	seen, err := d.open(ctx, who, id)
	if err != nil {
		return seen, err
	}
	if seen.State == fraud.DisputeUnderReview && seen.ReviewedBy == who.Partner.ID {
		return seen, nil
	}
	return d.take(ctx, who, &seen, fraud.DisputeStep{To: fraud.DisputeUnderReview})
}

// Decide decides a dispute for an authority, in this order:
//
//  1. the event that says the decision is made and held against the rules, as it will be at ingest
//  2. the step is written, with the event's id, and looked at again: of two at once one stands
//  3. the event is sent
//
// After an error in 2 or 3 the same request finishes what was begun: the event is the same and counts once. A breach of
// the rules is a *fraud.Fault that points into the request.
func (d *Desk) Decide(
	ctx context.Context, who *fraud.Identity, id uuid.UUID, decision fraud.DisputeDecision,
) (fraud.SeenDispute, error) {
	seen, err := d.open(ctx, who, id)
	if err != nil {
		return seen, err
	}
	if begun := begunBy(&seen, who, &decision); begun != nil {
		return seen, d.say(ctx, who.Partner, &seen, *begun)
	}
	if _, decides := decision.To.Says(); decides && !seen.State.MayBecome(decision.To) {
		return seen, fmt.Errorf("disputes: %w", fraud.ErrDisputePassed)
	}
	if err := d.check(&seen, &decision); err != nil {
		return seen, err
	}
	step := fraud.DisputeStep{To: decision.To, Reason: decision.Reason, Investigator: decision.Investigator,
		Event: uuid.Must(uuid.NewV7()), IssuedAt: seen.After(d.now()), Category: decision.Category,
		Confidence: decision.Confidence}
	if _, err := d.event(who.Partner, &seen, step); err != nil {
		return seen, err
	}
	number := len(seen.Steps)
	if seen, err = d.take(ctx, who, &seen, step); err != nil {
		return seen, err
	}
	return seen, d.say(ctx, who.Partner, &seen, seen.Steps[number])
}

// begunBy is the step of a decision that is repeated, nil where it is a new one. What was left to the hub is not
// compared.
func begunBy(seen *fraud.SeenDispute, who *fraud.Identity, decision *fraud.DisputeDecision) *fraud.DisputeStep {
	if len(seen.Steps) == 0 {
		return nil
	}
	last := &seen.Steps[len(seen.Steps)-1]
	same := last.By == who.Partner.ID && last.To == decision.To && last.Reason == decision.Reason &&
		last.Investigator == decision.Investigator &&
		(decision.Category == "" || decision.Category == last.Category) &&
		(decision.Confidence == 0 || decision.Confidence == last.Confidence)
	if !same {
		return nil
	}
	return last
}

// check holds a decision to the taxonomies and completes it from the listing.
func (d *Desk) check(seen *fraud.SeenDispute, decision *fraud.DisputeDecision) error {
	terms := d.screen.Taxonomy
	kind, decides := decision.To.Says()
	if !decides {
		return fraud.Refuse(fraud.ReasonSchema, "/outcome", "is upheld, corrected, cleared or restored")
	}
	if code, known := terms.Reason.Code(decision.Reason); code == 0 || !known {
		return fraud.Refuse(fraud.ReasonUnknownTerm, "/reason",
			"is a term of the hub's taxonomy of reasons, version "+terms.Reason.Version+": the subject may be shown it")
	}
	if _, known := terms.Investigator.Code(decision.Investigator); !known {
		return fraud.Refuse(fraud.ReasonUnknownTerm, "/investigator_reason",
			"not a term of the hub's taxonomy of investigators' reasons, version "+terms.Investigator.Version)
	}
	if !kind.Lists() {
		if decision.Category != "" || decision.Confidence != 0 {
			return fraud.Refuse(fraud.ReasonSchema, "/category", "category and confidence are for a decision that lists")
		}
		return nil
	}
	listing, listed := seen.Listing(d.policy)
	if decision.Category == "" {
		if decision.Category = terms.Category.Name(listing.Category); !listed || decision.Category == "" {
			return fraud.Refuse(fraud.ReasonSchema, "/category", "is required: no listing stands from which to take it")
		}
	}
	if decision.Confidence == 0 {
		if decision.Confidence = listing.Confidence; !listed {
			return fraud.Refuse(fraud.ReasonSchema, "/confidence", "is required: no listing stands from which to take it")
		}
	}
	return nil
}

// event is what a decision says, as it is sent. Its words reach as far as those of the dispute.
func (d *Desk) event(by *fraud.Partner, seen *fraud.SeenDispute, step fraud.DisputeStep) (fraud.Event, error) {
	kind, _ := step.To.Says()
	event := fraud.Event{ID: step.Event, Kind: kind, IssuedAt: step.IssuedAt, Indicator: seen.Indicator,
		Category: step.Category, Confidence: step.Confidence, TLP: fraud.TLPAmber}
	event.Indicator.Also = slices.Clone(seen.Indicator.Also)
	now := d.now()
	if now.Sub(event.IssuedAt) > fraud.MaxAge-time.Hour {
		event.IssuedAt = seen.After(now) // what the ledger does not hold after days was never accepted
	}
	if err := event.Validate(now); err != nil {
		return event, err
	}
	checked := fraud.Entry{Event: event}
	if fault := d.screen.Check(&checked, by); fault != nil {
		return event, fault
	}
	return checked.Event, nil
}

// say sends the event of a step that stands, unless the ledger holds it already.
func (d *Desk) say(ctx context.Context, by *fraud.Partner, seen *fraud.SeenDispute, step fraud.DisputeStep) error {
	if seen.Said {
		return nil
	}
	event, err := d.event(by, seen, step)
	if err != nil {
		return err
	}
	return d.publisher.PublishAs(ctx, by.ID, step.ID, []fraud.Event{event})
}

// take writes the dispute's next step and looks whether it stands.
func (d *Desk) take(ctx context.Context, who *fraud.Identity, seen *fraud.SeenDispute, step fraud.DisputeStep) (
	fraud.SeenDispute, error,
) {
	if !seen.State.MayBecome(step.To) || len(seen.Steps) >= 255 {
		return *seen, fmt.Errorf("disputes: %w", fraud.ErrDisputePassed)
	}
	step.ID, step.At = uuid.Must(uuid.NewV7()), d.now().UTC().Truncate(time.Millisecond)
	step.Dispute, step.Number = seen.ID, uint8(len(seen.Steps)+1)
	step.By, step.Key = who.Partner.ID, who.KeyID
	defer d.recent.changed.Store(true)
	if err := d.ledger.AddDisputeStep(ctx, step); err != nil {
		return *seen, err
	}
	select {
	case <-ctx.Done():
		return *seen, fmt.Errorf("disputes: %w: %w", fraud.ErrUnavailable, ctx.Err())
	case <-time.After(d.cfg.Settle):
	}
	now, err := d.Dispute(ctx, who.Partner, seen.ID)
	if err != nil {
		return now, err
	}
	if i := int(step.Number) - 1; i >= len(now.Steps) || now.Steps[i].ID != step.ID {
		return now, fmt.Errorf("disputes: %w", fraud.ErrDisputePassed)
	}
	d.log.Info("a dispute took a step", "dispute", step.Dispute, "to", step.To.String(), "by", step.By, "key", step.Key)
	return now, nil
}
