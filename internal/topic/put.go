package topic

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Put writes messages to one partition, in their order and as one batch, and returns the offset of the first when all
// replicas in sync hold them. It does not try again: after an error that wraps [fraud.ErrUnavailable] the messages may
// have been written, or may be yet. [ErrTooLarge] means that the batch is larger than the topic takes.
//
// It is for who must know where a message came to stand; [Writer] is faster and does not tell.
func (t *Topic) Put(ctx context.Context, partition int, all ...Outgoing) (first int64, err error) {
	records := make([]kafka.Record, len(all))
	for i, m := range all {
		records[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value)}
		for _, h := range m.Headers {
			records[i].Headers = append(records[i].Headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
	}
	answer, err := t.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: t.Name, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err == nil {
		err = answer.Error
	}
	if err = produced(t.Name, partition, err); err != nil {
		return 0, err
	}
	return answer.BaseOffset, nil
}

// produced says what came of a produce request that is not tried again here.
func produced(topic string, partition int, err error) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf("write to %s, partition %d", topic, partition)
	if errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) {
		return fmt.Errorf("%s: %w", doing, ErrTooLarge)
	}
	return unavailable(doing, err)
}
