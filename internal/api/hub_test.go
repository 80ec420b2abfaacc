package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// now is what the hub's clock shows in every test.
var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// planted is a value that must turn up nowhere: a telephone number in Malaysia.
const planted = "0123456789"

// ring has two epochs, so that digests of the first are lifted.
var ring, oldRing = rings()

func rings() (both, first *indicator.KeyRing) {
	key := func(n byte) []byte { return bytes.Repeat([]byte{n}, indicator.MinKeyLen) }
	both, err := indicator.NewKeyRing(key(1), key(2))
	if err != nil {
		panic(err)
	}
	if first, err = indicator.NewKeyRing(key(1)); err != nil {
		panic(err)
	}
	return both, first
}

func digestOf(r *indicator.KeyRing, t indicator.Type, raw string) indicator.Digest {
	in, err := indicator.Parse(t, indicator.Raw(raw))
	if err != nil {
		panic(err)
	}
	return r.Digest(in.Lookup[0].Type, in.Lookup[0].Canonical)
}

// fakes are the stages behind the API.
type fakes struct {
	mu        sync.Mutex
	listed    map[indicator.Digest]fraud.Verdict
	probes    [][]fraud.Probe
	stale     bool
	published []publication
	publish   func(ctx context.Context) error
	fates     map[uuid.UUID]fraud.Fate
	arrivals  []fraud.Arrival
	historyOf fraud.HistoryQuestion
	feed      []fraud.Opinion
	fed       chan struct{} // closed when the feed has grown
	feedErr   error
	sources   []fraud.Partner
	told      fraud.History
	askedFor  fraud.ArrivalQuestion
	campaigns []fraud.Campaign
	wanted    fraud.CampaignQuestion
	storeErr  error
	series    func(fraud.SeriesQuestion) ([]fraud.Series, error)
	askedTop  fraud.TopQuestion
	movers    []fraud.Mover
	askedRise fraud.EmergingQuestion
	rises     fraud.Emerging
	protected *fraud.Protected
	panics    any
	partner   fraud.PartnerRevision
	acts      []fraud.Act
	recorded  []fraud.Act
	trail     []fraud.AuditRecord
	asked     fraud.AuditQuery
	changeErr error
	disputes  []fraud.DisputeCase
	decisions []fraud.DisputeDecision
	boards    fakeBoards
	takeErr   error
}

type publication struct {
	Partner string
	Bundle  uuid.UUID
	Events  []fraud.Event
}

func (f *fakes) Lookup(_ *fraud.Partner, probes []fraud.Probe) fraud.Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics != nil {
		panic(f.panics)
	}
	f.probes = append(f.probes, append([]fraud.Probe(nil), probes...))
	for _, p := range probes {
		if v, ok := f.listed[p.Digest]; ok {
			v.Matched = p.Grade
			return v
		}
	}
	if f.stale {
		return fraud.Verdict{Status: fraud.Unsure, AnsweredBy: fraud.ByFilter}
	}
	return fraud.Verdict{Status: fraud.NotListed, AnsweredBy: fraud.ByFilter, AsOf: now}
}

func (f *fakes) Lookups(asker *fraud.Partner) func([]fraud.Probe) fraud.Verdict {
	return func(probes []fraud.Probe) fraud.Verdict { return f.Lookup(asker, probes) }
}

func (f *fakes) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	return f.Lookup(asker, probes), confirmed()
}

func (f *fakes) LookupBatch(
	asker *fraud.Partner, digests []indicator.Digest, out []fraud.Status, hit func(int, fraud.Verdict),
) time.Time {
	for i, d := range digests {
		v := f.Lookup(asker, []fraud.Probe{{Digest: d, Grade: indicator.Exact}})
		if out[i] = v.Status; v.Status != fraud.NotListed && v.Status != fraud.Unsure {
			hit(i, v)
		}
	}
	if f.stale {
		return time.Time{}
	}
	return now
}

