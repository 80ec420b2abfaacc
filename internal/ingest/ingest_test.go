package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestIngestStoresAnnouncesAndCommits(t *testing.T) {
	h := newHub(t, 4)
	events := h.reports(2_000)
	m := h.start()
	h.publish(events...)
	h.allCommitted()
	h.hasAll(events)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestIngestCommitsOnlyAfterInsert(t *testing.T) {
	h := newHub(t, 1)
	var tried atomic.Int32
	h.ledger.setBefore(func(fraud.Segment) error { tried.Add(1); return errDown })
	h.start()
	events := h.reports(10)
	h.publish(events...)
	testkit.Eventually(t, patience, func() error {
		if tried.Load() < 3 {
			return fmt.Errorf("%d inserts tried", tried.Load())
		}
		return nil
	})
	if got, err := h.committed(); err != nil || got[0] != 0 {
		t.Fatalf("committed %v (%v) although the ledger has nothing", got, err)
	}
	h.ledger.setBefore(nil)
	h.allCommitted()
	h.hasAll(events)
}

// TestCrashAtAnyStepRepeatsHarmlessly ends the process, as far as Kafka and the ledger can tell, at each of the numbered
// steps: nothing is committed, and a new member does it all again.
func TestCrashAtAnyStepRepeatsHarmlessly(t *testing.T) {
	died := errors.New("the process died here")
	for _, when := range []struct {
		name string
		// arm makes the member die, once, by calling die.
		arm func(h *hub, die func() error) (beforeAppend func() error)
	}{
		{"before the change log has the opinions", func(_ *hub, die func() error) func() error { return die }},
		{"after the change log, before the ledger", func(h *hub, die func() error) func() error {
			h.ledger.setBefore(func(fraud.Segment) error { return die() })
			return nil
		}},
		{"after the ledger, before the commit", func(h *hub, die func() error) func() error {
			h.ledger.setBefore(func(s fraud.Segment) error {
				h.ledger.setBefore(nil)
				if err := h.ledger.Insert(context.Background(), s); err != nil {
					return err
				}
				return die()
			})
			return nil
		}},
	} {
		t.Run(when.name, func(t *testing.T) {
			h := newHub(t, 1)
			var first *member
			armed, dead := make(chan struct{}), make(chan struct{})
			die := func() error {
				<-armed
				select {
				case <-dead:
				default:
					close(dead)
				}
				first.cancel()
				return died
			}
			first = h.startWith(when.arm(h, die))
			close(armed)
			events := h.reports(700)
			h.publish(events...)
			<-dead
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			if got, err := h.committed(); err != nil || got[0] != 0 {
				t.Fatalf("committed %v (%v) by a process that died before", got, err)
			}
			h.ledger.setBefore(nil)
			h.start()
			h.allCommitted()
			h.hasAll(events)
			for id, rows := range h.ledger.ids() {
				if rows != 1 {
					t.Fatalf("event %s has %d rows", id, rows)
				}
			}
		})
	}
}

func TestZombiesCommitIsRefused(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.RebalanceTimeout = 2 * time.Second
	hangs, goOn := make(chan struct{}), make(chan struct{})
	h.ledger.setBefore(func(fraud.Segment) error {
		h.ledger.setBefore(nil)
		close(hangs)
		<-goOn // deaf to its context, as a process that is swapped out
		return nil
	})
	zombie := h.start()
	events := h.reports(50)
	h.publish(events[:10]...)
	<-hangs
	h.start() // joins; the zombie does not let go and is thrown out
	h.publish(events[10:]...)
	h.allCommitted()
	before, err := h.committed()
	if err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := zombie.stop(); err != nil {
		t.Fatal(err)
	}
	after, err := h.committed()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatalf("the zombie moved the commit: %s", diff)
	}
	h.hasAll(events)
}

func TestLookupsHearOfReportsWhileTheLedgerIsDown(t *testing.T) {
	h := newHub(t, 2)
	h.cfg.BufferEvents = 1_000
	h.ledger.setBefore(func(fraud.Segment) error { return errDown })
	h.start()
	early := h.reports(500)
	h.publish(early...)
	testkit.Eventually(t, patience, func() error {
		if standing, _ := h.opinions(); len(standing) != len(early) {
			return fmt.Errorf("%d of %d opinions on the change log", len(standing), len(early))
		}
		return nil
	})
	late := make([]fraud.Event, 20_000)
	for i := range late {
		late[i] = h.report(1_000 + i)
	}
	h.publish(late...)
	// The buffer holds 1,000, and each partition one fetch beyond; then ingest stands still.
	var stands int
	testkit.Eventually(t, patience, func() error {
		_, n := h.opinions()
		if n == stands && n > len(early) {
			return nil
		}
		stands = n
		time.Sleep(200 * time.Millisecond)
		return fmt.Errorf("%d opinions on the change log and counting", n)
	})
	if got, err := h.committed(); err != nil || got[0]+got[1] != 0 {
		t.Fatalf("committed %v (%v) although the ledger has nothing", got, err)
	}
	h.ledger.setBefore(nil)
	h.allCommitted()
	h.hasAll(append(early, late...))
}

