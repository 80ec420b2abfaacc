package fraud

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Event is one thing that one partner says about one indicator. It holds no names, no free text and no raw value.
// The JSON form is that of the bundle's schema (schemas/bundle.v1.json); times have millisecond precision.
type Event struct {
	// ID is a UUIDv7 chosen by the partner. Together with the partner it identifies the event: however often it is
	// sent, it counts once.
	ID   uuid.UUID `json:"event_id"`
	Kind Kind      `json:"kind"`
	// IssuedAt is when the partner said it. Of two events of one partner on one indicator the later wins.
	IssuedAt  time.Time `json:"issued_at"`
	Indicator Ref       `json:"indicator"`
	// Category is a term of the category taxonomy: "telecommunication". A report must have one.
	Category string `json:"category,omitempty"`
	Role     Role   `json:"role,omitzero"`
	// Confidence is 1 to 100 for a report, and absent otherwise.
	Confidence uint8    `json:"confidence,omitzero"`
	Evidence   Evidence `json:"evidence,omitzero"`
	// ObservedAt is when it happened in the world: the scam was seen, the platform acted.
	ObservedAt time.Time `json:"observed_at,omitzero"`
	// ExpiresAt ends the opinion by itself.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	TLP       TLP       `json:"tlp,omitzero"`
	// Group is the sharing group to which an amber event is confined: a term of the group taxonomy.
	Group  string `json:"group,omitempty"`
	Advice Advice `json:"advice,omitzero"`
	// Action is what was done; an event of kind action must have it, others may not.
	Action Action `json:"action,omitzero"`
	// Platform, Institution and Region are terms of their taxonomies.
	Platform    string   `json:"platform,omitempty"`
	Institution string   `json:"institution,omitempty"`
	Region      string   `json:"region,omitempty"`
	LossBand    LossBand `json:"loss_band,omitzero"`
	// Case joins the indicators of one incident. It is opaque: at most 64 of [A-Za-z0-9._:-].
	Case string `json:"case,omitempty"`
}

// Ref names an indicator without saying it.
type Ref struct {
	Type indicator.Type `json:"type"`
	// Epoch is the key epoch of every digest here, from 1.
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
	// Also holds the broader or weaker expressions that this event speaks for too ([indicator.Indicator.Report]
	// after its first). A withdrawal must carry the same ones as the report that it takes back.
	Also []Also `json:"also,omitempty"`
}

// Also is a broader or weaker expression of the same indicator.
type Also struct {
	Grade  indicator.Grade  `json:"grade"`
	Digest indicator.Digest `json:"digest"`
}

// MaxAlso is how many further expressions an event may carry.
const MaxAlso = 8

// The window in which issued_at must lie, seen from the time at which Kafka appended the message.
const (
	MaxAge  = 7 * 24 * time.Hour
	MaxSkew = 5 * time.Minute
)

