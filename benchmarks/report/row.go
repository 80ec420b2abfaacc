package report

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Units of a row's figure. Others are allowed, and printed as they are.
const (
	// Times is a ratio.
	Times = "×"
	// PerCoreSecond is how many a second one core does.
	PerCoreSecond = "/s/core"
	Nanoseconds   = "ns"
	Microseconds  = "µs"
	Milliseconds  = "ms"
	Bytes         = "B"
)

// Row is one claim and what was seen of it.
type Row struct {
	// Row names it, within its family.
	Row string `json:"row"`
	// Means is what the row means to a user.
	Means string `json:"means,omitempty"`
	// Subject is what the figure is about, and Baseline what it was held against; "" for nothing.
	Subject  string `json:"subject"`
	Baseline string `json:"baseline,omitempty"`
	// Median, Min and Max are of the figures of the rounds, in the unit.
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Unit   string  `json:"unit"`
	Rounds int     `json:"rounds"`
	// CPU time and time on the wall per operation, in nanoseconds, medians; 0 where they were not measured. An operation is
	// one indicator, event, probe, whatever the row counts.
	SubjectCPU   float64 `json:"subject_cpu_ns,omitempty"`
	BaselineCPU  float64 `json:"baseline_cpu_ns,omitempty"`
	SubjectWall  float64 `json:"subject_wall_ns,omitempty"`
	BaselineWall float64 `json:"baseline_wall_ns,omitempty"`
	// Goal is what the median should be; the zero Goal for none.
	Goal Goal `json:"goal,omitzero"`
	// Holds is "yes" or "no", and "" without a goal or when nothing was seen.
	Holds string `json:"holds,omitempty"`
	// Why says why the goal does not hold, if it does not.
	Why string `json:"why,omitempty"`
	// Note is anything else one must know to read the row.
	Note string `json:"note,omitempty"`
	// NotTested says why nothing was seen.
	NotTested string `json:"not_tested,omitempty"`
	// Load is the machine's load average of a minute when the row was written, When that was.
	Load float64   `json:"load"`
	When time.Time `json:"when"`
}

// See enters the figures of the rounds and judges the goal.
func (r *Row) See(figures []float64) {
	r.Rounds = len(figures)
	r.Holds = ""
	if r.Rounds == 0 {
		return
	}
	r.Median, r.Min, r.Max = Median(figures), slices.Min(figures), slices.Max(figures)
	switch {
	case r.Goal == Goal{}:
	case r.Goal.Met(r.Median):
		r.Holds = "yes"
	default:
		r.Holds = "no"
	}
}

// Median is the middle of some figures, 0 of none.
func Median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Ratios divides round by round, a by b.
func Ratios(a, b []float64) []float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}

// Goal bounds a median from one side. Its text is "≥ 0.95" or "≤ 3".
type Goal struct {
	Sense string // "≥" or "≤"
	Than  float64
}

// AtLeast is the goal ≥ than.
func AtLeast(than float64) Goal { return Goal{"≥", than} }

// AtMost is the goal ≤ than.
func AtMost(than float64) Goal { return Goal{"≤", than} }

// Met reports whether a figure is as the goal has it.
func (g Goal) Met(figure float64) bool {
	if g.Sense == "≤" {
		return figure <= g.Than
	}
	return figure >= g.Than
}

// MarshalText writes "≥ 0.95".
func (g Goal) MarshalText() ([]byte, error) {
	if g == (Goal{}) {
		return nil, nil
	}
	return []byte(g.Sense + " " + strconv.FormatFloat(g.Than, 'g', -1, 64)), nil
}

// UnmarshalText reads what MarshalText writes.
func (g *Goal) UnmarshalText(text []byte) error {
	*g = Goal{}
	if len(text) == 0 {
		return nil
	}
	sense, number, _ := strings.Cut(string(text), " ")
	than, err := strconv.ParseFloat(number, 64)
	if err != nil || sense != "≥" && sense != "≤" {
		return fmt.Errorf("a goal is like \"≥ 0.95\" or \"≤ 3\", not %q", text)
	}
	*g = Goal{sense, than}
	return nil
}

// number writes a figure with three digits that count, as people read it.
func number(x float64) string {
	switch size := math.Abs(x); {
	case size >= 1e6:
		return trim(x/1e6, 2) + " M"
	case size >= 10_000:
		return trim(x/1e3, 0) + " k"
	case size >= 100:
		return trim(x, 0)
	case size >= 10:
		return trim(x, 1)
	case size >= 0.1 || size == 0:
		return trim(x, 2)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

func trim(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }

// duration writes nanoseconds.
func duration(ns float64) string {
	switch {
	case ns >= 1e6:
		return number(ns/1e6) + " ms"
	case ns >= 1e3:
		return number(ns/1e3) + " µs"
	}
	return number(ns) + " ns"
}

// load is the load average of a minute, 0 where the system does not tell.
func load() float64 {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(data), " ")
	x, _ := strconv.ParseFloat(first, 64)
	return x
}
