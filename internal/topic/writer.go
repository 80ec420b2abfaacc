package topic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Outgoing is a message to be written. Its partition follows from its key as in Java's clients.
type Outgoing struct {
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a message.
type Header struct {
	Name  string
	Value []byte
}

// Writer writes to one topic. It is safe for concurrent use: what several goroutines write at the same time travels
// in common requests.
type Writer struct {
	name      string
	kafka     *kafka.Writer
	transport *kafka.Transport
	log       *slog.Logger
}

const (
	// Linger is how long a batch waits for company. kafka-go has one request in flight per partition, so batches grow by
	// themselves under load. A report passes one of these waits on its way; when there were two, it was visible after 16 ms
	// with 5 ms (median, 1,000 events a second) and after 10 ms with 2 ms.
	Linger = 2 * time.Millisecond
	// batchBytes is the size at which a batch leaves at once. It must hold the largest bundle with its headers, and
	// the topics' max.message.bytes must be larger (schemas/asyncapi.v1.yaml).
	batchBytes = 1<<20 + 64<<10
	// batchMessages is more than kafka-go's default of 100, which would cut batches of small messages, and no more than
	// that: kafka-go makes room for all of them with every batch, 150 bytes each, however few there will be. With 8,192
	// that was half of the daemon's time under 1,000 events a second.
	batchMessages = 512
)

// NewWriter makes a writer. It connects when it first writes.
func (t *Topic) NewWriter(log *slog.Logger) *Writer {
	transport := t.cluster.transport()
	return &Writer{name: t.Name, transport: transport, log: log, kafka: &kafka.Writer{
		Addr:         kafka.TCP(t.cluster.Brokers...),
		Topic:        t.Name,
		Transport:    transport,
		Balancer:     kafka.Murmur2Balancer{Consistent: true},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: Linger,
		BatchBytes:   batchBytes,
		BatchSize:    batchMessages,
		// Few attempts inside, because while they last the partition's other batches wait; Write goes on for ever.
		MaxAttempts:     3,
		WriteBackoffMin: 20 * time.Millisecond,
		WriteBackoffMax: 200 * time.Millisecond,
	}}
}

// ErrTooLarge is returned for a message that no retry will make smaller.
var ErrTooLarge = errors.New("message larger than the topic takes")

// Write returns when all replicas in sync hold every message. It tries again what was not acknowledged until the
// context ends; its error then wraps [fraud.ErrUnavailable], and any of the messages may have been written, or may
// be yet.
func (w *Writer) Write(ctx context.Context, all ...Outgoing) error {
	doing := "write to " + w.name
	open := make([]kafka.Message, len(all))
	for i, m := range all {
		open[i] = kafka.Message{Key: m.Key, Value: m.Value}
		if len(m.Headers) > 0 {
			open[i].Headers = make([]kafka.Header, len(m.Headers))
			for j, h := range m.Headers {
				open[i].Headers[j] = kafka.Header{Key: h.Name, Value: h.Value}
			}
		}
	}
	var last error
	var pause Pause
	for {
		err := w.kafka.WriteMessages(ctx, open...)
		if err == nil {
			return nil
		}
		var tooLarge kafka.MessageTooLargeError
		if errors.As(err, &tooLarge) || errors.Is(err, kafka.MessageSizeTooLarge) {
			return fmt.Errorf("%s: %w", doing, ErrTooLarge)
		}
		if ctx.Err() == nil || last == nil {
			last = Explain(cause(err))
		}
		open = unacknowledged(open, err)
		if !pause.Wait(ctx) {
			return fmt.Errorf("%s: %w: %w (%w)", doing, fraud.ErrUnavailable, context.Cause(ctx), last)
		}
		w.log.Warn("writing to Kafka again", "topic", w.name, "messages", len(open), "error", Explain(cause(err)))
	}
}

// unacknowledged keeps what has to be sent again.
func unacknowledged(sent []kafka.Message, err error) []kafka.Message {
	var each kafka.WriteErrors
	if !errors.As(err, &each) || len(each) != len(sent) {
		return sent
	}
	var open []kafka.Message
	for i, e := range each {
		if e != nil {
			open = append(open, sent[i])
		}
	}
	return open
}

// cause is the first error of many alike.
func cause(err error) error {
	var each kafka.WriteErrors
	if errors.As(err, &each) {
		for _, e := range each {
			if e != nil {
				return e
			}
		}
	}
	return err
}

// Close sends what waits and lets go of the connections.
func (w *Writer) Close() error {
	err := w.kafka.Close()
	w.transport.CloseIdleConnections()
	return err
}
