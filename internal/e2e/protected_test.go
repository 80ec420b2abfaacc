package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// What is put on the protected list while the hub runs is cleared on every node and refused at both doors; what is taken
// off it is again what partners say of it.
func TestTheProtectedListIsInForceOnEveryNodeWithoutARestart(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	file := filepath.Join(t.TempDir(), "protected.yaml")
	protect := func(values string) {
		t.Helper()
		content := "version: test\nprotected:\n  - {type: phone, why: test, values: [" + values + "]}\n"
		if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	protect("")
	options := hubtest.NodeOptions{Settings: map[string]any{"protected": file}}
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: options})
	options.Role = "api"
	other := hub.NewNode(t, options)
	other.Restart(t)
	unlisted := nation.Case{Type: indicator.Phone, Raw: "013-456 7890"}
	both := []client.Item{{Type: caller.Type, Value: caller.Raw}, {Type: unlisted.Type, Value: unlisted.Raw}}
	become := func(want [2]fraud.Status) {
		t.Helper()
		for _, node := range []*hubtest.Node{hub.Node, other} {
			testkit.Eventually(t, 20*time.Second, func() error {
				results, err := node.Client(t, "platform").Lookup(t.Context(), both)
				if err != nil {
					return err
				}
				if got := [2]fraud.Status{results[0].Verdict, results[1].Verdict}; got != want {
					return fmt.Errorf("%s answers %v, want %v", node.Name, got, want)
				}
				return nil
			})
		}
	}
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	become([2]fraud.Status{fraud.Suspected, fraud.NotListed})

	protect(`"012-345 6789", "013-456 7890"`)
	become([2]fraud.Status{fraud.ClearedUp, fraud.ClearedUp})

	hub.Publish(t, "bank-harimau", report(t, hub, unlisted))
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := hub.Query(t, "SELECT groupUniqArray(toString(reason)) FROM dead_letters"); got != "['protected']" {
			return fmt.Errorf("refused for %s, want protected", got)
		}
		return nil
	})
	receipt, err := hub.Client(t, "bank").Report(t.Context(), client.Event{Event: report(t, hub, unlisted)})
	if !errors.Is(err, client.ErrNoneAcceptable) || receipt.Results[0].Reason != string(fraud.ReasonProtected) {
		t.Errorf("over HTTP: %+v, %v; want refused as protected", receipt, err)
	}

	protect("")
	become([2]fraud.Status{fraud.Suspected, fraud.NotListed})
}
