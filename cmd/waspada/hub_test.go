package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// hub is a hub of one node that remembers reports by digest, or by value where it is sent one. It refuses what has a
// value if it is strict, and the category nonsense.
type hub struct {
	mu     sync.Mutex
	strict bool
	listed map[string]time.Time // by type and digest or value
	events map[uuid.UUID]bool
	// delay is how many look-ups pass before a report shows.
	delay int
	late  map[string]int
	epoch int
	asked map[string]int // how often, by indicator
}

type sentIndicator struct {
	Type   string `json:"type"`
	Value  string `json:"value"`
	Epoch  int    `json:"epoch"`
	Digest string `json:"digest"`
	Also   []struct {
		Grade  string `json:"grade"`
		Digest string `json:"digest"`
	} `json:"also"`
}

func (i *sentIndicator) key() string { return i.Type + " " + i.Value + i.Digest }

func newHub() *hub {
	return &hub{listed: map[string]time.Time{}, events: map[uuid.UUID]bool{}, late: map[string]int{},
		asked: map[string]int{}, epoch: 2}
}

func (h *hub) start() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/lookup", h.lookup)
	mux.HandleFunc("POST /v1/events", h.report)
	mux.HandleFunc("GET /v1/events/{id}", h.event)
	mux.HandleFunc("GET /v1/me", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+testKey {
			refuse(w, 401, "unknown_key", "the API key is not known")
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		answer(w, 200, map[string]any{"partner": "bank-harimau", "kind": "bank", "scopes": []string{"lookup", "report"},
			"epoch": h.epoch, "node": "n1"})
	})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"status": "degraded", "checks": []map[string]string{
			{"name": "index", "status": "ok"}, {"name": "clickhouse", "status": "degraded"}}})
	})
	mux.HandleFunc("GET /v1/trends/series", h.series)
	mux.HandleFunc("GET /v1/trends/top", h.top)
	mux.HandleFunc("GET /v1/trends/emerging", h.emerging)
	mux.HandleFunc("GET /v1/campaigns", campaignList)
	mux.HandleFunc("GET /v1/campaigns/{id}", campaignShown)
	new(registry).handle(mux, h)
	return httptest.NewServer(mux)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body)
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, map[string]any{"code": code, "detail": detail, "request_id": "r1"})
}

// read decodes a body, and refuses it where it holds a value that it must not.
func (h *hub) read(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, into) != nil {
		refuse(w, 400, "malformed", "cannot be read")
		return false
	}
	if h.strict && strings.Contains(string(body), `"value"`) {
		refuse(w, 400, "value_sent", "a value was sent in spite of the key ring")
		return false
	}
	return true
}

func (h *hub) lookup(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body struct {
		Indicators []sentIndicator `json:"indicators"`
	}
	if !h.read(w, r, &body) {
		return
	}
	results := []any{}
	for _, i := range body.Indicators {
		h.asked[i.key()]++
		at, known := h.listed[i.key()]
		if h.late[i.key()] > 0 {
			h.late[i.key()]--
			known = false
		}
		if !known {
			results = append(results, map[string]any{"verdict": "not_listed", "known_fraud": false, "score": 0,
				"categories": []string{}, "reporters": 0, "answered_by": "filter", "as_of": time.Now().UTC()})
			continue
		}
		results = append(results, map[string]any{"verdict": "suspected", "known_fraud": false, "score": 70,
			"categories": []string{"telecommunication"}, "reporters": 1, "first_reported": at, "last_reported": at,
			"advice": "hold", "matched": "exact", "answered_by": "index", "as_of": time.Now().UTC()})
	}
	answer(w, 200, map[string]any{"epoch": h.epoch, "results": results})
}

