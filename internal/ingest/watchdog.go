package ingest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// pulse tells whether a partition is alive. Waiting for the ledger is not being stuck: it is what back-pressure means.
type pulse struct {
	last    atomic.Int64 // Unix nanoseconds of the last progress
	waiting atomic.Int64 // how many of the goroutines wait for the ledger
}

func (p *pulse) beat(now time.Time) { p.last.Store(now.UnixNano()) }

// wait begins or ends a wait for the ledger; its end is progress.
func (p *pulse) wait(begin bool) {
	if begin {
		p.waiting.Add(1)
		return
	}
	p.waiting.Add(-1)
	p.beat(time.Now())
}

// stuck reports whether nothing has moved for so long.
func (p *pulse) stuck(now time.Time, limit time.Duration) bool {
	return p.waiting.Load() == 0 && now.Sub(time.Unix(0, p.last.Load())) > limit
}

// watch gives the partition back when it is stuck although there are messages. Heartbeats go on whatever happens to
// the workers, so the group would never notice.
func (p *partition) watch(ctx context.Context) error {
	tick := time.NewTicker(max(p.cfg.Watchdog/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if p.pulse.stuck(now, p.cfg.Watchdog) {
				p.Ingest.metrics.stuck.Inc()
				return fmt.Errorf("%w for %s", errStuck, p.cfg.Watchdog)
			}
		}
	}
}
