package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARowReplacesTheOneOfItsName(t *testing.T) {
	dir := t.TempDir()
	family := Family{Name: "filter", Title: "The filter"}
	row := func(name string, goal Goal, figures ...float64) Row {
		r := Row{Row: name, Subject: "ours", Baseline: "theirs", Unit: Times, Goal: goal}
		r.See(figures)
		return r
	}
	for _, rows := range [][]Row{
		{row("miss", AtMost(0.4), 0.5, 0.6), row("hit", AtMost(0.45), 0.2)},
		{row("miss", AtMost(0.4), 0.3, 0.35, 0.9)},
	} {
		if err := Put(dir, family, rows...); err != nil {
			t.Fatal(err)
		}
	}
	all, err := All(dir)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Row, Holds       string
		Median, Min, Max float64
		Rounds           int
	}
	var got []seen
	for _, r := range all[0].Rows {
		got = append(got, seen{r.Row, r.Holds, r.Median, r.Min, r.Max, r.Rounds})
		if r.When.IsZero() {
			t.Errorf("%s was seen at no time", r.Row)
		}
	}
	want := []seen{{"miss", "yes", 0.35, 0.3, 0.9, 3}, {"hit", "yes", 0.2, 0.2, 0.2, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := Put("", family, row("none", Goal{}, 1)); err != nil {
		t.Error("without a folder:", err)
	}
}

func TestGoalsReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{"≥ 0.95", "≤ 3", "≥ 5e+06", ""} {
		var g Goal
		if err := g.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
		if back, _ := g.MarshalText(); string(back) != text {
			t.Errorf("%q came back as %q", text, back)
		}
	}
	for _, text := range []string{"0.95", "> 3", "≥", "≥ much"} {
		if new(Goal).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is no goal", text)
		}
	}
}

func TestTablesKeepWhatIsWrittenByHand(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "README.md")
	text := "# By hand\n\n" + beginMark + "\nstale figures\n" + endMark + "\n\nBelow, by hand.\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	met := Row{Row: "met", Subject: "a", Unit: PerCoreSecond, Goal: AtLeast(2e6), Why: "not shown", Note: "a note"}
	met.See([]float64{5e6})
	missed := Row{Row: "missed", Subject: "a", Unit: Milliseconds, Goal: AtMost(1), Why: "a reason"}
	missed.See([]float64{0.5, 2, 3})
	absent := Row{Row: "absent", Subject: "a", Unit: Times, NotTested: "not here"}
	if err := Put(dir, Family{Name: "family", Title: "Family"}, absent, met, missed); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is the same
		if err := WriteTables(page, dir); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(data)
	for _, want := range []string{
		"# By hand\n\n" + beginMark + "\n\n### The goals\n", "\n### Family\n",
		"\n" + endMark + "\n\nBelow, by hand.\n",
		"| met (1) | ≥ 2.00 M/s/core | 5.00 M/s/core | 5.00 M to 5.00 M | yes |  |  |\n" +
			"| missed | ≤ 1.00 ms | 2.00 ms | 0.50 to 3.00 | **no** |  |  |\n" +
			"| absent |  | not tested: not here |  |  |  |  |\n",
		"\n1. a note\n",
		"| Family | met | ≥ 2.00 M/s/core | 5.00 M/s/core | 5.00 M to 5.00 M | yes |  |\n" +
			"| Family | missed | ≤ 1.00 ms | 2.00 ms | 0.50 to 3.00 | **no** | a reason |\n\n### Family",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks:\n%s\nit is:\n%s", want, got)
		}
	}
	if strings.Contains(got, "stale") || strings.Contains(got, "not shown") {
		t.Errorf("the page still has what is over:\n%s", got)
	}
}
