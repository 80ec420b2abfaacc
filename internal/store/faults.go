package store

import (
	"fmt"
	"strings"
)

// Fault is one thing that an audit finds wrong. It names places and counts, and nothing that partners sent.
type Fault struct {
	// Kind is one of [FaultKinds], for those who count.
	Kind string `json:"kind"`
	// Count is how many messages, cells or opinions are concerned.
	Count uint64 `json:"count"`
	// Text is for people.
	Text string `json:"text"`
}

// The kinds of faults.
const (
	faultMissing = "missing_messages"
	faultBroken  = "incomplete_messages"
	faultMixed   = "mixed_messages"
	faultTrends  = "wrong_trends"
	faultBehind  = "old_opinions"
	faultAhead   = "unknown_opinions"
)

// FaultKinds are the kinds of faults that the ledger itself shows.
func FaultKinds() []string {
	return []string{faultMissing, faultBroken, faultMixed, faultTrends, faultBehind, faultAhead}
}

// Faults is everything that is wrong.
func (a AuditReport) Faults() []Fault {
	var all []Fault
	found := func(kind string, count uint64, format string, args ...any) {
		if count > 0 {
			all = append(all, Fault{kind, count, fmt.Sprintf(format, args...)})
		}
	}
	for _, p := range a.Partitions {
		var missing uint64
		for _, g := range p.Gaps {
			missing += uint64(g.To - g.From + 1)
		}
		found(faultMissing, missing, "partition %d: the ledger lacks the messages %s", p.Partition, listed(p.Gaps))
		found(faultBroken, p.Broken, "partition %d: %d messages lack an event between others", p.Partition, p.Broken)
		found(faultMixed, p.Mixed, "partition %d: at %d offsets stand rows of two messages: the topic was made anew or "+
			"put back, and rows of the one may have replaced those of the other", p.Partition, p.Mixed)
	}
	found(faultTrends, a.Trends.Wrong, "trends show %d events where the ledger counts %d: %d cells differ",
		a.Trends.Shown, a.Trends.Counted, a.Trends.Wrong)
	found(faultBehind, a.Opinions.Behind, "%d opinions are missing, or older than the ledger says", a.Opinions.Behind)
	if !a.Opinions.Moving {
		found(faultAhead, a.Opinions.Ahead, "%d opinions follow from nothing in the ledger", a.Opinions.Ahead)
	}
	return all
}

// listed names gaps as "50-52, 60-60".
func listed(gaps []Gap) string {
	var all []string
	for _, g := range gaps {
		all = append(all, fmt.Sprintf("%d-%d", g.From, g.To))
	}
	return strings.Join(all, ", ")
}
