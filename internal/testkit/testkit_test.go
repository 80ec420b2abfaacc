package testkit_test

import (
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestDatabasesAreSeparate(t *testing.T) {
	engine := testkit.ClickHouse(t)
	addr, first := testkit.Database(t)
	_, second := testkit.Database(t)
	if first == second {
		t.Fatalf("both databases are %q", first)
	}
	for _, database := range []string{first, second} {
		statement := "CREATE TABLE " + database + ".t (x UInt8) ENGINE = MergeTree ORDER BY x"
		if _, err := engine.Query(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestTopicTakesMessagesAtOnce(t *testing.T) {
	topic := testkit.Topic(t, 3)
	w := &kafka.Writer{
		Addr: kafka.TCP(testkit.Kafka(t)), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
	}
	defer w.Close()
	for range 10 {
		if err := w.WriteMessages(t.Context(), kafka.Message{Value: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSeedRepeatsARun(t *testing.T) {
	t.Setenv("WASPADA_TEST_SEED", "7")
	if a, b := testkit.Seed(t).Uint64(), testkit.Seed(t).Uint64(); a != b {
		t.Fatalf("the same seed gave %d and %d", a, b)
	}
}