// Validate checks what can be checked of one event by itself, without taxonomies, keys or the partner's rights:
// required and excluded fields, ranges, and issued_at against the time at which the event reached Kafka.
func (e *Event) Validate(appended time.Time) error {
	switch {
	case e.ID.Version() != 7 && e.ID.Version() != 8:
		return Refuse(ReasonSchema, "/event_id", "must be a UUID of version 7 or 8")
	case !e.Kind.Valid():
		return Refuse(ReasonSchema, "/kind", "is required")
	case !e.Indicator.Type.Valid():
		return Refuse(ReasonSchema, "/indicator/type", "is required")
	case e.Indicator.Epoch == 0:
		return Refuse(ReasonNotKeyed, "/indicator/epoch", "a digest must be keyed: epoch counts from 1, and plain hashes are refused")
	case e.Indicator.Digest.IsZero():
		return Refuse(ReasonSchema, "/indicator/digest", "is required")
	case len(e.Indicator.Also) > MaxAlso:
		return Refuse(ReasonSchema, "/indicator/also", "may hold 8 entries at most")
	case e.IssuedAt.IsZero():
		return Refuse(ReasonSchema, "/issued_at", "is required")
	case e.IssuedAt.After(appended.Add(MaxSkew)):
		return Refuse(ReasonFuture, "/issued_at", "lies more than 5 minutes after the message reached the hub: check the clock")
	case e.IssuedAt.Before(appended.Add(-MaxAge)):
		return Refuse(ReasonTooOld, "/issued_at", "lies more than 7 days before the message reached the hub: issue it anew")
	case e.Kind.Lists() && e.Category == "":
		return Refuse(ReasonSchema, "/category", "a report needs a category")
	case e.Kind.Lists() && (e.Confidence < 1 || e.Confidence > 100):
		return Refuse(ReasonSchema, "/confidence", "a report needs a confidence of 1 to 100")
	case !e.Kind.Lists() && e.Confidence != 0:
		return Refuse(ReasonSchema, "/confidence", "only a report has a confidence")
	case e.Group != "" && !e.TLP.takesGroup():
		return Refuse(ReasonSchema, "/group", "a sharing group is for TLP AMBER and AMBER+STRICT: the other labels say by "+
			"themselves who may see the event")
	case e.Kind == ActionTaken && !e.Action.Valid():
		return Refuse(ReasonSchema, "/action", "an event of kind action says what was done")
	case e.Kind != ActionTaken && e.Action != 0:
		return Refuse(ReasonSchema, "/action", "only an event of kind action says what was done")
	case !e.ExpiresAt.IsZero() && !e.ExpiresAt.After(e.IssuedAt):
		return Refuse(ReasonSchema, "/expires_at", "must be after issued_at")
	case outOfRange(e.ObservedAt):
		return Refuse(ReasonSchema, "/observed_at", "must lie between the years 1970 and 2099")
	case outOfRange(e.ExpiresAt):
		return Refuse(ReasonSchema, "/expires_at", "must lie between the years 1970 and 2099")
	case !validCase(e.Case):
		return Refuse(ReasonSchema, "/case", "must be at most 64 of A-Z a-z 0-9 . _ : -")
	}
	for i, a := range e.Indicator.Also {
		before := e.Indicator.Also[:i]
		switch {
		case a.Grade != indicator.Prefix && a.Grade != indicator.Weak:
			return Refuse(ReasonSchema, "/indicator/also", "each entry has grade prefix or weak")
		case a.Digest.IsZero() || a.Digest == e.Indicator.Digest,
			slices.ContainsFunc(before, func(b Also) bool { return b.Digest == a.Digest }):
			return Refuse(ReasonSchema, "/indicator/also", "each entry has a digest of its own")
		}
	}
	return nil
}

// outOfRange is true for a time that the ledger cannot hold.
func outOfRange(t time.Time) bool { return !t.IsZero() && (t.Year() < 1970 || t.Year() > 2099) }

func validCase(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return len(s) <= 64
}

// Opinions are the partner's words that an event carries: one on its digest and one on each further expression.
// An action carries none. The event must be valid and its digests lifted to the hub's epoch; category is the
// number of its category, and from tells how the event came.
func (e *Event) Opinions(partner PartnerNumber, category Code, from Provenance) []Opinion {
	stance, ok := e.Kind.stance()
	if !ok {
		return nil
	}
	first := Opinion{
		Digest: e.Indicator.Digest, Type: e.Indicator.Type, Grade: indicator.Exact, Partner: partner, Stance: stance,
		Version: MakeVersion(e.IssuedAt, stance, e.ID), Category: category, Evidence: e.Evidence,
		Confidence: e.Confidence, Advice: e.Advice, TLP: e.TLP, ExpiresAt: SecondsOf(e.ExpiresAt),
	}
	first.Provenance = UnpackProvenance(from.Pack(first.Version), first.Version) // as it is wherever it is kept
	all := make([]Opinion, 0, 1+len(e.Indicator.Also))
	all = append(all, first)
	for _, a := range e.Indicator.Also {
		o := first
		o.Digest, o.Grade, o.Origin = a.Digest, a.Grade, OriginOf(e.Indicator.Digest)
		all = append(all, o)
	}
	return all
}
