package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// BenchmarkPublishToVisible measures how long a report takes from the moment it was due to be sent, on Kafka, until the
// HTTP API answers with it, then the same for its withdrawal, and until the trends count it: while the hub takes in a
// tenth, half and nine tenths of what it can. The load and the reports that are watched come when they are due,
// whatever the hub does (open loop): what is late counts as late.
func BenchmarkPublishToVisible(b *testing.B) {
	for b.Loop() {
		hub := hubtest.Start(b, hubtest.Options{})
		v := newVisible(b, hub)
		v.most = v.capacity(b)
		b.Logf("the hub takes in %.0f events/s beside this load generator", v.most)
		var rows []report.Row
		for _, share := range []int{10, 50, 90} {
			rows = append(rows, v.at(b, share)...)
		}
		put(b, visibleFamily, rows...)
	}
	b.ReportMetric(0, "ns/op") // the quantiles say it
}

// visible has a hub under load.
type visible struct {
	hub   *hubtest.Hub
	pubs  []*publisher.Publisher
	loads [][]wire.Message // of each publisher
	asker *client.Client
	most  float64 // events a second that the hub takes in
	// during is how long each load lasts, and watched how many reports a second are watched meanwhile.
	during  time.Duration
	watched int
}

const (
	// ofLoad is how many events each bundle of the load has.
	ofLoad = 100
	// loadEvents are sealed beforehand and sent again and again: the hub does the same for an event that it knows.
	loadEvents = 100_000
)

func newVisible(b *testing.B, hub *hubtest.Hub) *visible {
	b.Helper()
	v := &visible{hub: hub, asker: hub.Client(b, "platform"), during: 8 * time.Second, watched: 25}
	if testkit.Long() {
		v.during, v.watched = 30*time.Second, 50
	}
	country := nation.New(5, loadEvents)
	for i, bank := range []string{"bank-harimau", "bank-kenari", "bank-penyu", "bank-seladang"} {
		v.pubs = append(v.pubs, hub.Publisher(b, bank))
		signer := hub.Signer(b, bank)
		var sealed []wire.Message
		for from := i * loadEvents / 4; from+ofLoad <= (i+1)*loadEvents/4; from += ofLoad {
			events := make([]fraud.Event, ofLoad)
			for j := range events {
				c := country.Case(from + j)
				ref, err := c.Ref(hub.Ring)
				if err != nil {
					b.Fatal(err)
				}
				events[j] = c.Words[0].Event(ref, time.Now())
			}
			message, err := signer.Seal(uuid.Must(uuid.NewV7()), bank, time.Now(), events)
			if err != nil {
				b.Fatal(err)
			}
			sealed = append(sealed, message)
		}
		v.loads = append(v.loads, sealed)
	}
	return v
}

// send has one of the publishers send the nth bundle of the load.
func (v *visible) send(ctx context.Context, n int) error {
	load := v.loads[n%len(v.loads)]
	return v.pubs[n%len(v.pubs)].Send(ctx, load[n/len(v.pubs)%len(load)])
}

// capacity sends as fast as it goes for some seconds, and counts what the hub makes of it.
func (v *visible) capacity(b *testing.B) float64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), v.during/2)
	defer cancel()
	var (
		senders sync.WaitGroup
		next    atomic.Int64
		stored  = func() float64 { return v.hub.Metric(b, "waspada_ingest_rows_stored_total") }
	)
	for range 32 { // each waits for its answer: more than these are never on their way
		senders.Go(func() {
			for ctx.Err() == nil {
				_ = v.send(ctx, int(next.Add(1)))
			}
		})
	}
	begin := time.Now()
	senders.Wait()
	sent := float64(next.Load() * ofLoad)
	for stored() < 0.99*sent && time.Since(begin) < time.Minute {
		time.Sleep(50 * time.Millisecond)
	}
	return stored() / time.Since(begin).Seconds()
}

