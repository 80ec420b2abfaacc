package ingest_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestWatchdogGivesBackAPartitionThatIsStuck(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.Watchdog = 200 * time.Millisecond
	var m *member
	var calls atomic.Int32
	started := make(chan struct{})
	m = h.startWith(func() error {
		if calls.Add(1) > 1 {
			return nil
		}
		<-started
		for m.counter("waspada_ingest_partitions_stuck_total") == 0 {
			time.Sleep(10 * time.Millisecond) // a call that hangs, until somebody notices
		}
		return errors.New("the connection was dead all the time")
	})
	close(started)
	events := h.reports(10)
	h.publish(events...)
	h.allCommitted()
	h.hasAll(events)
}

// On a busy machine something may stand still for longer than a short watchdog allows. One that takes waiting for being
// stuck bites at any length, as the ledger is waited for three times as long.
func TestWatchdogKnowsThatWaitingForTheLedgerIsNotStuck(t *testing.T) {
	for limit := 100 * time.Millisecond; ; limit *= 4 {
		bites := waitsForTheLedger(t, limit)
		if bites == 0 {
			return
		}
		if t.Logf("a watchdog of %s bit %d times", limit, bites); limit > 5*time.Second {
			t.Fatal("the watchdog bites whatever its length")
		}
	}
}

// waitsForTheLedger counts the bites of a watchdog while the ledger is down for three times its length.
func waitsForTheLedger(t *testing.T, limit time.Duration) (bites int) {
	t.Helper()
	h := newHub(t, 1)
	h.cfg.Watchdog = limit
	var down atomic.Int64 // since when, Unix nanoseconds
	h.ledger.setBefore(func(fraud.Segment) error { down.CompareAndSwap(0, time.Now().UnixNano()); return errDown })
	m := h.start()
	defer func() { _ = m.stop() }()
	events := h.reports(10)
	h.publish(events...)
	testkit.Eventually(t, patience, func() error {
		if since := down.Load(); since == 0 || time.Since(time.Unix(0, since)) < 3*limit {
			return errors.New("the ledger is not waited for long enough yet")
		}
		return nil
	})
	bites = m.counter("waspada_ingest_partitions_stuck_total")
	h.ledger.setBefore(nil)
	h.allCommitted()
	h.hasAll(events)
	return bites
}
