package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// TestTwoShardsAnswerAsOne runs the store on two real nodes and Distributed tables. The dev stack's engine has no
// Keeper, so the test applies the cluster's statements to each node itself, with plain engines in place of the
// replicated ones.
func TestTwoShardsAnswerAsOne(t *testing.T) {
	ports := []int{freePort(t), freePort(t)}
	servers := "<remote_servers><both>"
	for _, p := range ports {
		servers += fmt.Sprintf("<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>", p)
	}
	servers += "</both></remote_servers>"
	cfg := store.Config{Database: "sharded", User: "default", Cluster: "both"}
	var nodes []*devstack.Engine
	for _, port := range ports {
		node := testkit.OwnClickHouse(t, devstack.EngineOptions{NativePort: port, Config: servers})
		nodes = append(nodes, node)
		cfg.Addrs = append(cfg.Addrs, node.Addr())
		if _, err := node.Query(t.Context(), "CREATE DATABASE sharded ENGINE = Atomic"); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range store.Statements(t, schemas.ClickHouse(), cfg.Cluster) {
		statement = strings.NewReplacer("ON CLUSTER 'both'", "", "= Replicated", "= ", "currentDatabase()", "'sharded'",
			"EXISTS ", "EXISTS sharded.", " AS ", " AS sharded.").Replace(statement)
		statement = strings.ReplaceAll(statement, "AS sharded.toStartOf", "AS toStartOf")
		for _, node := range nodes {
			if _, err := node.Query(t.Context(), statement); err != nil {
				t.Fatalf("%v\n%s", err, statement)
			}
		}
	}
	w, err := store.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cfg.Addrs[0], cfg.Addrs[1] = cfg.Addrs[1], cfg.Addrs[0] // ask the other node
	r, err := store.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d := &db{w, r, cfg, nodes[0]}
	if err := d.PutPartners(t.Context(), partners); err != nil {
		t.Fatal(err)
	}

	m := maker{testkit.Seed(t)}
	var sent []fraud.Entry
	next := [4]int64{}
	for round := range 8 {
		p := m.IntN(len(next))
		var entries []fraud.Entry
		for range 200 {
			e := m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute))
			if len(sent) > 0 && m.IntN(3) == 0 {
				e = sent[m.IntN(len(sent))] // again, often on the other shard
			}
			entries = append(entries, e)
			sent = append(sent, e)
		}
		seg := messages(int32(p), next[p], entries)
		next[p] = seg.Last + 1
		d.insert(t, seg, seg)
		if round%3 == 1 {
			if err := d.RollUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantSeries(t, d, sent, "on two shards")
	committed := map[int32]int64{}
	for p, n := range next {
		committed[int32(p)] = n
	}
	wantClean(t, d, committed)
	stored, err := d.StoredOffsets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for p, n := range next {
		if n > 0 && stored[int32(p)].Next != n {
			t.Errorf("partition %d: want %d, got %+v", p, n, stored[int32(p)])
		}
	}
	last := sent[len(sent)-1]
	if _, found, err := d.Event(t.Context(), last.Partner, last.Event.ID); err != nil || !found {
		t.Fatal(found, err)
	}
	for i, node := range nodes {
		n, err := node.Query(t.Context(), "SELECT count() > 0 FROM sharded.opinions_local")
		if err != nil || n != "1\n" {
			t.Errorf("shard %d holds no opinions: %q %v", i, n, err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := devstack.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
