package index

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Readers take a key that is surely applied, at random, while it may stand in the delta, in a delta being folded, in an
// old base or a new one, and while filters are swapped. None may ever answer not_listed.
func TestNoReaderEverMissesWhatIsApplied(t *testing.T) {
	keys := 20_000
	if testkit.Long() {
		keys = 60_000
	}
	r := testkit.Seed(t)
	all := digests(r, keys)
	opinions := national(all)
	x := newIndex(testPolicy())

	var applied atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var readers, folder sync.WaitGroup
	folder.Go(func() {
		for ctx.Err() == nil {
			x.fold()
		}
	})
	for seed := range uint64(3) {
		readers.Go(func() {
			out := make([]fraud.Status, 100)
			for n := seed; ctx.Err() == nil; n += 7919 {
				upTo := applied.Load()
				if upTo < 100 {
					continue
				}
				// One of the newest, and a batch of any.
				last := all[upTo-1-int64(n%100)]
				if v := x.Lookup(regulator, []fraud.Probe{{Digest: last, Grade: indicator.Exact}}); v.Status != fraud.Suspected {
					t.Errorf("key %d answered %s by the %s", upTo, v.Status, v.AnsweredBy)
					return
				}
				at := n % uint64(upTo-99)
				x.LookupBatch(regulator, all[at:at+100], out, nil)
				for i, s := range out {
					if s != fraud.Suspected {
						t.Errorf("in a batch, key %d of %d answered %s", at+uint64(i), upTo, s)
						return
					}
				}
			}
		})
	}
	for i := 0; i < keys; {
		n := min(1+r.IntN(50), keys-i)
		x.Apply(opinions[i : i+n])
		i += n
		applied.Store(int64(i))
		// At least ten bases over the run, however slow the folding.
		for i*10/keys > x.view.Load().generation {
			runtime.Gosched()
		}
	}
	stop()
	readers.Wait()
	folder.Wait()
	s := x.Stats()
	t.Logf("%d generations", s.Generation)
	if s.Opinions != keys {
		t.Errorf("%d opinions are held, want %d", s.Opinions, keys)
	}
}
