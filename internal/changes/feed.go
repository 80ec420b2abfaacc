package changes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Feed lets many follow the change log at once. It reads the log once for all of them and keeps the newest changes in
// memory; who is further behind is read for from Kafka. It keeps nothing of those who follow: where one is, it says
// itself, by the offset that comes next for it in each partition.
type Feed struct {
	topic *topic.Topic
	log   *slog.Logger

	mu    sync.Mutex
	tails map[int]*recent
	grown chan struct{} // closed when a tail has grown, and replaced
}

// recent is the newest part of one partition.
type recent struct {
	first   int64           // offset of changes[0]
	changes []fraud.Opinion // one for each offset; the zero Opinion where it cannot be read
	asOf    time.Time       // all that was appended before is there
}

func (t *recent) end() int64 { return t.first + int64(len(t.changes)) }

const (
	// keptChanges are kept in memory of each partition, up to twice as many at times: 0.8 MB.
	keptChanges = 4096
	// readBehind bounds one reading from Kafka for one who is behind, about 2,000 changes.
	readBehind = 256 << 10
)

// NewFeed makes a Feed. It connects when it runs.
func NewFeed(cluster topic.Cluster, name string, log *slog.Logger) *Feed {
	return &Feed{topic: cluster.Open(name), log: log, tails: map[int]*recent{}, grown: make(chan struct{})}
}

// Run reads the change log from its end on, until the context ends; it then returns nil.
func (f *Feed) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	running := map[int]bool{}
	var pause topic.Pause
	for {
		ranges, err := f.topic.Ranges(ctx)
		if err != nil {
			if ctx.Err() != nil || !pause.Wait(ctx) {
				return nil
			}
			continue
		}
		pause.Reset()
		for partition, r := range ranges {
			if running[partition] {
				continue
			}
			running[partition] = true
			all.Go(func() { f.follow(ctx, partition, r.End) })
		}
		if !sleep(ctx, lookForPartitions) {
			return nil
		}
	}
}

// follow reads one partition. Where the log lacks what comes next, it begins anew at its end.
func (f *Feed) follow(ctx context.Context, partition int, from int64) {
	var pause topic.Pause
	for {
		err := f.read(ctx, partition, from, &pause)
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("the feed of changes begins anew", "partition", partition, "error", err)
		for {
			if !pause.Wait(ctx) {
				return
			}
			if ends, err := f.topic.Ends(ctx); err == nil {
				from = ends[partition]
				break
			}
		}
	}
}

// read reads from an offset until something does not pass.
func (f *Feed) read(ctx context.Context, partition int, from int64, pause *topic.Pause) error {
	reader := f.topic.NewReader(partition, from)
	reader.Limit(readBehind)
	defer reader.Close()
	f.mu.Lock()
	f.tails[partition] = &recent{first: from}
	f.mu.Unlock()
	for {
		got, err := reader.Fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case topic.Passing(err):
			if !pause.Wait(ctx) {
				return ctx.Err()
			}
			continue
		case err != nil:
			return err
		}
		pause.Reset()
		f.append(partition, &got)
	}
}

func (f *Feed) append(partition int, got *topic.Fetched) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tail := f.tails[partition]
	for i := range got.Messages {
		var o fraud.Opinion
		if err := o.UnmarshalBinary(got.Messages[i].Value); err != nil {
			o = fraud.Opinion{} // the index tells of it
		}
		tail.changes = append(tail.changes, o)
	}
	if n := len(tail.changes); n > 2*keptChanges {
		tail.first += int64(n - keptChanges)
		tail.changes = slices.Clone(tail.changes[n-keptChanges:])
	}
	if got.Next == got.End {
		tail.asOf = later(tail.asOf, got.SentAt)
	}
	if len(got.Messages) > 0 {
		close(f.grown)
		f.grown = make(chan struct{})
	}
}

