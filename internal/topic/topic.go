// Package topic is the hub's one way to its Kafka topics, for what must neither be lost nor skipped.
//
//	Writer: messages ──▶ acknowledged by all replicas, or an error that says "not known": repeat
//	Bulk:   the same for many messages in one call: batches of our own making, one for each partition
//	Reader: one partition, one connection ──▶ each offset in turn, with the time at which the broker appended it
//
// Writer is kafka-go's, and Bulk sends through kafka-go. The reader is our own, on a connection that kafka-go dials and
// authenticates, because kafka-go's readers
//
//   - take a record's time from its producer even where the topic says LogAppendTime: a partner could then date
//     its bundle back to before its key was revoked, or make a restarting node replay from too late;
//   - jump over offsets that retention has deleted, without an error;
//   - unpack a compressed batch of a few kilobytes into as much memory as its producer likes;
//   - do not check the batch's checksum.
//
// It speaks Fetch version 10 (Kafka 2.1 and later) and record batches of format 2.
package topic

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Cluster says how to reach Kafka.
type Cluster struct {
	// Brokers are "host:port" of some of its brokers.
	Brokers []string
	// ClientID names this program in the brokers' logs and quotas.
	ClientID string
	// TLS and SASL are nil where the cluster asks for none.
	TLS  *tls.Config
	SASL sasl.Mechanism
}

// Topic is one topic of a cluster. Making one connects nothing.
type Topic struct {
	Name    string
	cluster Cluster
	client  *kafka.Client
}

// Open names a topic.
func (c Cluster) Open(name string) *Topic {
	return &Topic{Name: name, cluster: c, client: &kafka.Client{
		Addr: kafka.TCP(c.Brokers...), Timeout: callTimeout, Transport: c.transport(),
	}}
}

// Close lets go of the connections over which the topic was asked about itself; it may be used again. kafka-go keeps
// asking the cluster for its topics over them, for as long as they are there.
func (t *Topic) Close() { t.client.Transport.(*kafka.Transport).CloseIdleConnections() }

// callTimeout bounds a connection, and a request that is answered at once.
const callTimeout = 10 * time.Second

func (c Cluster) transport() *kafka.Transport {
	return &kafka.Transport{ClientID: c.ClientID, TLS: c.TLS, SASL: c.SASL, DialTimeout: callTimeout}
}

// Client is for what is asked of a cluster now and then; done lets go of its connections.
func (c Cluster) Client() (client *kafka.Client, done func()) {
	transport := c.transport()
	return &kafka.Client{Addr: kafka.TCP(c.Brokers...), Timeout: callTimeout, Transport: transport}, transport.CloseIdleConnections
}

// Dialer is for the parts of kafka-go that take one.
func (c Cluster) Dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: c.ClientID, Timeout: callTimeout, DialFunc: c.dial, SASLMechanism: c.SASL}
}

// dial ends with TLS where the cluster has it, so that whoever wraps it sees the plain protocol.
func (c Cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{KeepAlive: 15 * time.Second}
	if c.TLS == nil {
		return plain.DialContext(ctx, network, address)
	}
	return (&tls.Dialer{NetDialer: plain, Config: c.TLS}).DialContext(ctx, network, address)
}

// unavailable wraps what may be tried again.
func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, fraud.ErrUnavailable, Explain(err))
}
