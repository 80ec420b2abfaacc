package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// shown keeps who asked about which digests.
type shown struct {
	mu  sync.Mutex
	all []string
}

func (s *shown) Asked(who *fraud.Identity, digests []indicator.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range digests {
		s.all = append(s.all, fmt.Sprintf("%s %s %s", who.Partner.ID, who.KeyID, d))
	}
}

// Canaries are watched for at every door: at the hub's epoch, and also of who is refused.
func TestEveryDoorShowsWhatIsAskedAbout(t *testing.T) {
	canary := digestOf(ring, indicator.Phone, planted)
	old := digestOf(oldRing, indicator.Phone, planted)
	other := indicator.Digest{1}
	all := batch(2, other, canary)
	asked := func(questions ...string) ask { return lookup(`{"indicators":[` + strings.Join(questions, ",") + `]}`) }
	question := func(d indicator.Digest, epoch int, more string) string {
		return fmt.Sprintf(`{"type":"phone","epoch":%d,"digest":"%s"%s}`, epoch, d, more)
	}
	weak := `,"also":[{"grade":"weak","digest":"` + canary.String() + `"}]`
	get := ask{method: "GET", path: "/v1/lookup/phone/" + old.String() + "?epoch=1"}
	for situation, c := range map[string]struct {
		ask  ask
		want []indicator.Digest
	}{
		"one, by GET":                {get, []indicator.Digest{canary}},
		"one, by its value":          {asked(`{"type":"phone","value":"` + planted + `"}`), []indicator.Digest{canary}},
		"among others":               {asked(question(other, 2, ""), question(old, 1, "")), []indicator.Digest{other, canary}},
		"as another one's weak form": {asked(question(other, 2, weak)), []indicator.Digest{other, canary}},
		"in a binary batch":          {all, []indicator.Digest{other, canary}},
	} {
		t.Run(situation, func(t *testing.T) {
			b := newBounded(t, map[string]fraud.Quotas{"sweeper": {Distinct: 2}})
			watch := &shown{}
			b.server.canaries = watch
			c.ask.key = "sweeper"
			if got := b.do(t, c.ask); got.Status != 200 || strings.Contains(got.Body, "canary") {
				t.Errorf("%d %s", got.Status, got.Body)
			}
			var want []string
			for _, d := range c.want {
				want = append(want, "sweeper sweeper "+d.String())
			}
			if diff := cmp.Diff(want, watch.all); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}

	b := newBounded(t, map[string]fraud.Quotas{"sweeper": {Distinct: 1}})
	watch := &shown{}
	b.server.canaries = watch
	all.key = "sweeper"
	if got := b.do(t, all); got.Status != 429 || len(watch.all) != 2 {
		t.Errorf("of who is refused: %d, %q", got.Status, watch.all)
	}
}

// What is known of what a partner asks about is counted the same at every door.
func TestEveryDoorCountsWhatIsKnown(t *testing.T) {
	known, unknown := indicator.Digest{31: 7}, indicator.Digest{0: 9}
	question := func(d indicator.Digest) string {
		return `{"type":"phone","epoch":2,"digest":"` + d.String() + `"}`
	}
	for situation, asks := range map[string][]ask{
		"one, by GET": {{method: "GET", path: "/v1/lookup/phone/" + known.String() + "?epoch=2"},
			{method: "GET", path: "/v1/lookup/phone/" + unknown.String() + "?epoch=2"}},
		"one, by POST": {lookup(`{"indicators":[` + question(known) + `]}`),
			lookup(`{"indicators":[` + question(unknown) + `]}`)},
		"together":          {lookup(`{"indicators":[` + question(known) + `,` + question(unknown) + `]}`)},
		"in a binary batch": {batch(2, known, unknown)},
	} {
		b := newBounded(t, map[string]fraud.Quotas{"bank": {}})
		b.listed[known] = confirmed()
		for range 2 {
			for _, a := range asks {
				a.key = "bank"
				if got := b.do(t, a); got.Status != 200 {
					t.Fatalf("%s: %d %s", situation, got.Status, got.Body)
				}
			}
		}
		if c := b.server.quotas.Counts(); len(c) != 1 || c[0].Distinct != 2 || c[0].Known != 1 {
			t.Errorf("%s: %+v", situation, c)
		}
	}
}
