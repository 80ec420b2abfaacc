package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// newStore makes the real ledger.
func (h *hub) newStore() (*store.Writer, *devstack.Engine, string) {
	h.t.Helper()
	engine := testkit.ClickHouse(h.t)
	cfg := store.Config{
		Addrs: engine.Addrs(), Database: testkit.DatabaseOn(h.t, engine), User: "default", Cluster: engine.Cluster(),
	}
	if err := store.Migrate(h.t.Context(), cfg, schemas.ClickHouse(), h.log); err != nil {
		h.t.Fatal(err)
	}
	w, err := store.NewWriter(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { w.Close() })
	if err := w.PutPartners(h.t.Context(), []fraud.Partner{h.reg.partner}); err != nil {
		h.t.Fatal(err)
	}
	return w, engine, cfg.Database
}

// stored waits until the ledger says that it holds everything on the topic.
func (h *hub) stored(ledger ingest.Ledger) {
	h.t.Helper()
	ends, err := h.cluster.Open(h.cfg.Topic).Ends(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	testkit.Eventually(h.t, 2*patience, func() error {
		for partition, end := range ends {
			if s, err := ledger.StoredOffset(h.t.Context(), int32(partition)); err != nil || s.Next < end {
				return fmt.Errorf("partition %d is stored up to %d of %d: %v", partition, s.Next, end, err)
			}
		}
		return nil
	})
}

func TestEverythingDeliveredThreeTimesCountsOnceInTheLedger(t *testing.T) {
	h := newHub(t, 2)
	ledger, engine, database := h.newStore()
	events := h.reports(1_500)
	for range 3 {
		h.publish(events...)
		h.send(kafka.Message{Value: []byte("junk")})
	}
	for i := range 3 {
		// A group of another name has committed nothing, and a ledger that is asked nothing cannot say what it has.
		h.cfg.Group = fmt.Sprintf("again-%d-%s", i, h.cfg.Topic)
		m := h.startOn(forgetful{ledger}, nil)
		h.allCommitted()
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
	}
	h.stored(ledger)
	for query, want := range map[string]string{
		"SELECT uniqExact(event_id) FROM %s.events":         "1500",
		"SELECT count() FROM %s.events FINAL":               "4500",
		"SELECT count() FROM %s.opinions FINAL":             "1500",
		"SELECT count() FROM %s.dead_letters FINAL":         "3",
		"SELECT DISTINCT reason FROM %s.dead_letters FINAL": "bad_headers",
	} {
		got, err := engine.Query(t.Context(), fmt.Sprintf(query, database))
		if err != nil || strings.TrimSpace(fmt.Sprint(got)) != want {
			t.Errorf("%s: %v (%v), want %s", query, got, err, want)
		}
	}
}

// forgetful is a ledger that takes everything again.
type forgetful struct{ *store.Writer }

func (forgetful) StoredOffset(context.Context, int32) (fraud.Stored, error) {
	return fraud.Stored{}, nil
}

// swallow is a ledger that costs nothing.
type swallow struct{}

func (swallow) Insert(context.Context, fraud.Segment) error { return nil }

func (swallow) StoredOffset(context.Context, int32) (fraud.Stored, error) { return fraud.Stored{}, nil }

// BenchmarkIngest takes bundles that stand on the topic, from Kafka through verification into both logs.
func BenchmarkIngest(b *testing.B) {
	const each, bundles = 500, 800
	for _, c := range []struct {
		name string
		real bool
	}{{"ledger in memory", false}, {"ClickHouse", true}} {
		b.Run(c.name, func(b *testing.B) {
			h := newHub(b, 4)
			h.cfg.SegmentAge = time.Second
			var ledger ingest.Ledger = swallow{}
			if c.real {
				ledger, _, _ = h.newStore()
			}
			for range b.N {
				for range bundles / 20 {
					h.publish(h.reports(each * 20)...)
				}
			}
			b.ResetTimer()
			h.startOn(ledger, nil)
			h.allCommitted()
			b.ReportMetric(float64(b.N*each*bundles)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkVisible takes the time from Publish to the opinion's arrival at a tail of the change log, one at a time.
func BenchmarkVisible(b *testing.B) {
	h := newHub(b, 4)
	h.startOn(swallow{}, nil)
	arrived := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(b.Context())
	tail := changes.NewTail(h.cluster, h.changes, prometheus.NewRegistry(), h.log)
	done := make(chan error, 1)
	go func() {
		done <- tail.Run(ctx, nil, func(_ int, _ int64, opinions []fraud.Opinion, _ time.Time) {
			for range opinions {
				arrived <- struct{}{}
			}
		})
	}()
	h.publish(h.report(0))
	<-arrived
	var took []time.Duration
	for b.Loop() {
		event := h.report(1)
		begin := time.Now()
		h.publish(event)
		<-arrived
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
