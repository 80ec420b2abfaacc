// Package history tells what was said of one indicator, and when, to each asker what it may see.
//
//	digests ──Ledger──▶ events ──sift──▶ what the asker may see ──────page──▶ sayings, the newest first
//	                       └─at─▶ accepted by then ──newest of each partner──▶ Decide, with the partners of then ▶ verdict
//
// Who sees what:
//
//	police, regulators   everything, by name; what does not count with the reason
//	the source           its own, with the ids of its events
//	others               reports, sightings, actions: what [fraud.Partner.MaySee] allows and what counts
//	                     withdrawals: of a partner of which they see what it withdraws
//	                     disputes: of what they see listed. Clears: those too, and what their marking allows
//
// Others are told no names: reports and withdrawals carry a number that means something in this answer alone, and the
// kind of partner where enough organisations are of that kind. Disputes and clears carry nothing of their author. What is
// left out leaves no trace: it is left out before pages are cut.
package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Crowd is how many active organisations of a kind there must be for the kind of a reporter to be told: among fewer it
// would tell who it is.
const Crowd = 5

// Ledger holds what was said.
type Ledger interface {
	// Sayings reads the events that name one of the digests, in the order in which they were accepted.
	Sayings(ctx context.Context, digests []indicator.Digest) ([]fraud.Entry, error)
}

// Partners finds a partner by its number.
type Partners = func(fraud.PartnerNumber) (*fraud.Partner, bool)

// Past finds the partners as they were at a time; false where nobody knows.
type Past interface {
	PartnersAt(ctx context.Context, at time.Time) (then Partners, known bool, err error)
}

// Desk answers what partners ask of the past.
type Desk struct {
	ledger Ledger
	past   Past
	policy *fraud.Policy
	all    func() []fraud.Partner
	keys   *indicator.KeyRing
}

// NewDesk makes a Desk. All lists the partners as they are; past is nil where only that is known.
func NewDesk(ledger Ledger, past Past, policy *fraud.Policy, all func() []fraud.Partner, keys *indicator.KeyRing) *Desk {
	return &Desk{ledger, past, policy, all, keys}
}

// History answers a question. Its errors are the ledger's.
func (d *Desk) History(ctx context.Context, q fraud.HistoryQuestion) (h fraud.History, err error) {
	entries, err := d.ledger.Sayings(ctx, q.Forms)
	if err != nil {
		return h, fmt.Errorf("history: %w", err)
	}
	for i := range entries {
		d.lift(&entries[i])
	}
	if !q.At.IsZero() {
		if h.Then, h.PartnersOfThen, err = d.then(ctx, &q, entries); err != nil {
			return h, fmt.Errorf("history: %w", err)
		}
	}
	h.Sayings = d.sift(&q, entries)
	slices.Reverse(h.Sayings)
	if !q.Before.Appended.IsZero() {
		from := slices.IndexFunc(h.Sayings, func(s fraud.Saying) bool { return before(s.Place, q.Before) })
		if from < 0 {
			from = len(h.Sayings)
		}
		h.Sayings = h.Sayings[from:]
	}
	if h.More = len(h.Sayings) > q.Limit; h.More {
		h.Sayings = h.Sayings[:q.Limit]
	}
	return h, nil
}

// lift brings an entry of an earlier epoch to the hub's, and makes its words.
func (d *Desk) lift(e *fraud.Entry) {
	ref := &e.Event.Indicator
	if up, err := d.keys.Lift(ref.Digest, ref.Epoch); err == nil && ref.Epoch != d.keys.Epoch() {
		ref.Digest = up
		for i := range ref.Also {
			ref.Also[i].Digest, _ = d.keys.Lift(ref.Also[i].Digest, ref.Epoch)
		}
		ref.Epoch = d.keys.Epoch()
	}
	e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{
		Accepted: fraud.SecondsOf(e.Appended), SignedBy: e.SignedBy, Group: e.Group, Held: e.Held})
}

// then is the verdict that the asker would have got at a time, from what was accepted by then.
func (d *Desk) then(ctx context.Context, q *fraud.HistoryQuestion, entries []fraud.Entry) (*fraud.Verdict, bool, error) {
	policy, known := *d.policy, false
	if d.past != nil {
		partners, ok, err := d.past.PartnersAt(ctx, q.At)
		if err != nil {
			return nil, false, err
		}
		if ok {
			policy.Partners, known = partners, true
		}
	}
	standing := map[fraud.Key]fraud.Opinion{}
	for i := range entries {
		if entries[i].Appended.After(q.At) {
			continue
		}
		for _, o := range entries[i].Opinions {
			if held, ok := standing[o.Key()]; !ok || o.Supersedes(&held) {
				standing[o.Key()] = o
			}
		}
	}
	matches := make([]fraud.Match, len(q.Probes))
	for i, p := range q.Probes {
		matches[i] = fraud.Match{Digest: p.Digest, Grade: p.Grade}
		for key, o := range standing {
			if key.Digest == p.Digest {
				matches[i].Opinions = append(matches[i].Opinions, o)
			}
		}
	}
	v := fraud.Decide(matches, q.Asker, &policy, q.At)
	v.AsOf = q.At
	return &v, known, nil
}

// before reports whether a place is older than another.
func before(a, b fraud.ArrivalPlace) bool {
	return cmp.Or(a.Appended.Compare(b.Appended), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset),
		cmp.Compare(a.Index, b.Index)) < 0
}

// said is one event that concerns what was asked about.
type said struct {
	*fraud.Entry
	source *fraud.Partner
	why    fraud.Disregard
	// on are the digests that were asked about, each with how precisely the event stands for it.
	on map[indicator.Digest]indicator.Grade
}

// lists reports whether the event accuses.
func (s *said) lists() bool { return s.Event.Kind.Lists() }

