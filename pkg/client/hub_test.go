package client_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// sent is one request as the hub received it.
type sent struct {
	at          time.Time
	method      string
	target      string
	auth        string
	idempotency string
	contentType string
	body        string
}

// reply is what the hub answers, or the error of a connection that fails.
type reply struct {
	status int
	header map[string]string
	body   string
	err    error
}

func problem(status int, code string) reply {
	return reply{status: status, header: map[string]string{"Content-Type": "application/problem+json"},
		body: `{"type":"urn:waspada:problem:` + code + `","title":"T","status":` + strconv.Itoa(status) +
			`,"detail":"D","code":"` + code + `","request_id":"r1"}`}
}

// hub answers requests from a script, the last reply again and again, and remembers them.
type hub struct {
	mu     sync.Mutex
	script []reply
	answer func(sent) reply // instead of a script
	sent   []sent
}

// RoundTrip lets the hub stand in for the network, so that time can be that of a synctest bubble.
func (h *hub) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if err := h.serve(rec, r); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	one := sent{time.Now(), r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"),
		r.Header.Get("Content-Type"), string(body)}
	h.sent = append(h.sent, one)
	var next reply
	if h.answer != nil {
		next = h.answer(one)
	} else {
		next = h.script[min(len(h.sent), len(h.script))-1]
	}
	if next.err != nil {
		return next.err
	}
	for name, value := range next.header {
		w.Header().Set(name, value)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(next.status)
	_, err = io.Copy(w, bytes.NewBufferString(next.body))
	return err
}

// client makes a client that speaks to the hub without a network.
func (h *hub) client(t *testing.T, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New("https://hub.example.my", "wsp_live_x_secret_0", append([]client.Option{
		client.WithHTTPClient(&http.Client{Transport: h}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testRing(t testing.TB) *indicator.KeyRing {
	t.Helper()
	ring, err := indicator.LoadKeyRing("../../schemas/vectors/keyring.json")
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// notListed answers a look-up of n indicators.
func notListed(n int) reply {
	one := `{"verdict":"not_listed","known_fraud":false,"score":0,"categories":[],"reporters":0,"answered_by":"filter"}`
	return reply{status: 200, body: `{"epoch":2,"results":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`}
}

// accepted answers a report of n events.
func accepted(n int) reply {
	one := `{"event_id":"01900000-0000-7000-8000-000000000000","status":"accepted"}`
	return reply{status: 202, body: `{"bundle_id":"01900000-0000-7000-8000-00000000000b","results":[` +
		strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`}
}
