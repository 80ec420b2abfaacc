package audit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waspada-hub/waspada/internal/audit"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// ledger holds every message of partition 0 from first on, by its append time.
type ledger struct {
	first    int64
	appended []time.Time
	err      error
}

func (l *ledger) next() int64 { return l.first + int64(len(l.appended)) }

func (l *ledger) Audit(_ context.Context, committed map[int32]int64) (store.AuditReport, error) {
	p := store.PartitionAudit{First: l.first, Next: l.next(), Stored: l.next(), Committed: -1}
	if next, ok := committed[0]; ok {
		p.Committed = next
	}
	return store.AuditReport{OK: true, Partitions: []store.PartitionAudit{p}}, l.err
}

func (l *ledger) AppendTime(_ context.Context, partition int32, offset int64) (time.Time, bool, error) {
	if partition != 0 || offset < l.first || offset >= l.next() {
		return time.Time{}, false, nil
	}
	return l.appended[offset-l.first], true, nil
}

// reports is a topic of two partitions, of which the first holds five messages, and the ledger that holds them too.
func reports(t *testing.T, broker string) (*topic.Topic, *ledger) {
	t.Helper()
	tp := topic.Cluster{Brokers: []string{broker}, ClientID: "audit"}.Open(testkit.TopicOn(t, broker, 2))
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := &ledger{}
	for i := range 5 {
		r := kgo.Record{Topic: tp.Name, Value: fmt.Append(nil, i)}
		if err := client.ProduceSync(t.Context(), &r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		at, err := tp.AppendedAt(t.Context(), 0, int64(i))
		if err != nil {
			t.Fatal(err)
		}
		l.appended = append(l.appended, at)
	}
	return tp, l
}

// retain deletes what stands before an offset of partition 0.
func retain(t *testing.T, broker, name string, offset int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = 5_000
	request.Topics = []kmsg.DeleteRecordsRequestTopic{{
		Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: offset}},
	}}
	if _, err := request.RequestWith(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

func committed(offsets map[int32]int64) func(context.Context) (map[int32]int64, error) {
	return func(context.Context) (map[int32]int64, error) { return maps.Clone(offsets), nil }
}

func TestOracleProvesAHealthyHub(t *testing.T) {
	tp, l := reports(t, testkit.Kafka(t))
	l.appended = l.appended[:4] // the last one is on its way
	r, err := audit.NewOracle(l, tp, committed(map[int32]int64{0: 4})).Run(t.Context())
	if err != nil || !r.OK || !r.Complete {
		t.Fatalf("%v\n%s", err, strings.Join(r.Lines(), "\n"))
	}
	want := &audit.KafkaReport{Partitions: 2, Messages: 5, Waiting: 1, Compared: 2}
	if diff := cmp.Diff(want, r.Kafka); diff != "" {
		t.Error(diff)
	}
}

func TestOracleFindsWhatOnlyKafkaCanTell(t *testing.T) {
	other := func(l *ledger, i int) { l.appended[i] = l.appended[i].Add(-time.Hour) }
	for name, c := range map[string]struct {
		plant func(l *ledger) (retained int64)
		kind  string
		count uint64
		text  string
	}{
		"another topic of the same length": {func(l *ledger) int64 { other(l, 4); return 0 },
			audit.OtherTopic, 1, "offset 4 was appended at"},
		"another topic that has outgrown the ledger": {func(l *ledger) int64 {
			other(l, 0)
			l.appended = l.appended[:1]
			return 0
		}, audit.OtherTopic, 1, "offset 0 was appended at"},
		"another topic from the middle on, which retention shows": {func(l *ledger) int64 { other(l, 2); return 2 },
			audit.OtherTopic, 1, "offset 2 was appended at"},
		"a topic shorter than the ledger": {func(l *ledger) int64 {
			l.appended = append(l.appended, time.Now(), time.Now())
			return 0
		}, audit.OtherTopic, 2, "Kafka has only messages before 5, and those before 7"},
		"deleted before it was stored": {func(l *ledger) int64 { l.appended = l.appended[:1]; return 3 },
			audit.DeletedUnstored, 2, "Kafka has deleted the messages 1-2"},
		"a ledger that lacks its beginning": {func(l *ledger) int64 {
			l.first, l.appended = 3, l.appended[3:]
			return 0
		}, store.MissingMessages, 3, "Kafka holds the messages 0-2"},
	} {
		t.Run(name, func(t *testing.T) {
			broker := testkit.OwnKafka(t, devstack.BrokerOptions{}).Addr()
			tp, l := reports(t, broker)
			if first := c.plant(l); first > 0 {
				retain(t, broker, tp.Name, first)
			}
			r, err := audit.NewOracle(l, tp, committed(nil)).Run(t.Context())
			if err != nil || r.OK || !r.Complete || len(r.Findings) != 1 {
				t.Fatalf("%v\n%s", err, strings.Join(r.Lines(), "\n"))
			}
			got := r.Findings[0]
			if got.Kind != c.kind || got.Count != c.count || !strings.Contains(got.Text, c.text) {
				t.Errorf("found %+v", got)
			}
		})
	}
}

func TestWithoutKafkaTheOracleSaysWhatItCannotProve(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	tp, l := reports(t, broker.Addr())
	broker.Close()
	asked := 0
	o := audit.NewOracle(l, tp, func(context.Context) (map[int32]int64, error) {
		asked++
		return nil, fmt.Errorf("%w: Kafka is away", fraud.ErrUnavailable)
	})
	o.Hurry(200 * time.Millisecond)
	r, err := o.Run(t.Context())
	if err != nil || asked < 2 {
		t.Fatalf("asked %d times, %v", asked, err)
	}
	text := strings.Join(r.Lines(), "\n")
	if !r.OK || r.Complete || len(r.Unchecked) != 2 || !strings.Contains(text, "NOT PROVEN") ||
		!strings.Contains(text, "UNCHECKED: whether everything that the consumer group has committed is stored: ") {
		t.Errorf("%s", text)
	}
	l.err = errors.New("ClickHouse is away")
	_, err = audit.NewOracle(l, tp, committed(nil)).Run(t.Context())
	if !errors.Is(err, l.err) {
		t.Errorf("without the ledger: %v", err)
	}
}
