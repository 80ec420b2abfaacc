package e2e

import (
	"fmt"
	"slices"
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

// TestCampaignsMergeAndSplit sees through the API how two frauds become one by an account that both use, on a hub with
// two nodes that keep campaigns, and fall apart again when the bank takes that account back.
func TestCampaignsMergeAndSplit(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	every := map[string]any{"campaigns.every": "200ms"}
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Settings: every}})
	hub.NewNode(t, hubtest.NodeOptions{Role: "ingest", Settings: every}).Restart(t)
	say := func(kind fraud.Kind, incident string, cases ...nation.Case) {
		t.Helper()
		for _, c := range cases { // each in a message of its own
			e := report(t, hub, c)
			if kind == fraud.Withdraw {
				e = withdraw(t, hub, c)
			}
			e.ID, e.Case = uuid.Must(uuid.NewV7()), incident
			hub.Publish(t, "bank-harimau", e)
		}
	}
	phone := nation.Case{Type: indicator.Phone, Raw: "012-345 6001"}
	accounts := []nation.Case{
		{Type: indicator.BankAccount, Raw: "maybank:5140 1111 0001"}, {Type: indicator.BankAccount, Raw: "maybank:5140 1111 0002"},
	}
	page := nation.Case{Type: indicator.URL, Raw: "https://one-for-all.example/claim"}
	mail := nation.Case{Type: indicator.Email, Raw: "claims@one-for-all.example"}
	analyst := hub.Client(t, "analyst")
	var listed []client.CampaignSummary
	sizes := func(want ...int) {
		t.Helper()
		testkit.Eventually(t, time.Minute, func() error {
			found, err := analyst.Campaigns(t.Context(), client.CampaignQuery{BySize: true})
			if err != nil {
				return err
			}
			var got []int
			for _, c := range found.Campaigns {
				got = append(got, c.Members)
			}
			if listed = found.Campaigns; !slices.Equal(got, want) {
				return fmt.Errorf("campaigns of %v, want %v", got, want)
			}
			return nil
		})
	}
	say(fraud.Report, "case-1", phone, accounts[0], accounts[1])
	say(fraud.Report, "case-2", page, mail)
	sizes(3, 2)
	large, small := listed[0].ID, listed[1].ID

	say(fraud.Report, "case-2", accounts[1])
	sizes(5)
	if listed[0].ID != large {
		t.Errorf("the larger does not go on: %s was %s", listed[0].ID, large)
	}
	gone, err := analyst.Campaign(t.Context(), small, "")
	if err != nil || gone.State != "ended" || gone.Into != large {
		t.Errorf("what has ended: %+v, %v", gone, err)
	}
	whole, err := analyst.Campaign(t.Context(), large, "")
	if err != nil || len(whole.Nodes) != 5 || len(whole.Edges) != 2 || whole.Edges[0].Kind != "case" {
		t.Fatalf("%+v, %v", whole, err)
	}
	for _, n := range whole.Nodes {
		if n.Verdict != "suspected" {
			t.Errorf("a member is %s", n.Verdict)
		}
	}

	say(fraud.Withdraw, "", accounts[1])
	sizes(2, 2)
	ids := []string{listed[0].ID, listed[1].ID}
	if !slices.Contains(ids, large) {
		t.Errorf("neither part goes on: %v, was %s", ids, large)
	}
	say(fraud.Withdraw, "", mail)
	sizes(2)
	if out, err := hub.CLI(t, "analyst", "campaign", "show", listed[0].ID, "-o", "csv"); err != nil || len(out) < 100 {
		t.Errorf("%s %v", out, err)
	}
}
