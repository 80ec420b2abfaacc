// Package trends stands between an analyst's question and the store: it fills in what was left out, refuses what would
// cost too much, and gives every bucket a point.
//
//	question ──defaults, whole buckets, bounds──▶ store ──▶ counts ──a point for each bucket, in order──┬▶ series
//	                                                          two spans of days, one against the other ──┼▶ what moved
//	                                       29 days of hours ──Watch.Rising, kept for a minute──▶ alarms ──┴▶ no small groups
//
// # Small groups
//
// The police and regulators see every number as it is. For everybody else a value of one to four is suppressed, and every
// other one is rounded down to a multiple of five: whoever asks twice, with and without a filter or for a day and for its
// hours, and takes the one answer from the other, learns no small number from it. Of losses, a value of fewer than five
// reports with a loss is suppressed, and two digits of the others are told; that a single very large loss was reported may
// still show.
//
// Buckets are those of the clock in Malaysia, which is eight hours ahead of UTC all year round.
package trends

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Malaysia is the time zone of buckets.
var Malaysia = time.FixedZone("Asia/Kuala_Lumpur", 8*60*60)

// MaxPoints is how many buckets one question may span: a month of hours, two years of days.
const MaxPoints = 750

// Store counts. From and To of the question are the beginnings of buckets. Buckets without events may be left out.
type Store interface {
	Series(ctx context.Context, q fraud.SeriesQuestion) ([]fraud.Series, error)
}

// Desk answers analysts' questions. Its methods may be called at once from several goroutines.
type Desk struct {
	store Store
	watch Watch
	now   func() time.Time
	looks looks
}

// NewDesk makes a Desk that asks the given store.
func NewDesk(store Store, now func() time.Time) *Desk {
	return &Desk{store: store, watch: DefaultWatch(), now: now}
}

// Series answers a question over time, in which whatever is zero has a default. It returns the question that it
// answered, and lines in the order of their keys. A question that is refused is a *fraud.Fault whose pointer
// is the parameter at fault; the store's errors are passed on.
func (d *Desk) Series(ctx context.Context, q fraud.SeriesQuestion) (fraud.SeriesQuestion, []fraud.Series, error) {
	q, err := complete(q, d.now())
	if err != nil {
		return q, nil, err
	}
	found, err := d.store.Series(ctx, q)
	if err != nil {
		return q, nil, fmt.Errorf("trends: %w", err)
	}
	lines := make([]fraud.Series, 0, len(found))
	for _, line := range found {
		lines = append(lines, fraud.Series{Key: line.Key, Across: line.Across, Points: fill(q, line.Points)})
	}
	slices.SortFunc(lines, func(a, b fraud.Series) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Across, b.Across))
	})
	if !seesAll(q.Asker) {
		for _, line := range lines {
			for i := range line.Points {
				line.Points[i] = coarse(q.Metric, line.Points[i])
			}
		}
	}
	return q, lines, nil
}

// complete fills in defaults, widens the question to whole buckets and bounds it.
func complete(q fraud.SeriesQuestion, now time.Time) (fraud.SeriesQuestion, error) {
	q.Metric = cmp.Or(q.Metric, fraud.EventCount)
	q.By = cmp.Or(q.By, fraud.ByType)
	q.Bucket = cmp.Or(q.Bucket, fraud.Daily)
	if span[q.Bucket] == 0 {
		return q, fraud.Refuse(fraud.ReasonSchema, "/bucket", "is hour, day or week")
	}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-usualSpan[q.Bucket])
	}
	if !q.From.Before(q.To) {
		return q, fraud.Refuse(fraud.ReasonSchema, "/from", "must be before to")
	}
	for _, bound := range []struct {
		at      time.Time
		pointer string
	}{{q.From, "/from"}, {q.To, "/to"}} {
		if year := bound.at.Year(); year < 2000 || year > 2100 {
			return q, fraud.Refuse(fraud.ReasonSchema, bound.pointer, "must be in the years 2000 to 2100")
		}
	}
	q.From = begin(q.From, q.Bucket)
	if to := begin(q.To, q.Bucket); to.Before(q.To) {
		q.To = next(to, q.Bucket)
	} else {
		q.To = to
	}
	if points := q.To.Sub(q.From) / span[q.Bucket]; points > MaxPoints {
		return q, fraud.Refuse(fraud.ReasonSchema, "/from",
			fmt.Sprintf("%d buckets lie between from and to, and %d may: take a wider bucket or ask in parts",
				points, MaxPoints))
	}
	return q, nil
}

const day = 24 * time.Hour

// span is the length of a bucket; no day in Malaysia is shorter or longer than another.
var span = map[fraud.Bucket]time.Duration{fraud.Hourly: time.Hour, fraud.Daily: day, fraud.Weekly: 7 * day}

// usualSpan is what a question without a beginning is about.
var usualSpan = map[fraud.Bucket]time.Duration{fraud.Hourly: day, fraud.Daily: 30 * day, fraud.Weekly: 26 * 7 * day}

// begin is the beginning of the bucket that t lies in.
func begin(t time.Time, b fraud.Bucket) time.Time {
	t = t.In(Malaysia)
	switch b {
	case fraud.Hourly:
		return t.Truncate(time.Hour)
	case fraud.Weekly:
		t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7) // back to Monday
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, Malaysia)
}

func next(t time.Time, b fraud.Bucket) time.Time { return t.Add(span[b]) }

// fill gives every bucket of the question a point.
func fill(q fraud.SeriesQuestion, found []fraud.Point) []fraud.Point {
	values := make(map[int64]fraud.Point, len(found))
	for _, p := range found {
		values[p.At.Unix()] = p
	}
	all := make([]fraud.Point, 0, q.To.Sub(q.From)/span[q.Bucket])
	for at := q.From; at.Before(q.To); at = next(at, q.Bucket) {
		p := values[at.Unix()]
		p.At = at
		all = append(all, p)
	}
	return all
}
