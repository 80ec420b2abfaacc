package trends

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestSmallGroupsAreToldToAuthoritiesAlone(t *testing.T) {
	day := at("2026-11-20T00:00:00+08:00")
	hidden := fraud.Point{At: day, Suppressed: true}
	for _, c := range []struct {
		situation     string
		metric        fraud.Metric
		value, behind uint64
		told          fraud.Point
	}{
		{"none", fraud.EventCount, 0, 0, fraud.Point{At: day}},
		{"one", fraud.EventCount, 1, 1, hidden},
		{"four", fraud.ReportCount, 4, 4, hidden},
		{"five", fraud.EventCount, 5, 5, fraud.Point{At: day, Value: 5, Behind: 5}},
		{"nine", fraud.IndicatorCount, 9, 9, fraud.Point{At: day, Value: 5, Behind: 5}},
		{"three organisations", fraud.ReporterCount, 3, 3, hidden},
		{"a large loss of one", fraud.LossSum, 1_000_000, 1, hidden},
		{"losses of four", fraud.LossSum, 1_111_000, 4, hidden},
		{"losses of five", fraud.LossSum, 1_234_000, 5, fraud.Point{At: day, Value: 1_200_000, Behind: 5}},
		{"losses of many small ones", fraud.LossSum, 97_000, 97, fraud.Point{At: day, Value: 97_000, Behind: 95}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			exact := fraud.Point{At: day, Value: c.value, Behind: c.behind}
			for _, asker := range []*fraud.Partner{regulator, bank, nil} {
				store := &canned{lines: []fraud.Series{{Key: "it", Points: []fraud.Point{exact}}}}
				_, got, err := NewDesk(store, clock).Series(t.Context(), fraud.SeriesQuestion{
					Metric: c.metric, From: day, To: day.AddDate(0, 0, 1), Asker: asker})
				if err != nil {
					t.Fatal(err)
				}
				want := c.told
				if asker == regulator {
					want = exact
				}
				if diff := cmp.Diff([]fraud.Point{want}, got[0].Points); diff != "" {
					t.Errorf("for %v (-want +got):\n%s", asker, diff)
				}
			}
		})
	}
}

// Whoever takes an answer with a filter from one without it, or the hours from their day, learns no small number.
func TestTakingOneAnswerFromAnotherTellsNoSmallNumber(t *testing.T) {
	for whole := uint64(5); whole < 200; whole++ {
		for small := uint64(1); small < SmallGroup && whole-small >= 5; small++ {
			with, without := rounded(fraud.EventCount, whole), rounded(fraud.EventCount, whole-small)
			if d := with - without; d != 0 && d != SmallGroup {
				t.Errorf("what is told of %d and of %d differs by %d", whole, whole-small, d)
			}
		}
	}
}
