package trends

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// keptFor is how long an answer about what rises is given again: refreshes cost nothing.
const keptFor = time.Minute

// looks keeps one answer for each question and for each set of eyes.
type looks struct {
	mu   sync.Mutex
	kept map[string]*look
}

// look is an answer that is being found, or was.
type look struct {
	at    time.Time
	ready chan struct{}
	found fraud.Emerging
	err   error
}

// eyes names what a partner may see; two with the same eyes get the same answer.
func eyes(p *fraud.Partner) string {
	switch {
	case p == nil:
		return "everyone"
	case p.Kind.Authority():
		return "authority"
	}
	return fmt.Sprintf("%d/%s/%x", p.Number, p.Organisation, p.Groups)
}

// Emerging answers what rises: reports by hour of the last 29 days, the last whole hour being the newest, are given to
// [Watch.Rising]. An answer is kept for a minute. What it refuses is a *fraud.Fault whose pointer is the parameter at
// fault.
func (d *Desk) Emerging(ctx context.Context, q fraud.EmergingQuestion) (fraud.Emerging, error) {
	if q.By == 0 {
		q.By = fraud.ByCategory
	}
	if q.Across == q.By {
		return fraud.Emerging{}, fraud.Refuse(fraud.ReasonSchema, "/by", "names two different dimensions")
	}
	name := fmt.Sprintf("%d/%d/%s", q.By, q.Across, eyes(q.Asker))
	now := d.now()
	d.looks.mu.Lock()
	l := d.looks.kept[name]
	if l == nil || now.Sub(l.at) >= keptFor {
		l = &look{at: now, ready: make(chan struct{})}
		d.looks.keep(name, l, now)
		go d.look(context.WithoutCancel(ctx), q, name, l) // whoever waits no longer leaves an answer for the others
	}
	d.looks.mu.Unlock()
	select {
	case <-l.ready:
		return l.found, l.err
	case <-ctx.Done():
		return fraud.Emerging{}, fmt.Errorf("trends: %w: %w", fraud.ErrUnavailable, ctx.Err())
	}
}

func (k *looks) keep(name string, l *look, now time.Time) {
	if k.kept == nil {
		k.kept = map[string]*look{}
	}
	for other, old := range k.kept {
		if now.Sub(old.at) >= keptFor {
			delete(k.kept, other)
		}
	}
	k.kept[name] = l
}

// lookLimit bounds one look.
const lookLimit = 30 * time.Second

func (d *Desk) look(ctx context.Context, q fraud.EmergingQuestion, name string, l *look) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	l.found, l.err = d.emerging(ctx, q, l.at)
	if l.err != nil { // is not kept
		d.looks.mu.Lock()
		if d.looks.kept[name] == l {
			delete(d.looks.kept, name)
		}
		d.looks.mu.Unlock()
	}
	close(l.ready)
}

func (d *Desk) emerging(ctx context.Context, q fraud.EmergingQuestion, now time.Time) (fraud.Emerging, error) {
	end := begin(now, fraud.Hourly)
	found := fraud.Emerging{
		AsOf: end, FalseDiscoveries: d.watch.FalseDiscoveries, AtLeast: d.watch.AtLeast, Ratio: d.watch.Ratio,
		BaselineDays: d.watch.BaselineDays,
	}
	ask := fraud.SeriesQuestion{
		Metric: fraud.ReportCount, By: q.By, Across: q.Across, Bucket: fraud.Hourly, Asker: q.Asker, To: end,
		From: end.Add(-time.Duration(d.watch.Hours()) * time.Hour),
	}
	lines, err := d.store.Series(ctx, ask)
	if err != nil {
		return found, fmt.Errorf("trends: %w", err)
	}
	found.Watched = len(lines)
	series := make([]Hourly, len(lines))
	names := map[string]fraud.Series{}
	for i, line := range lines {
		series[i] = Hourly{Key: line.Key + "\x00" + line.Across, Counts: make([]uint64, d.watch.Hours())}
		names[series[i].Key] = line
		for _, p := range line.Points {
			series[i].Counts[p.At.Sub(ask.From)/time.Hour] = p.Value
		}
	}
	reporters := map[time.Duration]map[string]uint64{}
	for _, rise := range d.watch.Rising(series) {
		if reporters[rise.Window] == nil {
			if reporters[rise.Window], err = d.reporters(ctx, ask, rise.Window); err != nil {
				return found, err
			}
		}
		name := names[rise.Key]
		a := fraud.Alarm{
			Key: name.Key, Across: name.Across, Window: rise.Window, Observed: rise.Observed, Expected: tenth(rise.Expected),
			Chance: rise.Chance, RisingFor: time.Duration(rise.Hours) * time.Hour, Reporters: reporters[rise.Window][rise.Key],
		}
		a.OneReporter = a.Reporters == 1
		if !seesAll(q.Asker) {
			a.Observed, a.Reporters = rounded(fraud.ReportCount, a.Observed), rounded(fraud.ReporterCount, a.Reporters)
		}
		a.Ratio = tenth(float64(a.Observed) / max(a.Expected, 0.1))
		a.Reason = reason(&q, &a)
		found.Alarms = append(found.Alarms, a)
	}
	return found, nil
}

// reporters counts the organisations that reported in a window, by series.
func (d *Desk) reporters(ctx context.Context, ask fraud.SeriesQuestion, window time.Duration) (map[string]uint64, error) {
	ask.Metric, ask.From = fraud.ReporterCount, ask.To.Add(-window)
	ask.Only = map[fraud.Dimension][]string{fraud.ByKind: {fraud.Report.String()}}
	ask.Bucket = fraud.Span
	lines, err := d.store.Series(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("trends: %w", err)
	}
	counts := map[string]uint64{}
	for _, line := range lines {
		for _, p := range line.Points {
			counts[line.Key+"\x00"+line.Across] = p.Value
		}
	}
	return counts, nil
}

// tenth rounds to one digit after the point.
func tenth(x float64) float64 { return math.Round(10*x) / 10 }

// reason says an alarm in words.
func reason(q *fraud.EmergingQuestion, a *fraud.Alarm) string {
	key := func(d fraud.Dimension, key string) string {
		if key == "" {
			return "no " + strings.ReplaceAll(d.String(), "_", " ")
		}
		return key
	}
	of := key(q.By, a.Key)
	if q.Across != 0 {
		of += " with " + key(q.Across, a.Across)
	}
	who := "several organisations"
	switch {
	case a.OneReporter:
		who = "one organisation alone"
	case a.Reporters > 1:
		who = fmt.Sprintf("%d organisations", a.Reporters)
	}
	return fmt.Sprintf("%d reports of %s in the last %d hours from %s, where %.1f are usual: %.1f times as many. It has been "+
		"rising for %d hours; by chance alone so many come %s.", a.Observed, of, int(a.Window.Hours()), who, a.Expected, a.Ratio,
		int(a.RisingFor.Hours()), rarely(a.Chance))
}

// rarely says a probability.
func rarely(chance float64) string {
	if chance < 1e-9 {
		return "less than once in a billion looks"
	}
	return fmt.Sprintf("once in %.2g looks", 1/chance)
}
