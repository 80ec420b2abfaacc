package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
)

// A key that is revoked on one node is refused on the other within 5 seconds; without ClickHouse both serve on, and
// start again, with what they knew; and of an issued key nothing but its hash is kept anywhere.
func TestPartnersAreTheSameOnEveryNode(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	options := hubtest.NodeOptions{Snapshots: true, Settings: map[string]any{"registry": "clickhouse"}}
	hub := hubtest.Start(t, hubtest.Options{Engine: engine, NodeOptions: options})
	options.Role = "api"
	other := hub.NewNode(t, options)
	other.Restart(t)
	ctx, admin := t.Context(), hub.Client(t, "admin")

	purse, err := admin.AddPartner(ctx, client.NewPartner{ID: "purse-new", Name: "New Purse", Kind: "ewallet",
		State: "active", Reason: "contract"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := admin.IssueKey(ctx, purse.ID, purse.Revision, client.NewAPIKey{Scopes: []string{"lookup"}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := admin.IssueKey(ctx, purse.ID, first.Partner.Revision, client.NewAPIKey{Replaces: first.ID,
		Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	// becomesCode waits until a node answers with a code, "" for letting the key in.
	becomesCode := func(node *hubtest.Node, key, want string) {
		t.Helper()
		begin := time.Now()
		testkit.Eventually(t, 5*time.Second, func() error {
			if got := codeOf(t, node, key); got != want {
				return fmt.Errorf("%s answers %q, want %q", node.Name, got, want)
			}
			return nil
		})
		t.Logf("%s answers %q after %s", node.Name, want, time.Since(begin).Round(10*time.Millisecond))
	}
	for _, node := range []*hubtest.Node{hub.Node, other} {
		becomesCode(node, first.APIKey, "")
		becomesCode(node, second.APIKey, "")
	}

	if _, err := admin.RevokeKey(ctx, purse.ID, second.Partner.Revision, first.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	becomesCode(other, first.APIKey, "unknown_api_key")
	becomesCode(hub.Node, first.APIKey, "unknown_api_key")
	becomesCode(other, second.APIKey, "")

	stale, err := other.Client(t, "admin").SetState(ctx, purse.ID, second.Partner.Revision, "suspended", "late")
	if problem := new(client.Problem); !errors.As(err, &problem) || problem.Code != "revision_passed" {
		t.Errorf("a change of a former revision: %+v, %v", stale, err)
	}
	acts, _, err := other.Client(t, "admin").Acts(ctx, "", 4)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, a := range acts {
		told = append(told, fmt.Sprintf("%s %s %t", a.What, a.Reason, a.Done))
	}
	if got, want := strings.Join(told, "; "),
		"revoke_api_key leaked true; issue_api_key  true; issue_api_key  true; add_partner contract true"; got != want {
		t.Errorf("acts: %s\nwant: %s", got, want)
	}

	// Of two changes of one revision, on two nodes at once, one is made.
	before, err := admin.Partner(ctx, purse.ID)
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	for _, node := range []*hubtest.Node{hub.Node, other} {
		by := node.Client(t, "admin")
		go func() {
			_, err := by.SetState(ctx, purse.ID, before.Revision, "active", "both at once")
			made <- err
		}()
	}
	one, two := <-made, <-made
	if (one == nil) == (two == nil) {
		t.Errorf("two changes of one revision: %v; %v", one, two)
	}

	// Nothing but the answer ever held the secrets.
	_, secret, _ := strings.Cut(strings.TrimPrefix(second.APIKey, "wsp_live_"), "_")
	secret, _, _ = strings.Cut(secret, "_")
	for _, table := range strings.Fields(hub.Query(t, "SHOW TABLES")) {
		if rows := hub.Query(t, "SELECT * FROM "+table+" FORMAT JSONEachRow"); strings.Contains(rows, secret) {
			t.Errorf("table %s holds the secret", table)
		}
	}
	files := []string{hub.LogFile, other.LogFile, engine.LogFile()}
	for _, dir := range []string{hub.SnapshotDir, other.SnapshotDir} {
		all, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, all...)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err != nil || strings.Contains(string(data), secret) {
			t.Errorf("%s holds the secret, or cannot be read: %v", file, err)
		}
	}

	engine.Kill()
	for range 3 { // longer than a poll
		time.Sleep(700 * time.Millisecond)
		for _, node := range []*hubtest.Node{hub.Node, other} {
			becomesCode(node, second.APIKey, "")
			becomesCode(node, first.APIKey, "unknown_api_key")
		}
	}
	other.Kill(t)
	other.Launch(t) // without ClickHouse it does not become ready for look-ups at once, and knows who asks all the same
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := codeOf(t, other, second.APIKey); got != "" {
			return fmt.Errorf("after its start without ClickHouse it answers %q", got)
		}
		return nil
	})
	becomesCode(other, first.APIKey, "unknown_api_key")
	if err := engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	// A try that meets the outage's end may wait for its own limit of time, and the next ones behind it.
	testkit.Eventually(t, 2*time.Minute, func() error {
		now, err := admin.Partner(ctx, purse.ID)
		if err == nil {
			_, err = admin.SetState(ctx, purse.ID, now.Revision, "suspended", "the end")
		}
		return err
	})
	becomesCode(other, second.APIKey, "partner_suspended")
}

// codeOf asks a node who a key belongs to: "" where it is let in, otherwise the code of the refusal.
func codeOf(t *testing.T, node *hubtest.Node, key string) string {
	t.Helper()
	c, err := client.New(node.API, key, client.WithPatience(0))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(t.Context())
	problem := new(client.Problem)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &problem):
		return problem.Code
	}
	return err.Error()
}
