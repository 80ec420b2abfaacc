package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Bulk writes many messages in each call to one topic: those of a partition go into record batches that it makes itself
// and that leave at once. A message of 100 bytes costs a tenth of what it does through [Writer], which in turn lets the
// messages of many callers travel together. It is safe for concurrent use.
type Bulk struct {
	topic *Topic
	log   *slog.Logger
}

// NewBulk makes a Bulk. It connects when it first writes.
func (t *Topic) NewBulk(log *slog.Logger) *Bulk { return &Bulk{t, log} }

// bulkBytes is the size at which a batch is full, about 5,000 opinions: half of what brokers take by default.
const bulkBytes = 512 << 10

// Write returns when all replicas in sync hold every message, as [Writer.Write] does: it tries again until the context
// ends, its error then wraps [fraud.ErrUnavailable], and any of the messages may have been written, or may be yet.
// Partitions follow from the keys as there.
func (b *Bulk) Write(ctx context.Context, all ...Outgoing) error {
	if len(all) == 0 {
		return nil
	}
	var partitions int
	if err := b.again(ctx, len(all), func() (err error) {
		partitions, err = b.topic.Partitions(ctx)
		return err
	}); err != nil {
		return err
	}
	var (
		writes sync.WaitGroup
		errs   = make([]error, partitions)
	)
	for partition, run := range split(all, partitions) {
		if len(run.done) == 0 {
			continue
		}
		writes.Go(func() {
			for _, batch := range run.done {
				err := b.again(ctx, int(recordsIn(batch)), func() error { return b.put(ctx, partition, batch) })
				if err != nil {
					errs[partition] = err
					return
				}
			}
		})
	}
	writes.Wait()
	return errors.Join(errs...)
}

// again tries until it works, the context ends or no attempt will.
func (b *Bulk) again(ctx context.Context, messages int, do func() error) error {
	var pause Pause
	for {
		err := do()
		if err == nil || errors.Is(err, ErrTooLarge) {
			return err
		}
		if !pause.Wait(ctx) {
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		b.log.Warn("writing to Kafka again", "topic", b.topic.Name, "messages", messages, "error", err)
	}
}

func (b *Bulk) put(ctx context.Context, partition int, batch []byte) error {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(batch))) // stands before it in a request
	answer, err := b.topic.client.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic: b.topic.Name, Partition: partition, RequiredAcks: kafka.RequireAll,
		RawRecords: protocol.RawRecordSet{Reader: io.MultiReader(bytes.NewReader(size), bytes.NewReader(batch))},
	})
	if err == nil {
		err = answer.Error
	}
	return produced(b.topic.Name, partition, err)
}

// Close lets go of the connections.
func (b *Bulk) Close() error {
	b.topic.Close()
	return nil
}

// run is what one partition gets: full batches, and the one that grows.
type run struct {
	done    [][]byte
	batch   []byte
	records int32
}

// split makes the batches of each partition.
func split(all []Outgoing, partitions int) []run {
	runs, numbers := make([]run, partitions), make([]int, partitions)
	for i := range numbers {
		numbers[i] = i
	}
	share := len(all) / partitions * 5 / 4 * (len(all[0].Key) + len(all[0].Value) + 16)
	var record []byte
	for i := range all {
		m := &all[i]
		r := &runs[kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: m.Key}, numbers...)]
		if r.batch == nil {
			r.batch = make([]byte, batchHeader, batchHeader+max(256, min(share, bulkBytes+bulkBytes/8)))
		}
		record = appendRecord(record[:0], r.records, m)
		if r.records > 0 && len(r.batch)+len(record) > bulkBytes {
			r.finish()
			r.batch = make([]byte, batchHeader, bulkBytes+bulkBytes/8)
			record = appendRecord(record[:0], 0, m)
		}
		r.batch = binary.AppendVarint(r.batch, int64(len(record)))
		r.batch = append(r.batch, record...)
		r.records++
	}
	for i := range runs {
		if runs[i].records > 0 {
			runs[i].finish()
		}
	}
	return runs
}

// appendRecord writes a record but for its length.
func appendRecord(b []byte, number int32, m *Outgoing) []byte {
	b = append(b, 0, 0) // attributes; milliseconds after the batch's first
	b = binary.AppendVarint(b, int64(number))
	b = appendBytes(b, m.Key)
	b = appendBytes(b, m.Value)
	b = binary.AppendVarint(b, int64(len(m.Headers)))
	for _, h := range m.Headers {
		b = binary.AppendVarint(b, int64(len(h.Name)))
		b = append(b, h.Name...)
		b = appendBytes(b, h.Value)
	}
	return b
}

func appendBytes(b, bytes []byte) []byte {
	if bytes == nil {
		return binary.AppendVarint(b, -1)
	}
	return append(binary.AppendVarint(b, int64(len(bytes))), bytes...)
}

const magic = 2

// finish fills the header of a batch in.
func (r *run) finish() {
	b, be, now := r.batch, binary.BigEndian, uint64(time.Now().UnixMilli())
	be.PutUint32(b[8:], uint32(len(b)-batchPrefix))
	be.PutUint32(b[12:], 1<<32-1) // leader epoch: the broker's to say
	b[16] = magic
	be.PutUint32(b[23:], uint32(r.records-1))
	be.PutUint64(b[27:], now)
	be.PutUint64(b[35:], now)
	be.PutUint64(b[43:], 1<<64-1) // producer, its epoch and sequence: none
	be.PutUint16(b[51:], 1<<16-1)
	be.PutUint32(b[53:], 1<<32-1)
	be.PutUint32(b[recordCount:], uint32(r.records))
	be.PutUint32(b[17:], crc32.Checksum(b[checksumStart:], castagnoli))
	r.done, r.batch, r.records = append(r.done, b), nil, 0
}

// recordCount is where a batch's header has the number of its records.
const recordCount = 57

func recordsIn(batch []byte) uint32 { return binary.BigEndian.Uint32(batch[recordCount:]) }
