package tally

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// ledger keeps the highest counts, as the table does.
type ledger struct {
	mu    sync.Mutex
	away  bool
	rows  map[fraud.Usage]count // by key
	write int
}

func (l *ledger) AddUsage(_ context.Context, counts []fraud.Usage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write++
	for _, u := range counts {
		k := fraud.Usage{Hour: u.Hour, Partner: u.Partner, Class: u.Class, Node: u.Node, Run: u.Run}
		if n := (count{u.Calls, u.Refused, u.Verdicts}); !l.away || l.write%2 == 0 && l.write > 0 { // an insert may fail and have happened
			if l.rows[k].calls <= n.calls {
				l.rows[k] = n
			}
		}
	}
	if l.away {
		return errors.New("away")
	}
	return nil
}

// byHour sums calls, refusals and answers up by hour.
func (l *ledger) byHour() map[string][3]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string][3]uint64{}
	for k, n := range l.rows {
		at := k.Hour.Format("02T15")
		sum := all[at]
		all[at] = [3]uint64{sum[0] + n.calls, sum[1] + n.refused, sum[2] + n.verdicts.Sum()}
	}
	return all
}

func start(ctx context.Context, dir string, l *ledger, reg prometheus.Registerer) (*Counter, func()) {
	c := New("node-1", time.Minute, dir, l, reg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	done := make(chan struct{})
	go func() { _ = c.Run(ctx); close(done) }()
	return c, func() { <-done }
}

func TestEveryRequestIsCountedOnceInItsHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight, 2000-01-01
		l := &ledger{rows: map[fraud.Usage]count{}}
		ctx, stop := context.WithCancel(t.Context())
		c, ended := start(ctx, "", l, nil)
		hits := fraud.Verdicts{fraud.NotListed: 999, fraud.Confirmed: 1}
		// A request each 20 s for 3 hours, from two partners, ten seconds after each third of a minute; ClickHouse is away in
		// the second hour.
		time.Sleep(10 * time.Second)
		for i := range 3 * 180 {
			l.mu.Lock()
			l.away = i >= 180 && i < 360
			l.mu.Unlock()
			c.Count(fraud.PartnerNumber(1+i%2), fraud.LookupMany, i%10 == 0, &hits)
			time.Sleep(20 * time.Second)
		}
		want := map[string][3]uint64{"01T00": {180, 18, 180_000}, "01T01": {180, 18, 180_000}, "01T02": {180, 18, 180_000}}
		synctest.Wait()
		if diff := cmp.Diff(want, l.byHour()); diff != "" {
			t.Errorf("after the hours (-want +got):\n%s", diff)
		}
		if n := len(c.hours); n > 2 {
			t.Errorf("%d hours are kept in memory", n)
		}
		// What was counted since the last write is written at the end.
		c.Count(1, fraud.LookupOne, false, &fraud.Verdicts{fraud.Suspected: 1})
		stop()
		ended()
		want["01T03"] = [3]uint64{1, 0, 1}
		if diff := cmp.Diff(want, l.byHour()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

func TestALedgerThatIsAwayForEverBoundsTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{rows: map[fraud.Usage]count{}, away: true}
		ctx, stop := context.WithCancel(t.Context())
		reg := prometheus.NewRegistry()
		c, ended := start(ctx, "", l, reg)
		time.Sleep(time.Second)
		for range keptHours + 48 {
			c.Count(1, fraud.LookupBatch, false, &fraud.Verdicts{})
			time.Sleep(time.Hour)
		}
		synctest.Wait()
		if n := len(c.hours); n > keptHours+1 {
			t.Errorf("%d hours wait in memory, want %d at most", n, keptHours+1)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if lost := families[0].Metric[0].GetCounter().GetValue(); lost < 40 || lost > 48 {
			t.Errorf("%v calls are counted as lost, want about 47", lost)
		}
		stop()
		ended()
	})
}

func TestWhatCannotBeWrittenAtTheEndIsWrittenByTheNextRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{rows: map[fraud.Usage]count{}}
		for run := range 4 {
			l.mu.Lock()
			l.away, l.write = run < 3, -1000_001 // always odd: nothing is taken
			l.mu.Unlock()
			ctx, stop := context.WithCancel(t.Context())
			c, ended := start(ctx, dir, l, nil)
			time.Sleep(time.Second)
			c.Count(1, fraud.LookupOne, run == 1, &fraud.Verdicts{fraud.NotListed: 2})
			time.Sleep(time.Hour)
			stop()
			ended()
		}
		sum := [3]uint64{}
		for _, n := range l.byHour() {
			sum = [3]uint64{sum[0] + n[0], sum[1] + n[1], sum[2] + n[2]}
		}
		if want := [3]uint64{4, 1, 8}; sum != want {
			t.Errorf("calls, refusals and answers are %v, want %v", sum, want)
		}
	})
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("files stay: %v, %v", left, err)
	}
}

func TestCountingIsSafeForManyAndAllocatesNothing(t *testing.T) {
	c := New("node-1", time.Minute, "", &ledger{}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	verdicts := fraud.Verdicts{fraud.NotListed: 2}
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := range 10_000 {
				c.Count(fraud.PartnerNumber(i%50), fraud.LookupOne, w == 0, &verdicts)
			}
		})
	}
	workers.Wait()
	c.look(time.Now())
	var sum count
	for _, h := range c.hours {
		for _, cell := range h {
			sum = sum.plus(cell.count)
		}
	}
	want := count{40_000, 10_000, fraud.Verdicts{fraud.NotListed: 80_000}}
	if diff := cmp.Diff(want, sum, cmp.AllowUnexported(count{})); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if n := testing.AllocsPerRun(100, func() { c.Count(1, fraud.LookupOne, false, &verdicts) }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}
