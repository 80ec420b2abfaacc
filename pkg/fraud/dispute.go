package fraud

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// DisputeState is how far a dispute has come.
//
//	open ──▶ under_review ──▶ upheld | restored            the authority says uphold
//	  │            │     └──▶ cleared | corrected ──▶ restored   it says clear, and perhaps uphold later
//	  └────────────┴──▶ withdrawn   by who opened it
//	                └─▶ lapsed ──▶ restored   no reporter renewed its listing in time
type DisputeState uint8

// The states. Authorities take a dispute to one of the five after DisputeOpen, step by step; the last two follow from
// what partners said, or did not say.
const (
	DisputeOpen        DisputeState = 1
	DisputeUnderReview DisputeState = 2 // an authority has acknowledged it
	DisputeUpheld      DisputeState = 3 // the listing was right
	DisputeCorrected   DisputeState = 4 // it was right of somebody else, or once
	DisputeCleared     DisputeState = 5 // it was wrong
	DisputeRestored    DisputeState = 6 // a clear was wrong: it is listed again
	DisputeWithdrawn   DisputeState = 7
	DisputeLapsed      DisputeState = 8
)

var disputeStates = []string{"", "open", "under_review", "upheld", "corrected", "cleared", "restored", "withdrawn",
	"lapsed"}

// DisputeStates lists the names in the order of their numbers.
func DisputeStates() []string { return slices.Clone(disputeStates[1:]) }

func (s DisputeState) String() string               { return name(disputeStates, s) }
func (s DisputeState) MarshalText() ([]byte, error) { return text("state", disputeStates, s) }
func (s *DisputeState) UnmarshalText(b []byte) (err error) {
	*s, err = parse[DisputeState]("state", disputeStates, string(b))
	return err
}

// Undecided reports whether somebody waits for an authority.
func (s DisputeState) Undecided() bool { return s == DisputeOpen || s == DisputeUnderReview }

// Says is the word with which an authority takes a dispute to s; false where it takes none.
func (s DisputeState) Says() (Kind, bool) {
	switch s {
	case DisputeUpheld, DisputeRestored:
		return Uphold, true
	case DisputeCleared, DisputeCorrected:
		return Clear, true
	}
	return 0, false
}

// MayBecome is the table of the steps that an authority may take.
func (s DisputeState) MayBecome(next DisputeState) bool {
	switch s {
	case DisputeOpen:
		return next == DisputeUnderReview
	case DisputeUnderReview:
		_, decides := next.Says()
		return decides
	case DisputeCleared, DisputeCorrected, DisputeLapsed:
		return next == DisputeRestored
	}
	return false
}

// DisputeStep is something that an authority did about a dispute.
type DisputeStep struct {
	// ID is a UUIDv7. Of several steps of one number the one with the lowest ID stands.
	ID uuid.UUID
	// Dispute is the id of the event of kind dispute, and Number counts its steps from 1.
	Dispute uuid.UUID
	Number  uint8
	At      time.Time
	// By is the partner whose key or certificate, Key, it was done with.
	By, Key string
	To      DisputeState
	// Reason may be shown to the subject, and Investigator to authorities alone: terms of the taxonomies reason and
	// investigator, "" where nothing was decided.
	Reason, Investigator string
	// Event is the id of the event that says the decision, nil where nothing was decided, and the rest what it says.
	Event      uuid.UUID
	IssuedAt   time.Time
	Category   string
	Confidence uint8
}

// DisputeCase is an event of kind dispute with all that was done about it.
type DisputeCase struct {
	// ID is the event's.
	ID     uuid.UUID
	Opener PartnerNumber
	// OpenedAt is when Kafka took it: the clocks run from then.
	OpenedAt, IssuedAt time.Time
	Indicator          Ref
	// Steps are those that stand, in their order.
	Steps []DisputeStep
	// Said tells that the ledger holds the event of the last step that decided.
	Said bool
	// Opinions are the standing words of all partners on the indicator's own digest.
	Opinions []Opinion
}

// DisputeStatus is what a dispute has come to, at a time.
type DisputeStatus struct {
	State DisputeState
	// InForce is false where the opener's word does not count: it is in shadow, void, or held.
	InForce bool
	// Pending says that a decision was taken whose event the ledger does not hold yet.
	Pending bool
	// ReviewedAt and DecidedAt are zero before. DecidedBy is the partner that decided.
	ReviewedAt, DecidedAt time.Time
	ReviewedBy, DecidedBy string
	// Reason and Investigator are those of the decision, "" for one that was said as an event alone.
	Reason, Investigator string
	// AcknowledgeBy and DecideBy are when the clocks of an undecided dispute run out, and ReaffirmBy when its listing
	// lapses; zero where none runs.
	AcknowledgeBy, DecideBy, ReaffirmBy time.Time
	// Overdue tells which of the first two clocks have run out.
	Overdue DisputeClocks
}

// DisputeClocks is a set of clocks.
type DisputeClocks uint8

// The clocks.
const (
	AcknowledgeClock DisputeClocks = 1 << 0
	DecideClock      DisputeClocks = 1 << 1
)

