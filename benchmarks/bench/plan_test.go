package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/benchmarks/report"
)

func TestPlansAreGood(t *testing.T) {
	plans, err := loadPlans("../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) < 3 {
		t.Fatalf("there are %d plans", len(plans))
	}
	for _, p := range plans {
		used := map[string]bool{}
		for _, r := range p.Rows {
			used[r.Subject], used[r.Baseline] = true, true
			if r.Means == "" {
				t.Errorf("%s: %q means nothing to anybody", p.Family, r.Row)
			}
		}
		for name := range p.Runs {
			if !used[name] {
				t.Errorf("%s: the run %q is told in no row", p.Family, name)
			}
		}
	}
}

func TestRowsAreReadOffTheRoundsOneByOne(t *testing.T) {
	runs := map[string]*seen{
		"ours":   {cpu: []float64{10, 20, 30}, wall: []float64{11, 21, 31}, p99: []float64{1, 2, 3}},
		"theirs": {cpu: []float64{20, 30, 30}, wall: []float64{21, 31, 31}},
		"absent": {missing: "it is not here"},
	}
	for _, test := range []struct {
		planned planned
		want    report.Row
	}{
		{planned{Subject: "ours", Baseline: "theirs", Goal: report.AtLeast(1.5)},
			report.Row{Median: 1.5, Min: 1, Max: 2, Unit: report.Times, Rounds: 3, Holds: "yes", Goal: report.AtLeast(1.5)}},
		{planned{Subject: "ours", Baseline: "theirs", Goal: report.AtLeast(1.6), Sizes: []int{2_000_000}},
			report.Row{Median: 1.5, Min: 1, Max: 2, Unit: report.Times, Rounds: 3}},
		{planned{Subject: "ours", Baseline: "theirs", Figure: "difference"},
			report.Row{Median: -0.01, Min: -0.01, Max: 0, Unit: report.Microseconds, Rounds: 3}},
		{planned{Subject: "ours", Figure: "rate", Goal: report.AtLeast(6e7)},
			report.Row{Median: 5e7, Min: 1e9 / 30.0, Max: 1e8, Unit: report.PerCoreSecond, Rounds: 3, Holds: "no", Goal: report.AtLeast(6e7)}},
		{planned{Subject: "ours", Figure: "p99"},
			report.Row{Median: 2, Min: 1, Max: 3, Unit: report.Milliseconds, Rounds: 3}},
		{planned{Subject: "ours", Baseline: "absent", Goal: report.AtLeast(2)},
			report.Row{Unit: report.Times, NotTested: "it is not here", Goal: report.AtLeast(2)}},
	} {
		got := test.planned.row(runs, 1_000_000)
		got.Subject, got.Baseline = "", ""
		got.SubjectCPU, got.BaselineCPU, got.SubjectWall, got.BaselineWall = 0, 0, 0, 0
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v: %s", test.planned, diff)
		}
	}
}
