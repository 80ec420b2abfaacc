package trends

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mathext"
)

// Watch says what counts as emerging. A series is watched in windows that end now, each against the same hours of the
// days before:
//
//	hours of each series ──▶ the window's count, and those of the same hours on 28 days
//	 ──▶ baseline: outliers capped, the weekday taken out, recent days weighing more ──▶ expected ± spread
//	 ──▶ p: how likely so many, were nothing new (negative binomial)
//	 ──▶ all p of all series and windows: Benjamini and Hochberg's bound on false discoveries
//	 ──▶ enough of them, and a multiple of what is usual? ──▶ rising
//
// A baseline of medians and caps is not taken in by an earlier outbreak, and the spread is estimated rather than taken
// from Poisson: reports come in batches.
type Watch struct {
	// Windows are the spans, in whole hours of at most a day, that are looked at.
	Windows []time.Duration
	// BaselineDays is how many days before are what is usual.
	BaselineDays int
	// FalseDiscoveries is the share of what is found at one look that may be chance. It is small because an analyst looks
	// every hour: the test of ninety days chose it.
	FalseDiscoveries float64
	// AtLeast is the least count of a window, and Ratio the least multiple of what is expected: what is sure and small
	// is not worth an analyst's morning.
	AtLeast uint64
	Ratio   float64
}

// DefaultWatch looks at the last six hours and the last day.
func DefaultWatch() Watch {
	return Watch{
		Windows: []time.Duration{6 * time.Hour, day}, BaselineDays: 28, FalseDiscoveries: 0.0004, AtLeast: 12, Ratio: 2,
	}
}

// Hours is how many hours of each series Rising needs.
func (w Watch) Hours() int { return (w.BaselineDays + 1) * 24 }

// Hourly is a series: its counts by hour, of which the last is that before now. Every series has as many hours.
type Hourly struct {
	Key    string
	Counts []uint64
}

// Rise is a series that rises, with the numbers behind it.
type Rise struct {
	Key string
	// Window is the span in which Observed were counted and Expected were to be.
	Window   time.Duration
	Observed uint64
	Expected float64
	// Chance is the probability of Observed or more, were nothing new.
	Chance float64
	// Hours is for how many hours it has been rising.
	Hours int
}

// Ratio is how many times more than expected were observed.
func (r Rise) Ratio() float64 { return float64(r.Observed) / r.Expected }

// Rising finds the series that rise, the least likely by chance first. All series are to be given at once: how many are
// looked at decides how unlikely a find must be. Series that are too short are left out.
func (w Watch) Rising(series []Hourly) []Rise {
	var tests []Rise
	for _, window := range w.Windows {
		tests = append(tests, w.test(series, int(window/time.Hour))...)
	}
	slices.SortFunc(tests, func(a, b Rise) int {
		return cmp.Or(cmp.Compare(a.Chance, b.Chance), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Window, b.Window))
	})
	found := 0
	for i, t := range tests {
		if t.Chance <= w.FalseDiscoveries*float64(i+1)/float64(len(tests)) {
			found = i + 1
		}
	}
	var rises []Rise
	for _, t := range tests[:found] {
		known := slices.ContainsFunc(rises, func(r Rise) bool { return r.Key == t.Key })
		if known || t.Observed < w.AtLeast || t.Ratio() < w.Ratio {
			continue
		}
		i := slices.IndexFunc(series, func(h Hourly) bool { return h.Key == t.Key })
		t.Hours = w.risingFor(series[i].Counts, t)
		rises = append(rises, t)
	}
	return rises
}

// usual is what the days before say of one series and window.
type usual struct {
	days     []float64 // by how many days ago, from 1, outliers capped
	observed uint64
	mean     float64 // of a day without its weekday
	spread   float64 // variance divided by mean
}