// speaksOf reports whether s, which is no listing, is about what was listed: see [fraud.Decide].
func (s *said) speaksOf(listing *said) bool {
	if s.Event.Indicator.Digest == listing.Event.Indicator.Digest {
		return true
	}
	for digest, grade := range s.on {
		if _, both := listing.on[digest]; both && grade != indicator.Weak {
			return true
		}
	}
	return false
}

// sift makes sayings of what the asker may see, the oldest first.
func (d *Desk) sift(q *fraud.HistoryQuestion, entries []fraud.Entry) (all []fraud.Saying) {
	type event struct {
		partner fraud.PartnerNumber
		id      uuid.UUID
		kind    fraud.Kind
	}
	var (
		seen    = map[event]bool{} // an event that was sent twice was said once
		open    []said             // what the asker sees by its marking
		rest    []said             // what it sees only with that
		numbers = map[string]int{}
		crowds  = d.crowds()
	)
	for i := range entries {
		e := &entries[i]
		s := said{Entry: e, on: concerns(q.Probes, e)}
		var known bool
		s.source, known = d.policy.Partners(e.Partner)
		once := event{e.Partner, e.Event.ID, e.Event.Kind}
		if !known || len(s.on) == 0 || seen[once] {
			continue
		}
		seen[once] = true
		word := fraud.Opinion{Version: fraud.MakeVersion(e.Event.IssuedAt, 0, e.Event.ID), Provenance: fraud.Provenance{
			Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group}}
		s.why = s.source.Disregards(&word)
		if privileged(q.Asker, s.source) || s.why == 0 && e.Event.Kind != fraud.Withdraw && e.Event.Kind != fraud.Dispute &&
			q.Asker.MaySee(e.Event.TLP, e.Group, s.source) {
			open = append(open, s)
		} else if s.why == 0 && corrects(e.Event.Kind) {
			rest = append(rest, s)
		}
	}
	for i := range rest {
		s := &rest[i]
		if slices.ContainsFunc(open, func(o said) bool {
			if s.Event.Kind == fraud.Withdraw {
				return o.Partner == s.Partner && o.Event.Indicator.Digest == s.Event.Indicator.Digest &&
					o.Event.Kind != fraud.ActionTaken
			}
			return o.lists() && s.speaksOf(&o)
		}) {
			open = append(open, *s)
		}
	}
	slices.SortStableFunc(open, func(a, b said) int {
		if before(place(a.Entry), place(b.Entry)) {
			return -1
		}
		return 1
	})
	for i := range open {
		all = append(all, tell(q.Asker, &open[i], numbers, crowds))
	}
	return all
}

// privileged are those who see all that a source says.
func privileged(asker, source *fraud.Partner) bool {
	return asker.Kind.Authority() || asker.Number == source.Number
}

func corrects(k fraud.Kind) bool {
	return k == fraud.Withdraw || k == fraud.Dispute || k == fraud.Clear
}

func place(e *fraud.Entry) fraud.ArrivalPlace {
	return fraud.ArrivalPlace{Appended: e.Appended, Position: e.Position}
}

// concerns tells on which of the digests that were asked about an event speaks.
func concerns(probes []fraud.Probe, e *fraud.Entry) map[indicator.Digest]indicator.Grade {
	on := map[indicator.Digest]indicator.Grade{}
	for _, p := range probes {
		if p.Digest == e.Event.Indicator.Digest {
			on[p.Digest] = indicator.Exact
		}
		for _, a := range e.Event.Indicator.Also {
			if a.Digest == p.Digest {
				on[p.Digest] = a.Grade
			}
		}
	}
	return on
}

// tell is what the asker is told of an event that it may see.
func tell(asker *fraud.Partner, s *said, numbers map[string]int, crowds map[fraud.PartnerKind]bool) fraud.Saying {
	v := &s.Event
	t := fraud.Saying{Place: place(s.Entry), IssuedAt: v.IssuedAt, Kind: v.Kind, Grade: indicator.Weak}
	for _, grade := range s.on {
		t.Grade = min(t.Grade, grade)
	}
	known := privileged(asker, s.source)
	if corrects(v.Kind) && v.Kind != fraud.Withdraw && !known {
		return t
	}
	org := cmp.Or(s.source.Organisation, s.source.ID)
	if numbers[org] == 0 {
		numbers[org] = len(numbers) + 1
	}
	t.Reporter = numbers[org]
	if v.Kind == fraud.Withdraw && !known {
		return t
	}
	t.Category, t.Evidence, t.Confidence, t.Advice = s.Category, v.Evidence, v.Confidence, v.Advice
	t.Action, t.ExpiresAt, t.TLP, t.Group = v.Action, v.ExpiresAt, v.TLP, s.Group
	if known || crowds[s.source.Kind] {
		t.PartnerKind = s.source.Kind
	}
	if known {
		t.Disregard = s.why
	}
	if asker.Kind.Authority() {
		t.Partner = s.source.ID
	}
	if asker.Number == s.source.Number {
		t.Mine, t.EventID = true, v.ID
	}
	return t
}

// crowds are the kinds of which there are enough active organisations to hide among.
func (d *Desk) crowds() map[fraud.PartnerKind]bool {
	organisations := map[fraud.PartnerKind]map[string]bool{}
	for _, p := range d.all() {
		if p.State != fraud.Active {
			continue
		}
		if organisations[p.Kind] == nil {
			organisations[p.Kind] = map[string]bool{}
		}
		organisations[p.Kind][cmp.Or(p.Organisation, p.ID)] = true
	}
	large := map[fraud.PartnerKind]bool{}
	for kind, all := range organisations {
		large[kind] = len(all) >= Crowd
	}
	return large
}
