// Package testkit is what the tests of several packages share: the real ClickHouse and the real Kafka protocol, started
// once for a test process, and small tools.
//
//	func TestMain(m *testing.M) { testkit.Main(m) }      first: it starts nothing, and stops what tests started
//
//	addr, database := testkit.Database(t)                a fresh database on the shared engine
//	brokers := testkit.Kafka(t)                          the shared broker, or the one of WASPADA_TEST_KAFKA
//	topic := testkit.Topic(t, 4)                         a fresh topic there
//	engine := testkit.OwnClickHouse(t, …)                an engine that the test may stop, kill and pause
//	dir := testkit.SmallDisk(t, 1<<20)                   a disk that is really full after a mebibyte
//
// A part that is missing fails the test and says how to get it; nothing is skipped.
//
// WASPADA_TEST_KAFKA chooses the shared Kafka of the tests: empty is the dev stack's broker inside the process,
// "apache" starts an Apache Kafka from its jars, "host:port" takes one that runs. With "apache" the tests about Apache
// Kafka itself (OwnApache) run, too, and those that say nothing about Kafka (SameOnAnyKafka) do not.
// WASPADA_TEST_CLICKHOUSE chooses the ClickHouse: empty is one engine, "cluster" two that are the shards of a cluster;
// the engine that a test is given is then the first of its Shards(). WASPADA_TEST_SEED repeats the randomness of a run.
// WASPADA_TEST_LONG runs the long form of the tests that have one. WASPADA_TEST_NO_MOUNT=1 accepts that nothing is
// tested on a full disk where none can be mounted.
package testkit

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// Main runs the tests of a package and then stops the servers that they shared. Call it from TestMain:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	devstack.MaybeRunEngine()
	started.Store(true)
	code := m.Run()
	stopShared()
	os.Exit(code)
}

// started tells that Main runs.
var started atomic.Bool

// shared are the stop functions of what the tests of this process share, in the order of starting.
var shared struct {
	sync.Mutex
	stops []func()
}

// OnExit has Main call stop after the tests, before what was put here earlier.
func OnExit(stop func()) {
	shared.Lock()
	defer shared.Unlock()
	shared.stops = append(shared.stops, stop)
}

func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	for i := len(shared.stops) - 1; i >= 0; i-- {
		shared.stops[i]()
	}
	shared.stops = nil
}

// requireMain fails a test whose package forgot Main: the engine's child process would run the tests again, and what
// the tests share would never be stopped.
func requireMain(t testing.TB) {
	t.Helper()
	if !started.Load() {
		t.Fatal("this package needs: func TestMain(m *testing.M) { testkit.Main(m) }")
	}
}

// uniqueName makes a name of lower-case letters and digits that no other test, process or run uses.
func uniqueName(t testing.TB, separator string) string {
	test := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(t.Name()))
	return fmt.Sprintf("%.40s%s%s", test, separator, strings.ToLower(rand.Text()[:10]))
}
