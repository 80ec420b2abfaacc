package ingest

import (
	"context"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Config is all that can be set. Begin with DefaultConfiguration.
type Config struct {
	Cluster topic.Cluster
	// Topic is read, as consumer group Group; pointers to what was refused go to DeadLetters.
	Topic, DeadLetters, Group string

	// SegmentAge and SegmentEvents say when a segment is inserted: at the first of the two.
	SegmentAge    time.Duration
	SegmentEvents int
	// BufferEvents is how many events, over all partitions, may wait for the ledger. One takes 1 KB, at the very most
	// 2 KB, since its terms are resolved and everything else in it is bounded.
	BufferEvents int

	// SessionTimeout, HeartbeatInterval and RebalanceTimeout are those of the consumer group. When a partition is taken
	// away, half the rebalance timeout is spent on storing and committing what is already accepted.
	SessionTimeout, HeartbeatInterval, RebalanceTimeout time.Duration
	// Watchdog is how long a partition that has messages may make no progress, other than by waiting for
	// the ledger, before this member leaves the group and joins again.
	Watchdog time.Duration

	// RefusedShare of RefusedWindow events in a row raises the alarm: a partner's, or the hub's own, new version may be
	// at fault. With StopWhenRefused ingest then stops with an error instead of emptying the topic into dead letters.
	RefusedShare    float64
	RefusedWindow   int
	StopWhenRefused bool

	// Quarantine holds what partners say beyond their allowances; nil holds nothing.
	Quarantine Quarantine

	// AcceptLoss goes on at the beginning of the log where messages were deleted before they were stored. Without it
	// ingest stops with an error, because the promise that nothing is lost has been broken and somebody must know.
	AcceptLoss bool
}

// DefaultConfiguration has everything but the brokers.
func DefaultConfiguration() Config {
	return Config{
		Topic: "waspada.reports.v1", DeadLetters: "waspada.deadletters.v1", Group: "waspada-ingest",
		// Blocks of 10,000 rows and more are what the ledger is fast with; at low rates a second is soon enough for
		// what only statistics read.
		SegmentAge: time.Second, SegmentEvents: 50_000, BufferEvents: 200_000,
		SessionTimeout: 15 * time.Second, HeartbeatInterval: 2 * time.Second, RebalanceTimeout: 30 * time.Second,
		Watchdog:     time.Minute,
		RefusedShare: 0.2, RefusedWindow: 10_000,
	}
}

// Opener verifies and decodes a message. Its error is a *[fraud.Fault].
type Opener interface {
	Open(headers []wire.Header, value []byte, appended time.Time) (*wire.Bundle, error)
}

// Quarantine judges the entries of whole messages of one partition, in their order, and holds what is to wait for the
// hub's operators. It is told of messages that are delivered again, too.
type Quarantine interface {
	Judge(ctx context.Context, entries []fraud.Entry)
}

// Announcer makes opinions known to every node. Append returns when they are durable; the same opinions may be appended
// any number of times.
type Announcer interface {
	Append(ctx context.Context, opinions []fraud.Opinion) error
}

// Ledger keeps every event.
type Ledger interface {
	// Insert returns when the segment is durable; the same rows may be inserted any number of times. A *[fraud.Fault]
	// says that the ledger will never take these rows, [fraud.ErrForgotten] that it has lost what was stored before them.
	// Any other error means that the same insert may succeed later.
	Insert(ctx context.Context, s fraud.Segment) error
	// StoredOffset says how far a partition is stored.
	StoredOffset(ctx context.Context, partition int32) (fraud.Stored, error)
}