func (h *hub) report(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body struct {
		Events []struct {
			ID        uuid.UUID     `json:"event_id"`
			Kind      string        `json:"kind"`
			Category  string        `json:"category"`
			IssuedAt  time.Time     `json:"issued_at"`
			Indicator sentIndicator `json:"indicator"`
		} `json:"events"`
	}
	if !h.read(w, r, &body) {
		return
	}
	dryRun := r.URL.Query().Get("dry_run") == "true"
	results := []any{}
	for i, e := range body.Events {
		if e.Category == "nonsense" {
			results = append(results, map[string]any{"event_id": e.ID, "status": "refused", "reason": "unknown_term",
				"pointer": fmt.Sprintf("/events/%d/category", i), "detail": "the category is not in the taxonomy"})
			continue
		}
		results = append(results, map[string]any{"event_id": e.ID, "status": "accepted"})
		if dryRun {
			continue
		}
		h.events[e.ID] = true
		switch e.Kind {
		case "report":
			h.listed[e.Indicator.key()] = e.IssuedAt
			h.late[e.Indicator.key()] = h.delay
		case "withdraw":
			delete(h.listed, e.Indicator.key())
		}
	}
	if dryRun {
		answer(w, 200, map[string]any{"dry_run": true, "results": results})
		return
	}
	answer(w, 202, map[string]any{"bundle_id": uuid.Must(uuid.NewV7()), "results": results})
}

func (h *hub) event(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || !h.events[id] {
		refuse(w, 404, "event_not_found", "no event of yours has this id")
		return
	}
	answer(w, 200, map[string]any{"event_id": id, "status": "stored", "taken_at": time.Now().UTC()})
}

func (h *hub) top(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	movers := []any{map[string]any{"key": "love", "value": 30, "baseline": 10, "expected": 10, "change": 20, "ratio": 3},
		map[string]any{"key": "loan", "value": 5, "baseline": 15, "expected": 15, "change": -10, "ratio": 0.333},
		map[string]any{"key": "", "value": 5, "baseline": 0, "expected": 0, "change": 5},
		map[string]any{"key": q.Get("region"), "suppressed": true}}
	answer(w, 200, map[string]any{"metric": q.Get("metric"), "by": q.Get("by"), "from": "2026-11-08T00:00:00+08:00",
		"to": "2026-11-15T00:00:00+08:00", "baseline_from": "2026-11-01T00:00:00+08:00",
		"baseline_to": "2026-11-08T00:00:00+08:00", "movers": movers})
}

func (h *hub) emerging(w http.ResponseWriter, r *http.Request) {
	by := strings.Split(r.URL.Query().Get("by"), ",")
	answer(w, 200, map[string]any{"by": by, "as_of": "2026-11-08T10:00:00+08:00", "watched": 12, "baseline_days": 28,
		"false_discoveries": 0.0004, "at_least": 12, "least_ratio": 2, "alarms": []any{map[string]any{
			"keys": []string{"love", "johor"}[:len(by)], "window_hours": 6, "observed": 54, "expected": 9, "ratio": 6, "chance": 1e-9,
			"rising_for_hours": 8, "one_reporter": true, "reason": "54 reports of love."}}})
}

func (h *hub) series(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, _ := time.Parse(time.RFC3339, q.Get("from"))
	to, _ := time.Parse(time.RFC3339, q.Get("to"))
	var phones, urls []any
	for at, n := from.In(malaysia), 0; at.Before(to); at, n = at.AddDate(0, 0, 1), n+1 {
		phones = append(phones, map[string]any{"at": at.Format(time.RFC3339), "value": n * 10})
		urls = append(urls, map[string]any{"at": at.Format(time.RFC3339), "value": n})
	}
	answer(w, 200, map[string]any{"metric": "events", "by": q.Get("by"), "bucket": q.Get("bucket"),
		"from": from.In(malaysia).Format(time.RFC3339), "to": to.In(malaysia).Format(time.RFC3339),
		"series": []any{map[string]any{"key": "url", "points": urls}, map[string]any{"key": "phone", "points": phones}}})
}
