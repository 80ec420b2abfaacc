package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Scenario is one way in which things break.
type Scenario struct {
	// Nodes are the hub's; without any it has one that does everything.
	Nodes []hubtest.NodeOptions
	// Kafka is how a cluster of the scenario's own is set up; without brokers it has the one that all share.
	Kafka devstack.ApacheOptions
	// Engine is how ClickHouse is set up.
	Engine devstack.EngineOptions
	// Skew is by how much the load's clock is ahead of the true time.
	Skew time.Duration
	// Rate is how many events a second are published; 0 means 500.
	Rate int
	// RecoverWithin bounds the time from the end of the fault until every node is ready, everything acknowledged by
	// then is stored, and what is reported after it is acknowledged and shows on every node.
	RecoverWithin time.Duration
	// Fault breaks something and mends it again before it returns.
	Fault func(t *testing.T, r *Rig)
}

// Rig is a hub with the load and the probes on it.
type Rig struct {
	Hub *hubtest.Hub
	// Nodes are the hub's, in the scenario's order.
	Nodes  []*hubtest.Node
	Kafka  *devstack.ApacheCluster
	Engine *devstack.Engine
	// Brokers are the links from every node to each broker; the load has ways of its own.
	Brokers []*Link
	// ClickHouse is the link from every node to it.
	ClickHouse *Link
	Book       *Book
	// Random is the scenario's, for the test's own goroutine.
	Random *rand.Rand

	// auditor has the configuration that audits run with.
	auditor        *hubtest.Node
	load, overHTTP *load
	// other makes what is in no book, for the test's own goroutine.
	other  *load
	probes *probes
}

// For a fault that lasts: how long in the short form and in the long one.
func lasting(short, long time.Duration) time.Duration {
	if testkit.Long() {
		return long
	}
	return short
}

const (
	probeRate       = 100
	contributeEvery = 200 * time.Millisecond
	settleWithin    = 2 * time.Minute
)

// Run plays a scenario, checks the books and adds its row to the table.
func (table *Table) Run(t *testing.T, name string, s Scenario) {
	t.Run(name, func(t *testing.T) { table.add(play(t, name, s)) })
}

func play(t *testing.T, name string, s Scenario) row {
	seed := testkit.Seed(t)
	source := func() *rand.Rand { return rand.New(rand.NewPCG(seed.Uint64(), 0)) }
	r := newRig(t, s, source)
	if s.Rate == 0 {
		s.Rate = 500
	}

	// The load ends when it is told to, and then sees through what it has begun; the probes end with their context.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := make(chan struct{})
	var working, watching sync.WaitGroup
	failed := make([]error, 2)
	working.Go(func() { failed[0] = r.load.run(ctx, stop, s.Rate) })
	working.Go(func() {
		api := r.Hub.Client(t, "bank")
		failed[1] = r.overHTTP.contribute(ctx, stop, api, contributeEvery)
	})
	watching.Go(func() { r.probes.run(ctx, probeRate) })
	watching.Go(func() { r.probes.watchReports(ctx) })
	watching.Go(func() { r.probes.watchWithdrawals(ctx) })
	defer watching.Wait()
	defer cancel()

	time.Sleep(lasting(2*time.Second, 5*time.Second)) // calm, to compare with
	r.probes.enter(during)
	s.Fault(t, r)
	recovery := r.recover(t, s.RecoverWithin)
	r.probes.enter(after)
	time.Sleep(lasting(2*time.Second, 5*time.Second))
	close(stop)
	working.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatalf("the load: %v", err)
	}
	cancel()
	watching.Wait()

	result := r.settle(t)
	result.name, result.recovery, result.recoveryBound = name, recovery, s.RecoverWithin
	return result
}

func newRig(t *testing.T, s Scenario, source func() *rand.Rand) *Rig {
	t.Helper()
	engine := testkit.OwnClickHouse(t, s.Engine)
	clickhouse := NewLink(t, "clickhouse", "127.0.0.1:0", engine.Addr())
	if len(s.Nodes) == 0 {
		s.Nodes = []hubtest.NodeOptions{{}}
	}
	cluster, brokers := newKafka(t, s.Kafka)
	opts := hubtest.Options{
		NotStarted: true,
		Kafka:      topic.Cluster{Brokers: cluster.Addrs()}, Replicas: len(brokers), ViaKafka: addrs(brokers),
		Engine: engine, ViaClickHouse: clickhouse.Addr(),
	}
	if s.Kafka.Secure {
		secure(t, cluster, &opts, s.Nodes)
	}
	opts.NodeOptions = s.Nodes[0]
	hub := hubtest.Start(t, opts)
	r := &Rig{
		Hub: hub, Nodes: []*hubtest.Node{hub.Node}, Kafka: cluster, Brokers: brokers, Engine: engine, ClickHouse: clickhouse,
		Book: newBook(), Random: source(), auditor: hub.Node,
	}
	if s.Kafka.Secure {
		r.auditor = hub.NewNode(t, hubtest.NodeOptions{Settings: asUser(cluster, "operator")})
	}
	for _, opts := range s.Nodes[1:] {
		r.Nodes = append(r.Nodes, hub.NewNode(t, opts))
	}
	for _, n := range r.Nodes {
		n.Launch(t)
	}
	for _, n := range r.Nodes {
		n.WaitReady(t, time.Minute)
	}
	r.awaitAssignment(t)
	r.load = &load{book: r.Book, pub: hub.Publisher(t, "bank-harimau"), epoch: hub.Ring.Epoch(), random: source()}
	r.overHTTP = &load{book: r.Book, epoch: hub.Ring.Epoch(), random: source()}
	r.other = &load{epoch: hub.Ring.Epoch(), random: r.Random}
	r.load.skew, r.overHTTP.skew = s.Skew, s.Skew
	r.probes = newProbes(t, r.Book, r.load, source(), r.answering())
	return r
}

