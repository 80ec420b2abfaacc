package fraud

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// AuditKind is what an audit record tells of.
type AuditKind uint8

// The kinds of audit record.
const (
	AuditEvent   AuditKind = 1 // a partner listed, withdrew, cleared, disputed…
	AuditRefusal AuditKind = 2 // what a partner sent was refused for good
	AuditRepeat  AuditKind = 3 // an event that was taken already came again: it counts no further time
	AuditAct     AuditKind = 4 // an operator, or somebody with a key, did something
	AuditUsage   AuditKind = 5 // how much a partner asked in an hour
)

var auditKinds = []string{"", "event", "refusal", "repeat", "act", "usage"}

// AuditKinds lists the names in the order of their numbers.
func AuditKinds() []string { return slices.Clone(auditKinds[1:]) }

func (k AuditKind) String() string               { return name(auditKinds, k) }
func (k AuditKind) MarshalText() ([]byte, error) { return text("kind", auditKinds, k) }
func (k *AuditKind) UnmarshalText(b []byte) (err error) {
	*k, err = parse[AuditKind]("kind", auditKinds, string(b))
	return err
}

// AuditRecord is one thing that the audit tells. It never holds a value or a digest.
type AuditRecord struct {
	// At is when Kafka took the message, when the act was done, or when the hour began.
	At   time.Time
	Kind AuditKind
	// What is the event's kind, the reason of the refusal, the deed, or the class of the requests.
	What string
	// By is the id of the partner, "" where none is proven or the hub did it itself.
	By string

	// Of an event, a refusal and a repeat.
	Position Position
	EventID  uuid.UUID
	// Type and IssuedAt are unknown for a refusal.
	Type     indicator.Type
	IssuedAt time.Time
	// First is where a repeated event stands for the first time.
	First Position

	// Of an act.
	ID                        uuid.UUID
	Key, Whom, Object, Reason string
	Done                      bool

	// Of requests: by which node, how many, and what was answered.
	Node           string
	Calls, Refused uint64
	Verdicts       Verdicts
	// Place is where the record stands in the audit.
	Place AuditPlace
}

// AuditPlace orders the audit: by time, and whatever is of one time in an order of its own. The zero place is after all.
type AuditPlace struct {
	At   time.Time
	Kind AuditKind
	A, B uint64
}

// AuditQuery chooses audit records; the newest come first.
type AuditQuery struct {
	// Kinds are those asked for: at least one.
	Kinds []AuditKind
	// What are words of [AuditRecord.What]; none is any.
	What []string
	// Partner is the id of who did it, or to whom it was done; "" is anybody.
	Partner string
	// From and To bound the time, To excluded.
	From, To time.Time
	// Digest chooses what was said of one indicator, given at the hub's epoch; nil is any.
	Digest *indicator.Digest
	// Type is that of the digest.
	Type indicator.Type
	// Before chooses what comes after a place in the order of the answer: the records before it in time.
	Before AuditPlace
	// Limit is how many at most.
	Limit int
}