func (f *fakes) PublishAs(ctx context.Context, partner string, bundle uuid.UUID, events []fraud.Event) error {
	f.mu.Lock()
	publish := f.publish
	f.mu.Unlock()
	if publish != nil {
		if err := publish(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published = append(f.published, publication{partner, bundle, events})
	return nil
}

func (f *fakes) Event(_ context.Context, partner fraud.PartnerNumber, id uuid.UUID) (fraud.Fate, bool, error) {
	fate, ok := f.fates[id]
	return fate, ok && fate.Partner == partner, f.storeErr
}

func (f *fakes) Arrivals(_ context.Context, q fraud.ArrivalQuestion) ([]fraud.Arrival, error) {
	f.askedFor = q
	return f.arrivals[:min(len(f.arrivals), q.Limit)], f.storeErr
}

func (f *fakes) History(_ context.Context, q fraud.HistoryQuestion) (fraud.History, error) {
	f.historyOf = q
	return f.told, f.storeErr
}

// Begin, Read and Wait make a change log of one partition.
func (f *fakes) Begin(_ context.Context, since time.Time) (map[int]int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if since.IsZero() {
		return map[int]int64{0: int64(len(f.feed))}, f.feedErr
	}
	return map[int]int64{0: 0}, f.feedErr
}

func (f *fakes) Read(_ context.Context, places map[int]int64, limit int) ([]fraud.Opinion, bool, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.feed[places[0]:]
	got := rest[:min(limit, len(rest))]
	places[0] += int64(len(got))
	return got, len(got) < len(rest), now, f.feedErr
}

func (f *fakes) Wait(ctx context.Context, places map[int]int64) {
	f.mu.Lock()
	grown := f.fed
	more := places[0] < int64(len(f.feed))
	f.mu.Unlock()
	if more {
		return
	}
	select {
	case <-ctx.Done():
	case <-grown:
	}
}

// say lets the feed grow.
func (f *fakes) say(o ...fraud.Opinion) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feed = append(f.feed, o...)
	if f.fed != nil {
		close(f.fed)
	}
	f.fed = make(chan struct{})
}

func (f *fakes) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	for _, p := range f.Partners() {
		if p.Number == n {
			return &p, true
		}
	}
	return nil, false
}

func (f *fakes) Partners() []fraud.Partner {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fraud.Partner(nil), f.sources...)
}

func (f *fakes) Campaigns(_ context.Context, q fraud.CampaignQuestion) ([]fraud.Campaign, error) {
	f.wanted = q
	return f.campaigns[:min(len(f.campaigns), q.Limit)], f.storeErr
}

func (f *fakes) Campaign(_ context.Context, id fraud.CampaignID) (fraud.Campaign, bool, error) {
	for _, c := range f.campaigns {
		if c.ID == id {
			return c, true, f.storeErr
		}
	}
	return fraud.Campaign{}, false, f.storeErr
}

func (f *fakes) Series(_ context.Context, q fraud.SeriesQuestion) (fraud.SeriesQuestion, []fraud.Series, error) {
	lines, err := f.series(q)
	return q, lines, err
}

func (f *fakes) Top(_ context.Context, q fraud.TopQuestion) (fraud.TopQuestion, []fraud.Mover, error) {
	f.askedTop = q
	return q, f.movers, f.storeErr
}

func (f *fakes) Emerging(_ context.Context, q fraud.EmergingQuestion) (fraud.Emerging, error) {
	f.askedRise = q
	return f.rises, f.storeErr
}

// The callers: a header for each.
var callers = map[string]fraud.Identity{
	"Bearer lookup": {Partner: &fraud.Partner{Number: 1, ID: "platform-a", Kind: fraud.Platform,
		State: fraud.Active}, KeyID: "a.1", Scopes: fraud.MayLookup},
	"Bearer other": {Partner: &fraud.Partner{Number: 7, ID: "platform-e", Kind: fraud.Platform,
		State: fraud.Active}, KeyID: "e.1", Scopes: fraud.MayLookup},
	"Bearer report": {Partner: &fraud.Partner{Number: 2, ID: "bank-b", Kind: fraud.Bank, State: fraud.Active},
		KeyID: "b.1", Scopes: fraud.MayReport},
	"Bearer report2": {Partner: &fraud.Partner{Number: 3, ID: "telco-c", Kind: fraud.Telco, State: fraud.Active},
		KeyID: "c.1", Scopes: fraud.MayReport},
	"Bearer analyse": {Partner: &fraud.Partner{Number: 4, ID: "regulator-d", Kind: fraud.Regulator,
		State: fraud.Active}, KeyID: "d.1", Scopes: fraud.MayAnalyse},
	"Bearer police": {Partner: &fraud.Partner{Number: 5, ID: "police-e", Kind: fraud.Police, State: fraud.Active},
		KeyID: "e.1", Scopes: fraud.MayReport},
	"Bearer admin": {Partner: &fraud.Partner{Number: 4, ID: "regulator-d", Kind: fraud.Regulator,
		State: fraud.Active}, KeyID: "d.2", Scopes: fraud.MayAdmin},
}

