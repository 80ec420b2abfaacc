package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Ingest is one member of the consumer group.
type Ingest struct {
	cfg       Config
	reports   *topic.Topic
	dead      *deadLetters
	opener    Opener
	screen    *fraud.Screen
	announcer Announcer
	ledger    Ledger
	// held is what the group's generation assigns to this member; nil between generations.
	held atomic.Pointer[map[int]bool]
	// room is what is left of BufferEvents, for all partitions together.
	room    *semaphore.Weighted
	alarm   *alarm
	metrics *metrics
	log     *slog.Logger
}

// New makes an Ingest that does nothing until it runs.
func New(cfg Config, opener Opener, screen *fraud.Screen, announcer Announcer, ledger Ledger,
	reg prometheus.Registerer, log *slog.Logger,
) *Ingest {
	m := newMetrics(reg)
	return &Ingest{
		cfg: cfg, reports: cfg.Cluster.Open(cfg.Topic),
		dead:   &deadLetters{cfg.Cluster.Open(cfg.DeadLetters).NewWriter(log)},
		opener: opener, screen: screen, announcer: announcer, ledger: ledger,
		room:    semaphore.NewWeighted(int64(cfg.BufferEvents)),
		alarm:   newAlarm(cfg, m, log),
		metrics: m, log: log,
	}
}

// Run works until the context ends, stores and commits what it has accepted, and returns nil. It waits out whatever may
// pass; its error is something that an operator has to decide about.
func (in *Ingest) Run(ctx context.Context) error {
	if err := in.retireFormerSelf(ctx); err != nil {
		in.log.Warn("what this node may have left in the consumer group has to time out", "error", topic.Explain(err))
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                in.cfg.Group,
		Brokers:           in.cfg.Cluster.Brokers,
		Dialer:            in.cfg.Cluster.Dialer(),
		Topics:            []string{in.cfg.Topic},
		StartOffset:       kafka.FirstOffset,
		SessionTimeout:    in.cfg.SessionTimeout,
		HeartbeatInterval: in.cfg.HeartbeatInterval,
		RebalanceTimeout:  in.cfg.RebalanceTimeout,
		JoinGroupBackoff:  time.Second,
		// Without it partitions that are added later have no reader.
		WatchPartitionChanges: true,
		ErrorLogger: kafka.LoggerFunc(func(format string, args ...any) {
			in.log.Warn("consumer group", "message", fmt.Sprintf(format, args...))
		}),
	})
	if err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	defer in.dead.writer.Close()
	// Close ends the generation, waits until its partitions have drained, and leaves the group.
	defer group.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	undecided := make(chan error, 1)
	var (
		pause  topic.Pause
		member string // of the last generation
	)
	for {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			select {
			case err := <-undecided:
				return fmt.Errorf("ingest: %w", err)
			default:
				return nil
			}
		}
		if err != nil {
			// Such as "Group Coordinator Not Available" on a cluster that has just started.
			in.log.Warn("no place in the consumer group yet", "group", in.cfg.Group, "error", topic.Explain(err))
			if member != "" && !errors.Is(err, kafka.RebalanceInProgress) {
				go in.bury(ctx, member)
				member = ""
			}
			pause.Wait(ctx)
			continue
		}
		pause.Reset()
		member = generation.MemberID
		assigned := generation.Assignments[in.cfg.Topic]
		in.log.Info("partitions assigned", "generation", generation.ID, "partitions", len(assigned))
		in.metrics.assigned.Set(float64(len(assigned)))
		in.hold(assigned)
		generation.Start(func(ctx context.Context) {
			<-ctx.Done()
			in.held.Store(nil)
		})
		for _, a := range assigned {
			w := in.newPartition(a.ID, a.Offset, func(next int64) error {
				return generation.CommitOffsets(map[string]map[int]int64{in.cfg.Topic: {a.ID: next}})
			})
			generation.Start(func(ctx context.Context) {
				err := w.run(ctx)
				var decide *operatorError
				switch {
				case errors.As(err, &decide):
					in.log.Error("a partition has to stop", "partition", a.ID, "error", err)
					select {
					case undecided <- err:
					default: // one is enough to stop
					}
					stop()
				case err != nil:
					// Returning ends the generation, and this member joins again: not at once, for the others have to
					// join with it.
					in.log.Error("a partition is given back", "partition", a.ID, "error", err)
					in.metrics.returned.Inc()
					rest(ctx, time.Second)
				}
			})
		}
	}
}

// operatorError is what ingest must not decide by itself.
type operatorError struct{ err error }

func (e *operatorError) Error() string { return e.err.Error() }
func (e *operatorError) Unwrap() error { return e.err }

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