// Begin tells where who asks for changes since a time begins, and for the zero time where those do who want what is
// said from now on. Its error wraps [fraud.ErrUnavailable].
func (f *Feed) Begin(ctx context.Context, since time.Time) (map[int]int64, error) {
	if since.IsZero() {
		f.mu.Lock()
		defer f.mu.Unlock()
		ends := map[int]int64{}
		for partition, tail := range f.tails {
			ends[partition] = tail.end()
		}
		return ends, f.ready()
	}
	offsets, err := f.topic.OffsetsAt(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return offsets, nil
}

// ready is called under the lock.
func (f *Feed) ready() error {
	if len(f.tails) == 0 {
		return fmt.Errorf("feed: nothing is known of the change log yet: %w", fraud.ErrUnavailable)
	}
	return nil
}

// Read takes at most limit changes from places on, in the order of each partition, and moves the places beyond them.
// More says that others are there already; otherwise all are known that were appended up to asOf. Its error wraps
// [fraud.ErrUnavailable], or [fraud.ErrPassed] where a partition no longer holds what comes next.
func (f *Feed) Read(ctx context.Context, places map[int]int64, limit int) (
	changes []fraud.Opinion, more bool, asOf time.Time, err error,
) {
	f.mu.Lock()
	if err = f.ready(); err != nil {
		f.mu.Unlock()
		return nil, false, asOf, err
	}
	partitions := slices.Sorted(maps.Keys(f.tails))
	f.mu.Unlock()
	for i, partition := range partitions {
		share := max(1, (limit-len(changes))/(len(partitions)-i)) // so that none waits for the others
		if len(changes) == limit {
			share = 0
		}
		got, next, ahead, known := f.recent(partition, places[partition], share)
		if next < 0 { // further back than what is kept
			if more = true; share == 0 {
				continue
			}
			if got, next, err = f.behind(ctx, partition, places[partition], share); err != nil {
				return nil, false, asOf, err
			}
			ahead = true
		}
		places[partition], more = next, more || ahead
		changes = append(changes, got...)
		if asOf.IsZero() || known.Before(asOf) {
			asOf = known
		}
	}
	return changes, more, asOf, nil
}

// recent reads from memory; next is -1 for who is further behind.
func (f *Feed) recent(partition int, from int64, limit int) (
	got []fraud.Opinion, next int64, more bool, asOf time.Time,
) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tail := f.tails[partition]
	switch {
	case from < tail.first:
		return nil, -1, true, tail.asOf
	case from > tail.end(): // another node knew more than this one
		return nil, from, false, tail.asOf
	}
	rest := tail.changes[from-tail.first:]
	part := rest[:min(limit, len(rest))]
	return readable(part), from + int64(len(part)), len(part) < len(rest), tail.asOf
}

// behind reads from Kafka.
func (f *Feed) behind(ctx context.Context, partition int, from int64, limit int) ([]fraud.Opinion, int64, error) {
	reader := f.topic.NewReader(partition, from)
	reader.Limit(readBehind)
	defer reader.Close()
	got, err := reader.Fetch(ctx)
	switch outside, gap := new(topic.RangeError), new(topic.GapError); {
	case errors.As(err, &outside) || errors.As(err, &gap):
		return nil, from, fmt.Errorf("feed: %w: %w", fraud.ErrPassed, err)
	case err != nil:
		return nil, from, fmt.Errorf("feed: %w", err)
	}
	messages := got.Messages[:min(limit, len(got.Messages))]
	changes := make([]fraud.Opinion, len(messages))
	for i := range messages {
		if changes[i].UnmarshalBinary(messages[i].Value) != nil {
			changes[i] = fraud.Opinion{}
		}
	}
	return readable(changes), from + int64(len(messages)), nil
}

// readable copies the changes that can be read.
func readable(all []fraud.Opinion) []fraud.Opinion {
	out := make([]fraud.Opinion, 0, len(all))
	for i := range all {
		if all[i].Stance.Valid() {
			out = append(out, all[i])
		}
	}
	return out
}

// Wait returns when this node knows of changes from the places on, or when the context ends.
func (f *Feed) Wait(ctx context.Context, places map[int]int64) {
	for {
		f.mu.Lock()
		grown := f.grown
		for partition, tail := range f.tails {
			if places[partition] < tail.end() {
				f.mu.Unlock()
				return
			}
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-grown:
		}
	}
}
