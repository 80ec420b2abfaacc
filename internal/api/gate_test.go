package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestTheGateTurnsAwayWhatIsLessUrgentFirst(t *testing.T) {
	g := newGate(8)
	arrive := func(c class) *pass {
		p := &pass{gate: &g, class: c}
		if p.enter() != nil || p.work() != nil {
			p.leave()
			return nil
		}
		return p
	}
	var got []string
	var inside []*pass
	for range 10 {
		line := ""
		for _, c := range []class{forAnalysis, forContributions, forLookups} {
			if p := arrive(c); p != nil {
				line += c.String() + " "
				p.leave()
			}
		}
		got = append(got, line)
		if p := arrive(forLookups); p != nil {
			inside = append(inside, p)
		}
	}
	all, two, one := "analytics contribute lookup ", "contribute lookup ", "lookup "
	want := []string{all, all, two, two, one, one, one, one, "", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who comes in as places fill (-want +got):\n%s", diff)
	}
	for _, p := range inside {
		p.end()
		p.leave()
		p.leave()
	}
	if g.entered.Load() != 0 || g.working.Load() != 0 {
		t.Errorf("%d entered and %d work still", g.entered.Load(), g.working.Load())
	}
}

func TestBodiesOnTheirWayAreBounded(t *testing.T) {
	g := newGate(1)
	entered := 0
	for range 100 {
		if (&pass{gate: &g}).enter() == nil {
			entered++
		}
	}
	if entered != bodiesPerPlace {
		t.Errorf("%d bodies are on their way, want %d", entered, bodiesPerPlace)
	}
}

// Look-ups go on when Kafka holds every event and ClickHouse every question.
func TestWhatWaitsDoesNotTakeTheLookupsPlaces(t *testing.T) {
	held := make(chan struct{})
	h := newHub(t, func(c *Config, _ *Deps) { c.Concurrency = 8 })
	h.publish = func(context.Context) error { <-held; return nil }
	h.series = func(fraud.SeriesQuestion) ([]fraud.Series, error) { <-held; return nil, nil }
	var waiting sync.WaitGroup
	var refused atomic.Int64
	for range 10 {
		for _, a := range []ask{events(goodEvent), {method: "GET", path: "/v1/trends/series", key: "analyse"}} {
			waiting.Go(func() {
				got := h.do(t, a)
				if got.Status == 503 && strings.Contains(got.Body, `"code":"overloaded"`) && got.Header.Get("Retry-After") == "1" {
					refused.Add(1)
				}
			})
		}
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := refused.Load() + h.server.gate.working.Load(); n < 20 {
			return fmt.Errorf("%d of 20 are refused or at work", n)
		}
		return nil
	})
	if n := h.server.gate.working.Load(); n > 4 {
		t.Errorf("%d at work, and half of 8 are for others", n)
	}
	if got := h.do(t, lookup(oneLookup)); got.Status != 200 {
		t.Errorf("a look-up: %d %s", got.Status, got.Body)
	}
	close(held)
	waiting.Wait()
	if n := h.server.gate.working.Load() + h.server.gate.entered.Load(); n != 0 {
		t.Errorf("%d places are taken still", n)
	}
}

// scarce is an index that can do so many look-ups at a time, and makes the others wait: like a machine, whatever the
// one that runs the test.
type scarce struct {
	nothing
	cores chan struct{}
	takes time.Duration
}

func (s *scarce) Lookup(asker *fraud.Partner, probes []fraud.Probe) fraud.Verdict {
	s.cores <- struct{}{}
	defer func() { <-s.cores }()
	time.Sleep(s.takes)
	return s.nothing.Lookup(asker, probes)
}

func (s *scarce) Lookups(asker *fraud.Partner) func([]fraud.Probe) fraud.Verdict {
	return func(probes []fraud.Probe) fraud.Verdict { return s.Lookup(asker, probes) }
}

func (s *scarce) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	v = s.Lookup(asker, probes)
	return v, v
}

// flood is what became of requests that were sent at a fixed rate, whatever the answers took.
type flood struct {
	good, late, refused []time.Duration
	failed              int
}

