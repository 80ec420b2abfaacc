package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// What a shadow partner reports is stored and counted, and lists nothing until it is active. What is held lists nothing
// until two operators have said so, also after a restart; taking a word back is never held.
func TestShadowAndHeldWordsListNothing(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{
		Settings: map[string]any{"registry": "clickhouse"}}})
	ctx, admin := t.Context(), hub.Client(t, "admin")
	change := func(id string, do func(p client.Partner) error) {
		t.Helper()
		p, err := admin.Partner(ctx, id)
		if err == nil {
			err = do(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	state := func(state string) {
		t.Helper()
		change("bank-kenari", func(p client.Partner) error {
			_, err := admin.SetState(ctx, p.ID, p.Revision, state, "test")
			return err
		})
	}
	stored := func(query string, want int) {
		t.Helper()
		testkit.Eventually(t, time.Minute, func() error {
			if got := hub.Query(t, "SELECT uniqExact(event_id) FROM events WHERE "+query); got != fmt.Sprint(want) {
				return fmt.Errorf("%s: %s events are stored, want %d", query, got, want)
			}
			return nil
		})
	}

	state("shadow")
	hub.Publish(t, "bank-kenari", report(t, hub, caller))
	stored("1", 1)
	if n := hub.Counted(t); n != 1 {
		t.Errorf("the trends count %d events, want the shadow partner's", n)
	}
	becomes(t, hub, caller, fraud.NotListed)
	state("active")
	becomes(t, hub, caller, fraud.Suspected)

	// bank-harimau may list one indicator a day.
	first, second := nation.Case{Type: indicator.Phone, Raw: "013-456 7890"}, nation.Case{Type: indicator.Phone, Raw: "014-567 8901"}
	change("bank-harimau", func(p client.Partner) error {
		_, err := admin.ChangePartner(ctx, p.ID, p.Revision, client.PartnerChange{Reason: "test",
			Quotas: map[string]int{"listings": 1}})
		return err
	})
	hub.Publish(t, "bank-harimau", report(t, hub, first))
	becomes(t, hub, first, fraud.Suspected)
	stored("NOT held", 2)
	hub.Kill(t)
	hub.Restart(t)
	hub.Publish(t, "bank-harimau", report(t, hub, second))
	stored("held", 1)
	hub.Publish(t, "bank-harimau", report(t, hub, first)) // renewed, and not new
	stored("NOT held", 3)
	becomes(t, hub, first, fraud.Suspected)
	becomes(t, hub, second, fraud.NotListed)
	if n := hub.Counted(t); n != 4 {
		t.Errorf("the trends count %d events, want what is held, too", n)
	}

	// One operator proposes, another with a key of another id confirms.
	holds, err := admin.Holds(ctx)
	if err != nil || len(holds) != 1 || holds[0].Events != 1 {
		t.Fatalf("holds %+v, %v", holds, err)
	}
	testkit.Eventually(t, 10*time.Second, func() error { // what is to come is not released
		if now := time.Now(); !now.After(holds[0].Until) {
			return errors.New("the second in which it was held is not over")
		}
		return nil
	})
	p, err := admin.Partner(ctx, "bank-harimau")
	if err == nil {
		p, err = admin.ProposeRelease(ctx, p.ID, p.Revision, holds[0].Since, holds[0].Until, "a raid")
	}
	if err != nil {
		t.Fatal(err)
	}
	release := p.Releases[0]
	_, err = admin.ConfirmRelease(ctx, p.ID, p.Revision, release.ID, "looked at it")
	if problem := new(client.Problem); !errors.As(err, &problem) || problem.Code != "second_person_needed" {
		t.Errorf("confirmed by who proposed it: %v", err)
	}
	becomes(t, hub, second, fraud.NotListed)
	var key client.IssuedKey
	change("regulator-comms", func(p client.Partner) error {
		key, err = admin.IssueKey(ctx, p.ID, p.Revision, client.NewAPIKey{Scopes: []string{"admin"}})
		return err
	})
	colleague, err := client.New(hub.API, key.APIKey)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = colleague.ConfirmRelease(ctx, p.ID, p.Revision, release.ID, "looked at it"); err != nil {
		t.Fatal(err)
	}
	becomes(t, hub, second, fraud.Suspected)
	if holds, err = admin.Holds(ctx); err != nil || holds[0].State != "released" {
		t.Errorf("holds %+v, %v", holds, err)
	}
	if p, err = admin.WithdrawRelease(ctx, p.ID, p.Revision, release.ID, "a mistake"); err != nil {
		t.Fatal(err)
	}
	becomes(t, hub, second, fraud.NotListed)

	taken := withdraw(t, hub, first)
	taken.ID = uuid.Must(uuid.NewV7())
	hub.Publish(t, "bank-harimau", taken)
	becomes(t, hub, first, fraud.NotListed)
}
