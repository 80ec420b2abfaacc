// Package publisher sends a partner's events to the hub through Kafka.
//
//	events ──Publish──▶ bundles of ≤ 500 events, ≤ 1 MiB ──sign──▶ Kafka: reports ──▶ acknowledged by all replicas
//
// Two functions are all that most partners need: [LoadSigningKey] and [Publisher.Publish]. A call returns when every
// replica in sync holds its events; from then on the hub does not lose them. Any number of goroutines may publish at
// the same time: their bundles travel in common requests, which is the way to a high rate.
//
// Nothing has to be remembered for the case of an error: an event has an id, and however often it is sent it counts
// once. So send it again.
package publisher

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// DefaultTopic is the usual name of the hub's topic for reports.
const DefaultTopic = "waspada.reports.v1"

// Config says where the hub's Kafka is.
type Config struct {
	// Brokers are "host:port" of some of its brokers.
	Brokers []string
	// Topic is the hub's topic for reports; "" means DefaultTopic.
	Topic string
	// ClientID names this program in the brokers' logs; "" means "waspada-publisher".
	ClientID string
	// TLS and SASL are nil where the cluster asks for none.
	TLS  *tls.Config
	SASL sasl.Mechanism
	// Log gets a warning for each attempt that failed; nil logs nothing.
	Log *slog.Logger
}

// Publisher signs bundles and sends them. It is safe for concurrent use. Close it when done.
type Publisher struct {
	signer  *wire.Signer
	partner string
	writer  *topic.Writer
	now     func() time.Time
}

// New makes a publisher for one partner. It connects when it first sends.
func New(cfg Config, signer *wire.Signer, partner string) *Publisher {
	if cfg.Topic == "" {
		cfg.Topic = DefaultTopic
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "waspada-publisher"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cluster := topic.Cluster{Brokers: cfg.Brokers, ClientID: cfg.ClientID, TLS: cfg.TLS, SASL: cfg.SASL}
	return &Publisher{signer, partner, cluster.Open(cfg.Topic).NewWriter(cfg.Log), time.Now}
}

// Publish sends events, in as many bundles as they need, and returns when all are acknowledged. It tries until the
// context ends; the error then wraps [fraud.ErrUnavailable] and any of the events may have arrived: publish them all
// again. Another error means that the same events would fail again.
func (p *Publisher) Publish(ctx context.Context, events []fraud.Event) error {
	messages, err := p.seal(events)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return p.Send(ctx, messages...)
}

// PublishAs is Publish for one bundle of a given id that is signed for another partner: for the hub's own gateway,
// whose key speaks for all.
func (p *Publisher) PublishAs(ctx context.Context, partner string, bundle uuid.UUID, events []fraud.Event) error {
	message, err := p.signer.Seal(bundle, partner, p.now(), events)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return p.Send(ctx, message)
}

// Send sends sealed bundles and returns when all are acknowledged; errors are as for Publish.
func (p *Publisher) Send(ctx context.Context, bundles ...wire.Message) error {
	out := make([]topic.Outgoing, len(bundles))
	for i, b := range bundles {
		headers := make([]topic.Header, len(b.Headers))
		for j, h := range b.Headers {
			headers[j] = topic.Header{Name: h.Name, Value: h.Value}
		}
		out[i] = topic.Outgoing{Key: b.Key, Value: b.Value, Headers: headers}
	}
	if err := p.writer.Write(ctx, out...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// Close sends what waits and lets go of the connections.
func (p *Publisher) Close() error { return p.writer.Close() }

// seal makes as few bundles as will hold the events. Only events with overlong terms fill a mebibyte before there are
// 500 of them, so sizes are not counted beforehand: what cannot be sealed is halved.
func (p *Publisher) seal(events []fraud.Event) ([]wire.Message, error) {
	var sealed []wire.Message
	for n := wire.MaxEvents; len(events) > 0; {
		n = min(n, len(events))
		bundle, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		message, err := p.signer.Seal(bundle, p.partner, p.now(), events[:n])
		switch {
		case err == nil:
			sealed = append(sealed, message)
			events, n = events[n:], wire.MaxEvents
		case n == 1:
			return nil, err
		default:
			n /= 2
		}
	}
	return sealed, nil
}
