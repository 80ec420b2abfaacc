package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Ledger is read. Its errors wrap fraud.ErrUnavailable.
type Ledger interface {
	// SaidSince calls each with all that a partner ever said of one indicator, for each of which it said something between
	// two times; a zero until is open. Sightings and actions are left out. The slice is good during the call only.
	SaidSince(ctx context.Context, partner fraud.PartnerNumber, since, until time.Time, each func([]fraud.Entry) error) error
}

// Publisher says events in a partner's name.
type Publisher interface {
	PublishAs(ctx context.Context, partner string, bundle uuid.UUID, events []fraud.Event) error
}

// Audit keeps acts.
type Audit interface {
	RecordActs(ctx context.Context, acts ...fraud.Act) error
}

// bundleEvents is how many events one bundle holds: with every field filled they stay well below its 1 MiB.
const bundleEvents = 250

// Restorer mends what one void of one partner leaves replaced.
type Restorer struct {
	partner  fraud.Partner
	void     fraud.Void
	policy   *fraud.Policy
	taxonomy *fraud.Taxonomy
}

// Done is what was done, or would be.
type Done struct {
	// Indicators is of how many the partner said something in the void's span, and Restored of how many a word is said anew.
	Indicators, Restored int
	// Kinds is how many of each kind of event.
	Kinds map[fraud.Kind]int
	// Left is how many could not be said anew: their taxonomy terms are gone.
	Left int
}

// New makes a Restorer. Its error says what has to be done first.
func New(p *fraud.Partner, void string, policy *fraud.Policy, taxonomy *fraud.Taxonomy, now time.Time) (*Restorer, error) {
	i := slices.IndexFunc(p.Voids, func(v fraud.Void) bool { return v.ID == void })
	switch {
	case i < 0:
		return nil, fmt.Errorf("the partner has no void %q", void)
	case p.State == fraud.Suspended:
		return nil, errors.New("the partner is suspended, and nothing is taken in its name: make it shadow or active first")
	}
	r := &Restorer{partner: *p, void: p.Voids[i], policy: policy, taxonomy: taxonomy}
	r.partner.State = fraud.Active
	anew := fraud.Opinion{Stance: fraud.Listed, Provenance: fraud.Provenance{Accepted: fraud.SecondsOf(now)}}
	if !r.partner.Counts(&anew) {
		return nil, errors.New("what is said now would be void too: end the open void first " +
			"(waspada partner void ID --void VOID --until 0s), once the partner has another key")
	}
	return r, nil
}

// Run restores; with publish nil it only counts. Nothing is said that the audit does not tell of.
func (r *Restorer) Run(
	ctx context.Context, ledger Ledger, publish Publisher, audit Audit, by string, now time.Time,
) (Done, error) {
	done := Done{Kinds: map[fraud.Kind]int{}}
	var events []fraud.Event
	err := ledger.SaidSince(ctx, r.partner.Number, r.void.Since.Time(), r.void.Until.Time(), func(said []fraud.Entry) error {
		done.Indicators++
		e, ok := r.lost(said, now)
		if !ok {
			return nil
		}
		event := r.event(e)
		if event.Validate(now) != nil {
			done.Left++
			return nil
		}
		done.Restored++
		done.Kinds[event.Kind]++
		events = append(events, event)
		return nil
	})
	if err != nil || publish == nil || len(events) == 0 {
		return done, err
	}
	if err := audit.RecordActs(ctx, fraud.Act{ID: uuid.Must(uuid.NewV7()), At: now.UTC().Truncate(time.Millisecond),
		What: fraud.WordsRestored, Whom: r.partner.ID, Object: r.void.ID, Done: true,
		Reason: fmt.Sprintf("%d words, by %s", len(events), by)}); err != nil {
		return done, err
	}
	for bundle := range slices.Chunk(events, bundleEvents) {
		if err := publish.PublishAs(ctx, r.partner.ID, r.id(bundle[0].ID), bundle); err != nil {
			return done, fmt.Errorf("%w; what was said counts once: run it again", err)
		}
	}
	return done, nil
}
