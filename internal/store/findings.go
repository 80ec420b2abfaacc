package store

import (
	"fmt"
	"strings"
)

// Finding is one thing that an audit finds wrong. It names places and counts, and nothing that partners sent.
type Finding struct {
	// Kind is for those who count: see [FindingKinds].
	Kind string `json:"kind"`
	// Count is how many messages, cells or opinions are concerned.
	Count uint64 `json:"count"`
	// Text is for people.
	Text string `json:"text"`
}

// The kinds of findings.
const (
	MissingMessages    = "missing_messages"
	IncompleteMessages = "incomplete_messages"
	MixedMessages      = "mixed_messages"
	WrongTrends        = "wrong_trends"
	WrongDays          = "wrong_trend_days"
	WrongSums          = "wrong_trend_sums"
	WrongBoards        = "wrong_boards"
	OldOpinions        = "old_opinions"
	UnknownOpinions    = "unknown_opinions"
)

// FindingKinds are the kinds of findings that the ledger itself shows.
func FindingKinds() []string {
	return []string{MissingMessages, IncompleteMessages, MixedMessages, WrongTrends, WrongDays, WrongSums, WrongBoards, OldOpinions, UnknownOpinions}
}

// Findings are everything that is wrong.
func (a AuditReport) Findings() []Finding {
	var all []Finding
	found := func(kind string, count uint64, format string, args ...any) {
		if count > 0 {
			all = append(all, Finding{kind, count, fmt.Sprintf(format, args...)})
		}
	}
	for _, p := range a.Partitions {
		var missing uint64
		for _, g := range p.Gaps {
			missing += uint64(g.To - g.From + 1)
		}
		found(MissingMessages, missing, "partition %d: the ledger lacks the messages %s", p.Partition, listed(p.Gaps))
		found(IncompleteMessages, p.Broken, "partition %d: %d messages lack an event between others", p.Partition, p.Broken)
		found(MixedMessages, p.Mixed, "partition %d: at %d offsets stand rows of two messages: the topic was made anew or "+
			"put back, and rows of the one may have replaced those of the other", p.Partition, p.Mixed)
	}
	found(WrongTrends, a.Trends.Wrong, "trends show %d events where the ledger counts %d: %d cells differ",
		a.Trends.Shown, a.Trends.Counted, a.Trends.Wrong)
	found(WrongDays, a.Days.Wrong+a.Days.WrongSketches, "trends by days: %d cells and %d sketches of indicators differ from what "+
		"the ledger counts", a.Days.Wrong, a.Days.WrongSketches)
	found(WrongSums, a.Sums.Wrong, "sums of trends: %d of hours, days, weeks and months differ from what they are made of",
		a.Sums.Wrong)
	found(WrongBoards, a.Boards.Wrong+a.Boards.WrongHours, "boards: %d indicators have come to something else in the ledger, and "+
		"in %d hours something else was said", a.Boards.Wrong, a.Boards.WrongHours)
	found(OldOpinions, a.Opinions.Behind, "%d opinions are missing, or older than the ledger says", a.Opinions.Behind)
	if !a.Opinions.Moving {
		found(UnknownOpinions, a.Opinions.Ahead, "%d opinions follow from nothing in the ledger", a.Opinions.Ahead)
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
