package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v7"
)

const (
	// clockSkew is how far the clocks of the brokers that append reports and changes may lie apart.
	clockSkew = time.Minute
	// formerLog is how long after a snapshot's as_of a change must have been appended to show, by standing before the
	// snapshot's offsets, that the topic was made anew. The clocks of this node and of the brokers may lie apart.
	formerLog = 3 * clockSkew
	// partitionCheck is how often Run looks for new partitions of the changes.
	partitionCheck = time.Minute
)

// Run starts the index and keeps it current until ctx ends; then it writes a last snapshot and returns nil.
//
// The start is one of two:
//
//	a snapshot that is whole, of this epoch and within the change log: from its offsets
//	otherwise: 1 note the ends of the changes   2 ask since when the store lacks a report   3 load the store
//	           4 from the changes of that time on, or from the noted ends if it lacks none
//
// What the store got after (2) is in the changes after (1): ingest appends a change before it stores the opinion.
// Either way the index is ready once it has applied the changes up to the ends that were noted. While something that
// it needs cannot be reached, Run keeps trying, and the index stays as ready as it is.
func (x *Index) Run(ctx context.Context) error {
	if x.start(ctx) != nil {
		return nil // a start gives up only when ctx ends
	}
	var upkeep sync.WaitGroup
	upkeep.Go(func() { x.maintain(ctx) })
	x.tail(ctx)
	upkeep.Wait()
	x.snapshot()
	return nil
}

// start gives the index its base and the positions to read the changes from.
func (x *Index) start(ctx context.Context) error {
	snap := x.restore()
	if snap != nil {
		x.install(snap.base, snap.reach, nil) // what is listed is answered at once, unlisted stays unsure
	}
	return x.insist(ctx, "the start", func() error {
		ends, err := x.ends(ctx)
		if err != nil {
			return err
		}
		if snap != nil {
			unfit, err := x.unfit(ctx, snap, ends)
			if err != nil {
				return err
			}
			if unfit == "" {
				x.install(snap.base, snap.reach, ends)
				x.log.Info("index started from a snapshot", "opinions", snap.base.n, "written", snap.written)
				return nil
			}
			x.log.Warn("snapshot not used, loading the store instead", "why", unfit, "written", snap.written)
			snap = nil
		}
		return x.startFromStore(ctx, ends)
	})
}

func (x *Index) startFromStore(ctx context.Context, ends map[int]int64) error {
	x.waitFor("the opinions in the store", nil)
	since, lacking, err := x.from.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("ask what the store lacks: %w", err)
	}
	reach := make(map[int]position, len(ends))
	for p, end := range ends {
		reach[p] = position{next: end}
	}
	if lacking {
		offsets, err := x.from.Changes.OffsetsAt(ctx, since.Add(-clockSkew))
		if err != nil {
			return fmt.Errorf("find the changes since %s: %w", since.Format(time.RFC3339), err)
		}
		for p, end := range ends {
			if at, ok := offsets[p]; ok {
				reach[p] = position{next: min(at, end)}
			}
		}
	}
	base, err := x.load(ctx)
	if err != nil {
		return fmt.Errorf("load opinions: %w", err)
	}
	x.install(base, reach, ends)
	x.log.Info("index loaded", "opinions", base.n, "digests", base.digests)
	return nil
}

