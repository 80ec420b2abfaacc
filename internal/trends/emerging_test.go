package trends_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/trends"
)

// nation is ninety days of made-up reports: series of very different size, with hours, weekdays, batches and drift, and
// outbreaks that somebody ought to notice.
type nation struct {
	series    []trends.Hourly
	outbreaks []outbreak
}

type outbreak struct {
	series     int
	begin, end int // hours
	perDay     float64
	usual      float64
}

const (
	nationDays = 90
	firstDay   = 30 // before it there is no baseline
)

func newNation(r *rand.Rand, series, outbreaks int) nation {
	var n nation
	hours := nationDays * 24
	hourly := [24]float64{}
	for h := range hourly {
		hourly[h] = 1 + 0.8*math.Sin(2*math.Pi*float64(h-9)/24)
	}
	weekly := [7]float64{1.1, 1.1, 1.05, 1, 1.15, 0.8, 0.7}
	rates := make([]float64, series)
	free := make([]int, series)
	for s := range series {
		rates[s] = 3 * math.Exp2(r.Float64()*7) // 3 to 384 a day
		n.series = append(n.series, trends.Hourly{Key: fmt.Sprint(s), Counts: make([]uint64, hours)})
		free[s] = firstDay * 24
	}
	for len(n.outbreaks) < outbreaks {
		s := r.IntN(series)
		o := outbreak{series: s, usual: rates[s], perDay: max(40, rates[s]*(3+3*r.Float64()))}
		o.begin = free[s] + 24*r.IntN(12) + r.IntN(24)
		o.end = o.begin + 48 + r.IntN(72)
		if o.end+48 > hours {
			continue
		}
		free[s] = o.end + 24*12 // a series recovers before it breaks out again
		n.outbreaks = append(n.outbreaks, o)
	}
	for s := range series {
		drift := 0.6 * (r.Float64() - 0.5) // up to 30 % up or down in ninety days
		for h := range hours {
			if h%24 == 0 && r.IntN(2) == 0 {
				// half of the days some batch comes in one hour
				n.series[s].Counts[h+r.IntN(24)] += poisson(r, rates[s]/10)
			}
			rate := rates[s] / 24 * hourly[h%24] * weekly[h/24%7] * (1 + drift*float64(h)/float64(hours))
			rate *= 0.7 + 0.6*r.Float64()
			n.series[s].Counts[h] += poisson(r, rate)
		}
	}
	for _, o := range n.outbreaks {
		for h := o.begin; h < o.end; h++ {
			ramp := min(1, float64(h-o.begin+1)/12)
			n.series[o.series].Counts[h] += poisson(r, ramp*o.perDay/24*hourly[h%24])
		}
	}
	return n
}

