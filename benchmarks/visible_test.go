package benchmarks

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var (
	visibleRate  = flag.Int("visible-rate", 1000, "events a second")
	visibleFor   = flag.Duration("visible-for", 20*time.Second, "how long")
	visibleProbe = flag.Int("visible-probe", 20, "one in so many events is watched until it is visible")
)

// BenchmarkPublishToVisible measures how long a report takes from the moment it was due to be sent, on Kafka, until
// the HTTP API answers with it, under an open-loop load: what is late counts as late (no coordinated omission). Then
// the same for withdrawals. A watcher asks every millisecond.
func BenchmarkPublishToVisible(b *testing.B) {
	hub := hubtest.Start(b, hubtest.Options{})
	country := nation.New(5, nation.Size)
	total := int(visibleFor.Seconds() * float64(*visibleRate))
	reports, withdrawals := hdrhistogram.New(1, 60_000_000, 3), hdrhistogram.New(1, 60_000_000, 3)
	from := 0 // each round has cases of its own: what was reported before would be visible at once
	for b.Loop() {
		cases := func(i int) nation.Case { return country.Case((from + i) % country.Len()) }
		openLoop(b, hub, fraud.Report, total, cases, reports)
		openLoop(b, hub, fraud.Withdraw, total, cases, withdrawals)
		from += total
	}
	for name, times := range map[string]*hdrhistogram.Histogram{"report": reports, "withdraw": withdrawals} {
		b.ReportMetric(float64(times.ValueAtQuantile(50))/1000, name+"-p50-ms")
		b.ReportMetric(float64(times.ValueAtQuantile(99))/1000, name+"-p99-ms")
		b.ReportMetric(float64(times.Max())/1000, name+"-max-ms")
	}
	b.ReportMetric(0, "ns/op") // the quantiles say it
}

// visible tells what a watcher of such events waits for.
func visible(kind fraud.Kind, s fraud.Status) bool {
	if kind == fraud.Withdraw {
		return s == fraud.NotListed
	}
	return s == fraud.Suspected || s == fraud.Confirmed
}

// openLoop publishes total events of a kind at the rate, and records into times how long the watched ones took.
func openLoop(
	b *testing.B, hub *hubtest.Hub, kind fraud.Kind, total int, cases func(int) nation.Case, times *hdrhistogram.Histogram,
) {
	ctx, cancel := context.WithTimeout(b.Context(), *visibleFor+time.Minute)
	defer cancel()
	pub, asker := hub.Publisher(b, "bank-harimau"), hub.Client(b, "platform")
	var (
		mu    sync.Mutex
		group sync.WaitGroup
	)
	start := time.Now().Add(100 * time.Millisecond)
	for i := range total {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(*visibleRate))
		c := cases(i)
		ref, err := c.Ref(hub.Ring)
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Until(due))
		e := c.Words[0].Event(ref, time.Now())
		e.IssuedAt = time.Now().UTC()
		if kind == fraud.Withdraw {
			e = fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, IssuedAt: e.IssuedAt, Indicator: ref}
		}
		group.Go(func() {
			if err := pub.Publish(ctx, []fraud.Event{e}); err != nil {
				b.Error(err)
			}
		})
		if i%*visibleProbe != 0 {
			continue
		}
		group.Go(func() {
			for ctx.Err() == nil {
				result, err := asker.LookupOne(ctx, client.Item{Type: ref.Type, Ref: ref})
				if err == nil && visible(kind, result.Verdict) {
					mu.Lock()
					defer mu.Unlock()
					_ = times.RecordValue(time.Since(due).Microseconds())
					return
				}
				time.Sleep(time.Millisecond)
			}
			b.Error("never visible")
		})
	}
	group.Wait()
}
