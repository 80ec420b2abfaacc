package topic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// held is all that a topic holds, by partition.
func held(t *testing.T, tp *topic.Topic) [][]string {
	t.Helper()
	ends, err := tp.Ends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]string, len(ends))
	for partition, end := range ends {
		r := tp.NewReader(partition, 0)
		defer r.Close()
		for next := int64(0); next < end; {
			got, err := r.Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Messages {
				if m.Unreadable || time.Since(m.Appended).Abs() > time.Minute {
					t.Fatalf("offset %d of partition %d: appended at %s, unreadable: %t", m.Offset, partition, m.Appended, m.Unreadable)
				}
				text := fmt.Sprintf("%x %d bytes %x", m.Key, len(m.Value), m.Value[:min(8, len(m.Value))])
				for _, h := range m.Headers {
					text += fmt.Sprintf(" %s=%s", h.Name, h.Value)
				}
				all[partition] = append(all[partition], text)
			}
			next = got.Next
		}
	}
	return all
}

func TestBulkWritesWhatTheWriterWrites(t *testing.T) {
	var all []topic.Outgoing
	for i := range 30_000 { // more than fit into one batch of each partition
		all = append(all, topic.Outgoing{Key: fmt.Appendf(nil, "%032d", i), Value: bytes.Repeat([]byte{byte(i)}, 80)})
	}
	large := bytes.Repeat([]byte("x"), 900<<10) // and one that is more than a batch by itself
	all = append(all, topic.Outgoing{Key: []byte("large"), Value: large}, topic.Outgoing{Key: []byte{}, Value: []byte{}},
		topic.Outgoing{Key: []byte("h"), Value: []byte("v"), Headers: []topic.Header{{Name: "a", Value: []byte("b")}}})
	cluster := topic.Cluster{Brokers: []string{testkit.Kafka(t)}, ClientID: "test"}
	one, other := cluster.Open(testkit.Topic(t, 3)), cluster.Open(testkit.Topic(t, 3))
	w, bulk := one.NewWriter(quiet), other.NewBulk(quiet)
	defer w.Close()
	defer bulk.Close()
	if err := errors.Join(w.Write(t.Context(), all...), bulk.Write(t.Context(), all...), bulk.Write(t.Context())); err != nil {
		t.Fatal(err)
	}
	want, got := held(t, one), held(t, other)
	if len(slices.Concat(want...)) != len(all) {
		t.Fatalf("the writer wrote %d messages of %d", len(slices.Concat(want...)), len(all))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("they differ (-writer +bulk):\n%.2000s", diff)
	}
	huge := topic.Outgoing{Key: []byte("huge"), Value: bytes.Repeat([]byte("x"), 8<<20)}
	if err := bulk.Write(t.Context(), huge); !errors.Is(err, topic.ErrTooLarge) {
		t.Fatalf("a message that no topic takes: %v", err)
	}
}

func TestBulkGoesOnWhenTheBrokerIsBackAndSaysWhenItIsNot(t *testing.T) {
	dir := t.TempDir()
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{DataDir: dir})
	tp := topic.Cluster{Brokers: []string{broker.Addr()}, ClientID: "test"}.Open(testkit.TopicOn(t, broker.Addr(), 2))
	bulk := tp.NewBulk(quiet)
	defer bulk.Close()
	if err := bulk.Write(t.Context(), numbered(0, 100)...); err != nil {
		t.Fatal(err)
	}
	addr := broker.Addr()
	broker.Close()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := bulk.Write(short, numbered(100, 200)...); !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("without a broker: %v", err)
	}
	written := make(chan error, 1)
	go func() { written <- bulk.Write(t.Context(), numbered(200, 300)...) }()
	again, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, text := range slices.Concat(held(t, tp)...) {
		seen[text] = true
	}
	if len(seen) < 200 {
		t.Fatalf("%d different messages, and 200 were acknowledged", len(seen))
	}
}
