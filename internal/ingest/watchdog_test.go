package ingest_test

import (
	"errors"
	"fmt"
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

func TestWatchdogKnowsThatWaitingForTheLedgerIsNotStuck(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.Watchdog = 100 * time.Millisecond
	var tried atomic.Int32
	h.ledger.setBefore(func(fraud.Segment) error { tried.Add(1); return errDown })
	m := h.start()
	events := h.reports(10)
	h.publish(events...)
	testkit.Eventually(t, patience, func() error {
		if n := tried.Load(); n < 6 { // with their pauses, a good second
			return fmt.Errorf("%d inserts tried", n)
		}
		return nil
	})
	if n := m.counter("waspada_ingest_partitions_stuck_total"); n != 0 {
		t.Fatalf("the watchdog bit %d times", n)
	}
	h.ledger.setBefore(nil)
	h.allCommitted()
	h.hasAll(events)
}