// at loads the hub to a share of what it takes in, in percent.
func (v *visible) at(b *testing.B, share int) []report.Row {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), v.during+time.Minute)
	defer cancel()
	times := struct{ report, withdraw, trends *hdrhistogram.Histogram }{histogram(), histogram(), histogram()}
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		rate  = v.most * float64(share) / 100
		start = time.Now().Add(100 * time.Millisecond)
		end   = start.Add(v.during)
		own   = cpuOf(v.hub.Pid())
		enter = func(h *hdrhistogram.Histogram, since time.Time) {
			mu.Lock()
			defer mu.Unlock()
			_ = h.RecordValue(time.Since(since).Microseconds())
		}
	)
	every(&all, start, end, rate/ofLoad, func(n int, _ time.Time) {
		if err := v.send(ctx, n); err != nil {
			b.Error(err)
		}
	})
	every(&all, start, end, float64(v.watched), func(n int, due time.Time) {
		e := someReport(indicator.Phone, "telecommunication")
		if err := v.watch(ctx, e, fraud.Suspected); err != nil {
			b.Error(err)
			return
		}
		enter(times.report, due)
		e.ID, e.Kind, e.IssuedAt = uuid.Must(uuid.NewV7()), fraud.Withdraw, time.Now().UTC()
		e = fraud.Event{ID: e.ID, Kind: e.Kind, IssuedAt: e.IssuedAt, Indicator: e.Indicator}
		since := time.Now()
		if err := v.watch(ctx, e, fraud.NotListed); err != nil {
			b.Error(err)
			return
		}
		enter(times.withdraw, since)
	})
	counted := newCounted(v.hub.Client(b, "analyst"))
	all.Go(func() { counted.follow(ctx, end.Add(30*time.Second)) })
	var watchers sync.WaitGroup
	for _, category := range trendCategories {
		watchers.Go(func() {
			time.Sleep(time.Until(start.Add(rand.N(time.Second))))
			for time.Now().Before(end) {
				seen, since := counted.of(category), time.Now()
				if err := v.pubs[0].Publish(ctx, []fraud.Event{someReport(indicator.CryptoAddress, category)}); err != nil {
					b.Error(err)
					return
				}
				if !counted.beyond(ctx, category, seen) {
					b.Error("the trends never count a report")
					return
				}
				enter(times.trends, since)
			}
		})
	}
	watchers.Wait()
	counted.stop()
	all.Wait()
	used := cpuOf(v.hub.Pid()) - own
	b.Logf("at %d %% (%.0f events/s, daemon's CPU %.2f): report %s; withdrawal %s; trends %s", share, rate,
		used.Seconds()/time.Since(start).Seconds(), quantiles(times.report), quantiles(times.withdraw),
		quantiles(times.trends))
	row := func(what string, h *hdrhistogram.Histogram, goal report.Goal, means string) report.Row {
		median := float64(h.ValueAtQuantile(50)) / 1000
		r := report.Row{
			Row:     fmt.Sprintf("%s, p99 at %d %% load%s", what, share, onBroker()),
			Subject: "the hub", Unit: report.Milliseconds, Goal: goal, Means: means,
			Note: fmt.Sprintf("p50 %.3g ms, longest %.4g ms, of %d; %.0f events/s, of the %.0f that it takes in beside the "+
				"generator", median, float64(h.Max())/1000, h.TotalCount(), rate, v.most)}
		r.See([]float64{float64(h.ValueAtQuantile(99)) / 1000})
		if r.Holds == "no" {
			r.Why = fmt.Sprintf("p50 is %.3g ms: what is above it waits for a CPU; hub, broker, ClickHouse and generator "+
				"have %d of them, which others use too", median, runtime.NumCPU())
		}
		return r
	}
	goal := report.AtMost(50)
	return []report.Row{
		row("a report in look-ups", times.report, goal, "how long a fraudster has left after the report"),
		row("a withdrawal in look-ups", times.withdraw, goal, "how long a wrongly listed person waits"),
		row("a report in trends", times.trends, report.Goal{},
			"how old an analyst's numbers are: blocks go into ClickHouse each second"),
	}
}

