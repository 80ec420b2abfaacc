package benchmarks

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/api"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/index"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var toldSamples = flag.Int("told-samples", 100_000, "how many hits, and how many misses, are timed")

// BenchmarkHitToldFromMiss asks about one indicator at a time, listed or not in random order, and holds the times of
// hits against those of misses with Welch's t-test. "one-sided" is the same hub with the part of index.LookupEvenly
// taken out that makes the two alike: it shows that the test would see a difference.
func BenchmarkHitToldFromMiss(b *testing.B) {
	listed, unlisted := someDigests(200_000), someDigests(200_000)
	known := listedIndex(b, listed)
	for _, how := range []struct {
		name  string
		index api.Lookuper
	}{{"in-process", known}, {"in-process-one-sided", oneSided{known}}} {
		handler := handlerOf(b, how.index)
		b.Run(how.name+"/GET", func(b *testing.B) {
			told(b, func(hit bool, r *rand.Rand) time.Duration {
				d := one(listed, unlisted, hit, r)
				return serve(b, handler, "GET", "/v1/lookup/phone/"+d.String()+"?epoch=1", "")
			})
		})
		b.Run(how.name+"/POST", func(b *testing.B) {
			told(b, func(hit bool, r *rand.Rand) time.Duration {
				d := one(listed, unlisted, hit, r)
				return serve(b, handler, "POST", "/v1/lookup", lookupBody(d))
			})
		})
	}
	b.Run("loopback/POST", loopback)
}

// told times hits and misses in random order, and reports t with the slowest tenth left out, and the largest t of all
// crops.
func told(b *testing.B, ask func(hit bool, r *rand.Rand) time.Duration) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for b.Loop() {
		for range *toldSamples / 10 { // caches and pools fill
			ask(r.IntN(2) == 0, r)
		}
		var hits, misses []time.Duration
		for len(hits) < *toldSamples || len(misses) < *toldSamples {
			if hit := r.IntN(2) == 0; hit {
				hits = append(hits, ask(true, r))
			} else {
				misses = append(misses, ask(false, r))
			}
		}
		worst := 0.0
		for _, keep := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 1} {
			if t := welch(hits, misses, keep); math.Abs(t) > math.Abs(worst) {
				worst = t
			}
		}
		limit := time.Duration(math.MaxInt64)
		hit, _, _ := moments(hits, limit)
		miss, _, _ := moments(misses, limit)
		b.ReportMetric(welch(hits, misses, 0.9), "t")
		b.ReportMetric(worst, "t-worst")
		b.ReportMetric(hit, "ns-hit")
		b.ReportMetric(miss, "ns-miss")
	}
	b.ReportMetric(0, "ns/op")
}

func one(listed, unlisted []indicator.Digest, hit bool, r *rand.Rand) indicator.Digest {
	from := unlisted
	if hit {
		from = listed
	}
	return from[r.IntN(len(from))]
}

func someDigests(n int) []indicator.Digest {
	all := make([]indicator.Digest, n)
	for i := range all {
		for w := range 4 {
			binary.BigEndian.PutUint64(all[i][8*w:], rand.Uint64())
		}
	}
	return all
}

func lookupBody(d indicator.Digest) string {
	return `{"indicators":[{"type":"phone","epoch":1,"digest":"` + d.String() + `"}]}`
}

// listedIndex is an index in which each digest is listed by one to three banks.
func listedIndex(b *testing.B, listed []indicator.Digest) *index.Index {
	policy := fraud.DefaultPolicy()
	all := nation.Partners()
	byNumber := map[fraud.PartnerNumber]*fraud.Partner{}
	for i := range all {
		byNumber[all[i].Number] = &all[i]
	}
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) { p, ok := byNumber[n]; return p, ok }
	cfg := index.DefaultConfig()
	cfg.FreshnessLimit = time.Hour
	x := index.New(cfg, &policy, index.Sources{Changes: still{}, Opinions: opinionsOf{listed, all},
		Backlog: func(context.Context) (time.Time, bool, error) { return time.Time{}, false, nil }}, nil,
		slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	b.Cleanup(func() { stop(); <-ended })
	for ready := false; !ready; ready, _ = x.Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	return x
}

// still is a log of changes in which nothing happens.
type still struct{}

func (still) Ends(context.Context) (map[int]int64, error) { return map[int]int64{0: 0}, nil }

func (still) OffsetsAt(context.Context, time.Time) (map[int]int64, error) {
	return map[int]int64{0: 0}, nil
}

func (still) Run(ctx context.Context, _ map[int]int64, apply func(int, int64, []fraud.Opinion, time.Time)) error {
	apply(0, 0, nil, time.Now())
	<-ctx.Done()
	return nil
}