func (f *flood) String() string {
	q := func(times []time.Duration, p float64) time.Duration {
		if len(times) == 0 {
			return 0
		}
		slices.Sort(times)
		return times[min(len(times)-1, int(p*float64(len(times))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d answered in time (p50 %s, p99 %s), %d too late, %d refused (p50 %s, p90 %s, p99 %s), %d failed",
		len(f.good), q(f.good, .5), q(f.good, .99), len(f.late), len(f.refused), q(f.refused, .5), q(f.refused, .9),
		q(f.refused, .99), f.failed)
}

// send looks up at a rate for a time; an answer counts within a limit, and nobody waits longer than four times that.
func send(t *testing.T, client *http.Client, addr string, rate int, during, limit time.Duration) *flood {
	t.Helper()
	var (
		f     flood
		mu    sync.Mutex
		calls sync.WaitGroup
	)
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	for due := time.Now(); ctx.Err() == nil; due = due.Add(time.Second / time.Duration(rate)) {
		time.Sleep(time.Until(due))
		calls.Go(func() {
			patient, giveUp := context.WithTimeout(t.Context(), 4*limit)
			defer giveUp()
			r, err := http.NewRequestWithContext(patient, "POST", "http://"+addr+"/v1/lookup", strings.NewReader(oneLookup))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer lookup")
			r.Header.Set("Content-Type", "application/json")
			begun := time.Now()
			answer, err := client.Do(r)
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				err = errors.Join(err, answer.Body.Close())
			}
			took := time.Since(begun)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				if f.failed++; f.failed == 1 {
					t.Logf("the first that failed, after %s: %v", took, err)
				}
			case answer.StatusCode == http.StatusServiceUnavailable:
				f.refused = append(f.refused, took)
			case answer.StatusCode != http.StatusOK:
				t.Errorf("answered %d", answer.StatusCode)
			case took <= limit:
				f.good = append(f.good, took)
			default:
				f.late = append(f.late, took)
			}
		})
	}
	calls.Wait()
	return &f
}

// Ten times as many look-ups as the hub can do: it does as many as ever, and tells the others at once.
func TestOverloadDoesNotCostGoodput(t *testing.T) {
	const cores, takes = 4, 80 * time.Millisecond
	const capacity = int(cores * time.Second / takes) // a second
	calm, storm := 2*time.Second, 3*time.Second
	if testkit.Long() {
		calm, storm = 10*time.Second, 30*time.Second
	}
	h := newHub(t, func(c *Config, d *Deps) {
		c.Concurrency = 2 * cores
		d.Index, d.Log = &scarce{cores: make(chan struct{}, cores), takes: takes}, slog.New(slog.DiscardHandler)
	})
	addr := h.listen(t)
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	const limit = time.Second
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}

	before := send(t, client, addr, capacity/2, calm, limit)
	memory := heap()
	during := send(t, client, addr, capacity*10, storm, limit)
	grown := int64(heap()) - int64(memory)
	after := send(t, client, addr, capacity/2, calm, limit)
	t.Logf("calm:  %s\nstorm: %s; memory %+d KiB\nafter: %s", before, during, grown>>10, after)

	if len(during.refused) == 0 || during.failed > 0 {
		t.Fatal("there was no overload, or requests were dropped")
	}
	for _, f := range []*flood{before, after} { // the machine's other work may cost a few
		if bad := len(f.refused) + len(f.late) + f.failed; bad*20 > len(f.good) {
			t.Errorf("calm is not calm: %s", f)
		}
	}
	if grown > 64<<20 {
		t.Error("memory grew")
	}
	slices.Sort(during.refused)
	if n := len(during.refused); during.refused[n*9/10] > 50*time.Millisecond {
		if !testkit.Long() {
			t.Log("the machine has too much other work for times to mean anything; the long form insists")
			return
		}
		t.Error("refusals are slow: the limit is 50 ms at p90")
	}
	if good := float64(len(during.good)) / (float64(capacity) * storm.Seconds()); good < 0.8 {
		t.Errorf("goodput is %.0f %% of what is possible, want 80 %%", 100*good)
	}
}

// What a look-up pays for identity, quotas and the gate, beside what it did before.
func BenchmarkTheWayIn(b *testing.B) {
	clock := time.Now
	h := newHub(b, func(_ *Config, d *Deps) {
		d.Quotas = quota.Open(quota.Config{Now: clock}, slog.New(slog.DiscardHandler))
		d.Now = clock
	})
	rt := routes[0]
	who := callers["Bearer lookup"]
	partner := *who.Partner
	partner.Quotas = fraud.Quotas{Requests: 1e9, Indicators: 1e9, Distinct: 1e9}
	who.Partner = &partner
	asked := []indicator.Digest{{1}}
	head := http.Header{}
	b.ReportAllocs()
	for i := range b.N {
		r := &request{server: h.server, who: who, arrived: clock()}
		asked[0][0], asked[0][1], asked[0][9] = byte(i), byte(i>>8), byte(i>>16)
		err := errors.Join(h.server.admitted(r, rt), r.pass.work(), r.charge(1, asked))
		r.pass.end()
		r.tellQuotas(head)
		r.pass.leave()
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Who sends its body slowly keeps nobody from a place.
func TestNoRequestTakesAPlaceBeforeItsBodyIsThere(t *testing.T) {
	h, doc, with := newHub(t), loadContract(t), 0
	for _, rt := range routes {
		if rt.scope == public {
			continue
		}
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(rt.path, "{$1}")
		hasBody := doc.Paths.Value(path).GetOperation(rt.method).RequestBody != nil
		r := &request{server: h.server}
		if err := h.server.enter(r, rt); err != nil {
			t.Fatal(err)
		}
		if r.pass.placed == hasBody {
			t.Errorf("%s %s: at work before its body %t, and it has a body %t", rt.method, rt.path, r.pass.placed, hasBody)
		}
		r.pass.leave()
		if hasBody {
			with++
		}
	}
	if with < 3 {
		t.Errorf("%d routes with a body: the walk proves nothing", with)
	}
}
