package index

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// hub is a change log and a store in memory. Time is synctest's.
type hub struct {
	mu        sync.Mutex
	log       map[int][]change
	first     map[int]int64 // offsets before are no longer retained
	stored    []fraud.Opinion
	unstored  time.Time // since when the store lacks a report; zero if it lacks none
	storeDown bool
	logDown   bool
	whileRead func() // called once, in the midst of a load
}

type change struct {
	opinion fraud.Opinion
	at      time.Time
}

func newHub(partitions int) *hub {
	h := &hub{log: map[int][]change{}, first: map[int]int64{}}
	for p := range partitions {
		h.log[p] = nil
	}
	return h
}

func (h *hub) sources() Sources { return Sources{h, h, h.backlog} }

// publish appends to the changes.
func (h *hub) publish(opinions ...fraud.Opinion) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range opinions {
		p := int(o.Digest[0]) % len(h.log)
		h.log[p] = append(h.log[p], change{o, time.Now()})
	}
}

func (h *hub) store(opinions ...fraud.Opinion) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored = append(h.stored, opinions...)
}

func (h *hub) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

var (
	errDown = errors.New("down")
	errGone = errors.New("retention has deleted what comes next")
)

func (h *hub) Ends(ctx context.Context) (map[int]int64, error) {
	return h.OffsetsAt(ctx, time.Now().Add(time.Hour))
}

func (h *hub) OffsetsAt(_ context.Context, at time.Time) (map[int]int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logDown {
		return nil, errDown
	}
	offsets := map[int]int64{}
	for p, log := range h.log {
		offset := h.first[p]
		for offset < int64(len(log)) && log[offset].at.Before(at) {
			offset++
		}
		offsets[p] = offset
	}
	return offsets, nil
}

func (h *hub) Run(ctx context.Context, from map[int]int64, apply func(int, int64, []fraud.Opinion, time.Time)) error {
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		for p := range from {
			h.mu.Lock()
			down, log, first := h.logDown, h.log[p], h.first[p]
			h.mu.Unlock()
			if down {
				break // as the real log does, it waits
			}
			if from[p] < first {
				return errGone
			}
			var opinions []fraud.Opinion
			for _, c := range log[from[p]:] {
				opinions = append(opinions, c.opinion)
			}
			from[p] = int64(len(log))
			apply(p, from[p], opinions, time.Now())
		}
	}
	return ctx.Err()
}

func (h *hub) Opinions(_ context.Context, each func([]fraud.Opinion) error) error {
	h.mu.Lock()
	down, stored, hook := h.storeDown, h.stored, h.whileRead
	h.whileRead = nil
	h.mu.Unlock()
	if down {
		return errDown
	}
	if hook != nil {
		hook()
	}
	return each(stored)
}

func (h *hub) backlog(context.Context) (time.Time, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.storeDown {
		return time.Time{}, false, errDown
	}
	return h.unstored, !h.unstored.IsZero(), nil
}

// run starts an index; stop ends it and waits.
func run(t *testing.T, h *hub, cfg Config) (x *Index, stop func()) {
	t.Helper()
	return runWatched(t, h, cfg, nil, discard)
}

// runWatched is run with metrics and a log.
func runWatched(
	t *testing.T, h *hub, cfg Config, reg prometheus.Registerer, log *slog.Logger,
) (x *Index, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x = New(cfg, testPolicy(), h.sources(), reg, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := x.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	return x, func() { cancel(); <-done }
}

// reported is an opinion of now.
func reported(n uint64, stance fraud.Stance) fraud.Opinion {
	o := listing(digest(n), 1)
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], n)
	o.Stance, o.Version = stance, fraud.MakeVersion(time.Now(), stance, id)
	return o
}

func wantStatus(t *testing.T, x *Index, n uint64, want fraud.Status) {
	t.Helper()
	if v := x.Lookup(regulator, exact(digest(n))); v.Status != want {
		t.Errorf("digest %d: %s, want %s", n, v.Status, want)
	}
}

func wantReady(t *testing.T, x *Index, want bool) {
	t.Helper()
	if ready, detail := x.Ready(); ready != want {
		t.Errorf("ready = %v (%s), want %v", ready, detail, want)
	}
}

func TestStartReplaysWhatTheStoreLacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(3)
		for n := range uint64(10) {
			o := reported(n, fraud.Listed)
			h.publish(o)
			h.store(o)
			time.Sleep(time.Minute)
		}
		h.unstored = time.Now()
		for n := uint64(10); n < 20; n++ {
			time.Sleep(time.Minute)
			h.publish(reported(n, fraud.Listed))
		}
		h.publish(reported(3, fraud.Withdrawn))
		x, stop := run(t, h, DefaultConfig())
		defer stop()
		synctest.Wait()
		time.Sleep(time.Second)
		wantReady(t, x, true)
		for n := range uint64(20) {
			if n != 3 {
				wantStatus(t, x, n, fraud.Suspected)
			}
		}
		wantStatus(t, x, 3, fraud.NotListed)
		wantStatus(t, x, 99, fraud.NotListed)
		h.publish(reported(99, fraud.Listed))
		time.Sleep(100 * time.Millisecond)
		wantStatus(t, x, 99, fraud.Suspected)
	})
}

// In whatever state reports, changes and the store are when a node starts, and whatever happens while it loads: once it
// is ready it knows every change of before.
func TestReadyIndexKnowsEveryChangeOfBeforeItsStart(t *testing.T) {
	r := testkit.Seed(t)
	for range 150 {
		seed := r.Uint64()
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			h := newHub(1 + r.IntN(4))
			type report struct {
				appended time.Time
				opinion  fraud.Opinion
			}
			var waiting, changed []report
			number := uint64(0)
			// Ingest appends the changes of some reports, and stores some of those whose changes are appended.
			step := func() {
				time.Sleep(time.Duration(r.IntN(90)) * time.Second)
				for range r.IntN(5) {
					waiting = append(waiting, report{time.Now(), reported(number, fraud.Listed)})
					number++
				}
				for range r.IntN(1 + len(waiting)) {
					h.publish(waiting[0].opinion)
					changed = append(changed, waiting[0])
					waiting = waiting[1:]
				}
				for range r.IntN(1 + len(changed)) {
					h.store(changed[0].opinion)
					changed = changed[1:]
				}
				oldest := time.Time{}
				for _, w := range append(changed[:len(changed):len(changed)], waiting...) {
					if oldest.IsZero() || w.appended.Before(oldest) {
						oldest = w.appended
					}
				}
				h.set(func() { h.unstored = oldest })
			}
			for range r.IntN(20) {
				step()
			}
			published := map[indicator.Digest]bool{}
			for _, log := range h.log {
				for _, c := range log {
					published[c.opinion.Digest] = true
				}
			}
			h.whileRead = func() { step(); step() }
			x, stop := run(t, h, DefaultConfig())
			defer stop()
			for ready := false; !ready; ready, _ = x.Ready() {
				time.Sleep(10 * time.Millisecond)
			}
			for d := range published {
				if v := x.Lookup(regulator, exact(d)); v.Status != fraud.Suspected {
					t.Errorf("seed %d: %s by the %s", seed, v.Status, v.AnsweredBy)
				}
			}
		})
	}
}

func TestStartWaitsForTheStoreAndStaysUnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(2)
		h.store(reported(1, fraud.Listed))
		h.storeDown = true
		x, stop := run(t, h, DefaultConfig())
		defer stop()
		time.Sleep(time.Minute)
		wantReady(t, x, false)
		if _, detail := x.Ready(); !strings.Contains(detail, "down") {
			t.Errorf("detail %q does not say why", detail)
		}
		wantStatus(t, x, 1, fraud.Unsure)
		h.set(func() { h.storeDown = false })
		time.Sleep(10 * time.Second)
		wantReady(t, x, true)
		wantStatus(t, x, 1, fraud.Suspected)
		wantStatus(t, x, 2, fraud.NotListed)
	})
}

func TestStartFromASnapshotNeedsNoStore(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SnapshotDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(2)
		h.store(reported(1, fraud.Listed), reported(2, fraud.Listed))
		_, stop := run(t, h, cfg)
		time.Sleep(time.Second)
		h.publish(reported(3, fraud.Listed), reported(2, fraud.Withdrawn))
		time.Sleep(time.Second)
		stop()

		h.set(func() { h.storeDown, h.logDown = true, true })
		h.publish(reported(4, fraud.Listed), reported(1, fraud.Withdrawn))
		time.Sleep(time.Hour)
		x, stop := run(t, h, cfg)
		defer stop()
		time.Sleep(time.Second)
		wantReady(t, x, false)
		wantStatus(t, x, 1, fraud.Suspected) // what was known is said, as of then
		wantStatus(t, x, 2, fraud.Unsure)
		if age := time.Since(x.AsOf()); age < time.Hour || age > time.Hour+2*time.Second {
			t.Errorf("as of %s ago", age)
		}
		h.set(func() { h.logDown = false })
		time.Sleep(3 * time.Second)
		wantReady(t, x, true)
		wantStatus(t, x, 1, fraud.NotListed)
		wantStatus(t, x, 2, fraud.NotListed)
		wantStatus(t, x, 3, fraud.Suspected)
		wantStatus(t, x, 4, fraud.Suspected)
	})
}

