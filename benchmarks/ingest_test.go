package benchmarks

import (
	"context"
	"flag"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var ingestEvents = flag.Int("ingest-events", 600_000, "how many events wait in Kafka when the daemon starts")

// BenchmarkKafkaToClickHouse drains a full topic: signatures verified, events checked, opinions announced, rows stored.
// It counts from the first stored row to the last, as ClickHouse itself counts them, so start-up is not in it.
func BenchmarkKafkaToClickHouse(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		hub := hubtest.Start(b, hubtest.Options{NotStarted: true})
		fill(b, hub, *ingestEvents)
		hub.Launch(b)
		stored := func() int {
			n, err := strconv.Atoi(hub.Query(b, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'events'"))
			if err != nil || n == 0 {
				return 0
			}
			n, _ = strconv.Atoi(hub.Query(b, "SELECT count() FROM events"))
			return n
		}
		first := 0
		for first == 0 {
			first = stored()
		}
		start := time.Now()
		b.StartTimer()
		last := first
		for last < *ingestEvents && time.Since(start) < 5*time.Minute {
			time.Sleep(50 * time.Millisecond)
			last = stored()
		}
		b.StopTimer()
		b.ReportMetric(float64(last-first)/time.Since(start).Seconds(), "events/s")
		if last < *ingestEvents {
			b.Fatalf("stored %d of %d events", last, *ingestEvents)
		}
		if err := hub.Audit(b, nil); err != nil {
			b.Error(err)
		}
		hub.Kill(b)
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op") // the rate says it
}

// fill publishes n reports of n indicators by four banks.
func fill(b *testing.B, hub *hubtest.Hub, n int) {
	b.Helper()
	country := nation.New(3, n)
	banks := []string{"bank-harimau", "bank-kenari", "bank-penyu", "bank-seladang"}
	var (
		group sync.WaitGroup
		next  atomic.Int64
	)
	for _, bank := range banks {
		pub := hub.Publisher(b, bank)
		group.Go(func() {
			const share = 5000
			for {
				from := int(next.Add(share)) - share
				if from >= country.Len() {
					return
				}
				var batch []fraud.Event
				for i := from; i < min(from+share, country.Len()); i++ {
					c := country.Case(i)
					ref, err := c.Ref(hub.Ring)
					if err != nil {
						b.Error(err)
						return
					}
					batch = append(batch, c.Words[0].Event(ref, time.Now()))
				}
				if err := pub.Publish(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if b.Failed() {
		b.FailNow()
	}
}
