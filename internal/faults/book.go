package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Book is what the load knows: which events Kafka has acknowledged, and what each node has answered. Nothing in it
// comes from the hub's own records.
type Book struct {
	mu      sync.Mutex
	acked   map[uuid.UUID]struct{}
	entries []*entry

	falseNegatives, falsePositives int
	notes                          []string
}

// entry is one indicator.
type entry struct {
	ref fraud.Ref
	// reported and withdrawn are when Kafka acknowledged the events; taking is when the withdrawal was first sent.
	reported, withdrawn, taking time.Time
	// seen is what each node has answered so far.
	seen map[string]sight
}

// sight is how far a node has followed an entry: it never goes back.
type sight uint8

const (
	unseen sight = iota
	listed
	gone
)

func newBook() *Book { return &Book{acked: map[uuid.UUID]struct{}{}} }

// report books acknowledged reports.
func (b *Book) report(at time.Time, events []fraud.Event) []*entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	added := make([]*entry, len(events))
	for i := range events {
		b.acked[events[i].ID] = struct{}{}
		added[i] = &entry{ref: events[i].Indicator, reported: at, seen: map[string]sight{}}
	}
	b.entries = append(b.entries, added...)
	return added
}

// taking books that withdrawals of entries are about to be sent.
func (b *Book) taking(at time.Time, entries ...*entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		e.taking = at
	}
}

// withdraw books acknowledged withdrawals.
func (b *Book) withdraw(at time.Time, events []fraud.Event, entries []*entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range events {
		b.acked[events[i].ID] = struct{}{}
	}
	for _, e := range entries {
		e.withdrawn = at
	}
}

// Acknowledged is the number of events that Kafka has acknowledged.
func (b *Book) Acknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acked)
}

// pick draws up to n entries: half of them among the newest, where things happen.
func (b *Book) pick(random *rand.Rand, n int) []*entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.entries) == 0 {
		return nil
	}
	picked := make([]*entry, n)
	for i := range picked {
		from := 0
		if i%2 == 0 {
			from = max(0, len(b.entries)-2000)
		}
		picked[i] = b.entries[from+random.IntN(len(b.entries)-from)]
	}
	return picked
}

// before notes what a node had answered of entries when a look-up was sent.
func (b *Book) before(node string, entries []*entry) []sight {
	b.mu.Lock()
	defer b.mu.Unlock()
	sights := make([]sight, len(entries))
	for i, e := range entries {
		sights[i] = e.seen[node]
	}
	return sights
}

// judge holds a node's answer about an entry against what it had answered before the look-up was sent.
func (b *Book) judge(node string, e *entry, before sight, verdict fraud.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case isListed(verdict):
		if before == gone {
			b.falsePositives++
			b.note("%s lists an indicator again, %s after its withdrawal was acknowledged", node, time.Since(e.withdrawn))
			return
		}
		e.seen[node] = max(e.seen[node], listed)
	case verdict == fraud.NotListed && !e.taking.IsZero():
		// Only a node that has listed it has followed the withdrawal; any other may not know of the report yet.
		if before == listed {
			e.seen[node] = gone
		}
	case verdict == fraud.NotListed && before == listed:
		b.falseNegatives++
		b.note("%s does not list an indicator which it has listed, reported %s ago", node, time.Since(e.reported))
	}
}

// judgeUnknown holds a node's answer about an indicator of which nobody has said anything.
func (b *Book) judgeUnknown(node string, verdict fraud.Status) {
	if !isListed(verdict) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.falsePositives++
	b.note("%s lists an indicator that nobody has reported", node)
}

func isListed(v fraud.Status) bool { return v == fraud.Suspected || v == fraud.Confirmed }

// note keeps the first of the findings for the test's log.
func (b *Book) note(format string, args ...any) {
	if len(b.notes) < 10 {
		b.notes = append(b.notes, fmt.Sprintf(format, args...))
	}
}

// balance counts what a node answers wrongly when everything has settled.
func (b *Book) balance(node string, answers map[indicator.Digest]fraud.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		verdict := answers[e.ref.Digest]
		switch {
		case e.agrees(verdict):
		case e.withdrawn.IsZero():
			b.falseNegatives++
			b.note("in the end %s answers %s for an indicator that stands reported", node, verdict)
		default:
			b.falsePositives++
			b.note("in the end %s answers %s for a withdrawn indicator", node, verdict)
		}
	}
}

// agrees reports whether a verdict is what the entry's last event says.
func (e *entry) agrees(verdict fraud.Status) bool {
	if e.withdrawn.IsZero() {
		return isListed(verdict)
	}
	return verdict == fraud.NotListed
}

// agrees reports whether every answer is what the last events say.
func (b *Book) agrees(answers map[indicator.Digest]fraud.Status) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !slices.ContainsFunc(b.entries, func(e *entry) bool { return !e.agrees(answers[e.ref.Digest]) })
}

func (b *Book) digests() []indicator.Digest {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]indicator.Digest, len(b.entries))
	for i, e := range b.entries {
		all[i] = e.ref.Digest
	}
	return all
}

// lost are the acknowledged events that are not among the stored.
func (b *Book) lost(stored map[uuid.UUID]struct{}) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.acked {
		if _, ok := stored[id]; !ok {
			n++
		}
	}
	return n
}

func (b *Book) findings() (negatives, positives int, notes []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.falseNegatives, b.falsePositives, slices.Clone(b.notes)
}
