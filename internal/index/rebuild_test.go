package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// fullLoad looks up and applies as fast as it can. Some digests are listed throughout; some are listed and withdrawn by
// turns, and readers know when neither is under way; all others are never listed.
type fullLoad struct {
	x       *Index
	listed  []indicator.Digest
	turning []indicator.Digest
	// state of each turning digest: even while nothing is under way, and then 0 mod 4 if withdrawn, 2 if listed. It only
	// grows, so a reader who sees the same before and after a lookup knows that nothing came between.
	state            []atomic.Uint64
	lookups, applied atomic.Int64
}

func newFullLoad(r *rand.Rand, listed, turning int) *fullLoad {
	l := &fullLoad{
		x: newIndex(testPolicy()), listed: digests(r, listed), turning: digests(r, turning),
		state: make([]atomic.Uint64, turning),
	}
	l.x.adopt(load(national(l.listed)))
	return l
}

// during runs two readers and a writer while f runs.
func (l *fullLoad) during(t *testing.T, seed uint64, f func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for n := range uint64(2) {
		load.Go(func() { l.read(ctx, t, rand.New(rand.NewPCG(seed, 1+n))) })
	}
	load.Go(func() { l.write(ctx, rand.New(rand.NewPCG(seed, 3))) })
	f()
	stop()
	load.Wait()
}

func (l *fullLoad) write(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		batch := make([]fraud.Opinion, 1+r.IntN(20))
		from := r.IntN(len(l.turning) - len(batch))
		for i := range batch {
			turn := l.state[from+i].Add(1)
			o := listing(l.turning[from+i], 1)
			if o.Stance = fraud.Listed; turn%4 == 3 {
				o.Stance, o.Confidence = fraud.Withdrawn, 0
			}
			o.Version += fraud.Version(turn) << 22 // of a millisecond later each
			batch[i] = o
		}
		l.x.Apply(batch)
		for i := range batch {
			l.state[from+i].Add(1)
		}
		l.applied.Add(int64(len(batch)))
	}
}

func (l *fullLoad) read(ctx context.Context, t *testing.T, r *rand.Rand) {
	out := make([]fraud.Status, 100)
	for ctx.Err() == nil && !t.Failed() {
		if d := l.listed[r.IntN(len(l.listed))]; l.x.Lookup(regulator, exact(d)).Status != fraud.Suspected {
			t.Error("a false negative: what is listed throughout is answered as something else")
		}
		var unknown indicator.Digest
		for i := range unknown {
			unknown[i] = byte(r.Uint32())
		}
		if v := l.x.Lookup(regulator, exact(unknown)); v.Status != fraud.NotListed {
			t.Errorf("a false positive: %s by the %s of what was never listed", v.Status, v.AnsweredBy)
		}
		at := r.IntN(len(l.listed) - len(out))
		l.x.LookupBatch(regulator, l.listed[at:at+len(out)], out, nil)
		for _, s := range out {
			if s != fraud.Suspected {
				t.Errorf("a false negative in a batch: %s", s)
			}
		}
		for range 10 {
			turning := r.IntN(len(l.turning))
			before := l.state[turning].Load()
			v := l.x.Lookup(regulator, exact(l.turning[turning]))
			if before%2 == 1 || l.state[turning].Load() != before {
				continue // it was under way: either answer is right
			}
			want := fraud.NotListed
			if before%4 == 2 {
				want = fraud.Suspected
			}
			if v.Status != want || want == fraud.Suspected && v.AnsweredBy != fraud.ByIndex {
				t.Errorf("after %d turns: %s by the %s, want %s", before/2, v.Status, v.AnsweredBy, want)
			}
		}
		l.lookups.Add(int64(2 + len(out) + 10))
	}
}

// rest folds what is left, and measures what stays.
func (l *fullLoad) rest(t *testing.T, goroutines int) (heap uint64) {
	t.Helper()
	l.x.fold()
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := runtime.NumGoroutine(); n > goroutines {
			return fmt.Errorf("%d goroutines, there were %d", n, goroutines)
		}
		return nil
	})
	runtime.GC()
	runtime.GC() // pools give their memory back at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestRebuildsUnderFullLoadAnswerRightAndLeakNothing(t *testing.T) {
	rebuilds, listed := 20, 5_000
	if testkit.Long() {
		rebuilds, listed = 1000, 50_000
	}
	r := testkit.Seed(t)
	goroutines := runtime.NumGoroutine()
	l := newFullLoad(r, listed, listed/20)
	l.x.cfg.SnapshotDir = t.TempDir()
	rebuild := func(n int) {
		for end := l.x.Stats().Generation + n; l.x.Stats().Generation < end && !t.Failed(); {
			// Every tenth is that of a snapshot.
			if l.x.fold(); l.x.Stats().Generation%10 == 0 {
				l.x.snapshot()
			}
		}
	}
	l.during(t, r.Uint64(), func() { rebuild(10) }) // tables find their sizes
	before, began := l.rest(t, goroutines), time.Now()
	lookups, applied := l.lookups.Load(), l.applied.Load()
	var took time.Duration
	l.during(t, r.Uint64(), func() { rebuild(rebuilds); took = time.Since(began) })
	after := l.rest(t, goroutines)

	lookups, applied = l.lookups.Load()-lookups, l.applied.Load()-applied
	t.Logf("%d rebuilds in %s beside %d lookups and %d changes; heap %.2f MiB before, %.2f MiB after",
		rebuilds, took.Round(time.Millisecond), lookups, applied, float64(before)/(1<<20), float64(after)/(1<<20))
	if limit := before + before/20 + 1<<20; after > limit {
		t.Errorf("the heap has grown from %d to %d bytes, more than a twentieth and a mebibyte", before, after)
	}
	if lookups < int64(rebuilds)*1000 || applied < int64(rebuilds)*100 {
		t.Errorf("%d lookups and %d changes beside %d rebuilds are no load", lookups, applied, rebuilds)
	}
	if n := l.x.Stats().Opinions; n > len(l.listed)+len(l.turning) {
		t.Errorf("%d opinions are held, of %d digests", n, len(l.listed)+len(l.turning))
	}
}
