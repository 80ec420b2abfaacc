package testkit

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// ClickHouse returns the engine that the tests of this process share, or the first shard of the cluster that they
// share; see WASPADA_TEST_CLICKHOUSE in the package comment. Leave it running; a test that stops, kills or pauses its
// engine takes OwnClickHouse.
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
	shards, err := startClickHouse(context.Background(), devstack.EngineOptions{Dir: dir})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	OnExit(func() {
		for _, s := range shards {
			s.Kill() // its data are thrown away
		}
		_ = os.RemoveAll(dir)
	})
	sharedOne.Store(shards[0])
	return shards[0], nil
})

// sharedOne is the engine that is shared, once it is.
var sharedOne atomic.Pointer[devstack.Engine]

// shardCount is enough for rows to be apart.
const shardCount = 2

// startClickHouse starts what WASPADA_TEST_CLICKHOUSE asks for.
func startClickHouse(ctx context.Context, opts devstack.EngineOptions) ([]*devstack.Engine, error) {
	switch kind := os.Getenv("WASPADA_TEST_CLICKHOUSE"); kind {
	case "":
		engine, err := devstack.StartEngine(ctx, opts)
		return []*devstack.Engine{engine}, err
	case "cluster":
		return devstack.StartShards(ctx, opts, shardCount)
	default:
		return nil, fmt.Errorf("WASPADA_TEST_CLICKHOUSE is %q: set it to cluster, or leave it empty", kind)
	}
}

// OwnClickHouse starts a ClickHouse as that of the shared engine, for this test alone, and ends it with the test. Its
// directory is one of the test's where the options name none.
func OwnClickHouse(t testing.TB, opts devstack.EngineOptions) *devstack.Engine {
	t.Helper()
	return own(t, opts, startClickHouse)
}

// OwnShards is OwnClickHouse, and always a cluster of two shards. It returns the first.
func OwnShards(t testing.TB, opts devstack.EngineOptions) *devstack.Engine {
	t.Helper()
	return own(t, opts, func(ctx context.Context, opts devstack.EngineOptions) ([]*devstack.Engine, error) {
		return devstack.StartShards(ctx, opts, shardCount)
	})
}

func own(
	t testing.TB, opts devstack.EngineOptions,
	start func(context.Context, devstack.EngineOptions) ([]*devstack.Engine, error),
) *devstack.Engine {
	t.Helper()
	requireMain(t)
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	shards, err := start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shards {
		t.Cleanup(s.Kill)
	}
	return shards[0]
}

// Database makes a database of its own for the test on the shared engine, and drops it afterwards. It returns the
// engine's native address and the database's name.
func Database(t testing.TB) (addr, database string) {
	t.Helper()
	engine := ClickHouse(t)
	return engine.Addr(), DatabaseOn(t, engine)
}

// DatabaseOn is Database on an engine of your choice, and on every shard of its cluster.
func DatabaseOn(t testing.TB, engine *devstack.Engine) (database string) {
	t.Helper()
	database = uniqueName(t, "_")
	MakeDatabase(t, engine, database)
	return database
}

// MakeDatabase makes a database of a given name, for a test with an engine of its own: it ends with that.
func MakeDatabase(t testing.TB, engine *devstack.Engine, database string) {
	t.Helper()
	for _, shard := range engine.Shards() {
		if _, err := shard.Query(t.Context(), "CREATE DATABASE "+database+" ENGINE = Atomic"); err != nil {
			t.Fatal(err)
		}
		if engine != sharedOne.Load() {
			continue // all data go with the engine
		}
		t.Cleanup(func() {
			// Best effort: the test may have ended the engine.
			_, _ = shard.Query(context.Background(), "DROP DATABASE IF EXISTS "+database+" SYNC")
		})
	}
}
