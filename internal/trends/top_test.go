package trends

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

func clock() time.Time { return now }

// spans answers with the counts of a span by its beginning.
func spans(of map[string]map[string]uint64) func(fraud.SeriesQuestion) []fraud.Series {
	return func(q fraud.SeriesQuestion) (lines []fraud.Series) {
		for key, n := range of[q.From.Format(time.RFC3339)] {
			lines = append(lines, fraud.Series{Key: key, Points: []fraud.Point{{At: q.From, Value: n, Behind: n}}})
		}
		return lines
	}
}

func TestWhatMovedMostComesFirst(t *testing.T) {
	store := &canned{answer: spans(map[string]map[string]uint64{
		"2026-11-15T00:00:00+08:00": {"love": 100, "loan": 52, "new": 7, "few": 3},
		"2026-11-08T00:00:00+08:00": {"love": 200, "loan": 50, "gone": 12, "few": 90},
	})}
	q, got, err := NewDesk(store, clock).Top(t.Context(), fraud.TopQuestion{Asker: regulator})
	if err != nil {
		t.Fatal(err)
	}
	want := []fraud.Mover{
		{Key: "love", Value: 100, Baseline: 200, Expected: 200, Change: -100, Ratio: 0.5},
		{Key: "few", Value: 3, Baseline: 90, Expected: 90, Change: -87, Ratio: 3. / 90},
		{Key: "gone", Baseline: 12, Expected: 12, Change: -12},
		{Key: "new", Value: 7, Change: 7},
		{Key: "loan", Value: 52, Baseline: 50, Expected: 50, Change: 2, Ratio: 1.04},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("to a regulator (-want +got):\n%s", diff)
	}
	if !q.To.Equal(at("2026-11-22T00:00:00+08:00")) || store.asked.Bucket != fraud.Window {
		t.Errorf("asked %+v", q)
	}
	_, got, err = NewDesk(store, clock).Top(t.Context(), fraud.TopQuestion{Asker: bank})
	if err != nil {
		t.Fatal(err)
	}
	want = []fraud.Mover{
		{Key: "love", Value: 100, Baseline: 200, Expected: 200, Change: -100, Ratio: 0.5},
		{Key: "gone", Baseline: 10, Expected: 10, Change: -10},
		{Key: "new", Value: 5, Change: 5},
		{Key: "loan", Value: 50, Baseline: 50, Expected: 50, Ratio: 1},
		{Key: "few", Suppressed: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("to a bank (-want +got):\n%s", diff)
	}
}

func TestALongerBaselineIsBroughtToTheLengthAskedAbout(t *testing.T) {
	store := &canned{answer: spans(map[string]map[string]uint64{
		"2026-11-21T00:00:00+08:00": {"love": 30}, "2026-10-24T00:00:00+08:00": {"love": 280},
	})}
	_, got, err := NewDesk(store, clock).Top(t.Context(), fraud.TopQuestion{
		From: at("2026-11-21T00:00:00+08:00"), BaselineFrom: at("2026-10-24T00:00:00+08:00"), Asker: regulator})
	if err != nil {
		t.Fatal(err)
	}
	want := []fraud.Mover{{Key: "love", Value: 30, Baseline: 280, Expected: 10, Change: 20, Ratio: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuestionsAboutMoversAreBounded(t *testing.T) {
	for _, c := range []struct {
		situation, pointer string
		ask                fraud.TopQuestion
	}{
		{"too many", "/limit", fraud.TopQuestion{Limit: 101}},
		{"the end first", "/from", fraud.TopQuestion{From: now, To: now.AddDate(0, 0, -1)}},
		{"two years", "/from", fraud.TopQuestion{From: now.AddDate(-2, 0, 0)}},
		{"a baseline that overlaps", "/baseline_to", fraud.TopQuestion{BaselineFrom: now.AddDate(0, 0, -9), BaselineTo: now}},
		{"a longer baseline of what differs", "/baseline_from", fraud.TopQuestion{Metric: fraud.IndicatorCount,
			BaselineFrom: now.AddDate(0, 0, -40)}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			_, _, err := NewDesk(&canned{}, clock).Top(t.Context(), c.ask)
			var fault *fraud.Fault
			if !errors.As(err, &fault) || fault.Pointer != c.pointer {
				t.Errorf("got %v, want a fault at %s", err, c.pointer)
			}
		})
	}
}

// outbreak answers with four weeks of quiet, and since hours ago with a rate of love reports; so many report them.
func outbreak(since int, rate, reporters uint64) func(fraud.SeriesQuestion) []fraud.Series {
	return func(q fraud.SeriesQuestion) []fraud.Series {
		if q.Metric == fraud.ReporterCount {
			return []fraud.Series{{Key: "love", Points: []fraud.Point{{At: q.From, Value: reporters, Behind: reporters}}}}
		}
		lines := []fraud.Series{{Key: "loan"}, {Key: "love"}}
		for h, at := 0, q.From; at.Before(q.To); h, at = h+1, at.Add(time.Hour) {
			for i := range lines {
				n := uint64(1 + h%2)
				if i == 1 && q.To.Sub(at) <= time.Duration(since)*time.Hour {
					n = rate
				}
				lines[i].Points = append(lines[i].Points, fraud.Point{At: at, Value: n, Behind: n})
			}
		}
		return lines
	}
}

func TestAnAlarmCarriesItsNumbers(t *testing.T) {
	for _, c := range []struct {
		situation string
		asker     *fraud.Partner
		reporters uint64
		want      fraud.Alarm
	}{
		{"a regulator, six organisations", regulator, 6, fraud.Alarm{Observed: 54, Reporters: 6}},
		{"a regulator, one organisation", regulator, 1, fraud.Alarm{Observed: 54, Reporters: 1, OneReporter: true}},
		{"a bank, six organisations", bank, 6, fraud.Alarm{Observed: 50, Reporters: 5}},
		{"a bank, four organisations", bank, 4, fraud.Alarm{Observed: 50}},
		{"a bank, one organisation", bank, 1, fraud.Alarm{Observed: 50, OneReporter: true}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			desk := NewDesk(&canned{answer: outbreak(8, 9, c.reporters)}, clock)
			found, err := desk.Emerging(t.Context(), fraud.EmergingQuestion{Asker: c.asker})
			if err != nil || len(found.Alarms) != 1 {
				t.Fatalf("%+v %v", found, err)
			}
			a := found.Alarms[0]
			got := fraud.Alarm{Observed: a.Observed, Reporters: a.Reporters, OneReporter: a.OneReporter}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.Key != "love" || a.Window != 6*time.Hour || a.Reason == "" || a.Chance > found.FalseDiscoveries || a.Ratio < 2 || a.RisingFor < 7*time.Hour ||
				a.RisingFor > 9*time.Hour || found.Watched != 2 || !found.AsOf.Equal(at("2026-11-22T01:00:00+08:00")) {
				t.Errorf("%+v", found)
			}
			if c.reporters == 1 && c.asker == regulator {
				want := "54 reports of love in the last 6 hours from one organisation alone, where 9.0 are usual: 6.0 times as many. " +
					"It has been rising for 8 hours; by chance alone so many come less than once in a billion looks."
				if diff := cmp.Diff(want, a.Reason); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestALookIsKeptForAMinuteAndForTheSameEyesAlone(t *testing.T) {
	store := &canned{answer: outbreak(8, 9, 6)}
	clock := now
	desk := NewDesk(store, func() time.Time { return clock })
	ask := func(p *fraud.Partner) {
		t.Helper()
		if _, err := desk.Emerging(t.Context(), fraud.EmergingQuestion{Asker: p}); err != nil {
			t.Fatal(err)
		}
	}
	wantAsked := func(when string, n int32) {
		t.Helper()
		if got := store.times.Load(); got != n {
			t.Errorf("%s: the store was asked %d times, want %d", when, got, n)
		}
	}
	ask(regulator)
	ask(&fraud.Partner{Number: 7, Kind: fraud.Police})
	wantAsked("by two authorities", 2) // the counts and the reporters
	ask(bank)
	wantAsked("by a bank", 4)
	clock = clock.Add(59 * time.Second)
	ask(bank)
	wantAsked("within a minute", 4)
	clock = clock.Add(time.Second)
	ask(bank)
	wantAsked("after a minute", 6)
}

func TestALookThatFailedIsNotKept(t *testing.T) {
	store := &canned{err: fraud.ErrUnavailable}
	desk := NewDesk(store, clock)
	for range 2 {
		if _, err := desk.Emerging(t.Context(), fraud.EmergingQuestion{}); !errors.Is(err, fraud.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := store.times.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := desk.Emerging(ctx, fraud.EmergingQuestion{}); !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatal(err)
	}
}
