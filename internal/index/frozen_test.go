package index

import (
	"slices"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestFrozenTableGivesBackEveryRecord(t *testing.T) {
	r := testkit.Seed(t)
	sizes := []int{1, 511, 513, 20_000, 100_000}
	if testkit.Long() {
		sizes = append(sizes, 600_000)
	}
	for _, n := range sizes {
		all := national(digests(r, n))
		for i := range all {
			if i > 0 && r.IntN(10) == 0 { // a second word on the same digest
				all[i].Digest, all[i].Partner = all[i-1].Digest, all[i-1].Partner+1
			}
			if r.IntN(20) == 0 {
				all[i].ExpiresAt = fraud.SecondsOf(noon.Add(time.Duration(1+i) * time.Second))
			}
		}
		f := load(all)
		for i := range all {
			want := recordOf(&all[i])
			if !slices.Contains(slices.Collect(f.of(want.tag)), want) {
				t.Fatalf("%d records: record %d is not found", n, i)
			}
		}
		got := slices.Collect(f.all())
		if len(got) != n || !slices.IsSortedFunc(got, func(a, b record) int { return a.compareKey(&b) }) {
			t.Fatalf("%d records: %d are listed, in order or not", n, len(got))
		}
	}
}

func TestChangeWhileAFilterIsMadeIsInBoth(t *testing.T) {
	x := newIndex(testPolicy())
	x.next = newFilter(1)
	x.Apply([]fraud.Opinion{listing(digest(1), 1)})
	d := digest(1)
	if !x.view.Load().filter.mayContain(tagOf(&d)) || !x.next.mayContain(tagOf(&d)) {
		t.Error("a filter lacks it")
	}
}
