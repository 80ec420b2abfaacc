package audit

import (
	"fmt"

	"github.com/waspada-hub/waspada/internal/store"
)

// Report is what an audit found. Its OK is true when nothing is wrong as far as could be seen, and Complete tells how
// far that was.
type Report struct {
	store.AuditReport
	// Kafka is nil when it did not answer.
	Kafka *KafkaReport `json:"kafka"`
	// Findings are everything that is wrong.
	Findings []store.Finding `json:"findings"`
	// Complete is true when everything could be checked. Unchecked says what could not be, and why.
	Complete  bool     `json:"complete"`
	Unchecked []string `json:"unchecked"`
}

// KafkaReport is what Kafka says of the reports topic.
type KafkaReport struct {
	Partitions int `json:"partitions"`
	// Messages is how many the topic holds, and Waiting how many of them the ledger does not hold yet.
	Messages uint64 `json:"messages"`
	Waiting  uint64 `json:"waiting"`
	// Compared is how many messages were found to be the same in the ledger and in Kafka: the oldest and the newest of
	// each partition that both hold.
	Compared uint64 `json:"compared"`
}

// The kinds of findings that it takes Kafka to see.
const (
	// OtherTopic counts messages of the ledger that stood in another topic of the same name.
	OtherTopic = "other_topic"
	// DeletedUnstored counts messages that Kafka has deleted and the ledger has never held.
	DeletedUnstored = "deleted_unstored"
)

// FindingKinds are all kinds of findings.
func FindingKinds() []string { return append(store.FindingKinds(), OtherTopic, DeletedUnstored) }

func (r *Report) found(kind string, count uint64, format string, args ...any) {
	r.Findings = append(r.Findings, store.Finding{Kind: kind, Count: count, Text: fmt.Sprintf(format, args...)})
}

func (r *Report) unchecked(format string, args ...any) {
	r.Unchecked = append(r.Unchecked, fmt.Sprintf(format, args...))
}

// Lines is the report for people.
func (r Report) Lines() []string {
	lines := r.AuditReport.Lines()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if k := r.Kafka; k != nil {
		say("Kafka: %d messages in %d partitions, %d of them not stored yet; %d compared with the ledger and the same",
			k.Messages, k.Partitions, k.Waiting, k.Compared)
	}
	for _, u := range r.Unchecked {
		say("UNCHECKED: %s", u)
	}
	for _, f := range r.Findings {
		say("FOUND %s: %s", f.Kind, f.Text)
	}
	switch {
	case !r.OK:
		say("NOT OK: see what was found")
	case !r.Complete:
		say("NOT PROVEN: nothing wrong was found, but not everything could be checked")
	default:
		say("OK: nothing is missing and nothing counts twice")
	}
	return lines
}