func (w Watch) test(series []Hourly, hours int) []Rise {
	var (
		keys []string
		all  []usual
	)
	for _, s := range series {
		if len(s.Counts) >= w.Hours() {
			keys, all = append(keys, s.Key), append(all, w.usual(s.Counts, hours))
		}
	}
	weekday := w.weekdays(all)
	weights, weight, squares := make([]float64, w.BaselineDays), 0.0, 0.0
	for d := range weights {
		weights[d] = math.Exp2(-float64(d) / 14)
		weight += weights[d]
		squares += weights[d] * weights[d]
	}
	spreads := make([]float64, len(all))
	for i := range all {
		u := &all[i]
		for d, n := range u.days {
			u.mean += weights[d] * n / weekday[(d+1)%7]
		}
		u.mean = max(u.mean/weight, 0.5/weight) // nothing in four weeks is no proof of never
		for d, n := range u.days {
			u.spread += weights[d] * math.Pow(n/weekday[(d+1)%7]-u.mean, 2)
		}
		u.spread = max(1, u.spread/(weight-squares/weight)/u.mean)
		spreads[i] = u.spread
	}
	common := 1.0
	if len(spreads) > 0 {
		slices.Sort(spreads)
		common = spreads[len(spreads)/2]
	}
	rises := make([]Rise, len(all))
	for i, u := range all {
		// Four weeks tell little of one series' spread: it leans on that of the others. A quarter more for the caps.
		spread := 1.25 * (2*u.spread + common) / 3
		expected := u.mean * weekday[0]
		variance := spread * expected * (1 + squares/(weight*weight))
		rises[i] = Rise{
			Key: keys[i], Window: time.Duration(hours) * time.Hour, Observed: u.observed, Expected: expected,
			Chance: atLeast(float64(u.observed), expected, variance),
		}
	}
	return rises
}

// usual counts the window, and the same hours of each day before.
func (w Watch) usual(counts []uint64, hours int) usual {
	sum := func(daysAgo int) (n float64) {
		end := len(counts) - 24*daysAgo
		for _, c := range counts[end-hours : end] {
			n += float64(c)
		}
		return n
	}
	u := usual{observed: uint64(sum(0)), days: make([]float64, w.BaselineDays)}
	for d := range u.days {
		u.days[d] = sum(d + 1)
	}
	middle := median(u.days)
	off := make([]float64, len(u.days))
	for d, n := range u.days {
		off[d] = math.Abs(n - middle)
	}
	limit := middle + 3*max(1.4826*median(off), math.Sqrt(middle+1))
	for d, n := range u.days {
		u.days[d] = min(n, limit)
	}
	return u
}

// weekdays are the factors of the weekday of today (0) and of so many days ago, over all series: one alone has four of
// each weekday, which tell nothing.
func (w Watch) weekdays(all []usual) (factor [7]float64) {
	var sums, days [7]float64
	total := 0.0
	for _, u := range all {
		for d, n := range u.days {
			sums[(d+1)%7] += n
			total += n
		}
	}
	for d := range w.BaselineDays {
		days[(d+1)%7]++
	}
	for i := range factor {
		factor[i] = 1
		if total > 0 && days[i] > 0 {
			f := (sums[i] / days[i]) / (total / float64(w.BaselineDays))
			trust := sums[i] / (sums[i] + 200)
			factor[i] = min(max(1+trust*(f-1), 0.25), 4)
		}
	}
	return factor
}

// leastHourly is what an hour is taken to have usually, at least.
const leastHourly = 0.1

// risingFor is how many hours ago the rise began: since then a CUSUM has been above zero, which takes from each hour's
// count what lies between the usual and the risen rate.
func (w Watch) risingFor(counts []uint64, r Rise) int {
	const longest = 7 * 24
	// Where next to nothing is usual, what is usual is taken to be as little as below.
	ratio := max(float64(r.Observed)/max(r.Expected, leastHourly*r.Window.Hours()), w.Ratio)
	middle := (ratio - 1) / math.Log(ratio)
	from := max(24, len(counts)-longest)
	began, sum := len(counts)-int(r.Window/time.Hour), 0.0
	for at := from; at < len(counts); at++ {
		hour, n := 0.0, 0.0
		for d := 1; at-24*d >= 0 && d <= w.BaselineDays; d++ {
			hour += float64(counts[at-24*d])
			n++
		}
		if sum <= 0 {
			sum, began = 0, at
		}
		sum += float64(counts[at]) - middle*max(hour/n, leastHourly)
	}
	return len(counts) - began
}

// atLeast is the probability of n or more, in a negative binomial distribution of this mean and variance.
func atLeast(n, mean, variance float64) float64 {
	if n <= 0 {
		return 1
	}
	if variance < mean*1.0001 {
		return mathext.GammaIncReg(n, mean)
	}
	return mathext.RegIncBeta(n, mean*mean/(variance-mean), 1-mean/variance)
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
