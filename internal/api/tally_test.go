package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// tally notes what it is told.
type tally struct {
	mu   sync.Mutex
	told []string
}

func (c *tally) Count(p fraud.PartnerNumber, class fraud.RequestClass, refused bool, verdicts *fraud.Verdicts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, fmt.Sprintf("%d %s %t %v", p, class, refused, verdicts[1:]))
}

func TestEveryRequestOfAKnownPartnerIsTallied(t *testing.T) {
	counts := &tally{}
	b := newBounded(t, map[string]fraud.Quotas{"bank": {Requests: 1000, Indicators: 1000, Distinct: 6}})
	b.server.tally = counts
	b.listed[indicator.Digest{9}] = fraud.Verdict{Status: fraud.Confirmed, AnsweredBy: fraud.ByIndex}
	single := func(d indicator.Digest) ask {
		return ask{method: http.MethodGet, path: "/v1/lookup/phone/" + d.String() + "?epoch=2", key: "bank"}
	}
	many := func(values ...string) ask {
		body := make([]string, len(values))
		for i, v := range values {
			body[i] = `{"type":"phone","value":"` + v + `"}`
		}
		return ask{method: http.MethodPost, path: "/v1/lookup", key: "bank",
			body: `{"indicators":[` + strings.Join(body, ",") + `]}`}
	}
	inBatch := batch(2, indicator.Digest{1}, indicator.Digest{9}, indicator.Digest{2})
	inBatch.key = "bank"
	for _, step := range []struct {
		ask  ask
		want []string
	}{
		{single(indicator.Digest{9}), []string{"1 lookup_one false [0 0 0 0 1 0]"}},
		{many("0123456780", "not a number"), []string{"1 lookup_many false [1 0 0 0 0 0]"}},
		{inBatch, []string{"1 lookup_batch false [2 0 0 0 1 0]"}},
		{ask{method: http.MethodGet, path: "/v1/me", key: "bank"}, []string{"1 other false [0 0 0 0 0 0]"}},
		{ask{method: http.MethodGet, path: "/v1/me", key: "stranger"}, nil},
		{ask{method: http.MethodGet, path: "/livez"}, nil},
		{ask{method: http.MethodPost, path: "/v1/lookup", key: "bank", body: `{`, raw: true},
			[]string{"1 lookup_many false [0 0 0 0 0 0]"}},
		// More different indicators than a day has: nothing is told, so nothing counts as answered.
		{many("0123456781", "0123456782", "0123456783", "0123456784", "0123456785"),
			[]string{"1 lookup_many true [0 0 0 0 0 0]"}},
	} {
		counts.told = nil
		b.do(t, step.ask)
		if diff := cmp.Diff(step.want, counts.told); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.ask.method, step.ask.path, diff)
		}
	}
}

// A route that is new must not be counted among others unseen.
func TestEveryRouteThatAsksAboutIndicatorsHasAClassOfItsOwn(t *testing.T) {
	asks := []fraud.RequestClass{fraud.LookupOne, fraud.LookupMany, fraud.LookupBatch, fraud.ReadHistory, fraud.FollowChanges}
	for _, rt := range routes {
		if class := requestClassOf(rt); rt.scope == fraud.MayLookup && !slices.Contains(asks, class) {
			t.Errorf("%s %s counts as %s", rt.method, rt.path, class)
		}
	}
}
