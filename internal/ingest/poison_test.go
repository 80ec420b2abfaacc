package ingest_test

import (
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// TestPoisonBecomesDeadLettersAndNothingElseIsLost mixes one bad message or event in a hundred into good ones.
func TestPoisonBecomesDeadLettersAndNothingElseIsLost(t *testing.T) {
	random := testkit.Seed(t)
	h := newHub(t, 2)
	hotline := h.ring.Digest(indicator.Phone, "+60312345678")
	h.protected = fraud.Protect(hotline)

	event := func(change func(*fraud.Event)) func() kafka.Message {
		return func() kafka.Message {
			e := h.report(random.Int())
			change(&e)
			return h.seal(e)
		}
	}
	// text seals a bundle and signs what edit makes of its JSON.
	text := func(edit func(string) string) func() kafka.Message {
		return func() kafka.Message { return h.sealText(edit) }
	}
	poisons := []struct {
		name   string
		reason fraud.Reason
		make   func() kafka.Message
	}{
		{"random bytes", fraud.ReasonHeaders, func() kafka.Message { return kafka.Message{Value: noise(random)} }},
		{"nothing at all", fraud.ReasonHeaders, func() kafka.Message { return kafka.Message{} }},
		{"a changed byte", fraud.ReasonSignature, func() kafka.Message {
			m := h.seal(h.report(random.Int()))
			m.Value[len(m.Value)/2] ^= 1
			return m
		}},
		{"an unknown field", fraud.ReasonSchema, text(func(s string) string {
			return strings.Replace(s, `"event_id"`, `"name":"x","event_id"`, 1)
		})},
		{"a key that stands twice", fraud.ReasonMalformed, text(func(s string) string {
			return strings.Replace(s, `"kind":"report"`, `"kind":"report","kind":"report"`, 1)
		})},
		{"bytes after the value", fraud.ReasonMalformed, text(func(s string) string { return s + "{}" })},
		{"an epoch that the hub does not have", fraud.ReasonEpoch, event(func(e *fraud.Event) { e.Indicator.Epoch = 9 })},
		{"a plain hash", fraud.ReasonNotKeyed, event(func(e *fraud.Event) {
			e.Indicator.Epoch, e.Indicator.Digest = 0, sha256.Sum256([]byte("+60123456789"))
		})},
		{"a date in the future", fraud.ReasonFuture, event(func(e *fraud.Event) { e.IssuedAt = e.IssuedAt.Add(time.Hour) })},
		{"an old date", fraud.ReasonTooOld, event(func(e *fraud.Event) { e.IssuedAt = e.IssuedAt.AddDate(0, 0, -8) })},
		{"more than a mebibyte", fraud.ReasonTooLarge, func() kafka.Message {
			return kafka.Message{Value: make([]byte, wire.MaxBytes+1)}
		}},
		{"a category that does not exist", fraud.ReasonUnknownTerm, event(func(e *fraud.Event) { e.Category = "x" })},
		{"a region that does not exist", fraud.ReasonUnknownTerm, event(func(e *fraud.Event) { e.Region = "x" })},
		{"a protected number", fraud.ReasonProtected, event(func(e *fraud.Event) {
			e.Indicator.Type, e.Indicator.Digest = indicator.Phone, hotline
		})},
		{"a clear by somebody else than the holder", fraud.ReasonNotEntitled, event(func(e *fraud.Event) {
			e.Kind, e.Confidence, e.Indicator.Type = fraud.Clear, 0, indicator.Phone
		})},
	}
	want := map[fraud.Reason]int{}
	var good []fraud.Event
	for range 4 {
		for i := range random.Perm(len(poisons)) {
			p := &poisons[i]
			h.send(p.make())
			want[p.reason]++
			batch := h.reports(100)
			for i := range batch {
				batch[i].Indicator.Digest = h.ring.Digest(indicator.BankAccount, batch[i].ID.String())
			}
			// One bad event among good ones of the same bundle goes alone.
			mixed := h.report(random.Int())
			mixed.Category = "unheard-of"
			h.publish(append(append(append([]fraud.Event{}, batch[:50]...), mixed), batch[50:]...)...)
			want[fraud.ReasonUnknownTerm]++
			good = append(good, batch...)
		}
	}
	h.start()
	h.allCommitted()
	if diff := cmp.Diff(want, h.ledger.refused()); diff != "" {
		t.Error(diff)
	}
	h.hasAll(good)
	h.deadLettersPointTo(want)
}

// deadLettersPointTo checks that the dead-letter topic has one pointer for each dead letter.
func (h *hub) deadLettersPointTo(want map[fraud.Reason]int) {
	h.t.Helper()
	letters := h.cluster.Open(h.cfg.DeadLetters)
	ends, err := letters.Ends(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	got := map[fraud.Reason]int{}
	for partition, end := range ends {
		reader := letters.NewReader(partition, 0)
		defer reader.Close()
		for next := int64(0); next < end; {
			fetched, err := reader.Fetch(h.t.Context())
			if err != nil {
				h.t.Fatal(err)
			}
			for _, m := range fetched.Messages {
				var p struct{ Reason fraud.Reason }
				if err := json.Unmarshal(m.Value, &p); err != nil {
					h.t.Fatal(err)
				}
				got[p.Reason]++
			}
			next = fetched.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Error(diff)
	}
}

// A batch that cannot be unpacked must not block its partition: each of its offsets becomes a dead letter.
func TestBatchThatUnpacksToTooMuchIsRefused(t *testing.T) {
	h := newHub(t, 1)
	h.publish(h.report(1))
	client, err := kgo.NewClient(kgo.SeedBrokers(h.cluster.Brokers...),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(1<<30), kgo.BrokerMaxWriteBytes(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	bomb := &kgo.Record{Topic: h.cfg.Topic, Value: make([]byte, 65<<20)}
	if err := client.ProduceSync(t.Context(), bomb).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h.publish(h.report(2))
	h.start()
	h.allCommitted()
	if diff := cmp.Diff(map[fraud.Reason]int{fraud.ReasonMalformed: 1}, h.ledger.refused()); diff != "" {
		t.Fatal(diff)
	}
	if n := len(h.ledger.ids()); n != 2 {
		t.Fatalf("%d events stored, want the 2 good ones", n)
	}
}

func noise(random *rand.Rand) []byte {
	b := make([]byte, 1+random.IntN(300))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// deleteBefore does what retention does.
func deleteBefore(t *testing.T, broker, name string, partition int32, offset int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = 5_000
	request.Topics = []kmsg.DeleteRecordsRequestTopic{{
		Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}},
	}}
	if _, err := request.RequestWith(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	r, err := (topic.Cluster{Brokers: []string{broker}}).Open(name).Ranges(t.Context())
	if err != nil || r[int(partition)].First != offset {
		t.Fatalf("ranges %v (%v)", r, err)
	}
}