func TestCommitNeverPassesWhatIsNotStored(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.SegmentEvents, h.cfg.SegmentAge = 1, time.Millisecond
	for range 30 {
		h.publish(h.report(0))
	}
	const stuck = 12
	h.ledger.setBefore(func(s fraud.Segment) error {
		if s.First <= stuck && stuck <= s.Last {
			return errDown
		}
		return nil
	})
	h.start()
	tried := func() error {
		h.ledger.mu.Lock()
		defer h.ledger.mu.Unlock()
		if h.ledger.inserts < 3 {
			return fmt.Errorf("%d inserts", h.ledger.inserts)
		}
		return nil
	}
	testkit.Eventually(t, patience, tried)
	if got, err := h.committed(); err != nil || got[0] > stuck {
		t.Fatalf("committed %v (%v) past offset %d", got, err, stuck)
	}
	h.ledger.setBefore(nil)
	h.allCommitted()
	next := int64(0)
	for _, s := range h.ledger.segments {
		if s.First != next {
			t.Fatalf("a segment began at offset %d, not at %d", s.First, next)
		}
		next = s.Last + 1
	}
}

func TestOnlyTheGuiltyRowIsRefused(t *testing.T) {
	h := newHub(t, 1)
	events := h.reports(1_200)
	guilty := map[string]bool{events[3].ID.String(): true, events[777].ID.String(): true}
	h.ledger.setBefore(func(s fraud.Segment) error {
		for i := range s.Entries {
			if guilty[s.Entries[i].Event.ID.String()] {
				return fmt.Errorf("insert: %w", fraud.Refuse(fraud.ReasonRefusedByLog, "", "a value does not fit"))
			}
		}
		return nil
	})
	h.publish(events...)
	h.start()
	h.allCommitted()
	if diff := cmp.Diff(map[fraud.Reason]int{fraud.ReasonRefusedByLog: 2}, h.ledger.refused()); diff != "" {
		t.Fatal(diff)
	}
	good := append(append(append([]fraud.Event{}, events[:3]...), events[4:777]...), events[778:]...)
	h.hasAll(good)
	standing, _ := h.opinions()
	for _, o := range standing {
		ofGuilty := o.Digest == events[3].Indicator.Digest || o.Digest == events[777].Indicator.Digest
		if listed := o.Stance == fraud.Listed; listed == ofGuilty {
			t.Fatalf("an opinion stands with %s; its event was refused: %t", o.Stance, ofGuilty)
		}
	}
}

func TestTripleDeliveryGivesTheSameState(t *testing.T) {
	h := newHub(t, 3)
	events := h.reports(900)
	for range 3 {
		h.publish(events...) // at other offsets
	}
	ends, err := h.cluster.Open(h.cfg.Topic).Ends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m := h.start()
		testkit.Eventually(t, patience, func() error {
			return h.ledger.holds(ends)
		})
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
		// A ledger restored from its first backup: everything is delivered again, at the same offsets.
		h.ledger.mu.Lock()
		h.ledger.stored = map[int32]fraud.Stored{}
		h.ledger.mu.Unlock()
	}
	h.hasAll(events)
	standing, sent := h.opinions()
	if len(standing) != len(events) || sent != 9*len(events) {
		t.Fatalf("%d opinions stand, of %d sent; want %d and %d", len(standing), sent, len(events), 9*len(events))
	}
	for id, rows := range h.ledger.ids() {
		if rows != 3 { // one for each time it was sent, none for a repeated delivery
			t.Fatalf("event %s has %d rows", id, rows)
		}
	}
}

func TestWhatTheLedgerHasForgottenIsReadAgain(t *testing.T) {
	h := newHub(t, 1)
	h.start()
	first := h.reports(50)
	h.publish(first...)
	h.allCommitted()
	// The ledger's machine lost its power, with a disk that lied, and is back before anybody noticed.
	h.ledger.forget()
	var told atomic.Bool
	h.ledger.setBefore(func(fraud.Segment) error {
		if told.CompareAndSwap(false, true) {
			return fraud.ErrForgotten
		}
		return nil
	})
	second := h.reports(50)
	h.publish(second...)
	h.allCommitted()
	h.hasAll(slices.Concat(first, second))
}

func TestStopStoresWhatIsAccepted(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.SegmentAge = time.Hour
	m := h.start()
	events := h.reports(20)
	h.publish(events...)
	testkit.Eventually(t, patience, func() error {
		if n := m.counter("waspada_ingest_opinions_announced_total"); n != len(events) {
			return fmt.Errorf("%d of %d opinions are announced", n, len(events))
		}
		return nil
	})
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	ends, err := h.cluster.Open(h.cfg.Topic).Ends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.committed(); err != nil || !maps.Equal(got, ends) {
		t.Fatalf("committed %v (%v), want %v", got, err, ends)
	}
	h.hasAll(events)
}