func poisson(r *rand.Rand, mean float64) uint64 {
	if mean > 30 {
		return uint64(max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, p, limit := uint64(0), 1.0, math.Exp(-mean)
	for {
		if p *= r.Float64(); p < limit {
			return n
		}
		n++
	}
}

// TestOutbreaksAreFoundAndLittleElse plays ninety days hour by hour, as an analyst's screen would have shown them.
func TestOutbreaksAreFoundAndLittleElse(t *testing.T) {
	// Ninety days hold few alarms: their number varies. The short form always plays the same ones.
	r, quarters := rand.New(rand.NewPCG(5, 6)), 1
	if testkit.Long() {
		r, quarters = testkit.Seed(t), 8
	}
	watch := trends.DefaultWatch()
	var found, all, falseAlarms, weeks, alarms int
	var delays []float64
	for range quarters {
		n := newNation(r, 60, 60)
		all += len(n.outbreaks)
		weeks += (nationDays - firstDay) / 7
		noticed := map[int]int{} // outbreak → hour
		lastAlarm := map[int]int{}
		for now := firstDay * 24; now <= nationDays*24; now++ {
			view := make([]trends.Hourly, len(n.series))
			for i, s := range n.series {
				view[i] = trends.Hourly{Key: s.Key, Counts: s.Counts[now-watch.Hours() : now]}
			}
			for _, rise := range watch.Rising(view) {
				var s int
				_, _ = fmt.Sscan(rise.Key, &s)
				during := slices.IndexFunc(n.outbreaks, func(o outbreak) bool {
					return o.series == s && now > o.begin && now <= o.end+24
				})
				if during >= 0 {
					if _, ok := noticed[during]; !ok {
						noticed[during] = now
						alarms++
					}
				} else if now-lastAlarm[s] > 24 {
					falseAlarms++
					alarms++
				}
				lastAlarm[s] = now
			}
		}
		for i, at := range noticed {
			if at <= n.outbreaks[i].end {
				found++
				delays = append(delays, float64(at-n.outbreaks[i].begin))
			}
		}
	}
	slices.Sort(delays)
	recall := float64(found) / float64(all)
	perWeek := float64(falseAlarms) / float64(weeks)
	t.Logf("%d of %d outbreaks found (%.1f %%), precision %.1f %%, %.2f false alarms a week; noticed after %.0f hours "+
		"(median; nine in ten within %.0f), of outbreaks that last 48 to 120", found, all, 100*recall,
		100*float64(alarms-falseAlarms)/float64(alarms), perWeek, delays[len(delays)/2], delays[len(delays)*9/10])
	if recall < 0.95 {
		t.Errorf("%.1f %% of outbreaks found, want 95", 100*recall)
	}
	if perWeek > 1 {
		t.Errorf("%.2f false alarms a week, want 1 at most", perWeek)
	}
}

func TestWhatRises(t *testing.T) {
	watch := trends.DefaultWatch()
	watch.Windows = []time.Duration{24 * time.Hour}
	flat := func(perDay uint64, today uint64) []uint64 {
		counts := make([]uint64, watch.Hours())
		for h := 12; h < len(counts); h += 24 {
			counts[h] = perDay
		}
		counts[len(counts)-12] = today
		return counts
	}
	for _, c := range []struct {
		situation string
		counts    []uint64
		want      bool
	}{
		{"as many as ever", flat(20, 20), false},
		{"five times as many", flat(20, 100), true},
		{"something that was never seen", flat(0, 40), true},
		{"a few of what was never seen", flat(0, 11), false},
		{"sure, but not twice as many", flat(10_000, 15_000), false},
		{"fewer", flat(20, 1), false},
		{"too short a series", flat(20, 100)[24:], false},
	} {
		t.Run(c.situation, func(t *testing.T) {
			series := []trends.Hourly{{Key: "it", Counts: c.counts}, {Key: "other", Counts: flat(20, 20)}}
			rises := watch.Rising(series)
			if got := len(rises) == 1 && rises[0].Key == "it"; got != c.want || len(rises) > 1 {
				t.Fatalf("rising: %+v, want %v", rises, c.want)
			}
			if c.want && (rises[0].Hours < 1 || rises[0].Hours > 24) {
				t.Errorf("rising for %d hours, of a rise 12 hours ago", rises[0].Hours)
			}
		})
	}
}

func TestARiseOfWhatWasNeverSeenBeganWhenItWasFirstSeen(t *testing.T) {
	watch := trends.DefaultWatch()
	counts := make([]uint64, watch.Hours())
	for h := len(counts) - 20; h < len(counts); h++ {
		counts[h] = 4
	}
	rises := watch.Rising([]trends.Hourly{{Key: "it", Counts: counts}})
	if len(rises) != 1 || rises[0].Hours != 20 {
		t.Errorf("rises: %+v, want one that began 20 hours ago", rises)
	}
}

func TestAnEarlierOutbreakDoesNotHideTheNext(t *testing.T) {
	watch := trends.DefaultWatch()
	counts := make([]uint64, watch.Hours())
	for h := range counts {
		counts[h] = uint64(1 + h%2)
	}
	for _, began := range []int{len(counts) - 10*24, len(counts) - 24} {
		for h := began; h < began+24; h++ {
			counts[h] += 12
		}
	}
	if rises := watch.Rising([]trends.Hourly{{Key: "it", Counts: counts}}); len(rises) != 1 {
		t.Errorf("%+v", rises)
	}
}
