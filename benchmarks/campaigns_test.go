package benchmarks

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/campaigns"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// BenchmarkCampaigns brings campaigns up to date from nothing with a ledger of a million events, in the long form ten, or
// with as many of them as a quarter of an hour is enough for; and then five times with what thirty seconds bring at 1,000
// events a second. It asks for a list and for one campaign. Times of the processor are ClickHouse's and the keeper's
// together: by the clock, both share the machine with whatever else it does.
func BenchmarkCampaigns(b *testing.B) {
	total := sizesOf(b, "1", "10")[0]
	const fresh, increments, patience = 30_000, 5, 15 * time.Minute
	l := newLedger(b, time.Now().AddDate(0, -6, 0).Truncate(time.Hour), 6*30*24*time.Hour/time.Duration(total), true)
	policy := fraud.DefaultPolicy()
	policy.Protected = fraud.Protect()
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		if n < 1 || int(n) > len(country) {
			return nil, false
		}
		return &country[n-1], true
	}
	keeper := campaigns.NewKeeper(l.Writer, &policy, func() []fraud.Partner { return country }, campaigns.DefaultLimits(), time.Now,
		time.Second, nil, quiet)
	done := func() int {
		n, err := strconv.Atoi(l.run(b, "SELECT toInt64(sum(n)) FROM (SELECT max(next) AS n FROM "+l.Database+
			".campaign_progress GROUP BY kafka_partition)"))
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	catchUp := func(most time.Duration) (wall, engine, ours time.Duration) {
		b.Helper()
		began, engineBefore, oursBefore := time.Now(), l.engineTime(b), ourTime(b)
		for more := true; more && time.Since(began) < most; {
			var err error
			if more, err = keeper.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began), l.engineTime(b) - engineBefore, ourTime(b) - oursBefore
	}
	l.fill(b, total, nil)
	l.settle(b)
	peak := watchMemory()
	wall, engine, ours := catchUp(patience)
	n := float64(done())
	most := peak()
	load, _ := os.ReadFile("/proc/loadavg") // where there is one
	fmt.Printf("%.0f of %d events: %.0f s, of the processor %.0f s in ClickHouse and %.0f s here; heap at most %d MiB; load %s", n,
		total, wall.Seconds(), engine.Seconds(), ours.Seconds(), most>>20, load) // of logs the framework shows ten lines
	if int(n) < total {
		b.Fatalf("%d events are too many for %s", total, patience)
	}
	var steps, cpu, lists, shows time.Duration
	for b.Loop() {
		steps, cpu, lists, shows = 0, 0, 0, 0
		for range increments {
			l.fill(b, l.filled+fresh, nil)
			wall, engine, ours := catchUp(patience)
			steps, cpu = steps+wall, cpu+engine+ours
			began := time.Now()
			found, err := l.Campaigns(b.Context(), fraud.CampaignQuestion{Limit: 50})
			if err != nil || len(found) != 50 {
				b.Fatal(len(found), err)
			}
			lists += time.Since(began)
			began = time.Now()
			if _, ok, err := l.Campaign(b.Context(), found[0].ID); err != nil || !ok {
				b.Fatal(ok, err)
			}
			shows += time.Since(began)
		}
	}
	b.ReportMetric(n/wall.Seconds(), "events/s-anew")
	b.ReportMetric(n/(engine+ours).Seconds(), "events/cpu-s-anew")
	b.ReportMetric(float64(most>>20), "MiB")
	b.ReportMetric(steps.Seconds()*1000/increments, "increment-ms")
	b.ReportMetric(cpu.Seconds()*1000/increments, "increment-cpu-ms")
	b.ReportMetric(lists.Seconds()*1000/increments, "list-ms")
	b.ReportMetric(shows.Seconds()*1000/increments, "show-ms")
	b.ReportMetric(0, "ns/op")
}

// watchMemory looks at the heap every few milliseconds until it is asked for the most that it saw.
func watchMemory() (peak func() uint64) {
	runtime.GC()
	var most atomic.Uint64
	stop := make(chan struct{})
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				metrics.Read(sample)
				most.Store(max(most.Load(), sample[0].Value.Uint64()))
			}
		}
	}()
	return func() uint64 {
		select {
		case <-stop:
		default:
			close(stop)
		}
		return most.Load()
	}
}
