package devstack_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// The tests of this file are what the hub relies on from kafka-go together with a broker. They run on the dev stack's
// broker and, by `make test-kafka`, on Apache Kafka.

func produce(t *testing.T, broker, topic string, partition int, messages ...kafka.Message) {
	t.Helper()
	w := &kafka.Writer{
		Addr: kafka.TCP(broker), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition }),
	}
	defer w.Close()
	if err := w.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

func leader(t *testing.T, broker, topic string, partition int) *kafka.Conn {
	t.Helper()
	conn, err := kafka.DialLeader(t.Context(), "tcp", broker, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func joinGroup(t *testing.T, broker, group, topic string) *kafka.ConsumerGroup {
	t.Helper()
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: []string{broker}, Topics: []string{topic}, StartOffset: kafka.FirstOffset,
		HeartbeatInterval: 100 * time.Millisecond, RebalanceTimeout: 2 * time.Second, SessionTimeout: 6 * time.Second,
		JoinGroupBackoff: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// nextGeneration retries: on a fresh cluster, Next returns passing errors such as "Group Coordinator Not Available".
func nextGeneration(ctx context.Context, g *kafka.ConsumerGroup) (*kafka.Generation, error) {
	for {
		gen, err := g.Next(ctx)
		if err == nil || errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
			return gen, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestCommitOfAPastGenerationIsRefused(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 4)
	group := topic + ".group"
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	first := joinGroup(t, broker, group, topic)
	gen1, err := nextGeneration(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(gen1.Assignments[topic]); got != 4 {
		t.Fatalf("alone in its group a member has %d partitions, want 4", got)
	}
	if err := gen1.CommitOffsets(map[string]map[int]int64{topic: {0: 10}}); err != nil {
		t.Fatalf("commit of the current generation: %v", err)
	}

	// The first member is stuck: it does not notice that its generation ends, so the second one gets everything.
	release := make(chan struct{})
	stale := make(chan error, 1)
	gen1.Start(func(context.Context) {
		<-release
		stale <- gen1.CommitOffsets(map[string]map[int]int64{topic: {0: 4}})
	})
	second := joinGroup(t, broker, group, topic)
	gen2, err := nextGeneration(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	for len(gen2.Assignments[topic]) != 4 { // it may have shared with the first until that was evicted
		if gen2, err = nextGeneration(ctx, second); err != nil {
			t.Fatal(err)
		}
	}
	var offset int64 = -1
	for _, a := range gen2.Assignments[topic] {
		if a.ID == 0 {
			offset = a.Offset
		}
	}
	if offset != 10 {
		t.Fatalf("the second member starts partition 0 at %d, want the committed 10", offset)
	}
	close(release)
	if err := <-stale; !errors.Is(err, kafka.IllegalGeneration) && !errors.Is(err, kafka.UnknownMemberId) {
		t.Fatalf("commit of a past generation: %v; want it refused", err)
	}
	if err := gen2.CommitOffsets(map[string]map[int]int64{topic: {0: 11}}); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, broker, group, topic, 0); got != 11 {
		t.Fatalf("committed offset is %d, want 11", got)
	}
}

func committed(t *testing.T, broker, group, topic string, partition int) int64 {
	t.Helper()
	transport := &kafka.Transport{} // not the default one, which keeps connections to a broker that was killed
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(broker), Timeout: 10 * time.Second, Transport: transport}
	resp, err := client.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{
		GroupID: group, Topics: map[string][]int{topic: {partition}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(resp.Error, resp.Topics[topic][0].Error); err != nil {
		t.Fatal(err)
	}
	return resp.Topics[topic][0].CommittedOffset
}

func TestTwoMembersShareThePartitions(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 4)
	group := topic + ".group"
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	shares := make(chan [2]int, 100) // member, partitions
	for member := range 2 {
		g := joinGroup(t, broker, group, topic)
		defer g.Close()
		go func() {
			for {
				gen, err := nextGeneration(ctx, g)
				if err != nil {
					return
				}
				gen.Start(func(ctx context.Context) { <-ctx.Done() })
				shares <- [2]int{member, len(gen.Assignments[topic])}
			}
		}()
	}
	var have [2]int
	for have != [2]int{2, 2} {
		select {
		case share := <-shares:
			have[share[0]] = share[1]
		case <-ctx.Done():
			t.Fatalf("the members have %v partitions, want 2 each", have)
		}
	}
}

func TestOffsetsAreFoundByTime(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 1)
	conn := leader(t, broker, topic, 0)
	var times []time.Time
	for i := range 3 {
		times = append(times, time.Now())
		produce(t, broker, topic, 0, kafka.Message{Value: fmt.Append(nil, i)})
		time.Sleep(5 * time.Millisecond) // the protocol counts in milliseconds
	}
	for want, at := range times {
		if got, err := conn.ReadOffset(at.Truncate(time.Millisecond)); err != nil || got != int64(want) {
			t.Errorf("offset at the time of message %d: %d, %v", want, got, err)
		}
	}
	first, last, err := conn.ReadOffsets()
	if err != nil || first != 0 || last != 3 {
		t.Errorf("first and last offset: %d, %d, %v; want 0, 3", first, last, err)
	}
	// A time after the last message has no offset; the answer must not look like one.
	if got, err := conn.ReadOffset(time.Now().Add(time.Hour)); err != nil || got != -1 {
		t.Errorf("offset in the future: %d, %v; want -1", got, err)
	}
}

func TestLongPollEndsWhenDataArrive(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 1)
	conn := leader(t, broker, topic, 0)
	if _, err := conn.Seek(0, kafka.SeekAbsolute); err != nil {
		t.Fatal(err)
	}
	const wait = 10 * time.Second
	for i := range 5 {
		sent := make(chan time.Time, 1)
		var producer sync.WaitGroup
		producer.Go(func() {
			time.Sleep(100 * time.Millisecond) // the poll below waits by then
			sent <- time.Now()
			produce(t, broker, topic, 0, kafka.Message{Value: fmt.Append(nil, i)})
		})
		conn.SetReadDeadline(time.Now().Add(2 * wait))
		batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: wait})
		m, err := batch.ReadMessage()
		if err != nil || string(m.Value) != fmt.Sprint(i) {
			t.Fatalf("message %d: %q, %v", i, m.Value, err)
		}
		late := time.Since(<-sent)
		if err := batch.Close(); err != nil {
			t.Fatal(err)
		}
		producer.Wait()
		if late > 2*time.Second {
			t.Fatalf("message %d was seen %s after it was sent", i, late)
		}
		t.Logf("message %d seen %s after it was sent", i, late)
	}
}

func TestLongPollWithoutDataEndsAfterItsWait(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 1)
	conn := leader(t, broker, topic, 0)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	start := time.Now()
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 200 * time.Millisecond})
	_, err := batch.ReadMessage()
	took := time.Since(start)
	if err == nil {
		t.Fatal("a message came from an empty topic")
	}
	closeErr := batch.Close()
	if !errors.Is(err, kafka.RequestTimedOut) || !errors.Is(closeErr, kafka.RequestTimedOut) {
		t.Fatalf("empty poll: ReadMessage %v, Close %v; want kafka-go's RequestTimedOut from both", err, closeErr)
	}
	if took < 150*time.Millisecond || took > 3*time.Second {
		t.Fatalf("an empty poll took %s, want about 200 ms", took)
	}
	// The error is about the poll; the connection is good.
	produce(t, broker, topic, 0, kafka.Message{Value: []byte("x")})
	batch = conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 5 * time.Second})
	defer batch.Close()
	if m, err := batch.ReadMessage(); err != nil || string(m.Value) != "x" {
		t.Fatalf("the poll after an empty one: %q, %v", m.Value, err)
	}
}

// See the package comment: even on a LogAppendTime topic kafka-go shows the producer's time.
func TestMessageTimeIsTheProducers(t *testing.T) {
	broker, topic := testkit.Kafka(t), testkit.Topic(t, 1)
	said := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Millisecond)
	produce(t, broker, topic, 0, kafka.Message{Value: []byte("x"), Time: said})
	conn := leader(t, broker, topic, 0)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 5 * time.Second})
	defer batch.Close()
	m, err := batch.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if !m.Time.Equal(said) {
		t.Fatalf("Message.Time is %s, the producer said %s: kafka-go or the broker has changed; the package comment "+
			"and those who read Message.Time must follow", m.Time, said)
	}
}
