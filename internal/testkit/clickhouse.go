package testkit

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// ClickHouse returns the engine that the tests of this process share. Leave it running; a test that stops, kills or
// pauses its engine takes OwnClickHouse.
func ClickHouse(t testing.TB) *devstack.Engine {
	t.Helper()
	requireMain(t)
	engine, err := sharedEngine()
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

var sharedEngine = sync.OnceValues(func() (*devstack.Engine, error) {
	dir, err := os.MkdirTemp("", "waspada-engine-")
	if err != nil {
		return nil, err
	}
	engine, err := devstack.StartEngine(context.Background(), devstack.EngineOptions{Dir: dir})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	OnExit(func() {
		engine.Kill() // its data are thrown away
		_ = os.RemoveAll(dir)
	})
	return engine, nil
})

// OwnClickHouse starts an engine for this test alone and ends it with the test. Its directory is the test's, whatever
// the options say.
func OwnClickHouse(t testing.TB, opts devstack.EngineOptions) *devstack.Engine {
	t.Helper()
	requireMain(t)
	opts.Dir = t.TempDir()
	engine, err := devstack.StartEngine(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Kill)
	return engine
}

// Database makes a database of its own for the test on the shared engine, and drops it afterwards. It returns the
// engine's native address and the database's name.
func Database(t testing.TB) (addr, database string) {
	t.Helper()
	engine := ClickHouse(t)
	return engine.Addr(), DatabaseOn(t, engine)
}

// DatabaseOn is Database on an engine of your choice.
func DatabaseOn(t testing.TB, engine *devstack.Engine) (database string) {
	t.Helper()
	database = uniqueName(t, "_")
	if _, err := engine.Query(t.Context(), "CREATE DATABASE "+database+" ENGINE = Atomic"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Best effort: the test may have ended the engine, and all data go with the process anyway.
		_, _ = engine.Query(context.Background(), "DROP DATABASE IF EXISTS "+database+" SYNC")
	})
	return database
}
