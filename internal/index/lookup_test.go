package index

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func exact(d indicator.Digest) []fraud.Probe {
	return []fraud.Probe{{Digest: d, Grade: indicator.Exact}}
}

func TestStaleIndexIsUnsureOfNegativesOnly(t *testing.T) {
	listed, withdrawn, unlisted := digest(1), digest(2), digest(3)
	x := newIndex(testPolicy())
	x.Apply([]fraud.Opinion{listing(listed, 1), listing(withdrawn, 1), withdrawal(withdrawn, 1, noon)})
	type answers struct{ Listed, Withdrawn, Unlisted fraud.Status }
	for _, c := range []struct {
		situation string
		asOf      time.Time
		ready     bool
		want      answers
	}{
		{"fresh", noon, true, answers{fraud.Suspected, fraud.NotListed, fraud.NotListed}},
		{"at the limit", noon.Add(-30 * time.Second), true, answers{fraud.Suspected, fraud.NotListed, fraud.NotListed}},
		{"beyond the limit", noon.Add(-30*time.Second - time.Millisecond), true, answers{fraud.Suspected, fraud.Unsure,
			fraud.Unsure}},
		{"never caught up", noon, false, answers{fraud.Suspected, fraud.Unsure, fraud.Unsure}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			x.asOf.Store(c.asOf.UnixMilli())
			x.ready.Store(c.ready)
			status := func(d indicator.Digest) fraud.Status {
				v := x.Lookup(regulator, exact(d))
				if !v.AsOf.Equal(c.asOf) {
					t.Errorf("as of %s, want %s", v.AsOf, c.asOf)
				}
				out := make([]fraud.Status, 1)
				x.LookupBatch(regulator, []indicator.Digest{d}, out, nil)
				if out[0] != v.Status {
					t.Errorf("a batch says %s, a lookup %s", out[0], v.Status)
				}
				return v.Status
			}
			got := answers{status(listed), status(withdrawn), status(unlisted)}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLookupSaysWhichStageAnswered(t *testing.T) {
	x := newIndex(testPolicy())
	x.Apply([]fraud.Opinion{listing(digest(1), 1), withdrawal(digest(1), 1, noon)})
	if v := x.Lookup(regulator, exact(digest(1))); v.Status != fraud.NotListed || v.AnsweredBy != fraud.ByIndex {
		t.Errorf("withdrawn: %s by the %s", v.Status, v.AnsweredBy)
	}
	x.fold()
	if v := x.Lookup(regulator, exact(digest(1))); v.Status != fraud.NotListed || v.AnsweredBy != fraud.ByFilter {
		t.Errorf("withdrawn, after a fold: %s by the %s", v.Status, v.AnsweredBy)
	}
	if v := x.Lookup(regulator, nil); v.Status != fraud.NotListed || v.AnsweredBy != fraud.ByFilter {
		t.Errorf("nothing asked: %s by the %s", v.Status, v.AnsweredBy)
	}
}

func TestAlikeDigestIsNotListed(t *testing.T) {
	x := newIndex(testPolicy())
	x.Apply([]fraud.Opinion{listing(digest(1), 1)})
	x.fold()
	for bit := range 256 {
		d := digest(1)
		d[bit/8] ^= 1 << (bit % 8)
		if v := x.Lookup(regulator, exact(d)); v.Status != fraud.NotListed {
			t.Errorf("bit %d flipped: %s", bit, v.Status)
		}
	}
}

func TestProtectedIndicatorIsClearedAndCoversBroaderListings(t *testing.T) {
	policy := testPolicy()
	policy.Protected = fraud.Protect(digest(1))
	x := newIndex(policy)
	x.Apply([]fraud.Opinion{listing(digest(2), 5)})
	for range 2 {
		v := x.Lookup(regulator, []fraud.Probe{{Digest: digest(1), Grade: indicator.Exact}, {Digest: digest(2),
			Grade: indicator.Prefix}})
		if v.Status != fraud.ClearedUp {
			t.Errorf("%s, want cleared", v.Status)
		}
		x.fold()
	}
}

// withdrawal takes a listing back.
func withdrawal(d indicator.Digest, partner fraud.PartnerNumber, at time.Time) fraud.Opinion {
	o := listing(d, partner)
	o.Stance, o.Version, o.Confidence = fraud.Withdrawn, fraud.MakeVersion(at, fraud.Withdrawn, uuid.UUID{}), 0
	return o
}

func TestTombstoneStaysUntilNothingOlderCanArrive(t *testing.T) {
	x := newIndex(testPolicy())
	withdrawn := noon.Add(-x.cfg.TombstoneAge)
	young, old := withdrawal(digest(1), 1, withdrawn), withdrawal(digest(2), 1, withdrawn.Add(-time.Millisecond))
	x.Apply([]fraud.Opinion{young, old})
	x.fold()
	if n := x.Stats().Opinions; n != 1 {
		t.Fatalf("%d opinions are held, want the younger tombstone alone", n)
	}
	late := listing(digest(1), 1)
	late.Version = fraud.MakeVersion(withdrawn.Add(-time.Hour), fraud.Listed, uuid.UUID{})
	x.Apply([]fraud.Opinion{late})
	if v := x.Lookup(regulator, exact(digest(1))); v.Status != fraud.NotListed {
		t.Errorf("a late delivery lists again what was withdrawn: %s", v.Status)
	}
}

// What the filter turns away costs no memory.
func TestMissesAllocateNothing(t *testing.T) {
	x := newIndex(testPolicy())
	all := digests(testkit.Seed(t), 2000)
	x.Apply(national(all[:1000]))
	x.fold()
	ask := slices.DeleteFunc(all[1000:], func(d indicator.Digest) bool { // one in ten thousand
		return x.Lookup(regulator, exact(d)).AnsweredBy != fraud.ByFilter
	})
	out := make([]fraud.Status, len(ask))
	probe := exact(ask[0])
	if n := testing.AllocsPerRun(100, func() {
		x.LookupBatch(regulator, ask, out, nil)
		x.Lookup(regulator, probe)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestMetricsCountEveryAnswerByItsStage(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	x := New(DefaultConfig(), testPolicy(), Sources{}, reg, discard)
	x.now = func() time.Time { return noon }
	x.asOf.Store(noon.UnixMilli())
	x.ready.Store(true)
	x.Apply([]fraud.Opinion{listing(digest(1), 5)})
	x.Lookup(regulator, exact(digest(1)))
	x.Lookup(regulator, exact(digest(2)))
	x.LookupBatch(regulator, []indicator.Digest{digest(1), digest(2), digest(3)}, make([]fraud.Status, 3), nil)
	want := map[string]float64{"filter/not_listed": 3, "index/confirmed": 2}
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "waspada_index_lookups_total" && m.Counter.GetValue() > 0 {
				got[m.Label[0].GetValue()+"/"+m.Label[1].GetValue()] = m.Counter.GetValue()
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// What becomes protected is cleared at once, listed or not and whatever the filter was made of; what is protected no
// longer is again what its opinions say.
func TestProtectionFollowsTheListWhileFiltersAreSwapped(t *testing.T) {
	policy := testPolicy()
	policy.Protected = fraud.Protect()
	x := newIndex(policy)
	x.Apply([]fraud.Opinion{listing(digest(1), 5)})
	statuses := func() (got [2]fraud.Status) {
		for i := range got {
			got[i] = x.Lookup(regulator, []fraud.Probe{{Digest: digest(uint64(i + 1)), Grade: indicator.Exact}}).Status
		}
		return got
	}
	ctx, stop := context.WithCancel(t.Context())
	var folder sync.WaitGroup
	defer folder.Wait()
	defer stop()
	folder.Go(func() {
		for n := uint64(10); ctx.Err() == nil; n++ {
			x.Apply([]fraud.Opinion{listing(digest(n), 5)})
			x.fold()
		}
	})
	for turn := range 100 {
		policy.Protected.Replace(map[indicator.Digest]bool{digest(1): true, digest(2): true})
		x.Protect()
		for range 3 {
			if got, want := statuses(), [2]fraud.Status{fraud.ClearedUp, fraud.ClearedUp}; got != want {
				t.Fatalf("turn %d, protected: %v, want %v", turn, got, want)
			}
			runtime.Gosched()
		}
		policy.Protected.Replace(map[indicator.Digest]bool{})
		x.Protect()
		if got, want := statuses(), [2]fraud.Status{fraud.Confirmed, fraud.NotListed}; got != want {
			t.Fatalf("turn %d, no longer protected: %v, want %v", turn, got, want)
		}
	}
}

// While a fold makes the next filter, what becomes protected must pass both.
func TestProtectionReachesTheFilterThatIsBeingMade(t *testing.T) {
	policy := testPolicy()
	policy.Protected = fraud.Protect()
	x := newIndex(policy)
	x.next = newFilter(0)
	policy.Protected.Replace(map[indicator.Digest]bool{digest(1): true})
	x.Protect()
	d := digest(1)
	if !x.view.Load().filter.mayContain(tagOf(&d)) || !x.next.mayContain(tagOf(&d)) {
		t.Error("a filter does not let a protected digest pass")
	}
}
