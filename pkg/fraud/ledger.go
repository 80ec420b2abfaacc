package fraud

import (
	"time"

	"github.com/google/uuid"
)

// Position is where an event stands in the reports topic. Every stored row, good or refused, carries one, so that
// one query proves that nothing is missing.
type Position struct {
	Partition int32
	Offset    int64
	// Index is the event's place in its bundle, from 0.
	Index uint16
}

// Entry is one verified event on its way into the ledger, with its digests lifted to the hub's epoch and its
// taxonomy terms resolved.
type Entry struct {
	Position
	// Appended is when Kafka took the message: a function of the position, never of the delivery.
	Appended time.Time
	Partner  PartnerNumber
	Event    Event
	// The codes of the event's terms, 0 for none.
	Category, Platform, Institution, Region Code
	// SignedBy and Group are the provenance that the message and the event give; Held is set by [Entry.Hold].
	SignedBy KeyNumber
	Group    Group
	Held     bool
	// Opinions are the words that the event carries; an action carries none.
	Opinions []Opinion
}

// Hold makes the entry's words wait for the hub's operators.
func (e *Entry) Hold() {
	e.Held = true
	for i := range e.Opinions {
		e.Opinions[i].Held = true
	}
}

// DeadLetter is what was refused for good: a whole bundle or one event of it. It points to the original in the reports
// topic and holds none of its bytes, because what was refused may hold what must never be stored: a raw value.
type DeadLetter struct {
	Position
	// Whole is true when the bundle was refused as a whole; Index is then 0.
	Whole    bool
	Appended time.Time
	// Partner is 0 when the signature did not prove one.
	Partner PartnerNumber
	// EventID is the id of the refused event where it could be read, so that its partner can ask what became of it.
	EventID uuid.UUID
	Fault   Fault
	// Size is the length of the message's value in bytes.
	Size int
}

// Segment is a run of one partition's messages on its way into the store: the messages First to Last, each of whose
// events is in Entries or in DeadLetters.
type Segment struct {
	Partition   int32
	First, Last int64
	// Partial is true when more events of the same messages are to come: they do not count as stored yet.
	Partial     bool
	Entries     []Entry
	DeadLetters []DeadLetter
	// TakenBack undoes what was announced of events that the ledger then refused.
	TakenBack []Opinion
}

// Stored says how far the ledger holds a partition of the reports topic.
type Stored struct {
	// Next is the offset after the highest that is stored without a gap.
	Next int64
	// Appended is when the message before Next was appended.
	Appended time.Time
}