func TestRetentionLossStopsIngest(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	h := newHubOn(t, broker.Addr(), 1)
	events := h.reports(40)
	for _, e := range events {
		h.publish(e)
	}
	deleteBefore(t, broker.Addr(), h.cfg.Topic, 0, 15)
	h.ledger.stored[0] = fraud.Stored{Next: 10, Appended: time.Now().Add(-time.Hour)}
	m := h.start()
	err := <-m.done
	if err == nil || !strings.Contains(err.Error(), h.cfg.Topic+", partition 0: offset 10 is not within 15 to 40") {
		t.Fatalf("Run = %v, want an error that names topic, partition and offsets", err)
	}

	h.cfg.AcceptLoss = true
	m = h.start()
	h.allCommitted()
	_ = m.stop()
	if got := len(h.ledger.ids()); got != 25 {
		t.Fatalf("%d events stored, want the 25 that are left", got)
	}
	if first := h.ledger.segments[0].First; first != 10 {
		t.Fatalf("the first segment begins at offset %d: the ledger would wait for what is lost", first)
	}
}

func TestOffsetBeyondTheEndStopsIngest(t *testing.T) {
	h := newHub(t, 1)
	h.publish(h.report(1))
	h.ledger.stored[0] = fraud.Stored{Next: 5}
	err := <-h.start().done
	var outside *topic.RangeError
	if !errors.As(err, &outside) || !strings.Contains(err.Error(), "made anew") {
		t.Fatalf("Run = %v", err)
	}
}

func TestTopicThatWasMadeAnewStopsIngestHoweverLongItIs(t *testing.T) {
	h := newHub(t, 1)
	h.publish(h.report(1))
	h.publish(h.report(2))
	h.ledger.stored[0] = fraud.Stored{Next: 1, Appended: time.Now().Add(-time.Hour)}
	err := <-h.start().done
	var other *topic.OtherMessageError
	if !errors.As(err, &other) || other.Offset != 0 || len(h.ledger.events) > 0 {
		t.Fatalf("Run = %v, with %d events stored", err, len(h.ledger.events))
	}
}

func TestOneMemberHoldsAPartition(t *testing.T) {
	h := newHub(t, 2)
	first, second := h.start(), h.start()
	holders := func() (holders int, settled bool) {
		settled = true
		for _, m := range []*member{first, second} {
			has, knows := m.Holds(0)
			settled = settled && knows
			if has {
				holders++
			}
		}
		return holders, settled
	}
	testkit.Eventually(t, patience, func() error {
		if n, settled := holders(); n != 1 || !settled {
			return fmt.Errorf("%d members hold partition 0; settled: %t", n, settled)
		}
		return nil
	})
	for _, m := range []*member{first, second} {
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if n, settled := holders(); n != 0 || settled {
		t.Fatalf("after the end %d members hold partition 0; settled: %t", n, settled)
	}
}

func TestTooManyRefusedStopsIngestWhenConfigured(t *testing.T) {
	h := newHub(t, 1)
	h.cfg.RefusedWindow, h.cfg.RefusedShare, h.cfg.StopWhenRefused = 10, 0.5, true
	var junk []kafka.Message
	for range 20 {
		junk = append(junk, kafka.Message{Value: []byte("junk")})
	}
	h.send(junk...)
	err := <-h.start().done
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("Run = %v", err)
	}
	if n := len(h.ledger.letters); n != 0 {
		t.Fatalf("%d dead letters: the topic was drained", n)
	}
}

func TestOldestUnstoredIsTheFirstMessageTheLedgerLacks(t *testing.T) {
	h := newHub(t, 2)
	ask := func(stored map[int32]fraud.Stored) (time.Time, bool) {
		t.Helper()
		at, any, err := ingest.OldestUnstored(t.Context(), h.cluster, h.cfg.Topic, stored)
		if err != nil {
			t.Fatal(err)
		}
		return at, any
	}
	if _, any := ask(nil); any {
		t.Fatal("an empty topic has nothing unstored")
	}
	h.publish(h.reports(1)...)
	ends, err := h.cluster.Open(h.cfg.Topic).Ends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used := int32(0)
	if ends[1] == 1 {
		used = 1
	}
	at, any := ask(nil)
	if !any || time.Since(at) > time.Minute || time.Since(at) < -time.Minute {
		t.Fatalf("OldestUnstored = %v, %v", at, any)
	}
	if _, any := ask(map[int32]fraud.Stored{used: {Next: 1}}); any {
		t.Fatal("everything is stored")
	}
}
