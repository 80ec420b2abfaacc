package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
	"github.com/waspada-hub/waspada/benchmarks/report"
)

// plan is a file of scenarios: which runs there are, and what is read off them.
type plan struct {
	// Family names the results, Title and About stand over them; {size} is how many indicators are listed.
	Family string `yaml:"family"`
	Title  string `yaml:"title"`
	About  string `yaml:"about"`
	// Sizes are the numbers of listed indicators for which it is meant, first that of `make bench`.
	Sizes []int `yaml:"sizes"`
	// Runs by name.
	Runs map[string]run `yaml:"runs"`
	Rows []planned      `yaml:"rows"`
}

// run is a scenario and whom it asks.
type run struct {
	// To is a rival: see rivals.
	To               string `yaml:"to"`
	loadgen.Scenario `yaml:",inline"`
	// Pace makes it an open loop at so much of what the same run does in a closed loop.
	Pace float64 `yaml:"pace"`
}

// planned is a row before anything was seen.
type planned struct {
	Row   string `yaml:"row"`
	Means string `yaml:"means"`
	Note  string `yaml:"note"`
	Why   string `yaml:"why"`
	// Subject and Baseline are runs.
	Subject  string `yaml:"subject"`
	Baseline string `yaml:"baseline"`
	// Figure is what is told: see figures. With a baseline it is speed if absent.
	Figure string      `yaml:"figure"`
	Goal   report.Goal `yaml:"goal"`
	// Sizes are those to which the row's goal applies, all if absent.
	Sizes []int `yaml:"sizes"`
}

// loadPlans reads every plan of a folder, by name.
func loadPlans(dir string) ([]plan, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	plans := make([]plan, len(paths))
	for i, path := range paths {
		if plans[i], err = loadPlan(path); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// loadPlan reads a plan. Keys that it does not know are an error.
func loadPlan(path string) (p plan, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &p, yaml.Strict())
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return plan{}, fmt.Errorf("plan %s: %w", path, err)
	}
	return p, nil
}

func (p *plan) check() error {
	if p.Family == "" || len(p.Sizes) == 0 || len(p.Rows) == 0 {
		return errors.New("family, sizes and rows: none may be absent")
	}
	for name, r := range p.Runs {
		if err := r.Check(); err != nil {
			return fmt.Errorf("run %s: %w", name, err)
		}
		if rivals[r.To] == nil {
			return fmt.Errorf("run %s: nobody is called %q", name, r.To)
		}
		p.Runs[name] = r
	}
	for _, row := range p.Rows {
		for _, name := range []string{row.Subject, row.Baseline} {
			if _, ok := p.Runs[name]; !ok && (name != "" || row.Subject == "") {
				return fmt.Errorf("row %q: there is no run %q", row.Row, name)
			}
		}
		if figures[row.figure()] == nil {
			return fmt.Errorf("row %q: there is no figure %q", row.Row, row.Figure)
		}
	}
	return nil
}

// keep leaves out the runs whose names do not match, and the rows that need them.
func (p *plan) keep(names *regexp.Regexp) {
	maps.DeleteFunc(p.Runs, func(name string, _ run) bool { return !names.MatchString(name) })
	p.Rows = slices.DeleteFunc(p.Rows, func(r planned) bool {
		_, subject := p.Runs[r.Subject]
		_, baseline := p.Runs[r.Baseline]
		return !subject || r.Baseline != "" && !baseline
	})
}

func (r *planned) figure() string {
	if r.Figure == "" {
		return "speed"
	}
	return r.Figure
}

// asked are the rivals that the runs ask.
func (p *plan) asked() []string {
	var all []string
	for _, r := range p.Runs {
		all = append(all, r.To)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sizeName is "1M" for a million.
func sizeName(n int) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

func withSize(text string, n int) string {
	return strings.ReplaceAll(text, "{size}", strings.Replace(sizeName(n), "M", " million", 1))
}

// seen is what was seen of a run, a figure for each round.
type seen struct {
	cpu, wall         []float64 // nanoseconds for each indicator
	p50, p99          []float64 // milliseconds
	answered, refused int       // requests
	missing           string    // why it was not run
}

// add enters a round.
func (s *seen) add(m *measured) {
	n := float64(m.Indicators)
	s.cpu = append(s.cpu, float64(m.cpu)/n)
	s.wall = append(s.wall, float64(m.Took)/n)
	s.p50 = append(s.p50, m.Quantile(50).Seconds()*1000)
	s.p99 = append(s.p99, m.Quantile(99).Seconds()*1000)
	s.answered, s.refused = s.answered+m.Good, s.refused+m.Refused+m.Dropped
}

// figures are what rows may tell, and in which unit.
var figures = map[string]*struct {
	unit string
	of   func(subject, baseline *seen) []float64
}{
	// How many indicators the subject answers about in the CPU time in which the baseline answers about one.
	"speed": {report.Times, func(s, b *seen) []float64 { return report.Ratios(b.cpu, s.cpu) }},
	// Indicators that one core answers about in a second.
	"rate": {report.PerCoreSecond, func(s, _ *seen) []float64 { return each(s.cpu, func(ns float64) float64 { return 1e9 / ns }) }},
	// How much more CPU time the subject takes.
	"difference": {report.Microseconds, func(s, b *seen) []float64 {
		d := slices.Clone(s.cpu)
		for i := range d {
			d[i] = (d[i] - b.cpu[i]) / 1000
		}
		return d
	}},
	"p50": {report.Milliseconds, func(s, _ *seen) []float64 { return s.p50 }},
	"p99": {report.Milliseconds, func(s, _ *seen) []float64 { return s.p99 }},
}

func each(of []float64, do func(float64) float64) []float64 {
	done := make([]float64, len(of))
	for i, x := range of {
		done[i] = do(x)
	}
	return done
}

// row reads a row off the runs.
func (r *planned) row(runs map[string]*seen, size int) report.Row {
	subject, baseline := runs[r.Subject], runs[r.Baseline]
	if baseline == nil {
		baseline = &seen{}
	}
	kind := figures[r.figure()]
	row := report.Row{
		Row: r.Row, Means: r.Means, Note: r.Note, Why: r.Why, Subject: r.Subject, Baseline: r.Baseline, Unit: kind.unit,
		SubjectCPU: report.Median(subject.cpu), BaselineCPU: report.Median(baseline.cpu),
		SubjectWall: report.Median(subject.wall), BaselineWall: report.Median(baseline.wall),
		NotTested: cmp.Or(subject.missing, baseline.missing),
	}
	if len(r.Sizes) == 0 || slices.Contains(r.Sizes, size) {
		row.Goal = r.Goal
	}
	if row.NotTested == "" {
		row.See(kind.of(subject, baseline))
	}
	return row
}
