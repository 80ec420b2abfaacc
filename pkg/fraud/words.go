package fraud

import (
	"fmt"
	"slices"
	"strings"
)

// A word list is a closed vocabulary whose numbers are stored and sent: numbers are never reused.

func parse[T ~uint8](what string, names []string, text string) (T, error) {
	for i, n := range names {
		if n != "" && n == text {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s; one of %s", what, strings.Join(names[1:], ", "))
}

func name[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return ""
}

func text[T ~uint8](what string, names []string, v T) ([]byte, error) {
	if n := name(names, v); n != "" {
		return []byte(n), nil
	}
	return nil, fmt.Errorf("%s %d is unknown", what, v)
}

// Kind is what an event does.
type Kind uint8

// The kinds of event.
const (
	Report      Kind = 1 // this partner lists the indicator
	Withdraw    Kind = 2 // it takes its own word back
	Clear       Kind = 3 // the holder or an authority says that it is legitimate
	Dispute     Kind = 4 // under dispute: observe only
	Sighting    Kind = 5 // seen again
	ActionTaken Kind = 6 // what was done about it
	Uphold      Kind = 7 // an authority looked into disputes or a clear, and lists it all the same
)

var kinds = []string{"", "report", "withdraw", "clear", "dispute", "sighting", "action", "uphold"}

// Kinds lists the names in the order of their numbers.
func Kinds() []string { return slices.Clone(kinds[1:]) }

// Valid reports whether k is a kind of event.
func (k Kind) Valid() bool { return k >= Report && k <= Uphold }

// Lists reports whether an event of the kind lists its indicator.
func (k Kind) Lists() bool                  { return k == Report || k == Uphold }
func (k Kind) String() string               { return name(kinds, k) }
func (k Kind) MarshalText() ([]byte, error) { return text("kind", kinds, k) }
func (k *Kind) UnmarshalText(b []byte) (err error) {
	*k, err = parse[Kind]("kind", kinds, string(b))
	return err
}

func (k Kind) stance() (Stance, bool) {
	switch k {
	case Report:
		return Listed, true
	case Withdraw:
		return Withdrawn, true
	case Clear:
		return Cleared, true
	case Dispute:
		return Disputed, true
	case Sighting:
		return Sighted, true
	case Uphold:
		return Upheld, true
	}
	return 0, false
}

// Stance is what a partner's standing word on a digest is.
type Stance uint8

// The stances.
const (
	Listed    Stance = 1
	Withdrawn Stance = 2
	Cleared   Stance = 3
	Disputed  Stance = 4
	Sighted   Stance = 5
	Upheld    Stance = 6 // listed, and every dispute and clear said before is answered
)

var stances = []string{"", "listed", "withdrawn", "cleared", "disputed", "sighted", "upheld"}

// Valid reports whether s is a stance.
func (s Stance) Valid() bool { return s >= Listed && s <= Upheld }

// Lists reports whether the digest is listed by it.
func (s Stance) Lists() bool    { return s == Listed || s == Upheld }
func (s Stance) String() string { return name(stances, s) }

func (s Stance) precedence() uint64 {
	switch s {
	case Withdrawn, Cleared:
		return 2
	case Disputed:
		return 1
	}
	return 0
}

// Role is the part an indicator plays in the scam.
type Role uint8

// The roles.
const (
	Mule         Role = 1
	Caller       Role = 2
	Lure         Role = 3
	Collector    Role = 4
	Impersonated Role = 5
)

var roles = []string{"", "mule", "caller", "lure", "collector", "impersonated"}

func (r Role) String() string               { return name(roles, r) }
func (r Role) MarshalText() ([]byte, error) { return text("role", roles, r) }
func (r *Role) UnmarshalText(b []byte) (err error) {
	*r, err = parse[Role]("role", roles, string(b))
	return err
}

// Action is what was done about an indicator.
type Action uint8

// The actions.
const (
	Removed   Action = 1
	Blocked   Action = 2
	Held      Action = 3
	Refunded  Action = 4
	NoAction  Action = 5
	Disagreed Action = 6
)

var actions = []string{"", "removed", "blocked", "held", "refunded", "no_action", "disagreed"}

// Valid reports whether a is an action.
func (a Action) Valid() bool                  { return a >= Removed && a <= Disagreed }
func (a Action) String() string               { return name(actions, a) }
func (a Action) MarshalText() ([]byte, error) { return text("action", actions, a) }
func (a *Action) UnmarshalText(b []byte) (err error) {
	*a, err = parse[Action]("action", actions, string(b))
	return err
}

// Advice is what one may do on the strength of an opinion, the mildest first.
type Advice uint8

// The advice.
const (
	Observe Advice = 1
	Warn    Advice = 2
	Hold    Advice = 3
	Block   Advice = 4
)

var advices = []string{"", "observe", "warn", "hold", "block"}

func (a Advice) String() string               { return name(advices, a) }
func (a Advice) MarshalText() ([]byte, error) { return text("advice", advices, a) }
func (a *Advice) UnmarshalText(b []byte) (err error) {
	*a, err = parse[Advice]("advice", advices, string(b))
	return err
}

// TLP says who may see an event (Traffic Light Protocol 2.0, FIRST), the most open first.
type TLP uint8

// The labels. Absent means Amber.
const (
	TLPClear       TLP = 1
	TLPGreen       TLP = 2
	TLPAmber       TLP = 3
	TLPAmberStrict TLP = 4
	TLPRed         TLP = 5
)

// takesGroup reports whether an event of this label may name a sharing group.
func (t TLP) takesGroup() bool { return t == 0 || t == TLPAmber || t == TLPAmberStrict }

var tlps = []string{"", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}

func (t TLP) String() string               { return name(tlps, t) }
func (t TLP) MarshalText() ([]byte, error) { return text("tlp", tlps, t) }
func (t *TLP) UnmarshalText(b []byte) (err error) {
	*t, err = parse[TLP]("tlp", tlps, string(b))
	return err
}

// LossBand is the loss of one incident in ringgit, in bands wide enough to tell nobody apart.
type LossBand uint8

// The bands.
const (
	LossNone      LossBand = 1
	LossUnder1K   LossBand = 2
	LossUnder10K  LossBand = 3
	LossUnder100K LossBand = 4
	LossUnder1M   LossBand = 5
	LossOver1M    LossBand = 6
)

var lossBands = []string{"", "none", "under_1k", "1k_10k", "10k_100k", "100k_1m", "over_1m"}

func (l LossBand) String() string               { return name(lossBands, l) }
func (l LossBand) MarshalText() ([]byte, error) { return text("loss_band", lossBands, l) }
func (l *LossBand) UnmarshalText(b []byte) (err error) {
	*l, err = parse[LossBand]("loss_band", lossBands, string(b))
	return err
}

// PartnerKind is what sort of organisation a partner is.
type PartnerKind uint8

// The kinds of partner.
const (
	Bank      PartnerKind = 1
	EWallet   PartnerKind = 2
	Platform  PartnerKind = 3
	Telco     PartnerKind = 4
	Police    PartnerKind = 5
	Regulator PartnerKind = 6
)

var partnerKinds = []string{"", "bank", "ewallet", "platform", "telco", "police", "regulator"}

// PartnerKinds lists the names in the order of their numbers.
func PartnerKinds() []string { return slices.Clone(partnerKinds[1:]) }

// Authority reports whether one word of such a partner is enough to confirm.
func (k PartnerKind) Authority() bool              { return k == Police || k == Regulator }
func (k PartnerKind) String() string               { return name(partnerKinds, k) }
func (k PartnerKind) MarshalText() ([]byte, error) { return text("partner kind", partnerKinds, k) }
func (k *PartnerKind) UnmarshalText(b []byte) (err error) {
	*k, err = parse[PartnerKind]("partner kind", partnerKinds, string(b))
	return err
}

// PartnerState says how much a partner's word weighs.
type PartnerState uint8

// The states.
const (
	// Active partners' words count.
	Active PartnerState = 1
	// Shadow partners' words are stored and counted but list nothing.
	Shadow PartnerState = 2
	// Suspended partners may neither speak nor ask.
	Suspended PartnerState = 3
)

var partnerStates = []string{"", "active", "shadow", "suspended"}

func (s PartnerState) String() string               { return name(partnerStates, s) }
func (s PartnerState) MarshalText() ([]byte, error) { return text("partner state", partnerStates, s) }
func (s *PartnerState) UnmarshalText(b []byte) (err error) {
	*s, err = parse[PartnerState]("partner state", partnerStates, string(b))
	return err
}

// Evidence is the set of grounds that a report rests on.
type Evidence uint8

// The grounds.
const (
	PoliceReport       Evidence = 1 << 0
	ConfirmedLoss      Evidence = 1 << 1
	BankSuspected      Evidence = 1 << 2
	PlatformActioned   Evidence = 1 << 3
	UserReport         Evidence = 1 << 4
	PredictiveEvidence Evidence = 1 << 5
)

// Corroborating are the grounds that may confirm. A user's word or a model's guess may only raise a suspicion.
const Corroborating = PoliceReport | ConfirmedLoss | BankSuspected | PlatformActioned

var evidences = []string{"police_report", "confirmed_loss", "bank_suspected", "platform_actioned", "user_report", "predictive"}

// ParseEvidence reads names of grounds.
func ParseEvidence(names ...string) (Evidence, error) {
	var e Evidence
	for _, n := range names {
		i := slices.Index(evidences, n)
		if i < 0 {
			return 0, fmt.Errorf("unknown evidence; any of %s", strings.Join(evidences, ", "))
		}
		e |= 1 << i
	}
	return e, nil
}

// Names lists the grounds in the set.
func (e Evidence) Names() []string {
	var all []string
	for i, n := range evidences {
		if e&(1<<i) != 0 {
			all = append(all, n)
		}
	}
	return all
}
