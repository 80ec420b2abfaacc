package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// bounded are callers with quotas, by name, on a hub whose clock the test moves.
type bounded struct {
	*hub
	time time.Time
	who  map[string]fraud.Identity
}

func (b *bounded) Authenticate(header string, _ *fraud.Certificate, _ time.Time) (fraud.Identity, error) {
	who, ok := b.who[strings.TrimPrefix(header, "Bearer ")]
	if !ok {
		return who, &fraud.Denial{Code: fraud.DeniedUnknown}
	}
	return who, nil
}

func newBounded(t testing.TB, quotas map[string]fraud.Quotas) *bounded {
	b := &bounded{time: now, who: map[string]fraud.Identity{}}
	for name, q := range quotas {
		n := fraud.PartnerNumber(len(b.who) + 1)
		b.who[name] = fraud.Identity{KeyID: name, Scopes: 15, Partner: &fraud.Partner{Number: n, ID: name, Kind: fraud.Bank,
			State: fraud.Active, Quotas: q}}
	}
	clock := func() time.Time { return b.time }
	b.hub = newHub(t, func(_ *Config, d *Deps) {
		d.Auth, d.Now = b, clock
		d.Quotas = quota.Open(quota.Config{Now: clock}, slog.New(slog.DiscardHandler))
	})
	return b
}

