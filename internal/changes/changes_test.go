package changes_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const patience = time.Minute

var quiet = slog.New(slog.DiscardHandler)

func setUp(t *testing.T, partitions int) (topic.Cluster, string, *changes.Log, *changes.Tail) {
	t.Helper()
	cluster, name := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}, testkit.Topic(t, partitions)
	log := changes.NewLog(cluster, name, quiet)
	t.Cleanup(func() { log.Close() })
	return cluster, name, log, changes.NewTail(cluster, name, prometheus.NewRegistry(), quiet)
}

func opinion(n byte) fraud.Opinion {
	return fraud.Opinion{Digest: indicator.Digest{n, 1}, Partner: 3, Type: indicator.Phone, Grade: indicator.Exact,
		Stance: fraud.Listed, Version: fraud.Version(n) + 1, Confidence: 70}
}

func TestTailGivesWhatWasAppended(t *testing.T) {
	_, _, log, tail := setUp(t, 3)
	var want []fraud.Opinion
	for n := range byte(200) {
		want = append(want, opinion(n))
	}
	if err := log.Append(t.Context(), want[:100]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []fraud.Opinion
	next := map[int]int64{}
	appended := make(chan error, 1)
	err := tail.Run(ctx, nil, func(partition int, n int64, opinions []fraud.Opinion, asOf time.Time) {
		if n != next[partition]+int64(len(opinions)) {
			t.Errorf("partition %d: %d opinions lead from %d to %d", partition, len(opinions), next[partition], n)
		}
		next[partition] = n
		got = append(got, opinions...)
		if len(got) == 100 && len(opinions) > 0 {
			go func() { appended <- log.Append(ctx, want[100:]) }()
		}
		if len(got) == len(want) {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-appended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b fraud.Opinion) int { return int(a.Version) - int(b.Version) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestTailBeatsWhileNothingChanges(t *testing.T) {
	_, _, _, tail := setUp(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := time.Now()
	beats, last := map[int]int{}, map[int]time.Time{}
	from := map[int]int64{0: 0, 1: 0}
	err := tail.Run(ctx, from, func(partition int, next int64, opinions []fraud.Opinion, asOf time.Time) {
		if next != 0 || len(opinions) != 0 || asOf.Before(begun) || !asOf.After(last[partition]) {
			t.Errorf("partition %d: next %d, %d opinions, as of %v", partition, next, len(opinions), asOf)
		}
		last[partition] = asOf
		if beats[partition]++; beats[0] >= 3 && beats[1] >= 3 {
			cancel()
		}
	})
	if err != nil || beats[0] < 3 || beats[1] < 3 {
		t.Fatalf("Run = %v, beats %v", err, beats)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Fatalf("three beats took %s", took)
	}
}

func TestTailSaysWhenTheLogLacksWhatComesNext(t *testing.T) {
	_, _, _, tail := setUp(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := tail.Run(ctx, map[int]int64{0: 9}, func(int, int64, []fraud.Opinion, time.Time) { t.Error("applied") })
	var outside *topic.RangeError
	if !errors.As(err, &outside) {
		t.Fatalf("Run = %v", err)
	}
}

func TestUnreadableChangeDoesNotStopTheTail(t *testing.T) {
	cluster, name, log, tail := setUp(t, 1)
	w := cluster.Open(name).NewWriter(quiet)
	defer w.Close()
	if err := w.Write(t.Context(), topic.Outgoing{Key: []byte("x"), Value: []byte("from the future")}); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), []fraud.Opinion{opinion(1)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []fraud.Opinion
	if err := tail.Run(ctx, nil, func(_ int, next int64, opinions []fraud.Opinion, _ time.Time) {
		if got = append(got, opinions...); next == 2 {
			cancel()
		}
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fraud.Opinion{opinion(1)}, got); diff != "" {
		t.Fatal(diff)
	}
}
