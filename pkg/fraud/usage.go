package fraud

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// RequestClass is how a partner asked: what the audit counts requests by.
type RequestClass uint8

// The classes of request. The first five ask about indicators.
const (
	LookupOne     RequestClass = 1  // one indicator
	LookupMany    RequestClass = 2  // up to 1,000, as JSON
	LookupBatch   RequestClass = 3  // a book of digests, binary
	ReadHistory   RequestClass = 4  // what was said of one indicator
	FollowChanges RequestClass = 5  // a copy of all that is listed, or what changes in it
	SendEvents    RequestClass = 6  // over HTTP, and what became of them
	ReadTrends    RequestClass = 7  // and other statistics
	ReadAudit     RequestClass = 8  //
	Administer    RequestClass = 9  // what operators do
	AskOther      RequestClass = 10 //
)

var requestClasses = []string{"", "lookup_one", "lookup_many", "lookup_batch", "history", "follow", "events", "trends",
	"audit", "admin", "other"}

// RequestClasses lists the names in the order of their numbers.
func RequestClasses() []string { return slices.Clone(requestClasses[1:]) }

func (c RequestClass) String() string { return name(requestClasses, c) }

// Verdicts counts answered indicators by [Status]; place 0 is empty.
type Verdicts [Unsure + 1]uint64

// Sum is how many indicators were answered.
func (v *Verdicts) Sum() (n uint64) {
	for _, count := range v {
		n += count
	}
	return n
}

// Usage counts what one partner asked of one run of a node in an hour. It never tells about what.
type Usage struct {
	Hour    time.Time
	Partner PartnerNumber
	Class   RequestClass
	Node    string
	// Run is the process: counts of a node that starts again are others.
	Run uuid.UUID
	// Calls counts requests, and Refused those of them that a quota refused.
	Calls, Refused uint64
	// Verdicts are of the indicators that were answered.
	Verdicts Verdicts
}
