package topic_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// odd are messages that a careless copy would change.
func odd() []topic.Outgoing {
	return []topic.Outgoing{
		{Key: []byte("k"), Value: []byte("v"), Headers: []topic.Header{{Name: "h", Value: []byte("1")}}},
		{},
		{Key: []byte{}, Value: []byte{}},
		{Value: []byte{0, 0xff, 0xc3, 0x28}, Headers: []topic.Header{
			{Name: "twice", Value: []byte("a")}, {Name: "twice", Value: []byte("b")}, {Name: "", Value: nil},
			{Name: "empty", Value: []byte{}}, {Name: "\xff\x00", Value: []byte{0}},
		}},
		{Key: make([]byte, 300), Value: make([]byte, 200_000)},
	}
}

func outgoing(m topic.Message) topic.Outgoing {
	return topic.Outgoing{Key: m.Key, Value: m.Value, Headers: m.Headers}
}

func TestWhatIsPickedAndPutIsTheSameToTheLastByte(t *testing.T) {
	tp := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(testkit.Topic(t, 3))
	want := odd()
	for round := range 2 {
		first, err := tp.Put(t.Context(), 2, want...)
		if err != nil || first != int64(round*len(want)) {
			t.Fatalf("Put = %d, %v", first, err)
		}
		picker := tp.NewPicker(2)
		defer picker.Close()
		got := make([]topic.Outgoing, len(want))
		for _, i := range []int{3, 0, 4, 1, 2} { // in no order, and twice
			for range 2 {
				m, err := picker.Pick(t.Context(), first+int64(i))
				if err != nil || m.Offset != first+int64(i) {
					t.Fatalf("Pick(%d) = %+v, %v", first+int64(i), m, err)
				}
				got[i] = outgoing(m)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d (-want +got):\n%s", round, diff)
		}
		want = got // the copy of the copy
	}
}

func TestPickTellsWhatIsNotThere(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	name := testkit.TopicOn(t, broker.Addr(), 1)
	tp := topic.Cluster{Brokers: []string{broker.Addr()}}.Open(name)
	if _, err := tp.Put(t.Context(), 0, numbered(0, 10)...); err != nil {
		t.Fatal(err)
	}
	deleteBefore(t, broker.Addr(), name, 4)
	picker := tp.NewPicker(0)
	defer picker.Close()
	for _, offset := range []int64{3, 10, 11} {
		_, err := picker.Pick(t.Context(), offset)
		var outside *topic.RangeError
		if !errors.As(err, &outside) || outside.Range != (topic.Range{First: 4, End: 10}) {
			t.Errorf("Pick(%d) = %v", offset, err)
		}
	}
	if m, err := picker.Pick(t.Context(), 4); err != nil || string(m.Value) != "4" {
		t.Errorf("Pick(4) = %q, %v", m.Value, err)
	}
	broker.Close()
	if _, err := tp.NewPicker(0).Pick(t.Context(), 4); !topic.Passing(err) {
		t.Errorf("Pick from a broker that is gone: %v", err)
	}
}

func TestPutTellsWhatCannotBeKnownFromWhatCannotBe(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	name := testkit.TopicOn(t, broker.Addr(), 1)
	client := &kafka.Client{Addr: kafka.TCP(broker.Addr())}
	smaller := kafka.AlterConfigRequestResource{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: name,
		Configs: []kafka.AlterConfigRequestConfig{{Name: "max.message.bytes", Value: "10000"}},
	}
	if _, err := client.AlterConfigs(t.Context(),
		&kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{smaller}}); err != nil {
		t.Fatal(err)
	}
	tp := topic.Cluster{Brokers: []string{broker.Addr()}}.Open(name)
	if _, err := tp.Put(t.Context(), 0, topic.Outgoing{Value: make([]byte, 20_000)}); !errors.Is(err, topic.ErrTooLarge) {
		t.Errorf("twice what is allowed: %v", err)
	}
	broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := tp.Put(ctx, 0, numbered(0, 1)...); !errors.Is(err, fraud.ErrUnavailable) {
		t.Errorf("a broker that is gone: %v", err)
	}
}

// deleteBefore does to partition 0 what retention does.
func deleteBefore(t *testing.T, broker, name string, offset int64) {
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
		t.Fatal(fmt.Errorf("delete records: %w", err))
	}
}
