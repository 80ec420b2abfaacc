package loadgen

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what became of the questions of a run.
type Result struct {
	// Good were answered, Refused properly refused, Dropped lost their connection, and Unanswered neither within the limit.
	Good, Refused, Dropped, Unanswered int
	// Hits are the listed indicators among those that were answered about.
	Hits int
	// Indicators is how many were answered about.
	Indicators int
	// Took is from the first question to the last answer.
	Took time.Duration
	// Latency is how long good answers took, in nanoseconds, from when their questions were due.
	Latency *hdrhistogram.Histogram
}

// longest is the longest time that is told apart from longer ones.
const longest = time.Minute

func newResult() *Result { return &Result{Latency: hdrhistogram.New(1, int64(longest), 3)} }

// Rate is how many good answers there were a second.
func (r *Result) Rate() float64 { return float64(r.Good) / r.Took.Seconds() }

// Quantile is a quantile of the latency, 0 to 100.
func (r *Result) Quantile(q float64) time.Duration {
	return time.Duration(r.Latency.ValueAtQuantile(q))
}

func (r *Result) String() string {
	return fmt.Sprintf("%.0f/s (%.0f indicators/s, %.1f %% listed), p50 %s, p99 %s, longest %s; %d refused, %d dropped",
		r.Rate(), float64(r.Indicators)/r.Took.Seconds(), 100*float64(r.Hits)/float64(max(r.Indicators, 1)),
		r.Quantile(50), r.Quantile(99), r.Quantile(100), r.Refused, r.Dropped)
}

// record enters an answer.
func (r *Result) record(took time.Duration, batch, hits int) {
	r.Good++
	r.Hits += hits
	r.Indicators += batch
	_ = r.Latency.RecordValue(int64(min(max(took, 1), longest)))
}