// install swaps in the base of a start, and notes what is applied in it and what must be applied before readiness.
func (x *Index) install(base *frozen, reach map[int]position, goal map[int]int64) {
	x.folds.Lock()
	defer x.folds.Unlock()
	x.ready.Store(false) // what an earlier base knew beyond the store comes back only with the changes
	if x.view.Load().base != base {
		x.adopt(base)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.partitions, x.goal = map[int]position{}, goal
	maps.Copy(x.partitions, reach)
	x.waitingFor, x.fault = "the changes since the start", ""
	x.settle()
}

// ends are the ends of every partition, of which there is at least one.
func (x *Index) ends(ctx context.Context) (map[int]int64, error) {
	ends, err := x.from.Changes.Ends(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find the ends of the changes: %w", err)
	case len(ends) == 0:
		return nil, errors.New("the changes topic has no partitions")
	}
	return ends, nil
}

// unfit says why the change log cannot continue a snapshot, "" if it can.
func (x *Index) unfit(ctx context.Context, snap *restored, ends map[int]int64) (why string, err error) {
	first, err := x.from.Changes.OffsetsAt(ctx, time.Unix(0, 0))
	if err != nil {
		return "", fmt.Errorf("find the beginning of the changes: %w", err)
	}
	var asOf time.Time
	for p, at := range snap.reach {
		if _, ok := ends[p]; !ok {
			return fmt.Sprintf("the change log has no partition %d any more", p), nil
		}
		if at.asOf.After(asOf) {
			asOf = at.asOf
		}
	}
	later, err := x.from.Changes.OffsetsAt(ctx, asOf.Add(formerLog))
	if err != nil {
		return "", fmt.Errorf("find the changes since the snapshot: %w", err)
	}
	for p, end := range ends {
		// A partition that the snapshot does not know is read from 0.
		switch next := snap.reach[p].next; {
		case next < first[p]:
			return "the change log does not reach back to it", nil
		case next > end:
			return "the change log ends before it", nil
		case later[p] < next:
			return "it is of a former change log: this one has later changes in the places of those that it holds", nil
		}
	}
	return "", nil
}

// tail applies changes until ctx ends.
func (x *Index) tail(ctx context.Context) {
	_ = x.insist(ctx, "the changes since the start", func() error {
		reading, stop := context.WithCancel(ctx)
		defer stop()
		var watch sync.WaitGroup
		defer watch.Wait()
		watch.Go(func() { x.watchPartitions(reading, stop) })
		err := x.from.Changes.Run(reading, x.offsets(), x.advance)
		stop()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil || errors.Is(err, context.Canceled):
			return errRestart
		}
		// The changes wait out what may pass: this is the log that does not hold what comes next, because retention has
		// deleted it or the topic was made anew.
		x.log.Error("the change log lacks what comes next, loading the store again", "error", err)
		ends, endsErr := x.ends(ctx)
		if endsErr != nil {
			return endsErr
		}
		if err := x.startFromStore(ctx, ends); err != nil {
			return err
		}
		return errRestart
	})
}

var errRestart = errors.New("reading changes anew")

// watchPartitions adds partitions that the topic has got, from their first offset, and then stops the reading.
func (x *Index) watchPartitions(ctx context.Context, stop func()) {
	tick := time.NewTicker(partitionCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ends, err := x.ends(ctx)
		if err != nil {
			continue
		}
		x.mu.Lock()
		grown := false
		for p := range ends {
			if _, ok := x.partitions[p]; !ok {
				x.partitions[p] = position{}
				grown = true
			}
		}
		x.mu.Unlock()
		if grown {
			stop()
			return
		}
	}
}

// offsets are the ones to read next.
func (x *Index) offsets() map[int]int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	next := make(map[int]int64, len(x.partitions))
	for p, at := range x.partitions {
		next[p] = at.next
	}
	return next
}

// maintain folds and writes snapshots until ctx ends.
func (x *Index) maintain(ctx context.Context) {
	age := time.NewTicker(x.cfg.FoldEvery)
	defer age.Stop()
	save := time.NewTicker(x.cfg.SnapshotEvery)
	defer save.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.grown:
			if x.view.Load().wantsFold() {
				x.fold()
			}
		case <-age.C:
			x.fold()
		case <-save.C:
			x.snapshot()
		}
	}
}

// insist repeats an operation until it succeeds or ctx ends.
func (x *Index) insist(ctx context.Context, what string, operation func() error) error {
	x.waitFor(what, nil)
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 2*time.Second
	_, err := backoff.Retry(ctx,
		func() (struct{}, error) { return struct{}{}, operation() },
		backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			if ctx.Err() != nil {
				return
			}
			x.waitFor(what, err)
			x.log.Warn("index waits", "for", what, "error", err, "again_in", wait)
		}))
	return err
}
