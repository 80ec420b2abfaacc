package faults

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// phase is a part of a scenario.
type phase int

const (
	before phase = iota
	during
	after
	phases
)

// tally is what look-ups met in one phase.
type tally struct {
	// latency is from when a look-up was due, not from when it was sent: what waits behind a slow one counts (no
	// coordinated omission). In microseconds.
	latency *hdrhistogram.Histogram
	// shown and gone are how long after its acknowledgement every node followed a report, and a withdrawal. In
	// microseconds.
	shown, gone *hdrhistogram.Histogram
	// errors are look-ups without an answer, and unsure answers that said so.
	errors, unsure int
}

const maxMicros = int64(10 * time.Minute / time.Microsecond)

func newTally() *tally {
	histogram := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxMicros, 3) }
	return &tally{latency: histogram(), shown: histogram(), gone: histogram()}
}

// probes look up at a fixed rate, whatever comes back, and hold each answer against the book.
type probes struct {
	book    *Book
	load    *load
	targets []target
	random  *rand.Rand

	mu      sync.Mutex
	phase   phase
	tallies [phases]*tally
}

// target is a node that is asked.
type target struct {
	node   string
	client *client.Client
}

const (
	// perProbe is the number of indicators of a look-up; the last is one of which nobody has said anything.
	perProbe = 10
	// patience is when a look-up counts as unanswered.
	patience = 3 * time.Second
)

func newProbes(t testing.TB, book *Book, load *load, random *rand.Rand, nodes []*hubtest.Node) *probes {
	p := &probes{book: book, load: load, random: random}
	for i := range p.tallies {
		p.tallies[i] = newTally()
	}
	for _, n := range nodes {
		p.targets = append(p.targets, target{n.Name, lookupClient(t, n)})
	}
	return p
}

// lookupClient tries once, on connections of its own.
func lookupClient(t testing.TB, n *hubtest.Node) *client.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	t.Cleanup(transport.CloseIdleConnections)
	return n.Client(t, "platform", client.WithPatience(0), client.WithHTTPClient(&http.Client{Transport: transport}))
}

func (p *probes) now() *tally { return p.tallies[p.phase] }

func (p *probes) enter(ph phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = ph
}

// run sends rate look-ups a second until ctx ends.
func (p *probes) run(ctx context.Context, rate int) {
	var inFlight sync.WaitGroup
	defer inFlight.Wait()
	every := time.Second / time.Duration(rate)
	for due := time.Now(); ; due = due.Add(every) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		to := p.targets[p.random.IntN(len(p.targets))]
		entries := p.book.pick(p.random, perProbe-1)
		unknown := (&load{epoch: p.load.epoch, random: p.random}).fresh()
		inFlight.Go(func() { p.ask(ctx, due, to, entries, unknown) })
	}
}

func (p *probes) ask(ctx context.Context, due time.Time, to target, entries []*entry, unknown fraud.Ref) {
	items := make([]client.Item, 0, perProbe)
	for _, e := range entries {
		items = append(items, client.Item{Ref: e.ref})
	}
	items = append(items, client.Item{Ref: unknown})
	sights := p.book.before(to.node, entries)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results, err := to.client.Lookup(limited, items)
	took := time.Since(due)
	if err != nil && ctx.Err() != nil {
		return // the scenario is over
	}
	unsure := 0
	for i, r := range results {
		switch {
		case r.Verdict == fraud.Unsure:
			unsure++
		case i < len(entries):
			p.book.judge(to.node, entries[i], sights[i], r.Verdict)
		default:
			p.book.judgeUnknown(to.node, r.Verdict)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.now().errors++
		return
	}
	p.now().unsure += unsure
	_ = p.now().latency.RecordValue(took.Microseconds())
}

// watch measures how long after its acknowledgement every node has followed an event, one newest event after the other,
// until ctx ends.
func (p *probes) watch(ctx context.Context, newest func() news, wanted func(fraud.Status) bool,
	times func(*tally) *hdrhistogram.Histogram,
) {
	var last news
	for ctx.Err() == nil {
		n := newest()
		if n == last {
			time.Sleep(time.Millisecond)
			continue
		}
		p.mu.Lock()
		into := times(p.now())
		p.mu.Unlock()
		if !p.followed(ctx, n.entry, wanted) {
			return
		}
		p.mu.Lock()
		_ = into.RecordValue(time.Since(n.at).Microseconds())
		p.mu.Unlock()
		last = newest() // the next one to be acknowledged
	}
}

func (p *probes) watchReports(ctx context.Context) {
	p.watch(ctx, p.load.reported.get, isListed, func(t *tally) *hdrhistogram.Histogram { return t.shown })
}

func (p *probes) watchWithdrawals(ctx context.Context) {
	p.watch(ctx, p.load.withdrawn.get, isNotListed, func(t *tally) *hdrhistogram.Histogram { return t.gone })
}

func isNotListed(v fraud.Status) bool { return v == fraud.NotListed }

// followed waits until every node answers about an entry as wanted; false when ctx ends first.
func (p *probes) followed(ctx context.Context, e *entry, wanted func(fraud.Status) bool) bool {
	for _, to := range p.targets {
		for {
			limited, cancel := context.WithTimeout(ctx, patience)
			r, err := to.client.LookupOne(limited, client.Item{Ref: e.ref})
			cancel()
			if ctx.Err() != nil {
				return false
			}
			if err == nil && wanted(r.Verdict) {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return true
}