var visibleFamily = report.Family{Name: "visible", Title: "From publishing to an answer",
	About: "Open loop, over Kafka, from when it was due to be sent until the HTTP API says so, asked every 2 ms (look-ups) or " +
		"250 ms (trends). The load is bundles of 100 events, at shares of the rate at which hub, broker, ClickHouse and " +
		"generator together no longer keep up. One round, so least and most are the median."}

// every calls do at its times, each in a goroutine of its own.
func every(all *sync.WaitGroup, start, end time.Time, perSecond float64, do func(n int, due time.Time)) {
	all.Go(func() {
		for n := 0; ; n++ {
			due := start.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))
			if !due.Before(end) {
				return
			}
			time.Sleep(time.Until(due))
			all.Go(func() { do(n, due) })
		}
	})
}

// watch publishes an event and asks about its indicator until the verdict is as wanted.
func (v *visible) watch(ctx context.Context, e fraud.Event, want fraud.Status) error {
	if err := v.pubs[0].Publish(ctx, []fraud.Event{e}); err != nil {
		return err
	}
	for {
		result, err := v.asker.LookupOne(ctx, client.Item{Type: e.Indicator.Type, Ref: e.Indicator})
		if err == nil && result.Verdict == want {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("never %s: %w", want, ctx.Err())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// someReport is about an indicator that nobody knows.
func someReport(kind indicator.Type, category string) fraud.Event {
	return fraud.Event{
		ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: time.Now().UTC(), Category: category, Confidence: 80,
		Evidence: fraud.BankSuspected, TLP: fraud.TLPGreen,
		Indicator: fraud.Ref{Type: kind, Epoch: 1, Digest: someDigests(1)[0]},
	}
}

// trendCategories are looked at one by one, so that each can have one report on its way.
var trendCategories = []string{"telecommunication", "e_commerce", "investment", "loan", "love_parcel"}

// counted follows how many reports of crypto addresses the trends count, by category.
type counted struct {
	asker *client.Client
	mu    sync.Mutex
	now   map[string]float64
	grown chan struct{}
	ended chan struct{}
	once  sync.Once
}

func newCounted(asker *client.Client) *counted {
	return &counted{asker: asker, now: map[string]float64{}, grown: make(chan struct{}), ended: make(chan struct{})}
}

func (c *counted) stop() { c.once.Do(func() { close(c.ended) }) }

// askTrends is how often the trends are asked: a question costs ClickHouse some 40 ms of CPU, and with one each 40 ms they
// were the most that it did at a tenth of the load.
const askTrends = 250 * time.Millisecond

// follow asks until it is stopped.
func (c *counted) follow(ctx context.Context, until time.Time) {
	defer c.stop()
	for ctx.Err() == nil && time.Now().Before(until) {
		set, err := c.asker.Series(ctx, client.SeriesQuery{
			By: "category", Bucket: "hour", Only: map[string][]string{"type": {"crypto_address"}},
			From: time.Now().Add(-3 * time.Hour), To: time.Now().Add(time.Hour),
		})
		if err == nil {
			now := map[string]float64{}
			for _, s := range set.Series {
				for _, p := range s.Points {
					now[s.Key] += float64(p.Value)
				}
			}
			c.mu.Lock()
			c.now = now
			close(c.grown)
			c.grown = make(chan struct{})
			c.mu.Unlock()
		}
		select {
		case <-c.ended:
			return
		case <-time.After(askTrends):
		}
	}
}

func (c *counted) of(category string) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now[category]
}

// beyond waits until a category has more than it had; false when that is given up.
func (c *counted) beyond(ctx context.Context, category string, seen float64) bool {
	for {
		c.mu.Lock()
		now, grown := c.now[category], c.grown
		c.mu.Unlock()
		if now > seen {
			return true
		}
		select {
		case <-grown:
		case <-c.ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func histogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 120_000_000, 3) }

func quantiles(h *hdrhistogram.Histogram) string {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, longest %.1f ms of %d", ms(50), ms(99), ms(100), h.TotalCount())
}

// onBroker names the broker where it is not the usual one.
func onBroker() string {
	if os.Getenv("WASPADA_TEST_KAFKA") == "apache" {
		return ", Apache Kafka"
	}
	return ""
}
