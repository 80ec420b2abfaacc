package benchmarks

import (
	"math"
	"slices"
	"time"
)

// welch is Welch's t for the difference of two samples' means, as dudect uses it (Reparaz, Balasch and Verbauwhede,
// "Dude, is my code constant time?", DATE 2017): what is slower than keep of all is left out of both, since what makes
// it slow is the machine. Below 4.5 nothing can be told; a sign says which is slower.
func welch(a, b []time.Duration, keep float64) float64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	limit := all[min(len(all)-1, int(keep*float64(len(all))))]
	meanA, varA, nA := moments(a, limit)
	meanB, varB, nB := moments(b, limit)
	return (meanA - meanB) / math.Sqrt(varA/nA+varB/nB)
}

// moments are the mean, the variance and the number of what is at most limit, in nanoseconds.
func moments(sample []time.Duration, limit time.Duration) (mean, variance, n float64) {
	var squares float64
	for _, d := range sample {
		if d <= limit {
			n++
			delta := float64(d) - mean
			mean += delta / n
			squares += delta * (float64(d) - mean)
		}
	}
	return mean, squares / (n - 1), n
}
