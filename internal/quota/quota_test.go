package quota

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// noon is in Malaysia.
var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) after(d time.Duration) time.Time {
	c.Time = c.Add(d)
	return c.Time
}

func open(c *clock, dir string, nodes int) *Keeper {
	return Open(Config{Nodes: nodes, Dir: dir, Now: c.now}, slog.New(slog.DiscardHandler))
}

func digests(from, n int) []indicator.Digest {
	ring, err := indicator.NewKeyRing(make([]byte, indicator.MinKeyLen))
	if err != nil {
		panic(err)
	}
	all := make([]indicator.Digest, n)
	for i := range all {
		all[i] = ring.Digest(indicator.Phone, fmt.Sprint(from+i))
	}
	return all
}

func TestEveryKindOfPartnerHasEveryQuota(t *testing.T) {
	for kind := range fraud.PartnerKinds() {
		p := &fraud.Partner{Kind: fraud.PartnerKind(kind + 1)}
		q := Effective(p)
		if min(q.Requests, q.Indicators, q.Distinct, q.Listings, q.Retractions) <= 1 || q.Distinct >= 1_000_000 {
			t.Errorf("%s: %+v", p.Kind, q)
		}
	}
	own := fraud.Quotas{Requests: 1, Indicators: 2, Distinct: 3, Listings: 4, Retractions: 5}
	if diff := cmp.Diff(own, Effective(&fraud.Partner{Kind: fraud.Bank, Quotas: own})); diff != "" {
		t.Errorf("a partner's own quotas (-want +got):\n%s", diff)
	}
}

func TestDistinctIsEstimatedToFourPercent(t *testing.T) {
	r := testkit.Seed(t)
	d := newDay(0).asked
	d.secret = [2]uint64{r.Uint64(), r.Uint64()}
	next := 1
	all := digests(0, 200_000)
	for i := range all {
		d.add(&all[i])
		d.add(&all[r.IntN(i+1)]) // one that was there before
		if i+1 == next {
			if off := math.Abs(d.n - float64(next)); off > 3+0.04*float64(next) { // six standard errors
				t.Errorf("%d digests are estimated at %.0f", next, d.n)
			}
			next = next*3 + 1
		}
	}
}

func TestRequestsASecond(t *testing.T) {
	c := &clock{noon}
	a := open(c, "", 1).Of(&fraud.Partner{Number: 1, Quotas: fraud.Quotas{Requests: 10}})
	for i := range 10 {
		if refused := a.Enter(c.Time, Other); refused != nil {
			t.Fatalf("request %d: %v", i, refused)
		}
	}
	want := &Refusal{Quota: Requests, Limit: 10, Window: time.Second, Wait: 100 * time.Millisecond}
	if diff := cmp.Diff(want, a.Enter(c.Time, Other)); diff != "" {
		t.Errorf("request 11 (-want +got):\n%s", diff)
	}
	if refused := a.Enter(c.after(want.Wait), Other); refused != nil {
		t.Errorf("after the wait: %v", refused)
	}
}

func TestABatchIsServedAndItsDebtDelaysTheNext(t *testing.T) {
	c := &clock{noon}
	a := open(c, "", 1).Of(&fraud.Partner{Number: 1, Quotas: fraud.Quotas{Requests: 10, Indicators: 1000}})
	enter := func() *Refusal { return a.Enter(c.Time, Asks) }
	if refused := enter(); refused != nil {
		t.Fatal(refused)
	}
	if refused := a.Ask(c.Time, 21_000, nil); refused != nil {
		t.Fatal(refused)
	}
	want := &Refusal{Quota: Indicators, Limit: 1000, Window: time.Second, Wait: 20*time.Second + time.Millisecond}
	if diff := cmp.Diff(want, enter()); diff != "" {
		t.Errorf("in debt (-want +got):\n%s", diff)
	}
	if refused := a.Enter(c.Time, Reports); refused != nil {
		t.Errorf("reports wait for the debt of look-ups: %v", refused)
	}
	c.after(20 * time.Second)
	if enter() == nil {
		t.Error("a request before the debt is paid")
	}
	c.after(time.Second)
	if refused := enter(); refused != nil {
		t.Errorf("after the debt is paid: %v", refused)
	}
}

