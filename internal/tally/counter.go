package tally

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Ledger keeps counts.
type Ledger interface {
	// AddUsage returns when the counts are durable. Of one key the highest stand; it may be repeated.
	AddUsage(ctx context.Context, counts []fraud.Usage) error
}

const (
	// keptHours is how many hours wait for a ledger that is away. With 100 partners they take some megabytes.
	keptHours = 7 * 24
	// writeLimit bounds one write, and so the drain.
	writeLimit = 5 * time.Second
)

// Counter counts requests. Count may be called from anywhere at once, Run once.
type Counter struct {
	node  string
	run   uuid.UUID
	every time.Duration
	file  string // what is left over at the end; "" for none
	to    Ledger
	log   *slog.Logger
	lost  prometheus.Counter

	partners atomic.Pointer[map[fraud.PartnerNumber]*cells] // never changed, but replaced
	adding   sync.Mutex

	// What follows is Run's alone.
	counted map[key]count                   // of a cell, up to the last look
	hours   map[time.Time]map[key]*hourCell // what the ledger lacks, and the hour that is still counted
	left    []fraud.Usage                   // by an earlier run
}

// cells are one partner's.
type cells [16]cell // by class

// cell counts one partner's requests of one class, since the start.
type cell struct {
	calls, refused atomic.Uint64
	verdicts       [fraud.Unsure + 1]atomic.Uint64
}

type key struct {
	partner fraud.PartnerNumber
	class   fraud.RequestClass
}

// count is what a cell says at one moment.
type count struct {
	calls, refused uint64
	verdicts       fraud.Verdicts
}

type hourCell struct {
	count
	unwritten bool
}

// New makes a Counter for a node, which writes every so often; it begins with Run. What it cannot write at the end it
// leaves in a file of the folder dir for the next run, unless dir is empty. reg may be nil.
func New(node string, every time.Duration, dir string, to Ledger, reg prometheus.Registerer, log *slog.Logger) *Counter {
	c := &Counter{
		node: node, run: uuid.New(), every: every, to: to, log: log,
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_tally_lost_calls_total",
			Help: "Requests that the audit does not count, as ClickHouse was away too long.",
		}),
		counted: map[key]count{}, hours: map[time.Time]map[key]*hourCell{},
	}
	if dir != "" {
		c.file = filepath.Join(dir, "usage.json")
	}
	c.partners.Store(&map[fraud.PartnerNumber]*cells{})
	if reg != nil {
		reg.MustRegister(c.lost)
	}
	return c
}

// Count counts one request of a partner: whether a quota refused it, and what was answered.
func (c *Counter) Count(p fraud.PartnerNumber, class fraud.RequestClass, refused bool, verdicts *fraud.Verdicts) {
	of := (*c.partners.Load())[p]
	if of == nil {
		of = c.add(p)
	}
	at := &of[class]
	at.calls.Add(1)
	if refused {
		at.refused.Add(1)
	}
	for status, n := range verdicts {
		if n > 0 {
			at.verdicts[status].Add(n)
		}
	}
}

func (c *Counter) add(p fraud.PartnerNumber) *cells {
	c.adding.Lock()
	defer c.adding.Unlock()
	before := *c.partners.Load()
	if of := before[p]; of != nil {
		return of
	}
	all := maps.Clone(before)
	all[p] = &cells{}
	c.partners.Store(&all)
	return all[p]
}

// Run writes at every whole interval of the clock until ctx ends, and once more then.
func (c *Counter) Run(ctx context.Context) error {
	var err error
	if c.left, err = readLeft(c.file); err != nil {
		c.log.Error("what an earlier run counted of requests cannot be read, and is lost to the audit", "error", err)
	}
	since := time.Now()
	for {
		next := since.Truncate(c.every).Add(c.every)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			c.look(since)
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
			defer cancel()
			if err := c.write(last); err != nil {
				c.leave(err)
			}
			return nil
		}
		c.look(since)
		since = time.Now()
		writing, cancel := context.WithTimeout(ctx, writeLimit)
		if err := c.write(writing); err != nil {
			c.log.Warn("what partners asked is not written yet", "hours", len(c.hours), "error", err)
		}
		cancel()
	}
}

// look adds to an hour what was counted since the last look. The intervals are those of the clock, so each lies in one.
func (c *Counter) look(since time.Time) {
	hour := since.UTC().Truncate(time.Hour)
	for p, of := range *c.partners.Load() {
		for class := range of {
			k := key{p, fraud.RequestClass(class)}
			now := of[class].now()
			added := now.minus(c.counted[k])
			if added == (count{}) {
				continue
			}
			c.counted[k] = now
			if c.hours[hour] == nil {
				c.hours[hour] = map[key]*hourCell{}
			}
			if c.hours[hour][k] == nil {
				c.hours[hour][k] = &hourCell{}
			}
			h := c.hours[hour][k]
			h.count, h.unwritten = h.plus(added), true
		}
	}
	// No longer needed: what is written and over, and what has waited for too long.
	for at, cells := range c.hours {
		lost := uint64(0)
		for _, h := range cells {
			if h.unwritten {
				lost += h.calls
			}
		}
		switch {
		case lost == 0 && at.Before(hour):
			delete(c.hours, at)
		case at.Before(hour.Add(-keptHours * time.Hour)):
			delete(c.hours, at)
			c.lost.Add(float64(lost))
			c.log.Error("what partners asked in an hour is lost to the audit", "hour", at, "calls", lost)
		}
	}
}

// write brings what the ledger lacks.
func (c *Counter) write(ctx context.Context) error {
	rows, of := c.unwritten()
	if len(rows) == 0 {
		return nil
	}
	if err := c.to.AddUsage(ctx, rows); err != nil {
		return err
	}
	for _, h := range of {
		h.unwritten = false
	}
	if c.left != nil {
		c.left = nil
		return os.Remove(c.file)
	}
	return nil
}

// unwritten is what the ledger lacks, and the cells that it is of.
func (c *Counter) unwritten() (rows []fraud.Usage, of []*hourCell) {
	for at, cells := range c.hours {
		for k, h := range cells {
			if h.unwritten {
				rows = append(rows, fraud.Usage{Hour: at, Partner: k.partner, Class: k.class, Node: c.node, Run: c.run,
					Calls: h.calls, Refused: h.refused, Verdicts: h.verdicts})
				of = append(of, h)
			}
		}
	}
	return append(rows, c.left...), of
}

func (c *cell) now() count {
	n := count{calls: c.calls.Load(), refused: c.refused.Load()}
	for i := range c.verdicts {
		n.verdicts[i] = c.verdicts[i].Load()
	}
	return n
}

func (n count) minus(m count) count {
	n.calls -= m.calls
	n.refused -= m.refused
	for i := range n.verdicts {
		n.verdicts[i] -= m.verdicts[i]
	}
	return n
}

func (n count) plus(m count) count {
	n.calls += m.calls
	n.refused += m.refused
	for i := range n.verdicts {
		n.verdicts[i] += m.verdicts[i]
	}
	return n
}
