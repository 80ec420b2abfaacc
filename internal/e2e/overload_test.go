package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
)

// storm is one overload: what the hub can do is measured first, with a few callers who never rest.
type storm struct {
	hub *hubtest.Hub
	// each is how long each part takes, limit how long callers wait for an answer.
	each, limit time.Duration
}

func (s *storm) flood(rate, conns int, request func(n int) []byte) *hubtest.Tally {
	return hubtest.Flood{
		Addr: strings.TrimPrefix(s.hub.API, "http://"), Rate: rate, Conns: conns, Request: request,
		During: s.each, Limit: s.limit,
	}.Run()
}

// busy runs work and returns for how much of its time the daemon had a CPU; on a machine with other work it had to wait
// for one.
func (s *storm) busy(t *testing.T, work func()) float64 {
	const used = "process_cpu_seconds_total"
	before := s.hub.Metric(t, used)
	work()
	return (s.hub.Metric(t, used) - before) / s.each.Seconds()
}

// lookups makes look-ups of so many telephone numbers each.
func (s *storm) lookups(size int) func(n int) []byte {
	var all [256][]byte
	for r := range all {
		var body strings.Builder
		for i := range size {
			fmt.Fprintf(&body, `%s{"type":"phone","value":"+60123%06d"}`, strings.Repeat(",", min(i, 1)), r*1000+i)
		}
		all[r] = s.hub.Request("platform", "/v1/lookup", `{"indicators":[`+body.String()+`]}`)
	}
	return func(n int) []byte { return all[n%len(all)] }
}

func (s *storm) events(n int) []byte {
	return s.hub.Request("bank", "/v1/events", fmt.Sprintf(`{"events":[{"kind":"report","category":"telecommunication",`+
		`"indicator":{"type":"phone","value":"+60138%06d"}}]}`, n%1_000_000))
}

func (s *storm) series(int) []byte {
	return s.hub.Request("analyst", "/v1/trends/series?by=type&bucket=hour", "")
}

// pin gives the daemon a CPU and the test, with what it runs, the others, where that can be done.
func pin(t *testing.T, daemon int) {
	t.Helper()
	for pid, cpu := range map[int]string{daemon: "0", os.Getpid(): "1"} {
		if out, err := exec.Command("taskset", "-acp", cpu, strconv.Itoa(pid)).CombinedOutput(); err != nil {
			t.Logf("NOT PINNED, the load and the hub take CPUs from each other: %v %s", err, out)
			return
		}
	}
}

// Ten times as many look-ups as the hub can do on one CPU, from callers who never wait as they are told, beside events
// and questions: every refusal is a proper one, memory stays bounded, and afterwards all is answered. In the long form
// the hub does nearly as much as ever, those who are answered hardly wait, and what is less urgent suffers first.
func TestOverloadIsShed(t *testing.T) {
	sizes, conns, each := []int{25}, 128, 2*time.Second
	if testkit.Long() {
		sizes, conns, each = []int{1, 25}, 512, 8*time.Second
	}
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{
		Env: []string{"GOMAXPROCS=1", "WASPADA_HTTP_SHED=true"}}})
	if testkit.Long() {
		pin(t, hub.Pid())
	}
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%d indicators each", size), func(t *testing.T) {
			s := &storm{hub: hub, each: each, limit: time.Second}
			if !testkit.Long() {
				s.limit = 30 * time.Second // nothing is judged by the time it takes
			}
			s.run(t, size, conns)
		})
	}
}

func (s *storm) run(t *testing.T, size, conns int) {
	lookup := s.lookups(size)
	var full, calm, during, events, questions *hubtest.Tally
	s.flood(0, 4, lookup) // warms up
	fullCPU := s.busy(t, func() { full = s.flood(0, 4, lookup) })
	capacity := full.Rate()
	calmCPU := s.busy(t, func() { calm = s.flood(int(capacity/2), conns, lookup) })
	memory := s.hub.Metric(t, "process_resident_memory_bytes")
	goroutines := s.hub.Metric(t, "go_goroutines")

	var most [2]float64 // goroutines, bytes
	stormCPU := s.busy(t, func() {
		var others sync.WaitGroup
		others.Go(func() { events = s.flood(100, 32, s.events) })
		others.Go(func() { questions = s.flood(20, 16, s.series) })
		others.Go(func() {
			for range 4 {
				time.Sleep(s.each / 5)
				most[0] = max(most[0], s.hub.Metric(t, "go_goroutines"))
				most[1] = max(most[1], s.hub.Metric(t, "process_resident_memory_bytes"))
			}
		})
		during = s.flood(max(100, int(10*capacity)), conns, lookup)
		others.Wait()
	})
	ended := time.Now()
	brief := *s
	brief.each = time.Second / 2
	testkit.Eventually(t, time.Minute, func() error {
		y := brief.flood(max(20, int(capacity/4)), conns, lookup)
		if y.Refused+y.Failed+y.Unsent > y.Offered/100 {
			return fmt.Errorf("after the storm: %s", y)
		}
		return nil
	})
	recovery := time.Since(ended)
	goodput := during.Rate() / capacity
	perCPU := goodput * fullCPU / stormCPU
	t.Logf("capacity, with %.2f of a CPU: %s", fullCPU, full)
	t.Logf("calm, with %.2f: %s", calmCPU, calm)
	t.Logf("storm, with %.2f: %s", stormCPU, during)
	t.Logf("events beside it: %s", events)
	t.Logf("questions beside it: %s", questions)
	t.Logf("offered %.1f times the capacity; goodput %.0f %%, by CPU time %.0f %%; p99 %.1f times that of calm; recovered "+
		"within %s; memory %.0f to %.0f MiB, goroutines %.0f to %.0f", float64(during.Offered)/during.Took.Seconds()/capacity,
		100*goodput, 100*perCPU, float64(during.P99())/float64(calm.P99()), recovery.Round(10*time.Millisecond),
		memory/(1<<20), most[1]/(1<<20), goroutines, most[0])

	for name, y := range map[string]*hubtest.Tally{"look-ups": during, "events": events, "questions": questions} {
		if y.Failed > 0 && !testkit.Long() || y.Failed > y.Offered/100 {
			t.Errorf("%s were neither answered nor properly refused: %s", name, y)
		}
	}
	if during.Refused == 0 {
		t.Error("there was no overload")
	}
	if most[1] > memory+256<<20 || most[0] > goroutines+float64(3*(conns+48)+100) {
		t.Error("memory or goroutines grow without a bound")
	}
	if !testkit.Long() {
		return
	}
	if during.P99() > 3*calm.P99() {
		t.Error("those who are answered wait too long: want a p99 within three times that of calm")
	}
	if recovery > 10*time.Second {
		t.Error("recovery: want it within 10 s")
	}
	if min(fullCPU, stormCPU) < 0.8 {
		t.Log("GOODPUT AND PRIORITY NOT JUDGED: the machine had too much other work, the daemon was not given its CPU")
		return
	}
	if perCPU < 0.8 {
		t.Error("goodput: want 80 % of the capacity")
	}
	answered := func(y *hubtest.Tally) float64 { return float64(y.Good) / float64(max(1, y.Good+y.Refused+y.Failed)) }
	if l, e, q := answered(during), answered(events), answered(questions); l < e || e < q {
		t.Errorf("of what was sent were answered: look-ups %.2f, events %.2f, questions %.2f; want the more urgent first",
			l, e, q)
	}
}
