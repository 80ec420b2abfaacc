package faults

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func TestNothingIsLostWhateverPartnersSend(t *testing.T) {
	table.Run(t, "poison, one message in a hundred and 10 MB ones", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.takeLarge(t, 16<<20)
			// Raw, because no publisher of ours would send these.
			raw := &kafka.Writer{
				Addr: kafka.TCP(r.Hub.Kafka.Brokers...), Topic: r.Hub.Topics.Reports, RequiredAcks: kafka.RequireAll,
				BatchBytes: 16 << 20, BatchTimeout: time.Millisecond,
			}
			defer raw.Close()
			sent := 0
			every := time.NewTicker(lasting(40*time.Millisecond, 400*time.Millisecond))
			defer every.Stop()
			for end := time.Now().Add(lasting(3*time.Second, time.Minute)); time.Now().Before(end); <-every.C {
				m := r.poison(t, sent)
				if err := raw.WriteMessages(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				sent++
			}
			testkit.Eventually(t, 20*time.Second, func() error {
				if got := r.Hub.Query(t, "SELECT uniqExact(kafka_partition, kafka_offset) FROM dead_letters"); got != fmt.Sprint(sent) {
					return fmt.Errorf("%s dead letters for %d poisonous messages", got, sent)
				}
				return nil
			})
			t.Logf("%d poisonous messages: %s", sent,
				r.Hub.Query(t, "SELECT groupArray((reason, n)) FROM (SELECT reason, count() AS n FROM dead_letters FINAL GROUP BY reason)"))
		},
	})
	table.Run(t, "partner's clock an hour behind", Scenario{
		Skew: -time.Hour, RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) { time.Sleep(lasting(2*time.Second, 20*time.Second)) },
	})
	table.Run(t, "another partner's clock an hour ahead", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			const bundles = 20
			for range bundles {
				e := r.other.event(fraud.Report, r.other.fresh())
				e.IssuedAt = e.IssuedAt.Add(time.Hour)
				r.Hub.Publish(t, "telco-rebana", e)
			}
			testkit.Eventually(t, 20*time.Second, func() error {
				const refused = "SELECT uniqExact(event_id) FROM dead_letters WHERE reason = 'issued_in_future'"
				if got := r.Hub.Query(t, refused); got != fmt.Sprint(bundles) {
					return fmt.Errorf("%s of %d events from the future refused", got, bundles)
				}
				return nil
			})
		},
	})
	table.Run(t, "everything delivered three times, cut at random", Scenario{
		Nodes: apart(), RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range 2 {
				r.Nodes[1].Stop(t)
				r.rewind(t)
				r.Nodes[1].Restart(t)
			}
			testkit.Eventually(t, 30*time.Second, func() error {
				if rows, events := r.rows(t), r.stored(t); rows <= events {
					return fmt.Errorf("%d rows of %d events: nothing was delivered again", rows, events)
				}
				return nil
			})
		},
	})
}

// poison is the n-th of a row of messages that must be refused, each in its own way.
func (r *Rig) poison(t *testing.T, n int) kafka.Message {
	t.Helper()
	signer := r.Hub.Signer(t, "bank-harimau")
	id := uuid.Must(uuid.NewV7())
	seal := func(value []byte) kafka.Message {
		return message(signer.SealValue(id, "bank-harimau", time.Now(), value))
	}
	good, err := signer.Seal(id, "bank-harimau", time.Now(), []fraud.Event{r.other.event(fraud.Report, r.other.fresh())})
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 1+r.Random.IntN(5000))
	for i := range random {
		random[i] = byte(r.Random.Uint32())
	}
	switch n % 9 {
	case 0:
		return kafka.Message{Key: random[:1], Value: random}
	case 1: // signed as it is
		return seal(random)
	case 2: // a bit of the value flipped after it was signed
		bad := message(good)
		bad.Value = slices.Clone(bad.Value)
		bad.Value[r.Random.IntN(len(bad.Value))] ^= 1
		return bad
	case 3:
		return seal([]byte(`{"events":[{"kind":"report","amount":100}]}`))
	case 4: // deep
		return seal(bytes.Repeat([]byte("["), 100_000))
	case 5: // no UTF-8
		return seal([]byte("{\"events\":[{\"kind\":\"\xff\xfe\"}]}"))
	case 6: // NUL
		return seal([]byte("{\"events\":[{\"kind\":\"rep\x00ort\"}]}"))
	case 7: // a bundle of nobody's
		bad := message(good)
		bad.Headers = nil
		return bad
	default: // 10 MB, every 90th message
		size := 2 << 20
		if n%90 == 8 {
			size = 10 << 20
		}
		return seal(bytes.Repeat([]byte(" "), size))
	}
}

func message(m wire.Message) kafka.Message {
	out := kafka.Message{Key: m.Key, Value: m.Value}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, kafka.Header{Key: h.Name, Value: h.Value})
	}
	return out
}

// takeLarge lets the reports topic take messages of so many bytes, which no operator should.
func (r *Rig) takeLarge(t *testing.T, size int) {
	t.Helper()
	client, done := r.Hub.Kafka.Client()
	defer done()
	answer, err := client.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: r.Hub.Topics.Reports,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "max.message.bytes", Value: fmt.Sprint(size), ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range answer.Resources {
		if one.Error != nil {
			t.Fatal(one.Error)
		}
	}
}

// rewind puts the group, which must be empty, back to a random place in each partition.
func (r *Rig) rewind(t *testing.T) {
	t.Helper()
	client, done := r.Hub.Kafka.Client()
	defer done()
	reports := r.Hub.Kafka.Open(r.Hub.Topics.Reports)
	defer reports.Close()
	ends, err := reports.Ends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var offsets []kafka.OffsetCommit
	for p, end := range ends {
		offsets = append(offsets, kafka.OffsetCommit{Partition: p, Offset: r.Random.Int64N(end/2 + 1)})
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		answer, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
			GroupID: r.Hub.Topics.Group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{r.Hub.Topics.Reports: offsets},
		})
		if err != nil {
			return err
		}
		for _, p := range answer.Topics[r.Hub.Topics.Reports] {
			if p.Error != nil {
				return p.Error
			}
		}
		return nil
	})
}
