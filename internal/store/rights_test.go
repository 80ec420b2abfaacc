package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// Each of the tables that trends are counted from is taken from a user, whose analysts are asked nothing yet.
func TestTheRightThatTheAnalystLacksIsNamed(t *testing.T) {
	whole := testkit.Analyst(t)
	users := []devstack.User{whole}
	lacking := []string{"waspada.events ", "waspada.trend_*", "waspada.partners"}
	for i, table := range lacking {
		u := whole
		u.Name = fmt.Sprintf("poor_%d", i)
		u.Grants = slices.DeleteFunc(slices.Clone(u.Grants), func(g string) bool { return strings.Contains(g+" ", table) })
		if len(u.Grants) == len(whole.Grants) {
			t.Fatalf("analyst.sql grants nothing on %s", table)
		}
		users = append(users, u)
	}
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{Users: users})
	cfg := store.Config{Addrs: engine.Addrs(), Database: testkit.AnalystDatabase, User: "default", Cluster: engine.Cluster()}
	if err := store.Migrate(t.Context(), cfg, schemas.ClickHouse(), quiet); err != nil {
		t.Fatal(err)
	}
	analyst := func(user, password string) *store.Analyst {
		t.Helper()
		as := cfg
		as.User, as.Password = user, password
		a, err := store.NewAnalyst(as)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		return a
	}
	if err := analyst(whole.Name, whole.Password).Rights(t.Context()); err != nil {
		t.Errorf("the user of analyst.sql: %v", err)
	}
	for i, table := range lacking {
		user := users[1+i].Name
		err := analyst(user, whole.Password).Rights(t.Context())
		table, _, _ = strings.Cut(strings.TrimSpace(table), "*")
		if !errors.Is(err, fraud.ErrMisconfigured) {
			t.Errorf("without %s: %v", table, err)
			continue
		}
		for _, named := range []string{user, table, "deploy/clickhouse/analyst.sql"} {
			if !strings.Contains(err.Error(), named) {
				t.Errorf("without %s: %q is not named in: %v", table, named, err)
			}
		}
	}
	if err := analyst(whole.Name, "another").Rights(t.Context()); !errors.Is(err, fraud.ErrMisconfigured) {
		t.Errorf("with a wrong password: %v", err)
	}
	away := analyst(whole.Name, whole.Password)
	for _, shard := range engine.Shards() {
		shard.Kill()
	}
	if err := away.Rights(t.Context()); err != nil {
		t.Errorf("of a ClickHouse that is down nothing is known: %v", err)
	}
}

// What a user lacks is no fault of what it asks: nothing is given up, and whoever may wait goes on waiting.
func TestALackOfRightsIsToldFromWhatPasses(t *testing.T) {
	for code, lacking := range map[int32]bool{164: true, 452: true, 497: true, 516: true, 210: false, 252: false} {
		err := store.Classify("insert", &clickhouse.Exception{Code: code, Message: "user: not enough privileges"})
		if errors.Is(err, fraud.ErrMisconfigured) != lacking || !errors.Is(err, fraud.ErrUnavailable) || faultOf(err) != nil {
			t.Errorf("code %d: %v", code, err)
		}
	}
}
