package api

import (
	"runtime"
	"sync/atomic"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// gate keeps a node that is asked for more than it can do from doing nothing well. There is no queue: who cannot be
// served is told so at once and comes again.
//
//	head ──enter──▶ body ──work──▶ at work ──end──▶ answer is sent ──leave──▶
//	         │                │
//	         └──── 503 ───────┘   too many at work for the class, or too many that send their body
//
// All classes share one number of places. Look-ups may take them all, contributions half of them and analysis a
// quarter: so what is less urgent is turned away first, and what waits for Kafka or ClickHouse never takes the look-ups' places.
// A request takes its place when its body is there and gives it back before its answer is sent: slow callers take none.
type gate struct {
	places           int64
	entered, working atomic.Int64
}

// bodiesPerPlace is how many requests may be on their way for each place. It bounds the memory for bodies.
const bodiesPerPlace = 16

func newGate(places int) gate {
	if places <= 0 {
		places = max(64, 32*runtime.GOMAXPROCS(0))
	}
	return gate{places: int64(places)}
}

// class is how urgent a request is, the most urgent first.
type class uint8

const (
	forLookups class = iota
	forContributions
	forAnalysis
)

func (c class) String() string { return [...]string{"lookup", "contribute", "analytics"}[c] }

// classOf is a route's. Operators come with the look-ups: they are few, and may be about to end the overload. What reads
// the past waits for ClickHouse or Kafka, whatever its scope.
func classOf(rt route) class {
	switch rt.path {
	case "/v1/indicators/:type/:digest", "/v1/indicators", "/v1/changes":
		return forAnalysis
	}
	switch rt.scope {
	case fraud.MayLookup, fraud.MayAdmin:
		return forLookups
	case fraud.MayReport, judge:
		return forContributions
	}
	return forAnalysis
}

// share is how many of n the class may take.
func (c class) share(n int64) int64 { return max(1, n>>c) }

// errBusy is shared: no time for more.
var errBusy = func() *problem {
	p := refuse(overloaded, "the node is busy: repeat when Retry-After says, or ask another node")
	p.retryAfter = "1"
	return p
}()

// pass is one request's way through the gate.
type pass struct {
	gate            *gate // nil where there is none
	class           class
	entered, placed bool
}

// enter is called when the head is read.
func (p *pass) enter() error {
	g := p.gate
	if g.working.Load() >= p.class.share(g.places) {
		return errBusy
	}
	if g.entered.Add(1) > p.class.share(bodiesPerPlace*g.places) {
		g.entered.Add(-1)
		return errBusy
	}
	p.entered = true
	return nil
}

// work is called when the body is read.
func (p *pass) work() error {
	if p.gate == nil || p.placed {
		return nil
	}
	if p.gate.working.Add(1) > p.class.share(p.gate.places) {
		p.gate.working.Add(-1)
		return errBusy
	}
	p.placed = true
	return nil
}

// end gives the place back.
func (p *pass) end() {
	if p.placed {
		p.placed = false
		p.gate.working.Add(-1)
	}
}

// leave is called when all is over.
func (p *pass) leave() {
	p.end()
	if p.entered {
		p.entered = false
		p.gate.entered.Add(-1)
	}
}
