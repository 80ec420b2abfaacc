package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// How much a partner asked is in ClickHouse when the daemon has drained, also what a quota refused, from every run.
func TestWhatPartnersAskedIsWrittenWhenTheDaemonStops(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	hub := hubtest.Start(t, hubtest.Options{})
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	becomes(t, hub, caller, fraud.Suspected)
	screen := func() {
		t.Helper()
		digests := make([]indicator.Digest, 1000)
		for i := range digests {
			digests[i] = indicator.Digest{byte(i), byte(i >> 8), 7}
		}
		if _, err := hub.Client(t, "platform").LookupDigests(t.Context(), hub.Ring.Epoch(), digests); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Client(t, "telco").LookupOne(t.Context(), client.Item{Type: caller.Type, Value: caller.Raw}); err != nil {
			t.Fatal(err)
		}
	}
	screen()
	hub.Stop(t)
	hub.Restart(t)
	screen()
	hub.Stop(t)
	const query = `SELECT p.id, class, uniqExact(run), sum(calls), sum(refused), sum(not_listed), sum(suspected)
		FROM usage AS u FINAL GLOBAL JOIN (SELECT number, id FROM partners FINAL) AS p ON p.number = u.partner
		WHERE p.id = 'telco-rebana' OR class = 'lookup_batch' GROUP BY p.id, class ORDER BY p.id, class`
	want := "platform-wau\tlookup_batch\t2\t2\t0\t2000\t0\ntelco-rebana\tlookup_many\t2\t2\t0\t0\t2"
	if diff := cmp.Diff(want, hub.Query(t, query)); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}
