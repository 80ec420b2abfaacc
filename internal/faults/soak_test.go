package faults

import (
	"flag"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
)

// The hour is for `make test-soak`.
var soak = flag.Duration("soak", 20*time.Second, "how long random faults follow each other")

func TestNothingIsLostOrLeaksUnderOneFaultAfterTheOther(t *testing.T) {
	every := min(time.Minute, *soak/4)
	table.Run(t, "a random fault every "+every.String()+" for "+soak.String(), Scenario{
		Nodes: apart(hubtest.NodeOptions{}, hubtest.NodeOptions{}), Rate: 200, RecoverWithin: time.Minute,
		Fault: func(t *testing.T, r *Rig) {
			watched := []*hubtest.Node{r.Nodes[0], r.Nodes[1]} // the faults leave these running
			used := make([][]usage, len(watched))
			begin := time.Now()
			for next := begin; time.Since(begin) < *soak; next = next.Add(every) {
				time.Sleep(time.Until(next))
				f := soakFaults[r.Random.IntN(len(soakFaults))]
				f.do(t, r)
				t.Logf("%s: %s, recovered in %s", time.Since(begin).Round(time.Second), f.name,
					r.recover(t, time.Minute).Round(10*time.Millisecond))
				for i, n := range watched {
					used[i] = append(used[i], usageOf(t, n))
				}
			}
			for i, n := range watched {
				wantFlat(t, n.Name+" "+n.Role, used[i])
			}
		},
	})
}

// soakFaults last some seconds each.
var soakFaults = []struct {
	name string
	do   func(t *testing.T, r *Rig)
}{
	{"ClickHouse killed", func(t *testing.T, r *Rig) {
		r.Engine.Kill()
		time.Sleep(3 * time.Second)
		if err := r.Engine.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}},
	{"ClickHouse's link stalled", func(t *testing.T, r *Rig) { stallFor(t, r.ClickHouse, 5*time.Second) }},
	{"ClickHouse's connections dropped", func(t *testing.T, r *Rig) { r.ClickHouse.Drop(t) }},
	{"Kafka's link stalled", func(t *testing.T, r *Rig) { stallFor(t, r.Brokers[0], 5*time.Second) }},
	{"Kafka's connections dropped", func(t *testing.T, r *Rig) { r.Brokers[0].Drop(t) }},
	{"Kafka hung", func(t *testing.T, r *Rig) {
		if err := r.Kafka.Broker(0).Pause(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if err := r.Kafka.Broker(0).Resume(); err != nil {
			t.Fatal(err)
		}
	}},
	{"an ingest node killed", func(t *testing.T, r *Rig) {
		r.Nodes[2].Kill(t)
		r.Nodes[2].Restart(t)
	}},
	{"an ingest node stopped and gone on", func(t *testing.T, r *Rig) {
		r.Nodes[2].Signal(t, syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		r.Nodes[2].Signal(t, syscall.SIGCONT)
	}},
}

func stallFor(t *testing.T, l *Link, d time.Duration) {
	t.Helper()
	for _, way := range []Direction{Upstream, Downstream} {
		l.Stall(t, way)
	}
	time.Sleep(d)
	l.Heal(t)
}

// usage is what a process holds.
type usage struct{ goroutines, files, megabytes float64 }

func usageOf(t *testing.T, n *hubtest.Node) usage {
	t.Helper()
	return usage{
		n.Metric(t, "go_goroutines"), n.Metric(t, "process_open_fds"), n.Metric(t, "process_resident_memory_bytes") / 1e6,
	}
}

// wantFlat compares the most that a process held in the last third with the most in the first. Memory grows with what
// is listed, so it has some room.
func wantFlat(t *testing.T, name string, used []usage) {
	t.Helper()
	third := max(1, len(used)/3)
	early, late := most(used[:third]), most(used[len(used)-third:])
	t.Logf("%s: at most %+v in the first third, %+v in the last", name, early, late)
	if late.goroutines > 1.2*early.goroutines+20 || late.files > 1.2*early.files+20 || late.megabytes > 1.5*early.megabytes+64 {
		t.Errorf("%s is not flat", name)
	}
}

func most(used []usage) (m usage) {
	m.goroutines = slices.MaxFunc(used, func(a, b usage) int { return int(a.goroutines - b.goroutines) }).goroutines
	m.files = slices.MaxFunc(used, func(a, b usage) int { return int(a.files - b.files) }).files
	m.megabytes = slices.MaxFunc(used, func(a, b usage) int { return int(a.megabytes - b.megabytes) }).megabytes
	return m
}
