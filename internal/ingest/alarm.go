package ingest

import (
	"fmt"
	"log/slog"
	"sync"
)

// alarm watches the share of events that are refused, in windows of so many events.
type alarm struct {
	cfg     Config
	metrics *metrics
	log     *slog.Logger

	mu             sync.Mutex
	total, refused int
}

func newAlarm(cfg Config, m *metrics, log *slog.Logger) *alarm {
	return &alarm{cfg: cfg, metrics: m, log: log}
}

// note counts events, and of these the refused ones. Its error is for the operator.
func (a *alarm) note(total, refused int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total += total
	a.refused += refused
	if a.total < a.cfg.RefusedWindow {
		return nil
	}
	share := float64(a.refused) / float64(a.total)
	events := a.total
	a.total, a.refused = 0, 0
	a.metrics.refusedShare.Set(share)
	if share <= a.cfg.RefusedShare {
		return nil
	}
	a.log.Error("too many events are refused: has a partner, or the hub, a new version?",
		"share", share, "events", events)
	if !a.cfg.StopWhenRefused {
		return nil
	}
	return &operatorError{fmt.Errorf("%.0f %% of the last %d events were refused, more than the %.0f %% at which "+
		"ingest is configured to stop: look at the reasons in the dead letters, mend the cause, start again",
		100*share, events, 100*a.cfg.RefusedShare)}
}
