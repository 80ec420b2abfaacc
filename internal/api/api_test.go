package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// example is a good request for each route.
func example(rt route) ask {
	a := ask{method: rt.method, path: rt.path}
	digest := strings.Repeat("ab", 32)
	if strings.HasPrefix(rt.path, "/v1/admin") {
		return adminExample(rt)
	}
	switch rt.path {
	case "/v1/lookup":
		a.body = `{"indicators":[{"type":"phone","epoch":2,"digest":"` + digest + `"}]}`
	case "/v1/lookup/batch":
		a = batch(2, indicator.Digest{1})
		a.key = ""
	case "/v1/lookup/:type/:digest":
		a.path = "/v1/lookup/phone/" + digest + "?epoch=2"
	case "/v1/disputes":
		if rt.method == "POST" {
			a.body = `{"indicator":{"type":"phone","epoch":2,"digest":"` + digest + `"}}`
		}
	case "/v1/disputes/:id", "/v1/disputes/:id/review", "/v1/disputes/:id/decision":
		a.path = strings.Replace(rt.path, ":id", someID, 1)
		switch {
		case strings.HasSuffix(rt.path, "review"):
			a.body = `{}`
		case strings.HasSuffix(rt.path, "decision"):
			a.body = `{"outcome":"cleared","reason":"mistaken_identity"}`
		}
	case "/v1/campaigns/:id":
		a.path = "/v1/campaigns/0123456789abcdef"
	case "/v1/events":
		if rt.method == "GET" {
			a.path += "?mine=true"
			break
		}
		a.body = goodEvent
	case "/v1/indicators/:type/:digest":
		a.path = "/v1/indicators/phone/" + digest + "?epoch=2"
	case "/v1/indicators":
		a.body = `{"indicator":{"type":"phone","epoch":2,"digest":"` + digest + `"}}`
	case "/v1/reports/evidence":
		a.path += "?month=2026-10"
	case "/v1/events/:id":
		a.path = "/v1/events/" + someID
	case "/docs/:file":
		a.path = "/docs/start.js"
	case "/console/:file":
		a.path = "/console/app.js"
	}
	return a
}

func TestNobodyIsAskedForABodyBeforeTheyAreKnown(t *testing.T) {
	h := newHub(t)
	a := ask{method: "POST", path: "/v1/lookup", body: strings.Repeat("x", 1<<20), raw: true}
	if got := h.do(t, a); got.Status != 401 || got.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d %v", got.Status, got.Header)
	}
}

func TestBodyRules(t *testing.T) {
	h := newHub(t)
	pad := func(body string, size int) string { return body + strings.Repeat(" ", size-len(body)) }
	one := `{"indicators":[{"type":"phone","value":"0123456780"}]}`
	for _, c := range []struct {
		situation string
		ask       ask
		status    int
		code      string
	}{
		{"a lookup of 256 KiB", lookup(pad(one, 256<<10)), 200, ""},
		{"a lookup of a byte more", lookup(pad(one, 256<<10+1)), 413, "too_large"},
		{"events of 1 MiB", events(pad(goodEvent, 1<<20)), 202, ""},
		{"events of a byte more", events(pad(goodEvent, 1<<20+1)), 413, "too_large"},
		{"another media type", ask{method: "POST", path: "/v1/lookup", key: "lookup", body: one, raw: true,
			header: map[string]string{"Content-Type": "text/plain"}}, 415, "unsupported_media_type"},
		{"no media type", ask{method: "POST", path: "/v1/lookup", key: "lookup", body: one, raw: true,
			header: map[string]string{"Content-Type": ""}}, 415, "unsupported_media_type"},
		{"UTF-16", ask{method: "POST", path: "/v1/lookup", key: "lookup", body: one, raw: true,
			header: map[string]string{"Content-Type": "application/json; charset=utf-16"}}, 415,
			"unsupported_media_type"},
		{"UTF-8, said", ask{method: "POST", path: "/v1/lookup", key: "lookup", body: one, raw: true,
			header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}}, 200, ""},
		{"gzip", ask{method: "POST", path: "/v1/lookup", key: "lookup", body: one, raw: true,
			header: map[string]string{"Content-Encoding": "gzip"}}, 415, "unsupported_encoding"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			got := h.do(t, c.ask)
			if got.Status != c.status || !strings.Contains(got.Body, c.code) {
				t.Errorf("%d %.200s, want %d %s", got.Status, got.Body, c.status, c.code)
			}
		})
	}
}