// counted is a counter's value; labels are its values in the order of their names.
func counted(t *testing.T, h *hub, name, labels string) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var values []string
			for _, l := range m.Label {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && strings.Join(values, " ") == labels {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func (b *bounded) pass(d time.Duration) { b.time = b.time.Add(d) }

func TestASweepOfNumbersEndsAtTheDistinctQuota(t *testing.T) {
	const distinct = 500
	random := testkit.Seed(t)
	digest := func() (d indicator.Digest) {
		for i := range d {
			d[i] = byte(random.Uint32())
		}
		return d
	}
	for _, way := range []struct {
		situation string
		numbers   int // in a request
		ask       func() ask
	}{
		{"in batches", 50, func() ask {
			all := make([]indicator.Digest, 50)
			for i := range all {
				all[i] = digest()
			}
			return batch(2, all...)
		}},
		{"by their values", 25, func() ask {
			var body strings.Builder
			for i := range 25 {
				fmt.Fprintf(&body, `%s{"type":"phone","value":"011%08d"}`, strings.Repeat(",", min(i, 1)), random.IntN(1e8))
			}
			return lookup(`{"indicators":[` + body.String() + `]}`)
		}},
		{"one by one", 1, func() ask {
			d := digest()
			return ask{method: "GET", path: "/v1/lookup/phone/" + hex.EncodeToString(d[:]) + "?epoch=2"}
		}},
		{"as one another's weaker expressions", 49, func() ask {
			d := digest()
			body := `{"indicators":[{"type":"phone","epoch":2,"digest":"` + hex.EncodeToString(d[:]) + `","also":[`
			for i := range 48 {
				d = digest()
				body += strings.Repeat(",", min(i, 1)) + `{"grade":"weak","digest":"` + hex.EncodeToString(d[:]) + `"}`
			}
			return lookup(body + `]}]}`)
		}},
	} {
		t.Run(way.situation, func(t *testing.T) {
			b := newBounded(t, map[string]fraud.Quotas{
				"sweeper": {Distinct: distinct, Requests: 1e6, Indicators: 1e9}, "neighbour": {},
			})
			answered, refusals := 0, 0
			for refusals < 20 && answered < 2*distinct {
				a := way.ask()
				a.key = "sweeper"
				switch got := b.do(t, a); {
				case got.Status == 200:
					answered += way.numbers - strings.Count(got.Body, `"error":`) // no telephone numbers
					if refusals > 0 {
						t.Fatal("the sweep went on after its end")
					}
				case got.Status == 429 && strings.Contains(got.Body, `"code":"quota_distinct"`):
					if refusals++; got.Header.Get("Retry-After") != "28800" { // until midnight in Malaysia
						t.Fatalf("Retry-After: %s", got.Header.Get("Retry-After"))
					}
				default:
					t.Fatalf("%d %.300s", got.Status, got.Body)
				}
			}
			t.Logf("%d numbers were answered before the end, of %d allowed", answered, distinct)
			if answered < distinct*95/100-way.numbers || answered > distinct*105/100 {
				t.Error("the sweep did not end at the quota")
			}
			if got := b.do(t, ask{method: "GET", path: "/v1/me", key: "sweeper"}); got.Status != 200 {
				t.Errorf("the sweeper may do nothing else: %d", got.Status)
			}
			one := ask{method: "POST", path: "/v1/lookup", key: "neighbour", body: oneLookup}
			if got := b.do(t, one); got.Status != 200 {
				t.Errorf("its neighbour is hit: %d %s", got.Status, got.Body)
			}
			if n := counted(t, b.hub, "waspada_api_refused_total", "bank distinct"); int(n) != refusals {
				t.Errorf("the metric counts %v refusals of %d", n, refusals)
			}
			b.pass(8 * time.Hour)
			one.key = "sweeper"
			if got := b.do(t, one); got.Status != 200 {
				t.Errorf("on the next day: %d %s", got.Status, got.Body)
			}
		})
	}
}

func TestWhatAQuotaRefusesIsNotAnswered(t *testing.T) {
	b := newBounded(t, map[string]fraud.Quotas{"bank": {Distinct: 1}})
	b.listed[indicator.Digest{7}] = confirmed()
	a := batch(2, indicator.Digest{1}, indicator.Digest{2}, indicator.Digest{7})
	a.key = "bank"
	if got := b.do(t, a); got.Status != 429 || got.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	if len(b.probes) != 0 {
		t.Error("the index was asked")
	}
}

// Each refusal as a caller sees it, and what the head of an answer says before.
func TestQuotasAsCallersSeeThem(t *testing.T) {
	event := func(n int, kind string) ask {
		return ask{method: "POST", path: "/v1/events", key: "bank", body: fmt.Sprintf(`{"events":[{"kind":%q,`+
			`"indicator":{"type":"phone","value":"012345678%d"}%s}]}`, kind, n,
			map[string]string{"report": `,"category":"telecommunication"`}[kind])}
	}
	phone := ask{method: "POST", path: "/v1/lookup", key: "bank", body: oneLookup}
	three := batch(2, indicator.Digest{1}, indicator.Digest{2}, indicator.Digest{3})
	three.key = "bank"
	for _, c := range []struct {
		quota string
		set   fraud.Quotas
		good  []ask
		then  ask
		after time.Duration // good again
		want  [3]string     // Retry-After, RateLimit-Policy, RateLimit of the refusal
	}{
		{"requests", fraud.Quotas{Requests: 2}, []ask{phone, phone}, phone, 500 * time.Millisecond,
			[3]string{"1", `"requests";q=2;w=1, "indicators";q=10000;w=1, "distinct";q=500000;w=86400`,
				`"requests";r=0;t=1, "indicators";r=9998;t=1, "distinct";r=499999;t=28800`}},
		{"indicators", fraud.Quotas{Indicators: 1, Distinct: 9}, []ask{three}, phone, 3 * time.Second,
			[3]string{"3", `"requests";q=500;w=1, "indicators";q=1;w=1, "distinct";q=9;w=86400`,
				`"requests";r=499;t=1, "indicators";r=0;t=3, "distinct";r=6;t=28800`}},
		{"distinct", fraud.Quotas{Distinct: 3}, []ask{three}, phone, 8 * time.Hour,
			[3]string{"28800", `"requests";q=500;w=1, "indicators";q=10000;w=1, "distinct";q=3;w=86400`,
				`"requests";r=499;t=1, "indicators";r=9997;t=1, "distinct";r=0;t=28800`}},
		{"listings", fraud.Quotas{Listings: 2}, []ask{event(1, "report"), event(2, "report"), event(3, "withdraw")},
			event(4, "report"), 8 * time.Hour,
			[3]string{"28800", `"requests";q=500;w=1, "listings";q=2;w=86400, "retractions";q=5000;w=86400`,
				`"requests";r=496;t=1, "listings";r=0;t=28800, "retractions";r=4999;t=28800`}},
		{"retractions", fraud.Quotas{Retractions: 1}, []ask{event(1, "withdraw"), event(2, "report")},
			event(3, "withdraw"), 8 * time.Hour,
			[3]string{"28800", `"requests";q=500;w=1, "listings";q=20000;w=86400, "retractions";q=1;w=86400`,
				`"requests";r=497;t=1, "listings";r=19999;t=28800, "retractions";r=0;t=28800`}},
	} {
		t.Run(c.quota, func(t *testing.T) {
			b := newBounded(t, map[string]fraud.Quotas{"bank": c.set})
			for i, a := range c.good {
				if got := b.do(t, a); got.Status >= 300 || got.Header.Get("RateLimit-Policy") != c.want[1] {
					t.Fatalf("request %d: %d %s %v", i, got.Status, got.Body, got.Header)
				}
			}
			sent := len(b.published)
			got := b.do(t, c.then)
			if got.Status != 429 || !strings.Contains(got.Body, `"code":"quota_`+c.quota+`"`) {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			seen := [3]string{got.Header.Get("Retry-After"), got.Header.Get("RateLimit-Policy"), got.Header.Get("RateLimit")}
			if diff := cmp.Diff(c.want, seen); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if len(b.published) != sent {
				t.Error("what was refused was sent")
			}
			if b.pass(c.after); b.do(t, c.then).Status >= 300 {
				t.Errorf("refused after %s, too", c.after)
			}
		})
	}
}

func TestWhatKafkaDoesNotTakeCountsAgainstNoQuota(t *testing.T) {
	b := newBounded(t, map[string]fraud.Quotas{"bank": {Listings: 1}})
	b.publish = func(context.Context) error { return fraud.ErrUnavailable }
	a := events(goodEvent)
	a.key = "bank"
	for range 3 {
		if got := b.do(t, a); got.Status != 503 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	b.publish = nil
	if got := b.do(t, a); got.Status != 202 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	dry := a
	dry.path += "?dry_run=true"
	if got := b.do(t, dry); got.Status != 200 {
		t.Errorf("a rehearsal counts: %d %s", got.Status, got.Body)
	}
}

func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	b := newBounded(t, map[string]fraud.Quotas{"bank": {Requests: 1}})
	b.do(t, ask{method: "GET", path: "/v1/me", key: "bank"})
	conn, err := net.Dial("tcp", b.listen(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := strings.Replace(lookupHead(1<<20), "Bearer lookup", "Bearer bank", 1)
	if _, err := conn.Write([]byte(head)); err != nil { // and nothing of the body
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(3 * time.Second)) // before the hub gives a body up
	line := make([]byte, 12)
	if _, err := conn.Read(line); err != nil || string(line) != "HTTP/1.1 429" {
		t.Errorf("%q, %v", line, err)
	}
}