func TestDistinctEndsTheDayAndTheNextBeginsAtMidnightInMalaysia(t *testing.T) {
	c := &clock{noon}
	a := open(c, "", 1).Of(&fraud.Partner{Number: 1, Quotas: fraud.Quotas{Requests: 1000, Indicators: 1e9,
		Distinct: 1000}})
	known := digests(0, 900)
	for range 5 {
		if refused := a.Ask(c.Time, len(known), known); refused != nil {
			t.Fatalf("the same again: %v", refused)
		}
	}
	want := &Refusal{Quota: Distinct, Limit: 1000, Window: 24 * time.Hour, Wait: 12 * time.Hour}
	if diff := cmp.Diff(want, a.Ask(c.Time, 200, digests(1000, 200))); diff != "" {
		t.Errorf("beyond (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, a.Enter(c.Time, Asks)); diff != "" {
		t.Errorf("the next request (-want +got):\n%s", diff)
	}
	if refused := a.Enter(c.after(12*time.Hour-time.Second), Asks); refused == nil {
		t.Error("the day ended early")
	}
	if refused := a.Enter(c.after(time.Second), Asks); refused != nil {
		t.Errorf("after midnight: %v", refused)
	}
	if refused := a.Ask(c.Time, len(known), known); refused != nil {
		t.Errorf("after midnight: %v", refused)
	}
}

func TestListingsAndRetractionsCountAllOrNone(t *testing.T) {
	c := &clock{noon}
	a := open(c, "", 1).Of(&fraud.Partner{Number: 1, Quotas: fraud.Quotas{Listings: 10, Retractions: 2}})
	for _, step := range []struct {
		situation          string
		listed, retracted  int
		refusedBy          string
		returned, restored int
	}{
		{"within", 8, 1, "", 0, 0},
		{"too many listings", 3, 1, Listings, 0, 0},
		{"the rest", 2, 0, "", 2, 0},
		{"what was not sent, again", 2, 0, "", 0, 0},
		{"too many retractions", 0, 2, Retractions, 0, 0},
		{"neither", 0, 0, "", 0, 0},
		{"the last retraction", 0, 1, "", 0, 0},
	} {
		got := ""
		if refused := a.Report(c.Time, step.listed, step.retracted); refused != nil {
			got = refused.Quota
		}
		if got != step.refusedBy {
			t.Errorf("%s: refused by %q, want %q", step.situation, got, step.refusedBy)
		}
		a.Return(step.returned, step.restored)
	}
}

func TestHeadersSayWhatIsLeft(t *testing.T) {
	c := &clock{noon}
	a := open(c, "", 1).Of(&fraud.Partner{Number: 1, Quotas: fraud.Quotas{Requests: 10, Indicators: 100, Distinct: 1000,
		Listings: 20, Retractions: 5}})
	a.Enter(c.Time, Asks)
	a.Ask(c.Time, 350, digests(0, 1)) // of one the estimate is sure
	a.Report(c.Time, 7, 1)
	for use, want := range map[Use][2]string{
		Other: {`"requests";q=10;w=1`, `"requests";r=9;t=1`},
		Asks: {`"requests";q=10;w=1, "indicators";q=100;w=1, "distinct";q=1000;w=86400`,
			`"requests";r=9;t=1, "indicators";r=0;t=3, "distinct";r=999;t=43200`},
		Reports: {`"requests";q=10;w=1, "listings";q=20;w=86400, "retractions";q=5;w=86400`,
			`"requests";r=9;t=1, "listings";r=13;t=43200, "retractions";r=4;t=43200`},
	} {
		policy, state := a.Headers(c.Time, use)
		if diff := cmp.Diff(want, [2]string{strings.Join(policy, "|"), state}); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	}
}

func TestNodesShareTheQuotasAndNewOnesKeepWhatWasUsed(t *testing.T) {
	c := &clock{noon}
	k := open(c, "", 3)
	p := fraud.Partner{Number: 7, Quotas: fraud.Quotas{Requests: 30, Listings: 100}}
	if a := k.Of(&p); a.limits.Requests != 10 || a.limits.Listings != 34 {
		t.Errorf("a third of %+v is %+v", p.Quotas, a.limits)
	}
	if refused := k.Of(&p).Report(c.Time, 30, 0); refused != nil {
		t.Fatal(refused)
	}
	more := p
	more.Quotas.Listings = 120
	if k.Of(&more) != k.Of(&p) {
		t.Error("a change of quotas makes another account")
	}
	if refused := k.Of(&more).Report(c.Time, 11, 0); refused == nil {
		t.Error("a change of quotas forgot what was used")
	}
	if refused := k.Of(&more).Report(c.Time, 10, 0); refused != nil {
		t.Errorf("a change of quotas is not in force: %v", refused)
	}
}

func TestARestartKeepsTheDay(t *testing.T) {
	dir, c := t.TempDir(), &clock{noon}
	p := &fraud.Partner{Number: 7, Quotas: fraud.Quotas{Distinct: 1000, Listings: 10}}
	k := open(c, dir, 1)
	k.Of(p).Ask(c.Time, 1, digests(0, 900)) // twenty standard errors below the quota
	k.Of(p).Report(c.Time, 9, 0)
	k.Of(p).Found(c.Time, digests(0, 20), true)
	k.Of(p).Found(c.Time, digests(20, 970), false)
	before := k.Counts()
	k.save()
	k = open(c, dir, 1)
	k.save() // before the partner came again
	k = open(c, dir, 1)
	if diff := cmp.Diff(before, k.Counts()); diff != "" || len(before) != 1 || before[0].Known < 17 || before[0].Known > 23 {
		t.Errorf("what was asked, and is known (-before +after):\n%s%v", diff, before)
	}
	if refused := k.Of(p).Ask(c.Time, 1, digests(0, 900)); refused != nil {
		t.Errorf("what was asked before counts again: %v", refused)
	}
	if k.Of(p).Report(c.Time, 2, 0) == nil || k.Of(p).Ask(c.Time, 1, digests(1000, 200)) == nil {
		t.Error("the restart forgot the day")
	}
	c.after(24 * time.Hour)
	if refused := open(c, dir, 1).Of(p).Report(c.Time, 10, 0); refused != nil {
		t.Errorf("the restart on another day: %v", refused)
	}
}

func TestADamagedFileBeginsTheDayAnew(t *testing.T) {
	c := &clock{noon}
	p := &fraud.Partner{Number: 7, Kind: fraud.Bank}
	for _, text := range []string{"", "{", `{"version":9}`, fmt.Sprintf(
		`{"version":2,"partners":[{"partner":7,"day":%d,"asked":{"n":5,"registers":"AAAA"}}]}`, dayOf(noon))} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, stateName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		k := Open(Config{Dir: dir, Now: c.now}, slog.New(slog.NewTextHandler(&log, nil)))
		if refused := k.Of(p).Enter(c.Time, Asks); refused != nil || !strings.Contains(log.String(), "begins anew") {
			t.Errorf("%q: %v; log: %s", text, refused, &log)
		}
	}
}

func BenchmarkALookupsShare(b *testing.B) {
	c := &clock{noon}
	p := &fraud.Partner{Number: 7, Quotas: fraud.Quotas{Requests: 1e9, Indicators: 1e9, Distinct: 1e9}}
	k, asked := open(c, "", 1), digests(0, 1<<12)
	b.ReportAllocs()
	for i := range b.N {
		a, one := k.Of(p), i%len(asked)
		if a.Enter(c.Time, Asks) != nil || a.Ask(c.Time, 1, asked[one:one+1]) != nil {
			b.Fatal("refused")
		}
		a.Headers(c.Time, Asks)
		c.Time = c.Add(time.Microsecond)
	}
}
