package fraud

import (
	"fmt"
	"time"
)

// Place is where a message stands in the reports topic.
type Place struct {
	Partition int32
	Offset    int64
}

func (p Place) String() string { return fmt.Sprintf("%d:%d", p.Partition, p.Offset) }

// Before orders places by partition, then offset.
func (p Place) Before(q Place) bool {
	return p.Partition < q.Partition || p.Partition == q.Partition && p.Offset < q.Offset
}

// Place is where the message stands that the event is part of.
func (p Position) Place() Place { return Place{p.Partition, p.Offset} }

// Replay says that an operator sent a refused message again: the same bytes, which now stand at another place too.
type Replay struct {
	From, To Place
	At       time.Time
	// By is who did it, as the operating system or the operator says.
	By string
}

// Letter is a dead letter with what was done about it.
type Letter struct {
	DeadLetter
	// Replays is how often its message was sent again, and Last the last of these times.
	Replays int
	Last    Replay
}

// LetterQuery chooses dead letters; empty fields choose any. The zero value chooses all that are outstanding: what was
// sent again is not, for if it is still bad it is a new dead letter at its new place.
type LetterQuery struct {
	Reasons []Reason
	// Partners are numbers; 0 stands for no partner being proven.
	Partners   []PartnerNumber
	Partitions []int32
	Places     []Place
	// Since and Until bound when Kafka took the message: from Since on, before Until.
	Since, Until time.Time
	// Replayed chooses also what was sent again.
	Replayed bool
	// Limit is how many at most, 0 for all.
	Limit int
}

// LetterGroup counts dead letters of one reason or of one partner.
type LetterGroup struct {
	Reason  Reason
	Partner PartnerNumber
	// Letters is how many there are, and Messages of how many messages.
	Letters, Messages uint64
	// First and Last are when Kafka took the oldest and the newest of the messages.
	First, Last time.Time
}

// LetterGrouping is what dead letters are counted by.
type LetterGrouping uint8

// The groupings.
const (
	LettersTogether LetterGrouping = iota
	LettersByReason
	LettersByPartner
)

// Became is what the ledger holds of one message.
type Became struct {
	Place
	// Stored is how many of its events were accepted, and Refused how many dead letters point to it.
	Stored, Refused uint64
}