func TestSnapshotOlderThanTheChangeLogIsNotUsed(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SnapshotDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		h.store(reported(1, fraud.Listed))
		_, stop := run(t, h, cfg)
		time.Sleep(time.Second)
		stop()
		two, three := reported(2, fraud.Listed), reported(3, fraud.Listed)
		h.publish(two, three)
		h.store(two, three)
		h.first[0] = 1 // the change on 2 is no longer retained
		x, stop := run(t, h, cfg)
		defer stop()
		time.Sleep(time.Second)
		wantReady(t, x, true)
		wantStatus(t, x, 2, fraud.Suspected)
		wantStatus(t, x, 3, fraud.Suspected)
	})
}

// A topic that was deleted and made anew gives the same offsets again, to other changes.
func TestSnapshotOfAFormerChangeLogIsNotUsed(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SnapshotDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(2)
		for n := range uint64(20) {
			h.publish(reported(n, fraud.Listed))
		}
		_, stop := run(t, h, cfg)
		time.Sleep(time.Second)
		stop()
		h.set(func() { h.log = map[int][]change{0: nil, 1: nil} })
		time.Sleep(10 * time.Minute)
		for n := range uint64(60) { // past the offsets of before
			o := reported(n, fraud.Listed)
			h.publish(o)
			h.store(o)
		}
		x, stop := run(t, h, cfg)
		defer stop()
		time.Sleep(10 * time.Second)
		wantReady(t, x, true)
		for n := range uint64(60) {
			wantStatus(t, x, n, fraud.Suspected)
		}
	})
}

func TestSnapshotsReachNoFurtherThanTheirOpinions(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SnapshotDir = t.TempDir()
	x := New(cfg, testPolicy(), Sources{}, nil, discard)
	x.ready.Store(true)
	all := national(digests(testkit.Seed(t), 20_000))
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range all {
			x.advance(i%2, int64(i/2+1), all[i:i+1], noon)
		}
	})
	for done := false; !done; {
		done = x.offsets()[1] == int64(len(all)/2)
		x.snapshot()
		s := x.restore()
		if s == nil {
			t.Fatal("no snapshot")
		}
		for p, at := range s.reach {
			for i := range at.next {
				if d := all[2*i+int64(p)].Digest; len((&view{base: s.base, active: newDelta(1)}).opinions(tagOf(&d), nil)) != 1 {
					t.Fatalf("partition %d reaches to %d but lacks %d", p, at.next, i)
				}
			}
		}
	}
	writer.Wait()
}

func TestNodeThatIsCutOffSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(2)
		h.store(reported(1, fraud.Listed))
		x, stop := run(t, h, DefaultConfig())
		defer stop()
		time.Sleep(time.Second)
		h.set(func() { h.logDown, h.storeDown = true, true })
		time.Sleep(29 * time.Second)
		wantStatus(t, x, 2, fraud.NotListed)
		time.Sleep(2 * time.Second)
		wantStatus(t, x, 2, fraud.Unsure)
		wantStatus(t, x, 1, fraud.Suspected)
		wantReady(t, x, true)
		h.publish(reported(3, fraud.Listed))
		h.set(func() { h.logDown = false })
		time.Sleep(5 * time.Second)
		wantStatus(t, x, 2, fraud.NotListed)
		wantStatus(t, x, 3, fraud.Suspected)
	})
}

func TestNewPartitionsAreReadFromTheirBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		x, stop := run(t, h, DefaultConfig())
		defer stop()
		time.Sleep(time.Second)
		h.set(func() { h.log[1] = []change{{reported(1, fraud.Listed), time.Now()}} })
		time.Sleep(partitionCheck + time.Second)
		wantStatus(t, x, 1, fraud.Suspected)
		wantStatus(t, x, 2, fraud.NotListed)
	})
}

func TestIndexLoadsAgainWhenTheChangeLogHasLostWhatComesNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		x, stop := run(t, h, DefaultConfig())
		defer stop()
		time.Sleep(time.Second)
		h.set(func() { h.logDown = true })
		time.Sleep(time.Second)
		// While the node is cut off a report is announced and stored, and retention deletes the change.
		h.publish(reported(1, fraud.Listed))
		h.store(reported(1, fraud.Listed))
		h.set(func() { h.logDown, h.first[0] = false, 1 })
		time.Sleep(10 * time.Second)
		wantReady(t, x, true)
		wantStatus(t, x, 1, fraud.Suspected)
		wantStatus(t, x, 2, fraud.NotListed)
	})
}
