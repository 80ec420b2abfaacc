package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
	"github.com/waspada-hub/waspada/benchmarks/report"
)

// options are the flags of `bench run`.
type options struct {
	plans, results string
	families       []string
	only           string
	size           int
	rounds         int
	during         time.Duration
}

func newRunCommand() *cobra.Command {
	opts := options{results: report.Dir()}
	cmd := &cobra.Command{
		Use: "run", Short: "Play the plans and keep the results", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&opts.plans, "plans", "benchmarks/scenarios", "folder of the plans")
	cmd.Flags().StringVar(&opts.results, "results", opts.results, "folder of the results; empty keeps none")
	cmd.Flags().StringSliceVar(&opts.families, "family", nil, "only these families")
	cmd.Flags().StringVar(&opts.only, "only", "", "only runs whose names match, and rows that need no others")
	cmd.Flags().IntVar(&opts.size, "size", 0, "how many indicators are listed; 0 is the first size of each plan")
	cmd.Flags().IntVar(&opts.rounds, "rounds", 5, "how often each run is repeated")
	cmd.Flags().DurationVar(&opts.during, "during", time.Second, "how long each run takes")
	return cmd
}

func (o *options) run(ctx context.Context) (err error) {
	plans, err := loadPlans(o.plans)
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	bySize := map[int][]plan{}
	for _, p := range plans {
		p.keep(only)
		size := o.size
		if size == 0 {
			size = p.Sizes[0]
		}
		if slices.Contains(p.Sizes, size) && (len(o.families) == 0 || slices.Contains(o.families, p.Family)) {
			bySize[size] = append(bySize[size], p)
		}
	}
	if len(bySize) == 0 {
		return errors.New("no plan is of that family and size")
	}
	dir, err := os.MkdirTemp("", "waspada-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bin, err := buildPrograms(ctx, dir)
	if err != nil {
		return err
	}
	for _, size := range slices.Sorted(maps.Keys(bySize)) {
		if err := o.runSize(ctx, dir, bin, size, bySize[size]); err != nil {
			return err
		}
	}
	return nil
}

// buildPrograms builds what is started, as it is shipped.
func buildPrograms(ctx context.Context, dir string) (bin string, err error) {
	bin = filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", bin,
		"github.com/waspada-hub/waspada/cmd/waspadad", "github.com/waspada-hub/waspada/benchmarks/baseline")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return bin, nil
}

// runSize starts everybody who is asked in the plans, and plays them.
func (o *options) runSize(ctx context.Context, dir, bin string, size int, plans []plan) error {
	s := &stage{bin: bin, size: size, up: map[string]*rival{}, lost: map[string]error{}}
	var err error
	if s.dir, err = os.MkdirTemp(dir, "size-"); err != nil {
		return err
	}
	defer func() {
		s.stop()
		_ = os.RemoveAll(s.dir)
	}()
	for _, p := range plans {
		for _, name := range p.asked() {
			if _, err := s.get(ctx, name); err != nil {
				if ctx.Err() != nil || name == "hub" {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Fprintf(os.Stderr, "%s is left out: %v\n", name, err)
			}
		}
	}
	// The engine was filled by all CPUs; now it is a server like the others. This program's threads keep off its CPU.
	if engine := s.up["clickhouse"]; engine != nil {
		for _, pid := range engine.pids {
			if err := pin(pid, serverCPU); err != nil {
				return err
			}
		}
	}
	if err := pin(os.Getpid(), ownCPU); err != nil {
		return err
	}
	for _, p := range plans {
		runs, err := o.play(ctx, s, &p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Family, err)
		}
		var rows []report.Row
		for _, r := range p.Rows {
			rows = append(rows, r.row(runs, size))
		}
		kept := report.Family{Name: p.Family + "-" + sizeName(size), Title: withSize(p.Title, size), About: withSize(p.About, size)}
		kept.About += refusals(runs)
		if err := report.Put(o.results, kept, rows...); err != nil {
			return err
		}
		fmt.Printf("\n%s\n", report.Table(report.Seen(kept, rows...)))
	}
	return nil
}

