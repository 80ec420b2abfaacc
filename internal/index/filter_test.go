package index

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestFilterKeepsItsRateAtThePlannedLoad(t *testing.T) {
	r := testkit.Seed(t)
	const planned = 20_000
	f := newFilter(planned / headroom)
	listed := digests(r, planned)
	f.fill(load(national(listed[:planned/2])))
	for i := range listed[planned/2:] {
		f.add(tagOf(&listed[planned/2+i]))
	}
	for i := range listed {
		if !f.mayContain(tagOf(&listed[i])) {
			t.Fatal("a false negative")
		}
	}
	if fill := f.fillRatio(); fill < 0.45 || fill > 0.55 {
		t.Errorf("fill at the planned load is %.3f, want about 0.5", fill)
	}
	// Of two million are some two hundred passed, give or take fourteen.
	asked, tolerance := 2_000_000, 1.35
	if testkit.Long() {
		asked, tolerance = 10_000_000, 1.2
	}
	rounds := asked / block
	var passed, screened int
	for range rounds {
		ask := digests(r, block)
		maybe := f.screen(ask)
		for i := range ask {
			may := f.mayContain(tagOf(&ask[i]))
			if may {
				passed++
			}
			if maybe>>i&1 == 1 {
				screened++
			} else if may {
				t.Fatal("the screen stopped what the filter passes")
			}
		}
	}
	rate := float64(passed) / float64(rounds*block)
	t.Logf("rate %.3g at %d bits a digest; %.1f %% pass the screen",
		rate, f.m/planned, 100*float64(screened)/float64(rounds*block))
	if rate > tolerance*falsePositives {
		t.Errorf("rate %.3g, want at most %.3g", rate, tolerance*falsePositives)
	}
}

func TestFilterFilledAtOnceIsTheFilterFilledOneByOne(t *testing.T) {
	listed := digests(testkit.Seed(t), 50_000)
	base := load(national(listed))
	a, b := newFilter(len(listed)), newFilter(len(listed))
	a.fill(base)
	for i := range listed {
		b.add(tagOf(&listed[i]))
	}
	if a.set.Load() != b.set.Load() {
		t.Fatalf("%d bits are counted, want %d", a.set.Load(), b.set.Load())
	}
	for i := range a.words {
		if a.words[i] != b.words[i] {
			t.Fatalf("word %d differs", i)
		}
	}
}

func TestFilterOutgrownIsRebuilt(t *testing.T) {
	x := newIndex(testPolicy())
	x.Apply(national(digests(testkit.Seed(t), 3*leastPlan)))
	if v := x.view.Load(); !v.wantsFold() {
		t.Fatalf("fill %.2f does not want a fold", v.filter.fillRatio())
	}
	x.fold()
	if s := x.Stats(); s.FilterFill > 0.31 || s.FilterBitsPerDigest > 1.05*headroom*19.17 {
		t.Errorf("after the fold: %+v", s)
	}
}

func TestMemoryOfAnOpinionIsBounded(t *testing.T) {
	for _, c := range []struct {
		situation string
		withExtra int // of 4 opinions
		limit     float64
	}{
		{"no origins", 0, 37.5},
		{"two accounts, two phones: a third has an origin", 1, 38.5},
		{"accounts only: half have an origin", 2, 39.5},
	} {
		t.Run(c.situation, func(t *testing.T) {
			opinions := 100_000
			if testkit.Long() {
				opinions = 500_000
			}
			all := national(digests(testkit.Seed(t), opinions))
			for i := range all {
				if all[i].Origin = 0; i%4 < c.withExtra {
					all[i].Origin = 1
				}
			}
			x := newIndex(testPolicy())
			x.adopt(load(all))
			s := x.Stats()
			const directory = 4 << dirBits // whatever their number
			table := float64(s.BaseBytes-directory) / float64(s.Opinions)
			filter := float64(s.FilterBytes) / float64(s.Opinions)
			per := table + filter
			t.Logf("%.2f B an opinion: table %.2f, filter %.2f", per, table, filter)
			if per > c.limit {
				t.Errorf("%.2f B an opinion, want at most %.1f", per, c.limit)
			}
		})
	}
}
