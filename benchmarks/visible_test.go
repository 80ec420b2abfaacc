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
	for _, c := range []struct {
		name    string
		kind    fraud.Kind
		visible func(fraud.Status) bool
	}{
		{"report", fraud.Report, func(s fraud.Status) bool { return s == fraud.Suspected || s == fraud.Confirmed }},
		{"withdraw", fraud.Withdraw, func(s fraud.Status) bool { return s == fraud.NotListed }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				openLoop(b, hub, country, c.kind, c.visible)
			}
		})
	}
}

func openLoop(b *testing.B, hub *hubtest.Hub, country *nation.Set, kind fraud.Kind, visible func(fraud.Status) bool) {
	ctx, cancel := context.WithTimeout(b.Context(), *visibleFor+time.Minute)
	defer cancel()
	pub, asker := hub.Publisher(b, "bank-harimau"), hub.Client(b, "platform")
	times := hdrhistogram.New(1, 60_000_000, 3)
	var (
		mu    sync.Mutex
		group sync.WaitGroup
	)
	total := int(visibleFor.Seconds() * float64(*visibleRate))
	start := time.Now().Add(100 * time.Millisecond)
	for i := range total {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(*visibleRate))
		c := country.Case(i)
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
				if err == nil && visible(result.Verdict) {
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
	for name, q := range map[string]float64{"p50-ms": 50, "p99-ms": 99, "p99.9-ms": 99.9, "max-ms": 100} {
		b.ReportMetric(float64(times.ValueAtQuantile(q))/1000, name)
	}
	b.ReportMetric(0, "ns/op") // the quantiles say it
}
