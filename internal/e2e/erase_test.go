package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// What is erased is forgotten by every node at once and by those that start later, and stands in no table; the hub still
// proves that it has lost nothing, the audit tells that something was erased and not what, and it can be reported anew.
func TestAPersonsIndicatorIsErasedEverywhere(t *testing.T) {
	options := hubtest.NodeOptions{Snapshots: true}
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: options})
	options.Role = "api"
	other := hub.NewNode(t, options)
	other.Restart(t)
	account := nation.Case{Type: indicator.BankAccount, Raw: "Maybank: 5140 1122 3344"}
	number := nation.Case{Type: indicator.BankAccount, Raw: "5140 1122 3344"} // without its bank: a weaker form
	become := func(what string, want fraud.Status, cases ...nation.Case) {
		t.Helper()
		for _, node := range []*hubtest.Node{hub.Node, other} {
			testkit.Eventually(t, 20*time.Second, func() error {
				for _, c := range cases {
					results, err := node.Client(t, "platform").Lookup(t.Context(), []client.Item{{Type: c.Type, Value: c.Raw}})
					if err != nil {
						return err
					}
					if got := results[0].Verdict; got != want {
						return fmt.Errorf("%s: %s answers %s, want %s", what, node.Name, got, want)
					}
				}
				return nil
			})
		}
	}
	said := report(t, hub, account)
	said.Case = "case-4711"
	digest := said.Indicator.Digest
	hub.Publish(t, "bank-harimau", said)
	hub.Publish(t, "bank-kenari", report(t, hub, account))
	sighting := fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: fraud.Sighting, IssuedAt: time.Now().UTC(), Indicator: said.Indicator}
	hub.Publish(t, "police-ccid", sighting)
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	become("reported", fraud.Suspected, number, caller)
	stored := func(n string) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() error {
			if got := hub.Query(t, "SELECT count() FROM events"); got != n {
				return fmt.Errorf("%s events are stored, want %s", got, n)
			}
			return nil
		})
	}
	stored("4")

	erase := func(more ...string) (done struct {
		Found            bool
		Events, Opinions int
		Act              string
	}) {
		t.Helper()
		out, err := hub.Command(t, "erase", append([]string{"--type", "bank_account", "--digest", digest.String(), "--epoch", "1",
			"--reason", "subject_request", "--by", "aminah", "-o", "json"}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out), &done); err != nil {
			t.Fatal(err)
		}
		return done
	}
	// holders are the tables in which a trace of it stands.
	holders := func() (tables []string) {
		t.Helper()
		for _, table := range strings.Fields(hub.Query(t, "SHOW TABLES")) {
			text := hub.Query(t, "SELECT 'begin', * FROM `"+table+"` FORMAT RowBinary") +
				hub.Query(t, "SELECT * FROM `"+table+"` FORMAT JSONEachRow")
			for _, trace := range []string{digest.String(), "case-4711", string(digest[:])} {
				if strings.Contains(text, trace) {
					tables = append(tables, table)
					break
				}
			}
		}
		return tables
	}
	if tables := holders(); !slices.Contains(tables, "events") || !slices.Contains(tables, "opinions") {
		t.Errorf("before, %v hold it: nothing is looked through", tables)
	}
	if would := erase("--dry-run"); !would.Found || would.Events != 3 || would.Act != "" {
		t.Errorf("would erase %+v", would)
	}
	become("rehearsed", fraud.Suspected, number)
	done := erase()
	if !done.Found || done.Events != 3 || done.Opinions < 3 {
		t.Errorf("erased %+v", done)
	}
	become("erased", fraud.NotListed, account, number)
	become("left", fraud.Suspected, caller)
	if again := erase(); again.Found {
		t.Errorf("found again: %+v", again)
	}

	// It stands nowhere, and everything else is proven still.
	if tables := holders(); len(tables) > 0 {
		t.Errorf("%v hold what was erased", tables)
	}
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
	if n := hub.Counted(t); n != 4 {
		t.Errorf("%d events count, want 4", n)
	}
	records, _, err := hub.Client(t, "regulator").Audit(t.Context(), client.AuditQuery{Kinds: []string{"act"}, What: []string{"erase"}})
	if err != nil || len(records) != 1 || records[0].ID != done.Act || records[0].Reason != "subject_request, by aminah" {
		t.Errorf("the audit tells %+v, %v", records, err)
	}

	// Nodes that start anew do not know it either, from a snapshot or without.
	other.Stop(t)
	other.Restart(t)
	hub.Kill(t)
	hub.Restart(t)
	become("after a restart", fraud.NotListed, account, number)
	hub.Publish(t, "bank-harimau", report(t, hub, account))
	become("reported anew", fraud.Suspected, account)
	stored("5")
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
}