// A body without a length is cut off where the limit is.
func TestABodyWithoutALengthIsLimitedToo(t *testing.T) {
	_, addr := listening(t)
	request, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/v1/lookup",
		io.LimitReader(endless{}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer lookup")
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 413 {
		t.Errorf("%d", answer.StatusCode)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

var requestID = regexp.MustCompile(`"request_id":"[0-9a-f]{16}"`)

// golden compares with a file of testdata, or rewrites it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Every problem that the contract names, as a caller sees it.
func TestProblems(t *testing.T) {
	h := newHub(t)
	h.do(t, withKey(events(goodEvent), "used"))
	down := newHub(t)
	down.publish = func(context.Context) error { return fmt.Errorf("%w: %w", errSecret, fraud.ErrUnavailable) }
	slow := newHub(t)
	slow.publish = func(context.Context) error { return context.DeadlineExceeded }
	broken := newHub(t)
	broken.publish = func(context.Context) error { return errSecret }
	strict := newHub(t, func(c *Config, _ *Deps) { c.RefuseValues = true })
	answers := []answer{
		h.do(t, ask{method: "POST", path: "/v1/lookup", key: "lookup", body: "{", raw: true}),
		h.do(t, ask{method: "POST", path: "/v1/lookup", key: "lookup",
			body: `{"indicators":[{"type":"car","value":"1"}]}`, raw: true}),
		h.do(t, ask{method: "GET", path: "/v1/lookup/phone/" + strings.Repeat("ab", 32), key: "lookup", raw: true}),
		h.do(t, ask{method: "POST", path: "/v1/lookup/batch?epoch=1", key: "lookup", body: "x", raw: true,
			header: map[string]string{"Content-Type": "application/octet-stream"}}),
		strict.do(t, lookup(`{"indicators":[{"type":"phone","value":"1"}]}`)),
		h.do(t, ask{method: "GET", path: "/v1/lookup/phone/" + strings.Repeat("ab", 32) + "?epoch=9", key: "lookup"}),
		h.do(t, ask{method: "GET", path: "/v1/me"}),
		h.do(t, ask{method: "GET", path: "/v1/me", key: "nobody"}),
		h.do(t, ask{method: "GET", path: "/v1/me", key: "suspended"}),
		h.do(t, ask{method: "GET", path: "/v1/trends/series", key: "report"}),
		h.do(t, ask{method: "GET", path: "/v2/lookup", key: "lookup"}),
		h.do(t, ask{method: "GET", path: "/v1/events/" + someID, key: "report"}),
		h.do(t, ask{method: "DELETE", path: "/v1/lookup", key: "lookup"}),
		h.do(t, ask{method: "POST", path: "/v1/lookup", key: "lookup", body: strings.Repeat(" ", 1<<20), raw: true}),
		h.do(t, ask{method: "POST", path: "/v1/lookup", key: "lookup", body: "x", raw: true,
			header: map[string]string{"Content-Type": "text/plain"}}),
		h.do(t, ask{method: "POST", path: "/v1/lookup", key: "lookup", body: "x", raw: true,
			header: map[string]string{"Content-Encoding": "br"}}),
		h.do(t, events(`{"events":[{"event_id":"`+someID+`","kind":"report","indicator":{"type":"phone","value":"0123456780"}}]}`)),
		h.do(t, withKey(events(strings.Replace(goodEvent, "80", "81", 1)), "used")),
		broken.do(t, events(goodEvent)),
		down.do(t, events(goodEvent)),
		slow.do(t, events(goodEvent)),
	}
	var all strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&all, "%d %s\n", a.Status, a.Header.Get("Content-Type"))
		for _, name := range []string{"Retry-After", "WWW-Authenticate", "Allow"} {
			if v := a.Header.Get(name); v != "" {
				fmt.Fprintf(&all, "%s: %s\n", name, v)
			}
		}
		fmt.Fprintf(&all, "%s\n\n", requestID.ReplaceAllString(a.Body, `"request_id":"…"`))
		if strings.Contains(a.Body, "hunter2") || strings.Contains(a.Body, "10.0.0.7") {
			t.Errorf("an answer tells of our inside: %s", a.Body)
		}
	}
	golden(t, "problems.txt", all.String())
	if !strings.Contains(broken.logged(), "hunter2") {
		t.Error("the cause of a 500 is not in the log")
	}
}

func TestAPanicIsOurFaultAndTellsNothing(t *testing.T) {
	h := newHub(t)
	h.panics = fmt.Sprintf("cannot handle %s", planted)
	got := h.do(t, lookup(`{"indicators":[{"type":"phone","value":"`+planted+`"}]}`))
	if got.Status != 500 || !strings.Contains(got.Body, `"code":"internal"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if strings.Contains(got.Body+h.logged(), planted) {
		t.Errorf("the value turned up:\n%s\n%s", got.Body, h.logged())
	}
	if id := got.Header.Get("X-Request-Id"); !strings.Contains(h.logged(), id) {
		t.Errorf("request %s is not in the log:\n%s", id, h.logged())
	}
	h.panics = nil
	if got := h.do(t, lookup(`{"indicators":[{"type":"phone","value":"0123456780"}]}`)); got.Status != 200 {
		t.Errorf("after a panic: %d", got.Status)
	}
}

// A value that is asked about, reported, mistyped into every place, turns up in no answer, log or metric.
func TestNoValueTurnsUpAnywhere(t *testing.T) {
	h := newHub(t)
	asks := []ask{
		lookup(`{"indicators":[{"type":"phone","value":"` + planted + `"},{"type":"email","value":"` + planted +
			`"}]}`),
		events(`{"events":[{"kind":"report","category":"telecommunication","indicator":{"type":"phone","value":"` +
			planted + `"}}]}`),
		events(`{"events":[{"kind":"report","category":"telecommunication","indicator":{"type":"email","value":"` +
			planted + `"}}]}`),
		historyOf(`{"indicator":{"type":"email","value":"` + planted + `"}}`),
		historyOf(`{"indicator":{"type":"phone","value":"` + planted + `"},"cursor":"` + planted + `"}`),
		{method: "GET", path: "/v1/lookup/phone/" + planted + "?epoch=1", key: "lookup"},
		{method: "GET", path: "/v1/lookup/" + planted + "/" + planted + "?epoch=1", key: "lookup"},
		{method: "GET", path: "/v1/events/" + planted, key: "report"},
		{method: "GET", path: "/v1/trends/series?by=" + planted, key: "analyse"},
		{method: "GET", path: "/v1/trends/series?from=" + planted, key: "analyse"},
		{method: "GET", path: "/v1/me?phone=" + planted, key: "lookup"},
		{method: "GET", path: "/" + planted, key: "lookup"},
		{method: planted, path: "/v1/me", key: "lookup"},
		{method: "GET", path: "/v1/me", key: planted},
		{method: "GET", path: "/v1/me", key: "lookup", header: map[string]string{"X-Request-Id": planted,
			"User-Agent": planted}},
		{method: "POST", path: "/v1/events", key: "report", body: goodEvent,
			header: map[string]string{"Idempotency-Key": planted}},
		{method: "POST", path: "/v1/events", key: "report", body: goodEvent,
			header: map[string]string{"Idempotency-Key": planted + " "}},
		{method: "POST", path: "/v1/lookup", key: "lookup", body: goodEvent,
			header: map[string]string{"Content-Type": planted}},
	}
	digest := digestOf(ring, indicator.Phone, planted)
	for _, a := range asks {
		a.raw = true
		got := h.do(t, a)
		for _, secret := range []string{planted, planted[1:], hex.EncodeToString(digest[:])} {
			if strings.Contains(got.Body+fmt.Sprint(got.Header), secret) {
				t.Errorf("%s %s: the answer has it: %s %v", a.method, a.path, got.Body, got.Header)
			}
		}
	}
	metrics, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if text := h.logged() + fmt.Sprint(metrics); strings.Contains(text, planted) || strings.Contains(text,
		planted[1:]) {
		t.Errorf("the value turned up:\n%s", text)
	}
	if n := strings.Count(h.logged(), "msg=request"); n != len(asks) {
		t.Errorf("%d requests are logged, want %d:\n%s", n, len(asks), h.logged())
	}
}

func TestSeriesPassesTheQuestionOn(t *testing.T) {
	h := newHub(t)
	var asked fraud.SeriesQuestion
	kl := time.FixedZone("", 8*3600)
	h.series = func(q fraud.SeriesQuestion) ([]fraud.Series, error) {
		asked = q
		return []fraud.Series{{Key: "phone", Points: []fraud.Point{{At: time.Date(2026, 11, 1, 0, 0, 0, 0, kl),
			Value: 3}}}}, nil
	}
	path := "/v1/trends/series?metric=events&by=category&bucket=hour&from=2026-11-01T00:00:00%2B08:00&to=2026-11-02T00:00:00Z"
	got := h.do(t, ask{method: "GET", path: path, key: "analyse"})
	want := `{"metric":"events","by":"category","bucket":"hour","from":"2026-11-01T00:00:00+08:00","to":"2026-11-02T00:00:00Z",` +
		`"series":[{"key":"phone","points":[{"at":"2026-11-01T00:00:00+08:00","value":3}]}]}`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if asked.By != fraud.ByCategory || asked.Bucket != fraud.Hourly || !asked.To.Equal(time.Date(2026, 11, 2, 0, 0, 0,
		0, time.UTC)) {
		t.Errorf("asked %+v", asked)
	}
	h.series = func(fraud.SeriesQuestion) ([]fraud.Series, error) {
		return nil, fmt.Errorf("trends: %w", fraud.Refuse(fraud.ReasonSchema, "/from", "must be before to"))
	}
	got = h.do(t, ask{method: "GET", path: path, key: "analyse"})
	if got.Status != 400 || !strings.Contains(got.Body,
		`"detail":"must be before to","code":"bad_parameter","parameter":"from"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestMetricsCountByRouteVerdictAndStage(t *testing.T) {
	h := newHub(t)
	h.listed[indicator.Digest{7}] = confirmed()
	h.do(t, batch(2, indicator.Digest{1}, indicator.Digest{7}, indicator.Digest{2}))
	h.do(t, lookup(`{"indicators":[{"type":"phone","value":"0123456780"}]}`))
	h.do(t, ask{method: "GET", path: "/v1/nothing/" + planted})
	h.do(t, events(`{"events":[{"kind":"report","indicator":{"type":"phone","value":"0123456780"}}]}`))
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "waspada_api_")
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			switch {
			case m.Histogram != nil:
				got[name] = float64(m.Histogram.GetSampleCount())
			case m.Gauge != nil:
				got[name] = m.Gauge.GetValue()
			default:
				got[name] = m.Counter.GetValue()
			}
		}
	}
	maps.DeleteFunc(got, func(name string, v float64) bool { return v == 0 && name != "in_flight_requests" })
	want := map[string]float64{
		"in_flight_requests":                             0,
		"lookups_total batch not_listed":                 2,
		"lookups_total filter not_listed":                1,
		"lookups_total index confirmed":                  1,
		"refused_events_total schema":                    1,
		"request_duration_seconds * (no route)":          1,
		"request_duration_seconds POST /v1/events":       1,
		"request_duration_seconds POST /v1/lookup":       1,
		"request_duration_seconds POST /v1/lookup/batch": 1,
		"requests_total * (no route) 404":                1,
		"requests_total POST /v1/events 422":             1,
		"requests_total POST /v1/lookup 200":             1,
		"requests_total POST /v1/lookup/batch 200":       1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestMe(t *testing.T) {
	got := newHub(t).do(t, ask{method: "GET", path: "/v1/me", key: "report"})
	want := `{"partner":"bank-b","kind":"bank","scopes":["report"],"epoch":2,"node":"node-1"}`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestReadinessNamesEachCheck(t *testing.T) {
	fail := func(context.Context) error { return errSecret }
	fine := func(context.Context) error { return nil }
	for _, c := range []struct {
		situation string
		checks    []Check
		status    int
		body      string
	}{
		{"all well", []Check{{Name: "index", Run: fine}, {Name: "clickhouse", Degrades: true, Run: fine}}, 200,
			`{"status":"ready","checks":[{"name":"index","status":"ok"},{"name":"clickhouse","status":"ok"}]}`},
		{"without ClickHouse", []Check{{Name: "index", Run: fine}, {Name: "clickhouse", Degrades: true, Run: fail}},
			200,
			`{"status":"degraded","checks":[{"name":"index","status":"ok"},{"name":"clickhouse","status":"degraded"}]}`},
		{"without the index", []Check{{Name: "index", Run: fail}, {Name: "clickhouse", Degrades: true, Run: fail}},
			503,
			`{"status":"unready","checks":[{"name":"index","status":"failed"},{"name":"clickhouse","status":"degraded"}]}`},
		{"a check that hangs", []Check{{Name: "kafka", Degrades: true,
			Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}, 200,
			`{"status":"degraded","checks":[{"name":"kafka","status":"degraded"}]}`},
	} {
		t.Run(c.situation, func(t *testing.T) {
			h := newHub(t, func(_ *Config, d *Deps) { d.Checks = c.checks })
			got := h.do(t, ask{method: "GET", path: "/readyz"})
			if diff := cmp.Diff([]string{fmt.Sprint(c.status), c.body}, []string{fmt.Sprint(got.Status),
				got.Body}); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			for _, check := range c.checks {
				failing := 0.
				if check.Run(alreadyOver(t)) != nil {
					failing = 1
				}
				if n := counted(t, h, "waspada_api_failing_checks", check.Name); n != failing {
					t.Errorf("the metric of %s is %v", check.Name, n)
				}
			}
		})
	}
}

// alreadyOver is a context that has ended.
func alreadyOver(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// listening is a hub on a port of its own.
func listening(t *testing.T, with ...func(*Config, *Deps)) (h *hub, addr string) {
	t.Helper()
	h = newHub(t, with...)
	return h, h.listen(t)
}

// listen serves on a port of its own until the test ends.
func (h *hub) listen(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop, h.stopped = cancel, make(chan error, 1)
	go func() { h.stopped <- h.server.Serve(ctx, listener) }()
	t.Cleanup(cancel)
	return listener.Addr().String()
}

func TestDrainingTurnsReadinessOffFirstAndEndsWhatIsUnderWay(t *testing.T) {
	reached, release := make(chan bool), make(chan bool)
	h, addr := listening(t, func(c *Config, _ *Deps) { c.DrainDelay, c.DrainLimit = 2*time.Second, 10*time.Second })
	h.mu.Lock() // the server runs
	h.publish = func(context.Context) error { reached <- true; <-release; return nil }
	h.mu.Unlock()
	underWay := make(chan string, 1)
	go func() {
		r, _ := http.NewRequest("POST", "http://"+addr+"/v1/events", strings.NewReader(goodEvent))
		r.Header.Set("Authorization", "Bearer report")
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			underWay <- err.Error()
			return
		}
		answer.Body.Close()
		underWay <- answer.Status
	}()
	<-reached
	h.stop()
	deadline := time.Now().Add(2 * time.Second)
	for !h.server.draining.Load() && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	answer, err := http.Get("http://" + addr + "/readyz")
	if err != nil {
		t.Fatalf("no answer while load balancers still notice: %v", err)
	}
	answer.Body.Close()
	if answer.StatusCode != 503 {
		t.Errorf("readiness while draining: %d", answer.StatusCode)
	}
	close(release)
	if got := <-underWay; got != "202 Accepted" {
		t.Errorf("the request that was under way: %s", got)
	}
	if err := <-h.stopped; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := http.Get("http://" + addr + "/livez"); err == nil {
		t.Error("the port is still open")
	}
}

func TestRunTellsOfAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h := newHub(t, func(c *Config, _ *Deps) { c.Addr = taken.Addr().String() })
	var op *net.OpError
	if err := h.server.Run(t.Context()); !errors.As(err, &op) {
		t.Errorf("Run = %v", err)
	}
}

func TestTheDocsPageLoadsNothingFromElsewhere(t *testing.T) {
	h := newHub(t)
	page := h.do(t, ask{method: "GET", path: "/docs"})
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp,
		"default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.Body, -1)
	if len(links) < 4 {
		t.Errorf("links %v", links)
	}
	for _, link := range links {
		if got := h.do(t, ask{method: "GET", path: link[1]}); got.Status != 200 || len(got.Body) == 0 {
			t.Errorf("%s: %d", link[1], got.Status)
		}
	}
	zipped := h.do(t, ask{method: "GET", path: "/docs/swagger-ui.css",
		header: map[string]string{"Accept-Encoding": "gzip"}})
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Body[:2] != "\x1f\x8b" {
		t.Errorf("compressed: %v", zipped.Header)
	}
	for _, file := range []string{"README.md", "..", "%2e%2e%2fapi.go", "swagger-ui.css.gz"} {
		if got := h.do(t, ask{method: "GET", path: "/docs/" + file}); got.Status != 404 {
			t.Errorf("/docs/%s: %d", file, got.Status)
		}
	}
}

func BenchmarkLookupOne(b *testing.B) {
	h := newHub(b, func(_ *Config, d *Deps) { d.Log = slog.New(slog.DiscardHandler); d.Index = nothing{} })
	r, _ := http.NewRequest("GET", "/v1/lookup/phone/"+strings.Repeat("ab", 32)+"?epoch=2", nil)
	r.Header.Set("Authorization", "Bearer lookup")
	benchmark(b, h, func() *http.Request { return r })
}

func BenchmarkLookupOf1000Digests(b *testing.B) {
	h := newHub(b, func(_ *Config, d *Deps) { d.Log = slog.New(slog.DiscardHandler); d.Index = nothing{} })
	one := `{"type":"phone","epoch":2,"digest":"` + strings.Repeat("ab", 32) + `"},`
	body := `{"indicators":[` + strings.TrimSuffix(strings.Repeat(one, 1000), ",") + `]}`
	benchmark(b, h, func() *http.Request {
		r, _ := http.NewRequest("POST", "/v1/lookup", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer lookup")
		r.Header.Set("Content-Type", "application/json")
		return r
	})
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "indicators/s")
}

func BenchmarkBatchOf10000Digests(b *testing.B) {
	h := newHub(b, func(_ *Config, d *Deps) { d.Log = slog.New(slog.DiscardHandler); d.Index = nothing{} })
	body := strings.Repeat("x", 32*10_000)
	benchmark(b, h, func() *http.Request {
		r, _ := http.NewRequest("POST", "/v1/lookup/batch?epoch=2", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer lookup")
		r.Header.Set("Content-Type", "application/octet-stream")
		return r
	})
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "indicators/s")
}

func benchmark(b *testing.B, h *hub, request func() *http.Request) {
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.server.Handler().ServeHTTP(w, request())
	}
	if w.status != 200 {
		b.Fatal(w.status)
	}
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// nothing is an index that lists nothing, so that a benchmark measures what is around it.
type nothing struct{}

func (nothing) Lookup(*fraud.Partner, []fraud.Probe) fraud.Verdict {
	return fraud.Verdict{Status: fraud.NotListed, AnsweredBy: fraud.ByFilter, AsOf: now}
}

func (n nothing) Lookups(asker *fraud.Partner) func([]fraud.Probe) fraud.Verdict {
	return func(probes []fraud.Probe) fraud.Verdict { return n.Lookup(asker, probes) }
}

func (n nothing) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	return n.Lookup(asker, probes), n.Lookup(asker, probes)
}

func (nothing) LookupBatch(
	_ *fraud.Partner, _ []indicator.Digest, out []fraud.Status, _ func(int, fraud.Verdict),
) time.Time {
	for i := range out {
		out[i] = fraud.NotListed
	}
	return now
}
