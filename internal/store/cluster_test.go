package store_test

import (
	"context"
	"errors"
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

// `make test-cluster` runs all tests of this package on two shards; those of this file always do.

// through opens the database through one shard's engine first.
func (d *db) through(t *testing.T, engine *devstack.Engine) *db {
	t.Helper()
	cfg := d.Config
	cfg.Addrs = engine.Addrs()
	w, err := store.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := store.NewAnalyst(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close(); a.Close() })
	return &db{w, r, a, cfg, engine}
}

// TestTwoShardsAnswerAsOne writes by one shard and reads by the other what was delivered twice. Some events are sent
// again on another Kafka partition, so that they lie on both, and of some digests several partners speak.
func TestTwoShardsAnswerAsOne(t *testing.T) {
	d := newDBOn(t, testkit.OwnShards(t, devstack.EngineOptions{}))
	shards := d.engine.Shards()
	other := d.through(t, shards[1])
	d.Reader, d.Analyst = other.Reader, other.Analyst
	m := maker{testkit.Seed(t)}
	var sent []fraud.Entry
	next := [4]int64{}
	for round := range 8 {
		p := m.IntN(len(next))
		var entries []fraud.Entry
		for range 100 {
			e := m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute))
			if len(sent) > 0 {
				switch earlier := sent[m.IntN(len(sent))]; m.IntN(3) {
				case 0:
					e = earlier
				case 1:
					e.Event.Indicator = earlier.Event.Indicator
					speak(&e)
				}
			}
			entries = append(entries, e)
			sent = append(sent, e)
		}
		seg := messages(int32(p), next[p], entries)
		next[p] = seg.Last + 1
		d.insert(t, seg, seg)
		if round%3 == 1 {
			err := errors.Join(d.RollUp(t.Context()), d.RollUpDays(t.Context()), d.CountIndicators(t.Context()), d.RollUpBoards(t.Context(), active()))
			if err != nil {
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
		if stored[int32(p)].Next != n {
			t.Errorf("partition %d: want %d, got %+v", p, n, stored[int32(p)])
		}
	}
	last := sent[len(sent)-1]
	if _, found, err := d.Event(t.Context(), last.Partner, last.Event.ID); err != nil || !found {
		t.Fatal(found, err)
	}
	// What replaces each other lies on one shard, and yet not everything on the same.
	for table, key := range map[string]string{
		"events":                  "kafka_partition, kafka_offset, bundle_index",
		"stored_ranges":           "kafka_partition",
		"opinions":                "digest",
		"trend_cells":             "hour, type, category, kind, partner, audience",
		"trend_days":              "dimension, day, key, kind, partner, audience",
		"board_words":             "digest",
		"board_indicators":        "digest",
		"board_said":              "hour, partner",
		"trend_sums":              "grain, dimension, partner, at, key, kind, audience",
		"trend_distinct_sketches": "grain, dimension, partner, at, key, audience",
		"trend_distinct_counts":   "grain, dimension, at, key",
	} {
		split := d.query(t, fmt.Sprintf("SELECT count() FROM (SELECT 1 FROM %s.%s GROUP BY %s "+
			"HAVING uniqExact(_shard_num) > 1)", d.Database, table, key))
		shards := d.query(t, fmt.Sprintf("SELECT uniqExact(_shard_num) FROM %s.%s", d.Database, table))
		if split != "0\n" || shards != "2\n" {
			t.Errorf("%s: %s of its keys lie on both shards, its rows on %s", table, split, shards)
		}
	}
}

