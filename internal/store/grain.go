package store

import (
	"fmt"
	"slices"
	"time"
)

// grain is a length of time in Malaysia that indicators are counted over.
type grain struct {
	name   string
	bucket string // of an event, as SQL
	begin  func(time.Time) time.Time
	next   func(time.Time) time.Time
	atOnce int // so that a statement reads about a month of the ledger
}

var (
	daily   = &grain{"day", dayOf, dayBefore, later(0, 1), daysAtOnce}
	weekly  = &grain{"week", startOf("toStartOfWeek(hour, 1, '" + Zone + "')"), mondayBefore, later(0, 7), 5}
	monthly = &grain{"month", startOf("toStartOfMonth(hour, '" + Zone + "')"), firstBefore, later(1, 0), 1}
)

// startOf is a date in Malaysia as a time.
func startOf(date string) string {
	return "toDateTime(toDateTime(" + date + ", '" + Zone + "'), 'UTC')"
}

func later(months, days int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.In(zone).AddDate(0, months, days) }
}

func dayBefore(t time.Time) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

func mondayBefore(t time.Time) time.Time {
	d := dayBefore(t)
	return d.AddDate(0, 0, -(int(d.Weekday())+6)%7)
}

func firstBefore(t time.Time) time.Time {
	d := dayBefore(t)
	return d.AddDate(0, 0, 1-d.Day())
}

// of are the buckets of some days, which are in order.
func (g *grain) of(days []time.Time) (all []time.Time) {
	for _, d := range days {
		all = append(all, g.begin(d))
	}
	return slices.CompactFunc(all, time.Time.Equal)
}

// within is the condition for a column of times to lie in buckets that are given in order.
func (g *grain) within(column string, buckets []time.Time) string {
	return inRanges(column, buckets, g.next)
}

// spoken is a SELECT of at, digest and the dimensions of the ledger's rows of a condition.
func (g *grain) spoken(where string) string {
	return fmt.Sprintf("SELECT digest, %s, %s AS at FROM events WHERE (%s) AND digest != %s", cellColumns, g.bucket, where,
		erasedDigest)
}

// cover are few months, weeks and days that make up the time from one midnight to another. Some of them overlap, which a
// union does not mind.
func cover(from, to time.Time) map[*grain][]time.Time {
	all := map[*grain][]time.Time{}
	for at := from; at.Before(to); {
		g := daily
		for _, wider := range []*grain{weekly, monthly} {
			if begin := wider.begin(at); !begin.Before(from) && !wider.next(begin).After(to) {
				g = wider
			}
		}
		begin := g.begin(at)
		all[g] = append(all[g], begin)
		at = g.next(begin)
	}
	return all
}