// Authenticate takes any certificate without a key for the admin's.
func (*fakes) Authenticate(header string, certificate *fraud.Certificate, _ time.Time) (fraud.Identity, error) {
	if certificate != nil && header == "" {
		who := callers["Bearer admin"]
		who.KeyID = certificate.ID
		return who, nil
	}
	if who, ok := callers[header]; ok {
		return who, nil
	}
	code := map[string]string{"": fraud.DeniedNoKey, "Bearer suspended": fraud.DeniedSuspended}[header]
	if code == "" {
		code = fraud.DeniedUnknown
	}
	return fraud.Identity{}, &fraud.Denial{Code: code, Hint: "the fake registry says so"}
}

// hub is a server with fakes behind it. Each of its requests and answers is held to the contract.
type hub struct {
	server *Server
	*fakes
	contract routers.Router
	registry *prometheus.Registry
	stop     context.CancelFunc
	stopped  chan error

	logMu sync.Mutex
	log   bytes.Buffer
}

func (h *hub) Write(p []byte) (int, error) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.Write(p)
}

func (h *hub) logged() string {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.String()
}

// contract is read once: nothing changes it.
var contract = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(schemas.OpenAPI())
})

var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := contract()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

func loadContract(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func newHub(t testing.TB, with ...func(*Config, *Deps)) *hub {
	t.Helper()
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{registry: prometheus.NewRegistry(), fakes: &fakes{
		listed: map[indicator.Digest]fraud.Verdict{}, fates: map[uuid.UUID]fraud.Fate{},
		series:    func(fraud.SeriesQuestion) ([]fraud.Series, error) { return nil, nil },
		protected: fraud.Protect(),
	}}
	cfg := Config{Node: "node-1", DrainLimit: time.Second}
	deps := Deps{
		Auth: h.fakes, Screen: &fraud.Screen{Keys: ring, Taxonomy: taxonomy, Protected: h.protected}, Index: h.fakes, Publisher: h.fakes, Events: h.fakes,
		Trends: h.fakes, Boards: &h.boards, Registry: h.fakes, Disputes: h.fakes, Acts: h.fakes, Trail: h.fakes, Arrivals: h.fakes, Campaigns: h.fakes,
		Historian: h.fakes, Holds: h.fakes,
		Feed: h.fakes, Sources: h.fakes,
		NewAPIKey: func(id string) (string, string) {
			return "wsp_live_" + id + "_" + plantedSecret, strings.Repeat("ab", 32)
		},
		Checks:  []Check{{Name: "index", Run: func(context.Context) error { return nil }}},
		Log:     slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: h.registry, Now: func() time.Time { return now },
	}
	for _, w := range with {
		w(&cfg, &deps)
	}
	if h.server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	if h.contract, err = contractRouter(); err != nil {
		t.Fatal(err)
	}
	return h
}

// ask is one request of a test.
type ask struct {
	method, path, key, body string
	header                  map[string]string
	shown                   *tls.ConnectionState // with the caller's certificate
	// against says that the request breaks the contract on purpose, and raw that it does so below what the contract's
	// checker sees: a field twice, bytes after the end.
	against, raw bool
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// do sends a request and holds it and its answer to the contract.
func (h *hub) do(t testing.TB, a ask) answer {
	t.Helper()
	make := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), a.method, a.path, strings.NewReader(a.body))
		if a.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if a.key != "" {
			r.Header.Set("Authorization", "Bearer "+a.key)
		}
		for name, value := range a.header {
			r.Header.Set(name, value)
		}
		r.TLS = a.shown
		return r
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, make())
	got := answer{w.Code, w.Header(), w.Body.String()}

	request := make()
	route, parameters, err := h.contract.FindRoute(request)
	if err != nil {
		if got.Status != http.StatusNotFound && got.Status != http.StatusMethodNotAllowed {
			t.Fatalf("%s %s is not in the contract: %v", a.method, a.path, err)
		}
		return got
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		IncludeResponseStatus: true}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route,
		Options: options}
	err = openapi3filter.ValidateRequest(t.Context(), input)
	if !a.raw && a.against == (err == nil) {
		t.Errorf("%s %s: the request breaks the contract: %t, and the contract says: %v", a.method, a.path, a.against,
			err)
	}
	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.Status, Header: got.Header, Options: options,
		Body: io.NopCloser(strings.NewReader(got.Body)),
	}); err != nil {
		t.Errorf("%s %s: the answer %d breaks the contract: %v\n%s", a.method, a.path, got.Status, err, got.Body)
	}
	return got
}

var errSecret = errors.New("dial tcp 10.0.0.7:9092: the password is hunter2")

func init() {
	// A body of bytes is any string.
	openapi3filter.RegisterBodyDecoder("application/octet-stream", openapi3filter.FileBodyDecoder)
	for _, media := range []string{"text/event-stream", "application/yaml", "text/html", "text/javascript", "text/css",
		"application/x-ndjson", "text/csv"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
}
