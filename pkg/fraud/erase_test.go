package fraud_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestWhatIsErasedStaysSoUntilItIsSaidAnew(t *testing.T) {
	said := time.UnixMilli(1_795_000_000_000).UTC()
	event := func(k fraud.Kind, at time.Time) fraud.Opinion {
		e := fraud.Event{ID: uuid.Max, Kind: k, IssuedAt: at, Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1,
			Digest: indicator.Digest{1}}, Confidence: 90, TLP: fraud.TLPRed, Advice: fraud.Block, Evidence: fraud.PoliceReport}
		return e.Opinions(1, 7, fraud.Provenance{Accepted: fraud.SecondsOf(at), Group: 3})[0]
	}
	for _, k := range []fraud.Kind{fraud.Report, fraud.Withdraw, fraud.Clear, fraud.Dispute, fraud.Sighting, fraud.Uphold} {
		o := event(k, said)
		erased := o.Erased()
		later := event(k, said.Add(time.Second))
		if erased.Key() != o.Key() || !erased.Supersedes(&o) || o.Supersedes(&erased) {
			t.Errorf("%s: what is erased stands over its erasure", k)
		}
		if !later.Supersedes(&erased) {
			t.Errorf("%s: it cannot be said anew", k)
		}
		if erased.Category != 0 || erased.Confidence != 0 || erased.Evidence != 0 || erased.Advice != 0 || erased.TLP != 0 ||
			erased.Provenance != (fraud.Provenance{}) {
			t.Errorf("%s: the erasure repeats what was said: %+v", k, erased)
		}
		policy := fraud.DefaultPolicy()
		p := &fraud.Partner{Number: 1, ID: "p", Kind: fraud.Regulator, Organisation: "p", Weight: 1, State: fraud.Active}
		policy.Partners = func(fraud.PartnerNumber) (*fraud.Partner, bool) { return p, true }
		match := []fraud.Match{{Digest: o.Digest, Grade: indicator.Exact, Opinions: []fraud.Opinion{erased}}}
		if v := fraud.Decide(match, p, &policy, said.Add(time.Minute)); v.Status != fraud.NotListed {
			t.Errorf("%s: erased, and %s", k, v.Status)
		}
	}
}
