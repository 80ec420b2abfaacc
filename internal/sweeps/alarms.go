package sweeps

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

const (
	// maxUnwritten bounds what waits for ClickHouse. There is one alarm of each sort for a partner and a day: this is
	// days of everybody's.
	maxUnwritten = 10_000
	// lastTry is how long the last attempt to write takes at most, at the node's end.
	lastTry = 5 * time.Second
)

// alarms are logged at once and kept until the audit has them.
type alarms struct {
	audit Audit
	log   *slog.Logger
	lost  prometheus.Counter
	more  chan struct{} // something was raised

	mu      sync.Mutex
	unsaid  []alarm // to be logged
	pending []fraud.Act
}

type alarm struct {
	text string
	act  fraud.Act
}

func newAlarms(audit Audit, log *slog.Logger) *alarms {
	return &alarms{audit: audit, log: log, more: make(chan struct{}, 1),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_api_alarms_lost_total", Help: "Alarms that the log has and the audit never will.",
		})}
}

// raise hands an alarm over and waits for nothing.
func (a *alarms) raise(text string, act fraud.Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.unsaid) < maxUnwritten {
		a.unsaid = append(a.unsaid, alarm{text, act})
	}
	if len(a.pending) < maxUnwritten {
		a.pending = append(a.pending, act)
	} else {
		a.lost.Inc()
	}
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *alarms) unwritten() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending)
}

// run logs and writes until ctx ends, and once more then.
func (a *alarms) run(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 15 * time.Second
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			a.say()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTry)
			defer cancel()
			if err := a.write(ctx); err != nil {
				a.lost.Add(float64(a.unwritten()))
				a.log.Error("alarms are in the log and not in the audit", "alarms", a.unwritten(), "error", err)
			}
			return
		case <-a.more:
			if a.say(); failing {
				continue // it is tried again when the pause is over
			}
		case <-again.C:
		}
		err := a.write(ctx)
		if err == nil {
			failing = false
			pause.Reset()
			continue
		}
		if !failing && ctx.Err() == nil {
			a.log.Warn("alarms cannot be written to the audit yet, trying again", "alarms", a.unwritten(), "error", err)
		}
		failing = true
		again.Reset(pause.NextBackOff())
	}
}

// say logs what was raised. A look-up's time must not tell whether it was about a canary, so it does not log.
func (a *alarms) say() {
	a.mu.Lock()
	unsaid := a.unsaid
	a.unsaid = nil
	a.mu.Unlock()
	for _, u := range unsaid {
		partner := u.act.By
		if partner == "" {
			partner = u.act.Whom
		}
		attrs := []any{"partner", partner, "act", u.act.ID, "what", u.act.What, "reason", u.act.Reason}
		if u.act.Key != "" {
			attrs = append(attrs, "key", u.act.Key)
		}
		if u.act.Object != "" {
			attrs = append(attrs, "canary", u.act.Object)
		}
		a.log.Error(u.text, attrs...)
	}
}

// write hands the audit what waits for it; what comes meanwhile waits on.
func (a *alarms) write(ctx context.Context) error {
	a.mu.Lock()
	acts := a.pending[:len(a.pending):len(a.pending)]
	a.mu.Unlock()
	if len(acts) == 0 {
		return nil
	}
	if err := a.audit.PutActs(ctx, acts); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = a.pending[len(acts):]
	return nil
}