// Names lists the clocks in the set.
func (c DisputeClocks) Names() (names []string) {
	if c&AcknowledgeClock != 0 {
		names = append(names, "acknowledge")
	}
	if c&DecideClock != 0 {
		names = append(names, "decide")
	}
	return names
}

// version is that of the opener's word.
func (d *DisputeCase) version() Version { return MakeVersion(d.IssuedAt, Disputed, d.ID) }

// Status tells what the dispute has come to. Steps tell first; what is undecided by steps may have been decided by an
// event that a partner said without one, taken back, or have lapsed.
func (d *DisputeCase) Status(policy *Policy, now time.Time) DisputeStatus {
	s := DisputeStatus{State: DisputeOpen, InForce: true}
	for i := range d.Steps {
		step := &d.Steps[i]
		s.State = step.To
		if step.To == DisputeUnderReview {
			s.ReviewedAt, s.ReviewedBy = step.At, step.By
			continue
		}
		s.DecidedAt, s.DecidedBy, s.Reason, s.Investigator = step.At, step.By, step.Reason, step.Investigator
		s.Pending = !d.Said
	}
	if !s.State.Undecided() {
		return s
	}
	for i := range d.Opinions {
		if o := &d.Opinions[i]; o.Partner == d.Opener && o.Version == d.version() {
			p, known := policy.Partners(o.Partner)
			s.InForce = known && p.Counts(o)
		}
	}
	if by := d.answer(policy); by != nil {
		s.State, s.DecidedAt = DisputeCleared, by.Version.IssuedAt()
		if by.Stance == Upheld {
			s.State = DisputeUpheld
		}
		if p, known := policy.Partners(by.Partner); known {
			s.DecidedBy = p.ID
		}
		return s
	}
	if d.takenBack(now) {
		s.State = DisputeWithdrawn
		return s
	}
	if policy.ReaffirmWithin > 0 {
		s.ReaffirmBy = d.IssuedAt.Add(policy.ReaffirmWithin)
		if d.lapsed(policy, now) {
			s.State = DisputeLapsed
			return s
		}
	}
	s.AcknowledgeBy, s.DecideBy = d.OpenedAt.Add(policy.AcknowledgeWithin), d.OpenedAt.Add(policy.DecideWithin)
	if s.State == DisputeUnderReview {
		s.AcknowledgeBy = time.Time{}
	}
	if !s.InForce {
		return s
	}
	if !s.AcknowledgeBy.IsZero() && now.After(s.AcknowledgeBy) {
		s.Overdue |= AcknowledgeClock
	}
	if now.After(s.DecideBy) {
		s.Overdue |= DecideClock
	}
	return s
}

// answer is the last word that was said after the dispute and ends it: an authority's uphold, or a clear.
func (d *DisputeCase) answer(policy *Policy) (by *Opinion) {
	for i := range d.Opinions {
		o := &d.Opinions[i]
		if o.Stance != Upheld && o.Stance != Cleared || o.Version <= d.version() ||
			o.Grade == indicator.Weak && o.Origin != 0 {
			continue
		}
		if p, known := policy.Partners(o.Partner); known && p.Counts(o) && (by == nil || o.Version > by.Version) {
			by = o
		}
	}
	return by
}

// takenBack reports whether the opener has said something else since, or the dispute has ended by itself.
func (d *DisputeCase) takenBack(now time.Time) bool {
	return slices.ContainsFunc(d.Opinions, func(o Opinion) bool {
		if o.Partner != d.Opener || o.Origin != 0 || o.Stance == Sighted {
			return false
		}
		return o.Version > d.version() || o.Version == d.version() && o.ExpiresAt != 0 && !now.Before(o.ExpiresAt.Time())
	})
}

// lapsed reports whether the time to renew the listing is over and nobody has.
func (d *DisputeCase) lapsed(policy *Policy, now time.Time) bool {
	if now.Sub(d.IssuedAt) <= policy.ReaffirmWithin {
		return false
	}
	return !slices.ContainsFunc(d.Opinions, func(o Opinion) bool {
		p, known := policy.Partners(o.Partner)
		return o.Stance.Lists() && known && p.Counts(&o) && !policy.lapsed(&o, d.IssuedAt, now)
	})
}

// Listing is the listing that the dispute is about, the one of the greatest confidence where there are several; false
// where there is none.
func (d *DisputeCase) Listing(policy *Policy) (listing Opinion, ok bool) {
	for i := range d.Opinions {
		o := &d.Opinions[i]
		p, known := policy.Partners(o.Partner)
		if o.Stance.Lists() && known && p.Counts(o) && (!ok || o.Confidence > listing.Confidence ||
			o.Confidence == listing.Confidence && o.Version > listing.Version) {
			listing, ok = *o, true
		}
	}
	return listing, ok
}

// After is a time of issue at which a word stands over everything that was said of the indicator, at now at the earliest.
func (d *DisputeCase) After(now time.Time) time.Time {
	after := now.UTC().Truncate(time.Millisecond)
	if !after.After(d.IssuedAt) {
		after = d.IssuedAt.Add(time.Millisecond)
	}
	for i := range d.Opinions {
		if said := d.Opinions[i].Version.IssuedAt(); !after.After(said) {
			after = said.Add(time.Millisecond)
		}
	}
	for i := range d.Steps { // whose events may be on their way
		if said := d.Steps[i].IssuedAt; !after.After(said) {
			after = said.Add(time.Millisecond)
		}
	}
	return after
}

