package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func newTrends(a *app) *cobra.Command {
	q := client.SeriesQuery{Metric: fraud.EventCount.String()}
	metric, by, bucket := fraud.EventCount, fraud.ByType, fraud.Hourly
	cmd := &cobra.Command{
		Use:   "trends [--metric METRIC] [--by DIMENSION] [--only DIMENSION=VALUE,…] [--bucket BUCKET] [--last TIME]",
		Short: "Count events, indicators, reporters and losses over time",
		Long: text(`
trends counts by hour, day or week of Malaysia, split by a dimension. Each event counts once, however
often it was sent. The last bucket is still being filled. losses are ringgit that were lost at least.
For those who are not police or a regulator a number of one to four is not told, and others are rounded
down to a multiple of five. It needs a key with the scope analyse.

-o csv writes at,key,value with a line for each bucket and key; -o json writes the hub's answer.`),
		Example: `  waspada trends
  waspada trends --by category --bucket day --last 30d
  waspada trends --by partner_kind --from 2026-11-01 --to 2026-11-15 --bucket day -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("trends takes flags only; see waspada trends --help")
			}
			return nil
		},
	}
	addWord(cmd, &metric, "metric", "", "what to count")
	addWord(cmd, &by, "by", "", "what to split by")
	only := addOnly(cmd)
	addWord(cmd, &bucket, "bucket", "", "the span of one count")
	last := span(24 * time.Hour)
	flags := cmd.Flags()
	flags.Var(&last, "last", "how far back to count: 24h, 30d, 12w")
	flags.Var(&moment{&q.From, -1}, "from", "count from this time instead")
	flags.Var(&moment{&q.To, -1}, "to", "count up to this time (default now)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if q.To.IsZero() {
			q.To = time.Now()
		}
		if q.From.IsZero() {
			q.From = q.To.Add(-time.Duration(last))
		}
		if !q.From.Before(q.To) {
			return usage("--from: it is before --to")
		}
		q.Metric, q.By, q.Bucket = metric.String(), by.String(), bucket.String()
		var err error
		if q.Only, err = readOnly(*only); err != nil {
			return err
		}
		q.From, q.To = begin(q.From, bucket), end(q.To, bucket)
		hub, err := a.hub()
		if err != nil {
			return err
		}
		set, err := hub.Series(cmd.Context(), q)
		if err != nil {
			return err
		}
		switch a.output {
		case "json":
			return a.tell(set)
		case "csv":
			return a.trendsCSV(set)
		}
		a.showTrends(set)
		return nil
	}
	return cmd
}

// begin is the beginning of the bucket in which t lies, by the clock of Malaysia.
func begin(t time.Time, b fraud.Bucket) time.Time {
	t = t.In(malaysia)
	if b == fraud.Hourly {
		return t.Truncate(time.Hour)
	}
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, malaysia)
	if b == fraud.Weekly {
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7) // weeks begin on Monday
	}
	return day
}

// end is the end of the bucket in which t lies, t itself if it is the beginning of one.
func end(t time.Time, b fraud.Bucket) time.Time {
	start := begin(t, b)
	switch {
	case start.Equal(t):
		return start
	case b == fraud.Hourly:
		return start.Add(time.Hour)
	case b == fraud.Daily:
		return start.AddDate(0, 0, 1)
	}
	return start.AddDate(0, 0, 7)
}

// span is a flag that takes a duration, also in days and weeks.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (s *span) Type() string   { return "time" }

func (s *span) Set(text string) error {
	for unit, d := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		number, ok := strings.CutSuffix(text, unit)
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 && n < 10_000 {
			*s = span(time.Duration(n) * d)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return &plainError{fmt.Errorf("it is written 24h, 30d or 12w")}
	}
	*s = span(d)
	return nil
}

// sparkWidth is how many marks a line has at most: what fits on a terminal of 80 columns beside the numbers.
const sparkWidth = 40

// showTrends writes a table with a line for each series, the largest first.
func (a *app) showTrends(set client.SeriesSet) {
	a.say("%s by %s, a mark is %s, %s to %s (Malaysian time)", set.Metric, set.By, markWords(set),
		set.From.In(malaysia).Format("2006-01-02 15:04"), set.To.In(malaysia).Format("2006-01-02 15:04"))
	if len(set.Series) == 0 {
		a.say("nothing was reported in this time")
		return
	}
	type line struct {
		key           string
		marks         []uint64
		total, latest uint64
		suppressed    bool
	}
	var lines []line
	width := len("total")
	for _, s := range set.Series {
		l := line{key: s.Key, marks: squeeze(s.Points, sparkWidth)}
		if l.key == "" {
			l.key = "(none)"
		}
		for _, p := range s.Points {
			l.total += p.Value
			l.latest, l.suppressed = p.Value, l.suppressed || p.Suppressed
		}
		width = max(width, len(l.key))
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return int(int64(b.total) - int64(a.total)) })
	var sum uint64
	for _, l := range lines {
		note := fmt.Sprintf("last %s %d", set.Bucket, l.latest)
		if l.suppressed {
			note += ", small numbers left out"
		}
		a.say("  %-*s  %s  %8d  %s", width, l.key, a.paint(cyan, sparkline(l.marks)), l.total, a.paint(dim, note))
		sum += l.total
	}
	if set.Metric == fraud.IndicatorCount.String() || set.Metric == fraud.ReporterCount.String() {
		return // what differs in each line need not differ between them
	}
	a.say("  %-*s  %*s  %8d", width, "total", len(lines[0].marks), "", sum)
}

func markWords(set client.SeriesSet) string {
	n := 1
	if len(set.Series) > 0 {
		n = perMark(len(set.Series[0].Points), sparkWidth)
	}
	if n == 1 {
		return "one " + set.Bucket
	}
	return fmt.Sprintf("%d %ss", n, set.Bucket)
}

// perMark is how many points share a mark.
func perMark(points, width int) int { return max(1, (points+width-1)/width) }

// squeeze sums neighbouring points up, so that at most width are left.
func squeeze(points []client.Point, width int) []uint64 {
	var (
		out []uint64
		per = perMark(len(points), width)
	)
	for i, p := range points {
		if i%per == 0 {
			out = append(out, 0)
		}
		out[len(out)-1] += p.Value
	}
	return out
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws counts against the largest of them; nothing at all is a dot.
func sparkline(counts []uint64) string {
	top := slices.Max(append([]uint64{1}, counts...))
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune(sparks[(n*uint64(len(sparks))-1)/top])
	}
	return b.String()
}

func (a *app) trendsCSV(set client.SeriesSet) error {
	w := csv.NewWriter(a.out)
	if err := w.Write([]string{"at", "key", "value"}); err != nil {
		return err
	}
	for _, s := range set.Series {
		for _, p := range s.Points {
			value := strconv.FormatUint(p.Value, 10)
			if p.Suppressed {
				value = ""
			}
			if err := w.Write([]string{p.At.Format(time.RFC3339), s.Key, value}); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}
