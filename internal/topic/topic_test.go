package topic_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var quiet = slog.New(slog.DiscardHandler)

func numbered(from, to int) []topic.Outgoing {
	var all []topic.Outgoing
	for i := from; i < to; i++ {
		text := fmt.Append(nil, i)
		all = append(all, topic.Outgoing{Key: text, Value: text, Headers: []topic.Header{{Name: "n", Value: text}}})
	}
	return all
}

func TestWhatIsWrittenIsReadInTurnAcrossABrokersRestart(t *testing.T) {
	dir := t.TempDir()
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{DataDir: dir})
	name := testkit.TopicOn(t, broker.Addr(), 1)
	tp := topic.Cluster{Brokers: []string{broker.Addr()}, ClientID: "test"}.Open(name)
	w := tp.NewWriter(quiet)
	defer w.Close()
	if err := w.Write(t.Context(), numbered(0, 500)...); err != nil {
		t.Fatal(err)
	}
	r := tp.NewReader(0, 0)
	defer r.Close()
	read := 0
	take := func() error {
		got, err := r.Fetch(t.Context())
		if err != nil {
			if !topic.Passing(err) {
				t.Fatal(err)
			}
			return err
		}
		for _, m := range got.Messages {
			want := fmt.Sprint(read)
			if m.Offset != int64(read) || string(m.Value) != want || string(m.Headers[0].Value) != want {
				t.Fatalf("offset %d holds %q, want %d", m.Offset, m.Value, read)
			}
			read++
		}
		return nil
	}
	reads := func(want int) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() error {
			if err := take(); err != nil || read < want {
				return fmt.Errorf("%d of %d messages: %v", read, want, err)
			}
			return nil
		})
	}
	reads(500)

	addr := broker.Addr()
	broker.Close()
	if err := take(); !topic.Passing(err) {
		t.Fatalf("fetch from a broker that is gone: %v", err)
	}
	written := make(chan error, 1)
	go func() { written <- w.Write(t.Context(), numbered(500, 600)...) }()
	again, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	reads(600)
}

func TestWriteTellsWhenItCannotKnow(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	name := testkit.TopicOn(t, broker.Addr(), 1)
	w := topic.Cluster{Brokers: []string{broker.Addr()}}.Open(name).NewWriter(quiet)
	defer w.Close()
	broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := w.Write(ctx, numbered(0, 1)...)
	if !errors.Is(err, fraud.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Write = %v, want unavailable and the deadline", err)
	}
}

func TestWriteRefusesWhatNoRetryMakesSmaller(t *testing.T) {
	tp := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(testkit.Topic(t, 1))
	w := tp.NewWriter(quiet)
	defer w.Close()
	err := w.Write(t.Context(), topic.Outgoing{Value: make([]byte, 2<<20)})
	if !errors.Is(err, topic.ErrTooLarge) {
		t.Fatalf("Write = %v", err)
	}
}

func TestReaderNeverJumps(t *testing.T) {
	broker := testkit.Kafka(t)
	name := testkit.Topic(t, 1)
	tp := topic.Cluster{Brokers: []string{broker}}.Open(name)
	w := tp.NewWriter(quiet)
	defer w.Close()
	if err := w.Write(t.Context(), numbered(0, 3)...); err != nil {
		t.Fatal(err)
	}
	r := tp.NewReader(0, 7)
	defer r.Close()
	_, err := r.Fetch(t.Context())
	var outside *topic.RangeError
	if !errors.As(err, &outside) || topic.Passing(err) || !strings.Contains(err.Error(), name) {
		t.Fatalf("Fetch = %v", err)
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	r := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(testkit.Topic(t, 1)).NewReader(0, 0)
	defer r.Close()
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Fetch = %v", err)
	}
	if got, err := r.Fetch(t.Context()); err != nil || len(got.Messages) != 0 || got.Next != 0 {
		t.Fatalf("Fetch afterwards = %+v, %v", got, err)
	}
}

func TestOffsetsAtFindsTheFirstNotOlder(t *testing.T) {
	name := testkit.Topic(t, 2)
	tp := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(name)
	begin := time.Now().Add(-time.Second)
	w := &kafka.Writer{Addr: kafka.TCP(testkit.Kafka(t)), Topic: name,
		RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return 1 })}
	defer w.Close()
	for range 3 {
		if err := w.WriteMessages(t.Context(), kafka.Message{Value: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[time.Time]int64{time.Unix(-60, 0): 0, begin: 0, time.Now().Add(time.Hour): 3} {
		got, err := tp.OffsetsAt(t.Context(), at)
		if err != nil || got[0] != 0 || got[1] != want {
			t.Errorf("OffsetsAt(%v) = %v, %v; want %d in partition 1", at, got, err, want)
		}
	}
}

func TestSameTellsAMessageFromAnotherAtItsOffset(t *testing.T) {
	name := testkit.Topic(t, 1)
	tp := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(name)
	w := tp.NewWriter(quiet)
	defer w.Close()
	if err := w.Write(t.Context(), numbered(0, 3)...); err != nil {
		t.Fatal(err)
	}
	known, err := tp.AppendedAt(t.Context(), 0, 2)
	if err != nil || time.Since(known).Abs() > time.Minute {
		t.Fatal(known, err)
	}
	if err := tp.Same(t.Context(), 0, 2, known); err != nil {
		t.Fatal(err)
	}
	err = tp.Same(t.Context(), 0, 2, known.Add(-time.Millisecond))
	var other *topic.OtherMessageError
	if !errors.As(err, &other) || topic.Passing(err) {
		t.Fatalf("Same = %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := tp.AppendedAt(ctx, 0, 3); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a message that is not there: %v", err)
	}
}