// Concern is why somebody may know of a dispute, 0 for nobody's business.
type Concern uint8

// The concerns, the closest first.
const (
	AsAuthority Concern = 1 // sees everything
	AsOpener    Concern = 2
	AsReporter  Concern = 3 // its listing is in dispute
)

var concerns = []string{"", "authority", "opener", "reporter"}

func (c Concern) String() string { return name(concerns, c) }

// Concern tells how a dispute concerns a partner; an organisation is concerned with all of its partners.
func (d *DisputeCase) Concern(asker *Partner, policy *Policy) Concern {
	if asker.Kind.Authority() {
		return AsAuthority
	}
	return d.own(asker, policy)
}

// own is Concern without regard to authority.
func (d *DisputeCase) own(asker *Partner, policy *Policy) Concern {
	same := func(n PartnerNumber) bool {
		p, known := policy.Partners(n)
		return n == asker.Number || known && p.organisation() == asker.organisation()
	}
	if same(d.Opener) {
		return AsOpener
	}
	for i := range d.Opinions {
		if o := &d.Opinions[i]; o.Stance.Lists() && same(o.Partner) {
			return AsReporter
		}
	}
	return 0
}

// Mine reports whether a partner opened the dispute, has a listing that it is about, or took a step in it.
func (d *DisputeCase) Mine(asker *Partner, policy *Policy) bool {
	return d.own(asker, policy) != 0 ||
		slices.ContainsFunc(d.Steps, func(s DisputeStep) bool { return s.By == asker.ID })
}

// DisputeQuery chooses disputes for an asker, who is told only of those that concern it.
type DisputeQuery struct {
	// States are those asked for; none is any.
	States []DisputeState
	// Overdue chooses those with a clock that has run out, and Mine those of [DisputeCase.Mine].
	Overdue, Mine bool
	// After is a place in the order of the answer, the zero place for its beginning.
	After DisputePlace
	Limit int
}

// DisputePlace orders disputes: the overdue ones first, the longest open before the others, then the rest with the newest
// first.
type DisputePlace struct {
	Overdue  bool
	OpenedAt time.Time
	ID       uuid.UUID
}

// Before reports whether p comes before q.
func (p DisputePlace) Before(q DisputePlace) bool {
	if p.Overdue != q.Overdue {
		return p.Overdue
	}
	if c := p.OpenedAt.Compare(q.OpenedAt); c != 0 {
		return c < 0 == p.Overdue
	}
	return slices.Compare(p.ID[:], q.ID[:]) < 0
}

// SeenDispute is a dispute as it is shown to somebody.
type SeenDispute struct {
	DisputeCase
	DisputeStatus
	As Concern
	// OpenedBy and Reporters name partners, for authorities alone.
	OpenedBy  string
	Reporters []string
}

// SeenBy is the dispute as an asker may see it. Who is no authority is told neither who reported, opened, reviewed or
// decided, nor an investigator's reason; and who only reported, nothing of the indicator's other expressions. Nobody else
// sees anything: As is 0 then.
func (d *DisputeCase) SeenBy(asker *Partner, policy *Policy, now time.Time) SeenDispute {
	s := SeenDispute{As: d.Concern(asker, policy)}
	if s.As == 0 {
		return s
	}
	s.DisputeCase, s.DisputeStatus = *d, d.Status(policy, now)
	if s.As == AsAuthority {
		id := func(n PartnerNumber) string {
			if p, known := policy.Partners(n); known {
				return p.ID
			}
			return ""
		}
		s.OpenedBy = id(d.Opener)
		for i := range d.Opinions {
			if o := &d.Opinions[i]; o.Stance.Lists() && !slices.Contains(s.Reporters, id(o.Partner)) {
				s.Reporters = append(s.Reporters, id(o.Partner))
			}
		}
		slices.Sort(s.Reporters)
		return s
	}
	s.Steps, s.Opinions, s.Opener = nil, nil, 0
	s.Investigator, s.ReviewedBy, s.DecidedBy = "", "", ""
	if s.As == AsReporter {
		s.Indicator.Also = nil
	}
	return s
}

// Place is where the dispute stands in a list.
func (s *SeenDispute) Place() DisputePlace {
	return DisputePlace{Overdue: s.Overdue != 0, OpenedAt: s.OpenedAt, ID: s.ID}
}

// DisputeDecision is what an authority decides.
type DisputeDecision struct {
	To                   DisputeState
	Reason, Investigator string
	// Category and Confidence are for a decision that lists; "" and 0 take them from the listing.
	Category   string
	Confidence uint8
}

// Why a step is refused.
var (
	ErrNoSuchDispute = errors.New("there is no such dispute")
	ErrNotAuthority  = errors.New("this takes an authority whose word counts")
	ErrDisputePassed = errors.New("the dispute does not take this step, or no longer")
)
