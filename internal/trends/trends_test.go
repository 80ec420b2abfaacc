package trends

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// now is a Sunday in Malaysia and a Saturday in UTC.
var now = time.Date(2026, 11, 22, 1, 30, 0, 0, Malaysia)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// A regulator sees every number, a bank no small ones.
var (
	regulator = &fraud.Partner{Number: 1, Kind: fraud.Regulator}
	bank      = &fraud.Partner{Number: 2, Kind: fraud.Bank}
)

// canned answers every question the same, or as answer says, and keeps the last one.
type canned struct {
	mu     sync.Mutex
	asked  fraud.SeriesQuestion // last
	times  atomic.Int32
	lines  []fraud.Series
	answer func(fraud.SeriesQuestion) []fraud.Series
	err    error
}

func (c *canned) Series(_ context.Context, q fraud.SeriesQuestion) ([]fraud.Series, error) {
	c.mu.Lock()
	c.asked = q
	c.mu.Unlock()
	c.times.Add(1)
	if c.answer != nil {
		return c.answer(q), c.err
	}
	return c.lines, c.err
}

func TestQuestionsAreWidenedToWholeBucketsOfMalaysia(t *testing.T) {
	for _, c := range []struct {
		situation string
		ask       fraud.SeriesQuestion
		from, to  string
	}{
		{"nothing given", fraud.SeriesQuestion{}, "2026-10-23T00:00:00+08:00", "2026-11-23T00:00:00+08:00"},
		{"hours by default of a day", fraud.SeriesQuestion{Bucket: fraud.Hourly},
			"2026-11-21T01:00:00+08:00", "2026-11-22T02:00:00+08:00"},
		{"a week begins on Monday", fraud.SeriesQuestion{Bucket: fraud.Weekly, From: at("2026-11-22T23:00:00+08:00"),
			To: at("2026-11-23T00:00:00+08:00")}, "2026-11-16T00:00:00+08:00", "2026-11-23T00:00:00+08:00"},
		{"a Monday is its week's beginning", fraud.SeriesQuestion{Bucket: fraud.Weekly,
			From: at("2026-11-16T00:00:00+08:00"),
			To:   at("2026-11-16T00:00:01+08:00")}, "2026-11-16T00:00:00+08:00", "2026-11-23T00:00:00+08:00"},
		{"a day in UTC is in two of Malaysia's", fraud.SeriesQuestion{Bucket: fraud.Daily,
			From: at("2026-11-20T00:00:00Z"),
			To:   at("2026-11-21T00:00:00Z")}, "2026-11-20T00:00:00+08:00", "2026-11-22T00:00:00+08:00"},
		{"whole buckets stay as they are", fraud.SeriesQuestion{Bucket: fraud.Daily,
			From: at("2026-11-20T00:00:00+08:00"),
			To:   at("2026-11-21T00:00:00+08:00")}, "2026-11-20T00:00:00+08:00", "2026-11-21T00:00:00+08:00"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			store := &canned{}
			q, _, err := NewDesk(store, func() time.Time { return now }).Series(t.Context(), c.ask)
			if err != nil {
				t.Fatal(err)
			}
			got := [2]string{q.From.Format(time.RFC3339), q.To.Format(time.RFC3339)}
			if diff := cmp.Diff([2]string{c.from, c.to}, got); diff != "" {
				t.Errorf("from, to (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(q, store.asked); diff != "" {
				t.Errorf("the store was asked something else (-answered +asked):\n%s", diff)
			}
		})
	}
}

func TestQuestionsAreBounded(t *testing.T) {
	for _, c := range []struct {
		situation, pointer string
		ask                fraud.SeriesQuestion
	}{
		{"from after to", "/from", fraud.SeriesQuestion{From: now, To: now.Add(-time.Hour)}},
		{"from equal to to", "/from", fraud.SeriesQuestion{From: now, To: now}},
		{"two years of hours", "/from", fraud.SeriesQuestion{Bucket: fraud.Hourly, From: now.AddDate(-2, 0, 0)}},
		{"a century of weeks", "/from", fraud.SeriesQuestion{Bucket: fraud.Weekly, From: at("2000-01-01T00:00:00Z"),
			To: at("2100-01-01T00:00:00Z")}},
		{"the year 1", "/from", fraud.SeriesQuestion{From: at("0001-01-02T00:00:00Z")}},
		{"the year 9999", "/to", fraud.SeriesQuestion{From: now, To: at("9999-12-31T00:00:00Z")}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			store := &canned{}
			_, _, err := NewDesk(store, func() time.Time { return now }).Series(t.Context(), c.ask)
			var fault *fraud.Fault
			if !errors.As(err, &fault) || fault.Pointer != c.pointer {
				t.Errorf("got %v, want a fault at %s", err, c.pointer)
			}
			if !store.asked.From.IsZero() {
				t.Error("the store was asked all the same")
			}
		})
	}
}

func TestEveryBucketHasAPoint(t *testing.T) {
	store := &canned{lines: []fraud.Series{
		{Key: "url", Points: []fraud.Point{{At: at("2026-11-20T16:00:00Z"), Value: 7, Behind: 7}}},
		{Key: "phone", Points: nil},
	}}
	_, got, err := NewDesk(store, func() time.Time { return now }).Series(t.Context(), fraud.SeriesQuestion{
		From: at("2026-11-20T00:00:00+08:00"), To: at("2026-11-22T00:00:00+08:00"), Asker: regulator})
	if err != nil {
		t.Fatal(err)
	}
	days := []time.Time{at("2026-11-20T00:00:00+08:00"), at("2026-11-21T00:00:00+08:00")}
	want := []fraud.Series{
		{Key: "phone", Points: []fraud.Point{{At: days[0]}, {At: days[1]}}},
		{Key: "url", Points: []fraud.Point{{At: days[0]}, {At: days[1], Value: 7, Behind: 7}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestTheStoresFailureIsPassedOn(t *testing.T) {
	_, _, err := NewDesk(&canned{err: fraud.ErrUnavailable}, func() time.Time { return now }).Series(t.Context(),
		fraud.SeriesQuestion{})
	if !errors.Is(err, fraud.ErrUnavailable) {
		t.Errorf("got %v, want one that wraps ErrUnavailable", err)
	}
}