// awaitAssignment waits until every node that takes in reports has partitions: the group is at rest.
func (r *Rig) awaitAssignment(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, time.Minute, func() error {
		for _, n := range r.Nodes {
			if n.Role != "api" && n.Metric(t, "waspada_ingest_partitions_assigned") == 0 {
				return fmt.Errorf("%s has no partition", n.Name)
			}
		}
		return nil
	})
}

// answering are the nodes that answer look-ups.
func (r *Rig) answering() (nodes []*hubtest.Node) {
	for _, n := range r.Nodes {
		if n.Role != "ingest" {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// recover waits until the hub is what it was.
func (r *Rig) recover(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	begin, owed := time.Now(), r.Book.Acknowledged()
	for _, n := range r.Nodes {
		n.WaitReady(t, within)
	}
	testkit.Eventually(t, within, func() error {
		if stored := r.stored(t); stored < owed {
			return fmt.Errorf("%d of %d events stored", stored, owed)
		}
		return nil
	})
	testkit.Eventually(t, within, func() error {
		if newest := r.load.reported.get(); !newest.at.After(begin) {
			return errors.New("nothing is acknowledged")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if !r.probes.followed(ctx, r.load.reported.get().entry, isListed) {
		t.Fatal("a report does not show")
	}
	took := time.Since(begin)
	if took > within {
		t.Errorf("recovered within %s, not within %s", took, within)
	}
	return took
}

// stored is how many events the ledger holds.
func (r *Rig) stored(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(r.Hub.Query(t, "SELECT uniqExact(event_id) FROM events"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settle waits until everything acknowledged is stored and balances the books.
func (r *Rig) settle(t *testing.T) row {
	t.Helper()
	owed := r.Book.Acknowledged()
	testkit.Eventually(t, settleWithin, func() error {
		if stored := r.stored(t); stored < owed {
			return fmt.Errorf("%d of %d events stored", stored, owed)
		}
		return nil
	})
	for _, to := range r.probes.targets {
		r.followAll(t, to)
	}
	stored := map[uuid.UUID]struct{}{}
	for line := range strings.Lines(r.Hub.Query(t, "SELECT DISTINCT event_id FROM events")) {
		stored[uuid.MustParse(strings.TrimSpace(line))] = struct{}{}
	}
	if err := r.auditor.Audit(t, nil); err != nil {
		t.Errorf("audit: %v", err)
	}
	result := row{
		acknowledged: owed, stored: len(stored), lost: r.Book.lost(stored), twice: r.Hub.Counted(t) - len(stored),
		calm: r.probes.tallies[before], faulty: r.probes.tallies[during], healed: r.probes.tallies[after],
		contributionsRefused: int(r.overHTTP.refused.Load()),
	}
	var notes []string
	result.falseNegatives, result.falsePositives, notes = r.Book.findings()
	if result.lost != 0 || result.twice != 0 || result.falseNegatives != 0 || result.falsePositives != 0 {
		t.Errorf("lost %d, counted twice %d, false negatives %d, false positives %d; want none\n%s", result.lost,
			result.twice, result.falseNegatives, result.falsePositives, strings.Join(notes, "\n"))
	}
	return result
}

// followAll compares what a node answers about every indicator with the book. What has just been acknowledged may
// take a moment to show, so a node has some seconds to agree.
func (r *Rig) followAll(t *testing.T, to target) {
	t.Helper()
	digests := r.Book.digests()
	var answers map[indicator.Digest]fraud.Status
	deadline := time.Now().Add(10 * time.Second)
	for {
		screening, err := to.client.LookupDigests(t.Context(), r.Hub.Ring.Epoch(), digests)
		if err != nil {
			t.Fatal(err)
		}
		answers = make(map[indicator.Digest]fraud.Status, len(digests))
		for _, d := range digests {
			answers[d] = fraud.NotListed
		}
		for _, h := range screening.Hits {
			answers[digests[h.Index]] = h.Verdict
		}
		if r.Book.agrees(answers) || time.Now().After(deadline) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.Book.balance(to.node, answers)
}
