package devstack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestBrokerMakesItsTopicsOnce(t *testing.T) {
	dir := t.TempDir()
	start := func(topics map[string]int) *devstack.Broker {
		b, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir, Topics: topics})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := start(devstack.DefaultTopics)
	produce(t, b.Addr(), "waspada.reports.v1", 3, kafka.Message{Value: []byte("kept")})
	b.Close()
	b = start(map[string]int{"waspada.reports.v1": 4, "later": 2})
	defer b.Close()
	if err := b.CreateTopics(t.Context(), map[string]int{"latest": 1}); err != nil {
		t.Fatal(err)
	}
	for topic, partitions := range map[string]int{
		"waspada.reports.v1": 4, "waspada.changes.v1": 4, "waspada.deadletters.v1": 4, "later": 2, "latest": 1,
	} {
		got, err := leader(t, b.Addr(), topic, 0).ReadPartitions(topic)
		if err != nil || len(got) != partitions {
			t.Errorf("%s has %d partitions, %v; want %d", topic, len(got), err, partitions)
		}
	}
	if last, err := leader(t, b.Addr(), "waspada.reports.v1", 3).ReadLastOffset(); err != nil || last != 1 {
		t.Errorf("last offset after the restart: %d, %v; want 1", last, err)
	}
}

func TestBrokerRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	b, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir}); err == nil ||
		!strings.Contains(err.Error(), "in use by another broker") {
		t.Fatalf("second broker: %v; want it refused", err)
	}
	b.Close()
	b, err = devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir})
	if err != nil {
		t.Fatalf("after the first one closed: %v", err)
	}
	b.Close()
}

// TestBrokerSurvivesKill kills the broker's process under a writer and looks for every acknowledged message and for the
// committed offset.
func TestBrokerSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	addr := "127.0.0.1:0"
	acknowledged := 0
	const group = "survivors"
	for round := range 3 {
		victim, at := startVictim(t, "broker", dir, addr)
		addr = at // a restart takes the same port
		if round > 0 {
			if got := committed(t, addr, group, "victim", 0); got != int64(round) {
				t.Fatalf("committed offset after kill %d: %d", round, got)
			}
		}
		g := joinGroup(t, addr, group, "victim")
		gen, err := nextGeneration(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		if err := gen.CommitOffsets(map[string]map[int]int64{"victim": {0: int64(round + 1)}}); err != nil {
			t.Fatal(err)
		}

		w := &kafka.Writer{
			Addr: kafka.TCP(addr), Topic: "victim", RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
			MaxAttempts: 1,
		}
		died := make(chan struct{})
		go func() {
			defer close(died)
			time.Sleep(200 * time.Millisecond)
			_ = victim.Process.Kill()
			_ = victim.Wait()
		}()
		for w.WriteMessages(t.Context(), kafka.Message{Value: fmt.Append(nil, acknowledged)}) == nil {
			acknowledged++
		}
		<-died
		w.Close()
		g.Close()
	}
	_, addr = startVictim(t, "broker", dir, addr)
	seen := make(map[string]bool)
	conn := leader(t, addr, "victim", 0)
	last, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for next := int64(0); next < last; {
		batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
		for {
			m, err := batch.ReadMessage()
			if err != nil {
				break
			}
			if m.Offset != next {
				t.Fatalf("offset %d follows %d", m.Offset, next-1)
			}
			next++
			seen[string(m.Value)] = true
		}
		batch.Close()
	}
	for i := range acknowledged {
		if !seen[fmt.Sprint(i)] {
			t.Fatalf("message %d of %d acknowledged ones is lost", i, acknowledged)
		}
	}
	t.Logf("%d acknowledged, %d kept", acknowledged, last)
	if acknowledged == 0 {
		t.Fatal("nothing was acknowledged, so nothing was proved")
	}
	if got := committed(t, addr, group, "victim", 0); got != 3 {
		t.Fatalf("committed offset is %d, want 3", got)
	}
}

func TestOwnBrokerComesBackOnItsPort(t *testing.T) {
	dir := t.TempDir()
	b := testkit.OwnKafka(t, devstack.BrokerOptions{DataDir: dir, Topics: map[string]int{"t": 1}})
	addr := b.Addr()
	b.Close()
	b = testkit.OwnKafka(t, devstack.BrokerOptions{Addr: addr, DataDir: dir})
	if b.Addr() != addr {
		t.Fatalf("back at %s, want %s", b.Addr(), addr)
	}
	produce(t, addr, "t", 0, kafka.Message{Value: []byte("x")})
}
