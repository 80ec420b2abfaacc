package faults

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// row is what one scenario has shown.
type row struct {
	name                              string
	acknowledged, stored, lost, twice int
	falseNegatives, falsePositives    int
	calm, faulty, healed              *tally
	contributionsRefused              int
	recovery, recoveryBound           time.Duration
}

// Table collects the rows of a test process.
type Table struct {
	mu   sync.Mutex
	rows []row
}

func (t *Table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

var heads = []string{
	"scenario", "acked", "stored", "lost", "twice", "false neg.", "false pos.",
	"look-ups before", "during", "after (p50/p99/p99.9 ms)", "unanswered", "unsure", "503s", "report shows p99 ms", "withdrawal shows p99 ms", "recovery (bound)",
}

// Write prints the table as Markdown, in columns.
func (t *Table) Write(out io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', tabwriter.Debug)
	line := func(cells ...string) { fmt.Fprintln(w, "\t"+strings.Join(cells, "\t")+"\t") }
	line(heads...)
	rule := make([]string, len(heads))
	for i, h := range heads {
		rule[i] = strings.Repeat("-", len(h))
	}
	line(rule...)
	for _, r := range t.rows {
		line(r.name, fmt.Sprint(r.acknowledged), fmt.Sprint(r.stored), fmt.Sprint(r.lost), fmt.Sprint(r.twice),
			fmt.Sprint(r.falseNegatives), fmt.Sprint(r.falsePositives),
			quantiles(r.calm.latency), quantiles(r.faulty.latency), quantiles(r.healed.latency),
			three(r, func(t *tally) string { return fmt.Sprint(t.errors) }),
			three(r, func(t *tally) string { return fmt.Sprint(t.unsure) }), fmt.Sprint(r.contributionsRefused),
			three(r, func(t *tally) string { return millis(t.shown, 99) }),
			three(r, func(t *tally) string { return millis(t.gone, 99) }),
			fmt.Sprintf("%s (%s)", r.recovery.Round(10*time.Millisecond), r.recoveryBound))
	}
	return w.Flush()
}

// three is a figure before, during and after the fault.
func three(r row, of func(*tally) string) string {
	return of(r.calm) + "/" + of(r.faulty) + "/" + of(r.healed)
}

func quantiles(h *hdrhistogram.Histogram) string {
	return millis(h, 50) + "/" + millis(h, 99) + "/" + millis(h, 99.9)
}

func millis(h *hdrhistogram.Histogram, quantile float64) string {
	if h.TotalCount() == 0 {
		return "–"
	}
	ms := float64(h.ValueAtQuantile(quantile)) / 1000
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}
