package benchmarks

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sys/unix"

	results "github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/api"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// BenchmarkMiddleware asks one look-up of the whole API, in process, of which the index costs nothing, and of a Gin route
// with the same path that answers with the same body, in turns. What the API takes more is its middleware: who asks, may
// he, quotas, the gate, counters, reading the digest, writing the verdict.
func BenchmarkMiddleware(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gin.SetMode(gin.ReleaseMode)
	bare := gin.New()
	body := []byte(strings.Repeat(" ", 384)) // as long as a verdict
	bare.GET("/v1/lookup/:type/:digest", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", body) })
	ours, key := listening(b, clean{})
	digest := someDigests(1)[0].String()
	const rounds, requests = 9, 100_000
	run := func(h http.Handler) float64 {
		r := httptest.NewRequest("GET", "/v1/lookup/phone/"+digest+"?epoch=1", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := &nowhere{header: http.Header{}}
		began := threadCPU()
		for range requests {
			clear(w.header)
			if h.ServeHTTP(w, r); w.status != http.StatusOK {
				b.Fatal(w.status)
			}
		}
		return float64((threadCPU() - began).Nanoseconds()) / requests
	}
	var with, without, more []float64
	for round := range rounds + 1 {
		x, y := run(ours), run(bare)
		if round > 0 {
			with, without, more = append(with, x), append(without, y), append(more, (x-y)/1e3)
		}
	}
	row := results.Row{Row: "middleware", Subject: "GET /v1/lookup/{type}/{digest}, in process", Unit: results.Microseconds,
		Baseline: "a Gin route with the same body", Goal: results.AtMost(3),
		Means:      "what knowing who asks, and how much, adds to a request; the figure is the difference",
		SubjectCPU: results.Median(with), BaselineCPU: results.Median(without)}
	row.See(more)
	b.Logf("%.2f µs (%.2f to %.2f): %.0f and %.0f ns", row.Median, row.Min, row.Max, row.SubjectCPU, row.BaselineCPU)
	if err := results.Put(results.Dir(), results.Family{Name: "middleware", Title: "The middleware"}, row); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(row.Median*1e3, "ns/op")
}

// listening is the API with a registry of one partner, whose key it returns, and quotas that stop nobody.
func listening(b *testing.B, x api.Lookuper) (handler http.Handler, key string) {
	b.Helper()
	key, hash := partners.NewAPIKey("asker")
	path := filepath.Join(b.TempDir(), "partners.yaml")
	entry := "partners:\n- {id: asker, number: 1, name: Asker, kind: bank, api_keys: [{id: asker, sha256: " + hash +
		", scopes: [lookup]}],\n   quotas: {requests: 100000000, indicators: 100000000, distinct: 1000000000}}\n"
	if err := os.WriteFile(path, []byte(entry), 0o600); err != nil {
		b.Fatal(err)
	}
	registry, err := partners.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	return handlerFor(b, registry, x), key
}

// threadCPU is what this thread has used.
func threadCPU() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// clean knows nothing, at once.
type clean struct{}

func (clean) Lookup(*fraud.Partner, []fraud.Probe) fraud.Verdict {
	return fraud.Verdict{Status: fraud.NotListed, AnsweredBy: fraud.ByFilter, AsOf: time.Unix(1_795_000_000, 0)}
}

func (c clean) Lookups(asker *fraud.Partner) func([]fraud.Probe) fraud.Verdict {
	return func(probes []fraud.Probe) fraud.Verdict { return c.Lookup(asker, probes) }
}

func (c clean) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	return c.Lookup(asker, probes), c.Lookup(asker, probes)
}

func (clean) LookupBatch(_ *fraud.Partner, _ []indicator.Digest, out []fraud.Status,
	_ func(int, fraud.Verdict)) time.Time {
	for i := range out {
		out[i] = fraud.NotListed
	}
	return time.Unix(1_795_000_000, 0)
}
