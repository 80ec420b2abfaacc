package changes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Tail reads the change log.
type Tail struct {
	topic   *topic.Topic
	log     *slog.Logger
	metrics *tailMetrics
}

// NewTail makes a Tail. It connects when it is asked something or runs.
func NewTail(cluster topic.Cluster, name string, reg prometheus.Registerer, log *slog.Logger) *Tail {
	return &Tail{cluster.Open(name), log, newTailMetrics(reg)}
}

// Ends tells, for every partition, the offset after its last change.
func (t *Tail) Ends(ctx context.Context) (map[int]int64, error) { return t.topic.Ends(ctx) }

// clockMargin is how far apart the clocks of two brokers may be: the times of reports and of changes are stamped
// by different ones. Replaying more than needed costs a second, replaying less an indicator.
const clockMargin = time.Minute

// OffsetsAt tells, for every partition, an offset from which on it holds all changes that were appended at a time or
// later. It allows for brokers' clocks that are up to a minute apart.
func (t *Tail) OffsetsAt(ctx context.Context, at time.Time) (map[int]int64, error) {
	return t.topic.OffsetsAt(ctx, at.Add(-clockMargin))
}

// Apply takes changes: those of one partition before offset next, and all of this partition's that were appended up to
// asOf are then known. Without opinions it only moves asOf, which it does for each partition every 200 ms or so
// while Kafka can be reached. The slice is the callee's until it returns.
type Apply = func(partition int, next int64, opinions []fraud.Opinion, asOf time.Time)

// Run reads each partition from the offset given for it, and from its beginning where none is given, until the context
// ends; it then returns nil. Partitions that are added later are read too. Partitions are read side by side, but apply
// is called by one of them at a time.
//
// It waits out everything that may pass. It returns an error when the log does not hold what comes next (retention has
// deleted it, or the topic was made anew): the caller has to load its state afresh.
func (t *Tail) Run(ctx context.Context, from map[int]int64, apply Apply) error {
	group, ctx := errgroup.WithContext(ctx)
	var one sync.Mutex
	serial := func(partition int, next int64, opinions []fraud.Opinion, asOf time.Time) {
		one.Lock()
		defer one.Unlock()
		apply(partition, next, opinions, asOf)
	}
	running := map[int]bool{}
	start := func(partition int, offset int64) {
		running[partition] = true
		group.Go(func() error { return t.follow(ctx, partition, offset, serial) })
	}
	for partition, offset := range from {
		start(partition, offset)
	}
	group.Go(func() error {
		for {
			// A partition nobody reads would be a hole in what this node knows.
			ranges, err := t.topic.Ranges(ctx)
			if err != nil {
				t.log.Warn("partitions of the change log unknown", "error", err)
			}
			for partition, r := range ranges {
				if !running[partition] {
					start(partition, r.First)
				}
			}
			if !sleep(ctx, lookForPartitions) {
				return nil
			}
		}
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("tail changes: %w", err)
	}
	return nil
}

// lookForPartitions is how often Run looks whether the topic has more partitions.
const lookForPartitions = 10 * time.Second

func (t *Tail) follow(ctx context.Context, partition int, offset int64, apply Apply) error {
	reader := t.topic.NewReader(partition, offset)
	defer reader.Close()
	var (
		opinions []fraud.Opinion
		asOf     time.Time
		label    = fmt.Sprint(partition)
		applied  = t.metrics.applied.WithLabelValues(label)
		lag      = t.metrics.lag.WithLabelValues(label)
		pause    topic.Pause
	)
	for {
		got, err := reader.Fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case topic.Passing(err):
			t.log.Warn("the change log does not answer", "partition", partition, "error", err)
			t.metrics.failures.Inc()
			if !pause.Wait(ctx) {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		pause.Reset()
		opinions = opinions[:0]
		for i := range got.Messages {
			m := &got.Messages[i]
			var o fraud.Opinion
			if err := o.UnmarshalBinary(m.Value); err != nil {
				// Only ingest may write here. To stop would leave this node deaf to everything else.
				t.metrics.unreadable.Inc()
				t.log.Error("a change cannot be read: is this node older than the writer?",
					"partition", partition, "offset", m.Offset, "error", err)
				continue
			}
			opinions = append(opinions, o)
		}
		if got.Next == got.End {
			asOf = later(asOf, got.SentAt)
		} else if n := len(got.Messages); n > 0 {
			asOf = later(asOf, got.Messages[n-1].Appended)
		}
		apply(partition, got.Next, opinions, asOf)
		applied.Add(float64(len(opinions)))
		lag.Set(float64(got.End - got.Next))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep reports false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
