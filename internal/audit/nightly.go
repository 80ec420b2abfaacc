package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Auditor audits once: an [Oracle].
type Auditor interface {
	Run(ctx context.Context) (Report, error)
}

// Group tells which partitions of the reports topic this node ingests; settled is false while the consumer group has
// not said.
type Group interface {
	Holds(partition int) (holds, settled bool)
}

// Nightly audits each night on one of the nodes that ingest: on the one that holds partition 0 of the reports topic at
// that time. The consumer group has settled already that there is one such node and who it is, so nodes need no lock and
// no configuration of their own; and the node that audits is one that is not cut off. Should the group be in the middle
// of a rebalance, nodes wait for its end; should a partition change hands between two nodes' clocks, the night may see
// two audits, which do no harm, or none, which the age of the last one shows.
type Nightly struct {
	at      TimeOfDay
	auditor Auditor
	group   Group
	metrics *metrics
	log     *slog.Logger
}

// NewNightly makes a Nightly that does nothing until it runs.
func NewNightly(at TimeOfDay, auditor Auditor, group Group, reg prometheus.Registerer, log *slog.Logger) *Nightly {
	return &Nightly{at, auditor, group, newMetrics(reg), log}
}

const (
	// limit is longer than an audit takes of everything that a server can hold.
	limit = 6 * time.Hour
	// again is when an audit is repeated that could not be done.
	again = 10 * time.Minute
	// settling is how often a node asks whether the group has settled.
	settling = time.Second
)

// Run audits each night until the context ends, and returns nil.
func (n *Nightly) Run(ctx context.Context) error {
	for due := n.at.After(time.Now()); sleepUntil(ctx, due); {
		mine, ok := n.mine(ctx)
		if !ok {
			return nil
		}
		done := true
		if mine {
			done = n.Once(ctx)
		} else {
			n.log.Info("another node audits tonight")
			n.metrics.forget()
		}
		due = n.at.After(time.Now())
		if soon := time.Now().Add(again); !done && soon.Before(due) {
			due = soon
		}
	}
	return nil
}

// mine reports whether this node audits tonight; ok is false when the context ended first.
func (n *Nightly) mine(ctx context.Context) (mine, ok bool) {
	for {
		holds, settled := n.group.Holds(0)
		if settled {
			return holds, true
		}
		if !sleepUntil(ctx, time.Now().Add(settling)) {
			return false, false
		}
	}
}

// Once audits now and tells by metrics and in the log. It reports whether the audit came to an end that says something:
// it proved that all is well, or found fault.
func (n *Nightly) Once(ctx context.Context) bool {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := n.auditor.Run(ctx)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			n.metrics.undone.Inc()
			n.log.Error("the audit could not be done", "error", err)
		}
		return false
	}
	for _, u := range r.Unchecked {
		n.log.Warn("the audit could not check everything", "unchecked", u)
	}
	for _, f := range r.Findings {
		n.log.Error("the audit found fault", "kind", f.Kind, "count", f.Count, "finding", f.Text)
	}
	if r.OK && !r.Complete {
		n.metrics.undone.Inc()
		return false
	}
	took := time.Since(begun)
	n.metrics.tell(r, begun, took)
	if r.OK {
		n.log.Info("audited: nothing is missing and nothing counts twice",
			"rows", r.Rows, "opinions", r.Opinions.Checked, "seconds", took.Seconds())
	}
	return true
}

// sleepUntil reports false when the context ended first. It looks at the clock again and again: a machine's clock may be
// set, and a machine may sleep.
func sleepUntil(ctx context.Context, due time.Time) bool {
	for {
		left := time.Until(due)
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(min(left, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}
