package ingest_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
// stuck bites at any length, as the ledger is waited for several times as long.
func TestWatchdogKnowsThatWaitingForTheLedgerIsNotStuck(t *testing.T) {
	for limit := 200 * time.Millisecond; ; limit *= 4 {
		bites := waitsForTheLedger(t, limit)
		if bites == 0 {
			return
		}
		if t.Logf("a watchdog of %s bit %d times", limit, bites); limit > 3*time.Second {
			t.Fatal("the watchdog bites whatever its length")
		}
	}
}

// waitsForTheLedger counts the bites of a watchdog while the ledger is down for five times its length, and there is no room
// for what is read meanwhile: everything waits.
func waitsForTheLedger(t *testing.T, limit time.Duration) (bites int) {
	t.Helper()
	h := newHub(t, 1)
	h.cfg.Watchdog, h.cfg.BufferEvents = limit, 1
	down := make(chan struct{})
	first := sync.OnceFunc(func() { close(down) })
	h.ledger.setBefore(func(fraud.Segment) error { first(); return errDown })
	m := h.start()
	defer func() { _ = m.stop() }()
	events := h.reports(10)
	h.publish(events[:1]...)
	select {
	case <-down:
	case <-time.After(patience):
		t.Fatal("nothing is inserted")
	}
	h.publish(events[1:]...)
	time.Sleep(5 * limit) // what is waited for is that nothing happens
	bites = m.counter("waspada_ingest_partitions_stuck_total")
	h.ledger.setBefore(nil)
	h.allCommitted()
	h.hasAll(events)
	return bites
}
