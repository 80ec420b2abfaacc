package benchmarks

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/trends"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// BenchmarkTrends asks what analysts ask, of years of a million events and in the long form of ten and of thirty, too: all
// metrics by all dimensions in hours of a month, days and weeks of a year; what moved; what is emerging; and the four weeks
// of the heat strip. The police ask, who see everything; nothing is kept from one answer to the next. The sizes take
// turns, question by question, so that what else the machine does meets them alike. For comparison the ledger itself
// counts a year.
func BenchmarkTrends(b *testing.B) {
	sizes := sizesOf(b, "1", "1,10,30")
	const rounds, ofLedger = 15, 5 // what the ledger answers takes seconds
	end := time.Date(2026, 7, 1, 0, 0, 0, 0, time.FixedZone("MYT", 8*3600))
	begin := end.AddDate(-1, 0, 0)
	ledgers := make([]*ledger, len(sizes))
	for i, n := range sizes {
		l := newLedger(b, begin, end.Sub(begin)/time.Duration(n), false)
		ledgers[i] = l
		began, took := time.Now(), time.Duration(0)
		l.fill(b, n, func() {
			began := time.Now()
			// The roll-ups that the product makes, in its own steps.
			rolls := []func(context.Context) error{l.RollUp, l.RollUpDays}
			if l.filled%(5*block) == 0 || l.filled == n { // whole weeks, and more seldom
				rolls = append(rolls, l.CountIndicators)
			}
			for _, roll := range rolls {
				if err := roll(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			took += time.Since(began)
		})
		l.settle(b)
		b.Logf("%d events: made and rolled up in %.0f s, rolling up %.1f µs an event, %s", n, time.Since(began).Seconds(),
			took.Seconds()*1e6/float64(n), l.run(b, "SELECT formatReadableSize(sum(bytes_on_disk)) FROM system.parts WHERE database = '"+
				l.Database+"' AND active"))
	}
	questions := questionsOf(begin, end)
	for b.Loop() {
		for round := range rounds + 1 { // the first one warms up
			for _, q := range questions {
				if !q.rolled && round > ofLedger {
					continue
				}
				for s, l := range ledgers {
					engine, began := l.engineTime(b), time.Now()
					if err := q.ask(b.Context(), l); err != nil {
						b.Fatalf("%s: %v", q.name, err)
					}
					took := time.Since(began)
					if round > 0 {
						q.took[s], q.worked[s] = append(q.took[s], took), append(q.worked[s], l.engineTime(b)-engine)
					}
				}
			}
		}
	}
	reportTimes(b, sizes, questions)
	if err := report.Put(report.Dir(), trendFamily, trendRows(sizes, questions)...); err != nil {
		b.Fatal(err)
	}
}

var trendFamily = report.Family{Name: "trends", Title: "Trend queries",
	About: "Questions of an authority, which sees everything: 80 series of a year in days and weeks (five metrics by eight " +
		"dimensions), hours of a month, what moved, what emerges. The sizes take turns, question by question; nothing is kept from " +
		"one answer to the next. Least and most are of the questions, each with its median of the rounds."}

// trendRows tell how long a year takes at each size, and how much longer at the largest than at the smallest.
func trendRows(sizes []int, questions []question) (rows []report.Row) {
	name := func(s int) string { return fmt.Sprintf("%d million events", sizes[s]/1_000_000) }
	figures := func(of func(*question) map[int][]time.Duration, s int, which func(*question) bool) (all []float64, slowest string) {
		for i := range questions {
			q := &questions[i]
			if !q.rolled || !which(q) {
				continue
			}
			middle, _, _ := median(of(q)[s])
			all = append(all, float64(middle)/float64(time.Millisecond))
			if all[len(all)-1] == slices.Max(all) {
				slowest = q.name
			}
		}
		return all, slowest
	}
	inAll := func(*question) bool { return true }
	inYear := func(q *question) bool { return q.year }
	ofBank := func(q *question) bool { return q.bank }
	took := func(q *question) map[int][]time.Duration { return q.took }
	worked := func(q *question) map[int][]time.Duration { return q.worked }
	for s := range sizes {
		year, slowest := figures(took, s, inYear)
		cpu, _ := figures(worked, s, inYear)
		usual := report.Row{Row: "a year, " + name(s), Subject: "the hub", Unit: report.Milliseconds, Goal: report.AtMost(100),
			Means: "how long a chart of a year takes", SubjectCPU: report.Median(cpu) * 1e6}
		usual.See(year)
		most := report.Row{Row: "the slowest year, " + name(s), Subject: "the hub", Unit: report.Milliseconds, Goal: report.AtMost(100),
			Means: "how long the slowest chart of a year takes", Note: "it is " + slowest,
			Why: "other work of the machine: every chart of a year is read off roll-ups"}
		most.See([]float64{slices.Max(year)})
		banks, slowest := figures(took, s, ofBank)
		bank := report.Row{Row: "a bank's slowest year, " + name(s), Subject: "the hub", Unit: report.Milliseconds,
			Goal: report.AtMost(100), Means: "the same of those who may not be told everything", Note: "it is " + slowest,
			Why: "other work of the machine: what a bank may see is read off roll-ups"}
		bank.See([]float64{slices.Max(banks)})
		rows = append(rows, usual, most, bank)
	}
	if last := len(sizes) - 1; last > 0 {
		grown := func(row string, of func(*question) map[int][]time.Duration, means string) {
			const flat = 1.5
			small, _ := figures(of, 0, inAll)
			large, _ := figures(of, last, inAll)
			r := report.Row{Row: fmt.Sprintf("%s, %d against %d million events", row, sizes[last]/1_000_000, sizes[0]/1_000_000),
				Subject: "the hub", Unit: report.Times, Goal: report.AtMost(flat), Means: means}
			times := report.Ratios(large, small)
			r.See(times)
			steep := len(times) - len(slices.DeleteFunc(times, func(x float64) bool { return x > flat }))
			r.Note = fmt.Sprintf("%d of %d are above it", steep, r.Rounds)
			rows = append(rows, r)
		}
		grown("time of roll-up questions", took, "whether charts slow down as the hub grows: every question that a roll-up answers")
		grown("CPU of roll-up questions", worked, "the same without waiting")
	}
	return rows
}

// question is one of those that are asked, and how long it took of each ledger: by the clock, and of the engine's time.
type question struct {
	name         string
	rolled       bool // a roll-up answers it
	year, bank   bool // it is a series of a year; a bank asks
	ask          func(context.Context, *ledger) error
	took, worked map[int][]time.Duration // by the place of the size
}

func questionsOf(begin, end time.Time) (all []question) {
	police, bank := &country[5], &country[0]
	add := func(rolled bool, name string, ask func(context.Context, *ledger) error) {
		all = append(all, question{name, rolled, false, false, ask, map[int][]time.Duration{}, map[int][]time.Duration{}})
	}
	series := func(q fraud.SeriesQuestion) func(context.Context, *ledger) error {
		return func(ctx context.Context, l *ledger) error {
			_, lines, err := trends.NewDesk(l.Analyst, func() time.Time { return end }).Series(ctx, q)
			if err == nil && len(lines) == 0 {
				err = fmt.Errorf("no answer")
			}
			return err
		}
	}
	for _, bucket := range []fraud.Bucket{fraud.Hourly, fraud.Daily, fraud.Weekly} {
		for metric := fraud.EventCount; metric <= fraud.LossSum; metric++ {
			for _, by := range fraud.Dimensions() {
				q := fraud.SeriesQuestion{Metric: metric, By: by, Bucket: bucket, From: begin, To: end, Asker: police}
				rolled := true
				if bucket == fraud.Hourly {
					q.From = end.AddDate(0, 0, -30)
					rolled = by <= fraud.ByKind && metric != fraud.IndicatorCount && metric != fraud.LossSum
				}
				add(rolled, fmt.Sprintf("%s by %s, %s", metric, by, bucket), series(q))
				all[len(all)-1].year = bucket != fraud.Hourly
			}
		}
	}
	for _, bucket := range []fraud.Bucket{fraud.Daily, fraud.Weekly} {
		for _, metric := range []fraud.Metric{fraud.EventCount, fraud.ReporterCount, fraud.IndicatorCount} {
			add(true, fmt.Sprintf("a bank's %s by category, %s", metric, bucket), series(fraud.SeriesQuestion{Metric: metric,
				By: fraud.ByCategory, Bucket: bucket, From: begin, To: end, Asker: bank}))
			all[len(all)-1].bank = true
		}
	}
	add(true, "heat strip of types", series(fraud.SeriesQuestion{Metric: fraud.EventCount, By: fraud.ByType, Bucket: fraud.Hourly,
		From: end.AddDate(0, 0, -28), To: end, Asker: police}))
	for _, metric := range []fraud.Metric{fraud.ReportCount, fraud.IndicatorCount, fraud.LossSum} {
		for _, by := range []fraud.Dimension{fraud.ByCategory, fraud.ByPlatform} {
			for _, days := range []int{7, 180} {
				add(true, fmt.Sprintf("what moved, %s by %s, %d days", metric, by, days), func(ctx context.Context, l *ledger) error {
					_, _, err := trends.NewDesk(l.Analyst, func() time.Time { return end }).Top(ctx, fraud.TopQuestion{
						Metric: metric, By: by, From: end.AddDate(0, 0, -days), To: end, Asker: police})
					return err
				})
			}
		}
	}
	for _, by := range []fraud.Dimension{fraud.ByType, fraud.ByCategory, fraud.ByPlatform} {
		add(by <= fraud.ByKind, fmt.Sprintf("emerging by %s", by), func(ctx context.Context, l *ledger) error {
			found, err := trends.NewDesk(l.Analyst, func() time.Time { return end }).Emerging(ctx, fraud.EmergingQuestion{By: by, Asker: police})
			if err == nil && found.Watched == 0 {
				err = fmt.Errorf("nothing was watched")
			}
			return err
		})
	}
	add(false, "events by type, day, counted by the ledger", func(ctx context.Context, l *ledger) error {
		_, err := l.engine.Query(ctx, "SELECT type, toStartOfDay(hour, 'Asia/Kuala_Lumpur') AS day, uniqExact(event_id) FROM "+l.Database+
			".events GROUP BY type, day FORMAT Null")
		return err
	})
	return all
}

// median is the one in the middle, and the least and the most.
func median(of []time.Duration) (middle, least, most time.Duration) {
	of = slices.Sorted(slices.Values(of))
	return of[len(of)/2], of[0], of[len(of)-1]
}

// reportTimes tells of each size the median question and the slowest, of those that roll-ups answer, and logs all of them.
func reportTimes(b *testing.B, sizes []int, questions []question) {
	load, _ := os.ReadFile("/proc/loadavg") // where there is one
	var text strings.Builder
	fmt.Fprintf(&text, "medians of rounds in ms (least to most; processor time); load %s", load)
	slices.SortStableFunc(questions, func(a, b question) int {
		x, _, _ := median(a.took[len(sizes)-1])
		y, _, _ := median(b.took[len(sizes)-1])
		return cmp.Compare(y, x)
	})
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for s, n := range sizes {
		var of, by []float64
		for i := range questions {
			if q := &questions[i]; q.rolled {
				middle, _, _ := median(q.took[s])
				first, _, _ := median(q.took[0])
				of, by = append(of, ms(middle)), append(by, ms(middle)/ms(first))
			}
		}
		slices.Sort(of)
		slices.Sort(by)
		name := fmt.Sprintf("%dM", n/1_000_000)
		b.ReportMetric(of[len(of)/2], "median-ms-"+name)
		b.ReportMetric(of[len(of)-1], "slowest-ms-"+name)
		b.ReportMetric(by[len(by)-1], "most-times-1M-"+name)
	}
	for i := range questions {
		q := &questions[i]
		mark := "ledger"
		if q.rolled {
			mark = "roll-up"
		}
		fmt.Fprintf(&text, "%-8s%-48s", mark, q.name)
		for s := range sizes {
			middle, least, most := median(q.took[s])
			worked, _, _ := median(q.worked[s])
			fmt.Fprintf(&text, "  %7.1f (%.1f to %.1f; %.1f)", ms(middle), ms(least), ms(most), ms(worked))
		}
		text.WriteByte('\n')
	}
	fmt.Println(text.String()) // of logs the framework shows ten lines
	b.ReportMetric(0, "ns/op")
}