type opinionsOf struct {
	listed   []indicator.Digest
	partners []fraud.Partner
}

func (o opinionsOf) Opinions(_ context.Context, each func([]fraud.Opinion) error) error {
	for i, d := range o.listed {
		var said []fraud.Opinion
		for p := range 1 + i%3 {
			at := time.Now().Add(-time.Duration(1+i%100) * time.Hour)
			said = append(said, fraud.Opinion{
				Digest: d, Type: indicator.Phone, Grade: indicator.Exact,
				Partner: o.partners[p].Number, Stance: fraud.Listed,
				Version:  fraud.MakeVersion(at, fraud.Listed, uuid.UUID(d[:16])),
				Category: fraud.Code(1 + i%5), Evidence: fraud.BankSuspected, Confidence: 80,
				Advice: fraud.Hold, TLP: fraud.TLPAmber,
			})
		}
		if err := each(said); err != nil {
			return err
		}
	}
	return nil
}

// oneSided does for a miss what it takes and no more.
type oneSided struct{ *index.Index }

func (o oneSided) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	return o.Lookup(asker, probes), other
}

// asker lets one partner in that no quota stops.
type asker struct{}

func (asker) Authenticate(string, *fraud.Certificate, time.Time) (fraud.Identity, error) {
	return fraud.Identity{Partner: &fraud.Partner{Number: 1, ID: "asker", Kind: fraud.Bank, State: fraud.Active,
		Quotas: fraud.Quotas{Requests: 1e9, Indicators: 1e9, Distinct: 1e9}}, KeyID: "a", Scopes: fraud.MayLookup}, nil
}

func handlerOf(b *testing.B, known api.Lookuper) http.Handler {
	b.Helper()
	return handlerFor(b, asker{}, known)
}

func handlerFor(b *testing.B, auth api.Authenticator, known api.Lookuper) http.Handler {
	b.Helper()
	ring, err := indicator.NewKeyRing(make([]byte, indicator.MinKeyLen))
	if err != nil {
		b.Fatal(err)
	}
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	server, err := api.New(api.DefaultConfig(), api.Deps{
		Auth: auth, Screen: &fraud.Screen{Keys: ring, Taxonomy: taxonomy}, Index: known,
		Quotas: quota.Open(quota.Config{Now: time.Now}, log), Log: log, Now: time.Now,
		Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return server.Handler()
}

// serve times one request to a handler.
func serve(b *testing.B, handler http.Handler, method, path, body string) time.Duration {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("Content-Type", "application/json")
	w := &nowhere{header: http.Header{}}
	begin := time.Now()
	handler.ServeHTTP(w, r)
	took := time.Since(begin)
	if w.status != http.StatusOK {
		b.Fatal(w.status)
	}
	return took
}

// nowhere takes an answer and keeps its status.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// loopback asks the real daemon over one connection.
func loopback(b *testing.B) {
	unbounded := map[string]any{"quotas.enforce": false}
	hub := hubtest.Start(b, hubtest.Options{NodeOptions: hubtest.NodeOptions{Settings: unbounded}})
	country := nation.New(9, 20_000)
	events := make([]fraud.Event, country.Len())
	listed := make([]indicator.Digest, country.Len())
	for i := range events {
		c := country.Case(i)
		ref, err := c.Ref(hub.Ring)
		if err != nil {
			b.Fatal(err)
		}
		events[i], listed[i] = c.Words[0].Event(ref, time.Now()), ref.Digest
		events[i].IssuedAt = time.Now().UTC()
	}
	hub.Publish(b, "bank-harimau", events...)
	last := events[len(events)-1].Indicator
	for asker := hub.Client(b, "platform"); ; time.Sleep(50 * time.Millisecond) {
		v, err := asker.LookupOne(b.Context(), client.Item{Type: last.Type, Ref: last})
		if err == nil && (v.Verdict == fraud.Suspected || v.Verdict == fraud.Confirmed) {
			break
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(hub.API, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answers, unlisted := bufio.NewReaderSize(conn, 8<<10), someDigests(len(listed))
	told(b, func(hit bool, r *rand.Rand) time.Duration {
		body := lookupBody(one(listed, unlisted, hit, r))
		head := fmt.Sprintf("POST /v1/lookup HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", hub.Keys.API["platform"], len(body))
		request := []byte(head + body)
		begin := time.Now()
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := answers.Peek(1); err != nil {
			b.Fatal(err)
		}
		took := time.Since(begin)
		answer, err := http.ReadResponse(answers, nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			b.Fatal(answer, err)
		}
		text, _ := io.ReadAll(answer.Body)
		if answer.Body.Close(); strings.Contains(string(text), `"not_listed"`) == hit {
			b.Fatalf("a hit is %t, and the answer %s", hit, text)
		}
		return took
	})
}