// refusals tells of requests that were refused, which happens where others take the hub's CPU for long.
func refusals(runs map[string]*seen) string {
	answered, refused := 0, 0
	for _, r := range runs {
		if r.refused > 0 {
			answered, refused = answered+r.answered, refused+r.refused
		}
	}
	if refused == 0 {
		return ""
	}
	return fmt.Sprintf(" Others had the CPU for so long that the hub refused %.1f %% of the requests.",
		100*float64(refused)/float64(answered+refused))
}

// brief is an error for a cell of a table.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 120 {
		text = text[:120] + "…"
	}
	return text
}

// play plays the runs of a plan in rounds, every other round backwards: what drifts meets all of them alike.
func (o *options) play(ctx context.Context, s *stage, p *plan) (map[string]*seen, error) {
	names := slices.Sorted(maps.Keys(p.Runs))
	runs, rates := map[string]*seen{}, map[string]float64{}
	for _, name := range names {
		runs[name] = &seen{}
		r := p.Runs[name]
		if s.up[r.To] == nil {
			runs[name].missing = brief(s.lost[r.To])
			continue
		}
		if r.Pace > 0 { // find out what it can do
			pace := r.Pace
			r.Pace, r.Rate = 0, 0
			m, err := o.answered(s, r, 0)
			if errors.Is(err, errRefused) {
				runs[name].missing = err.Error()
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rates[name] = pace * m.Rate()
		}
	}
	for round := range o.rounds {
		for _, name := range names {
			r, sees := p.Runs[name], runs[name]
			if sees.missing != "" {
				continue
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if r.Pace > 0 {
				r.Rate = rates[name]
			}
			m, err := o.answered(s, r, uint64(round+1))
			if errors.Is(err, errRefused) {
				sees.missing = err.Error()
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			sees.add(m)
			fmt.Fprintf(os.Stderr, "%d %-22s %8.2f µs CPU an indicator; %s\n", round+1, name, sees.cpu[round]/1000, m)
		}
		slices.Reverse(names)
	}
	return runs, nil
}

var errRefused = errors.New("others had the CPU for so long that the hub refused most requests")

// answered plays a run until most of its requests are answered, three times at most.
func (o *options) answered(s *stage, r run, seed uint64) (*measured, error) {
	for range 3 {
		m, err := o.once(s, r, seed)
		if err != nil {
			return nil, err
		}
		if m.Good > m.Refused+m.Dropped {
			return m, rightHits(r, m)
		}
	}
	return nil, errRefused
}

// measured is what was seen of a run in a round.
type measured struct {
	*loadgen.Result
	cpu   time.Duration // of the server
	known int           // listed among the indicators that were asked about
}

// once plays a run: first for a fifth of the time, so that connections, caches and pools are warm.
func (o *options) once(s *stage, r run, seed uint64) (*measured, error) {
	to := s.up[r.To]
	keys := loadgen.NewKeys(r.Scenario, to.listed, seed)
	asker, err := loadgen.NewAsker(r.Scenario, keys, to.target)
	if err != nil {
		return nil, err
	}
	session, err := loadgen.Dial(r.Scenario, asker, to.network, to.addr)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	if _, err := session.Run(r.Rate, o.during/5); err != nil {
		return nil, err
	}
	// The generator makes no garbage; whatever else this program does may wait with collecting its own.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	before, asked := cpuTime(to.pids), keys.Hits
	result, err := session.Run(r.Rate, o.during)
	if err != nil {
		return nil, err
	}
	return &measured{result, cpuTime(to.pids) - before, keys.Hits - asked}, nil
}

// rightHits holds what was told listed against what was asked about and is; who tells nothing is believed. Of what was
// asked twice in one question a database tells once.
func rightHits(r run, m *measured) error {
	tells := r.To != "echo" && r.To != "gin-empty" && r.To != "gin-body"
	if !tells || m.Refused+m.Dropped > 0 || m.Hits == m.known {
		return nil
	}
	if r.Batch > 1 && m.Hits < m.known && m.Hits > m.known*9/10 {
		return nil
	}
	return fmt.Errorf("%d of those asked about are listed, and %d were told", m.known, m.Hits)
}
