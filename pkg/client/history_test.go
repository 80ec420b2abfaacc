package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The hub finds what was said at an epoch and since: only the digests of the first find all.
func TestAHistoryIsAskedForAtTheFirstEpoch(t *testing.T) {
	ring := testRing(t)
	if ring.Epoch() < 2 {
		t.Fatal("this ring has no earlier epoch")
	}
	first := func(canonical string) indicator.Digest {
		return ring.FormsOf(indicator.Expression{Type: indicator.BankAccount, Canonical: canonical})[0]
	}
	account := client.Item{Type: indicator.BankAccount, Value: "maybank:1234 5678 9012"}
	exact, weak := first("MY/MBBEMYKL/123456789012"), first("MY/*/123456789012")
	for _, c := range []struct {
		situation string
		options   []client.Option
		query     client.HistoryQuery
		sent      string
	}{
		{"with a key ring", []client.Option{client.WithKeyRing(ring)},
			client.HistoryQuery{Item: account, At: time.Date(2026, 11, 20, 10, 0, 0, 0, time.FixedZone("", 8*3600)), Limit: 7},
			`{"indicator":{"type":"bank_account","epoch":1,"digest":"` + exact.String() + `","also":[{"grade":"weak","digest":"` +
				weak.String() + `"}]},"at":"2026-11-20T02:00:00.000Z","limit":7}`},
		{"without one", nil, client.HistoryQuery{Item: account, Cursor: "c"},
			`{"indicator":{"type":"bank_account","value":"maybank:1234 5678 9012"},"cursor":"c"}`},
		{"by a digest of its own", []client.Option{client.WithKeyRing(ring)},
			client.HistoryQuery{Item: client.Item{Ref: fraud.Ref{Type: indicator.BankAccount, Epoch: 2, Digest: weak}}},
			`{"indicator":{"type":"bank_account","epoch":2,"digest":"` + weak.String() + `"}}`},
	} {
		t.Run(c.situation, func(t *testing.T) {
			h := &hub{script: []reply{{status: 200, body: `{"type":"bank_account","epoch":2,"verdict":{"verdict":"not_listed"},` +
				`"events":[{"kind":"report","grade":"exact"}]}`}}}
			page, err := h.client(t, c.options...).History(t.Context(), c.query)
			if err != nil || len(page.Events) != 1 || page.Events[0].Kind != "report" {
				t.Fatalf("got %+v, %v", page, err)
			}
			if s := h.sent[0]; s.method != "POST" || s.target != "/v1/indicators" {
				t.Errorf("asked by %s %s", s.method, s.target)
			}
			if diff := cmp.Diff(c.sent, h.sent[0].body); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAHistoryIsAskedForWithAsManyExpressionsAsTheHubTakes(t *testing.T) {
	h := &hub{script: []reply{{status: 200, body: `{"verdict":{"verdict":"not_listed"},"events":[]}`}}}
	deep := client.Item{Type: indicator.URL, Value: "https://a.b.c.d.e.example.my/one/two/three/four?x=1"}
	if _, err := h.client(t, client.WithKeyRing(testRing(t))).History(t.Context(), client.HistoryQuery{Item: deep}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(h.sent[0].body, `"grade"`); n != 8 {
		t.Errorf("%d further expressions are asked about, want 8: %s", n, h.sent[0].body)
	}
}