// TestOneShardDownIsSaidAndNothingIsLost takes each shard away in turn. By the servers' own settings a read would leave
// out a missing shard in silence.
func TestOneShardDownIsSaidAndNothingIsLost(t *testing.T) {
	d := newDBOn(t, testkit.OwnShards(t, devstack.EngineOptions{
		Settings: map[string]string{"skip_unavailable_shards": "1"},
	}))
	m := maker{testkit.Seed(t)}
	var sent []fraud.Entry
	next := [2]int64{} // Kafka partitions: one is on the first shard, one on the second
	segment := func(p int) fraud.Segment {
		var entries []fraud.Entry
		for range 50 {
			entries = append(entries, m.entry(noon.Add(-time.Duration(m.IntN(600))*time.Minute)))
		}
		seg := messages(int32(p), next[p], entries)
		next[p], sent = seg.Last+1, append(sent, entries...)
		return seg
	}
	for p := range next {
		d.insert(t, segment(p))
	}
	for i, gone := range d.engine.Shards() {
		gone.Kill()
		testkit.Eventually(t, 10*time.Second, func() error { return d.Writer.Ping(t.Context()) }) // by the other one
		testkit.Eventually(t, 10*time.Second, func() error { return d.Reader.Ping(t.Context()) })
		began := time.Now()
		var waiting []fraud.Segment
		for p := range next {
			waiting = append(waiting, segment(p))
		}
		question := fraud.SeriesQuestion{
			Metric: fraud.EventCount, By: fraud.ByType, Bucket: fraud.Hourly, From: noon.Add(-time.Hour), To: noon,
		}
		for name, call := range map[string]func() error{
			"insert by partition 0": func() error { return d.Insert(t.Context(), waiting[0]) },
			"insert by partition 1": func() error { return d.Insert(t.Context(), waiting[1]) },
			"offset of partition 0": func() error { _, err := d.StoredOffset(t.Context(), 0); return err },
			"offset of partition 1": func() error { _, err := d.StoredOffset(t.Context(), 1); return err },
			"offsets":               func() error { _, err := d.StoredOffsets(t.Context()); return err },
			"series":                func() error { _, err := d.Series(t.Context(), question); return err },
			"roll up":               func() error { return d.RollUp(t.Context()) },
			"audit":                 func() error { _, err := d.Audit(t.Context(), nil); return err },
			"event": func() error {
				_, _, err := d.Event(t.Context(), 0, sent[0].Event.ID)
				return err
			},
			"migrate": func() error {
				return store.Migrate(t.Context(), d.Config, schemas.ClickHouse(), quiet)
			},
			"opinions": func() error {
				return d.Opinions(t.Context(), func([]fraud.Opinion) error { return nil })
			},
		} {
			if err := call(); !errors.Is(err, fraud.ErrUnavailable) {
				t.Errorf("without shard %d, %s: %v", i+1, name, err)
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("without shard %d it took %s to notice", i+1, took)
		}
		if err := gone.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, seg := range waiting {
			testkit.Eventually(t, 20*time.Second, func() error { return d.Insert(t.Context(), seg) })
		}
		wantSeries(t, d, sent, fmt.Sprintf("after shard %d has come back", i+1))
		wantClean(t, d, map[int32]int64{0: next[0], 1: next[1]})
	}
}

// TestAShardThatHangsIsSaidAndLeavesNothingBehind freezes a shard: connections to it open, and nothing answers.
func TestAShardThatHangsIsSaidAndLeavesNothingBehind(t *testing.T) {
	d := newDBOn(t, testkit.OwnShards(t, devstack.EngineOptions{}))
	m := maker{testkit.Seed(t)}
	entries := make([]fraud.Entry, 100)
	for i := range entries {
		entries[i] = m.entry(noon)
	}
	d.insert(t, messages(0, 0, entries[:50]), messages(1, 0, entries[50:]))
	hung := d.engine.Shards()[1]
	if err := hung.Pause(); err != nil {
		t.Fatal(err)
	}
	// A question gives up by itself, after seconds; what takes longer for that is cut short by the short form.
	briefly := func(call func(context.Context) error) error {
		ctx, cancel := t.Context(), func() {}
		if !testkit.Long() {
			ctx, cancel = context.WithTimeout(ctx, 2*time.Second)
		}
		defer cancel()
		return call(ctx)
	}
	for what, call := range map[string]func() error{
		"event": func() error { _, _, err := d.Event(t.Context(), 1, entries[0].Event.ID); return err },
		"insert": func() error {
			return briefly(func(ctx context.Context) error { return d.Insert(ctx, messages(0, 50, entries)) })
		},
		"offsets": func() error {
			return briefly(func(ctx context.Context) error { _, err := d.StoredOffsets(ctx); return err })
		},
	} {
		if err := call(); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if testkit.Long() {
		// The server gives up what its client has given up.
		testkit.Eventually(t, 20*time.Second, func() error {
			if left := d.query(t, "SELECT query FROM system.processes WHERE query LIKE 'INSERT%'"); left != "" {
				return fmt.Errorf("still running: %s", left)
			}
			return nil
		})
	}
	if err := hung.Resume(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error { return d.Insert(t.Context(), messages(0, 50, entries)) })
	wantClean(t, d, map[int32]int64{0: 150, 1: 50})
	wantSeries(t, d, entries, "after the shard answers again")
}

func TestAStreamFromAShardThatBreaksOffIsAnError(t *testing.T) {
	d := newDBOn(t, testkit.OwnShards(t, devstack.EngineOptions{}))
	d.manyOpinions(t)
	err := d.Opinions(t.Context(), func([]fraud.Opinion) error {
		d.engine.Shards()[1].Kill()
		return nil
	})
	if !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}

// TestMigrateRefusesAnotherLayout holds it to one layout for a database, and to shards of one replica without Keeper.
func TestMigrateRefusesAnotherLayout(t *testing.T) {
	// One server, which knows itself as a cluster.
	port, err := devstack.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	replica := func(port int) string {
		return fmt.Sprintf("<replica><host>127.0.0.1</host><port>%d</port></replica>", port)
	}
	engine, err := devstack.StartEngine(t.Context(), devstack.EngineOptions{
		Dir: t.TempDir(), NativePort: port,
		Config: "<remote_servers><alone><shard>" + replica(port) + "</shard></alone>" +
			"<pair><shard>" + replica(port) + replica(1) + "</shard></pair></remote_servers>",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Kill)
	plain, alone := configOn(t, engine), configOn(t, engine)
	alone.Cluster = "alone"
	for _, cfg := range []store.Config{plain, alone} {
		if err := store.Migrate(t.Context(), cfg, schemas.ClickHouse(), quiet); err != nil {
			t.Fatal(err)
		}
	}
	as := func(cfg store.Config, cluster string, keeper bool) store.Config {
		cfg.Cluster, cfg.Keeper = cluster, keeper
		return cfg
	}
	for name, c := range map[string]struct {
		cfg  store.Config
		want string
	}{
		"one server's, on a cluster":  {as(plain, "alone", false), "was made for one server"},
		"one server's, with Keeper":   {as(plain, "alone", true), "was made for one server"},
		"a cluster's, on one server":  {as(alone, "", false), "was made for a cluster without Keeper"},
		"a cluster's, with Keeper":    {as(alone, "alone", true), "was made for a cluster without Keeper"},
		"a cluster that nobody knows": {as(alone, "elsewhere", false), "knows no cluster elsewhere"},
		"replicas without Keeper":     {as(alone, "pair", false), "shard 1 of cluster pair has several replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			err := store.Migrate(t.Context(), c.cfg, schemas.ClickHouse(), quiet)
			if err == nil || errors.Is(err, fraud.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want %q, got %v", c.want, err)
			}
		})
	}
}

// TestAShardThatWasAddedGetsItsTables drops the database of one shard, as on a new machine.
func TestAShardThatWasAddedGetsItsTables(t *testing.T) {
	d := newDBOn(t, testkit.OwnShards(t, devstack.EngineOptions{}))
	added := d.engine.Shards()[1]
	if _, err := added.Query(t.Context(), "DROP DATABASE "+d.Database+" SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context(), d.Config, schemas.ClickHouse(), quiet); err != nil {
		t.Fatal(err)
	}
	d.insert(t, messages(1, 0, []fraud.Entry{maker{testkit.Seed(t)}.entry(noon)}))
	wantClean(t, d, map[int32]int64{1: 1})
}
