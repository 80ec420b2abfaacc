package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// partition is the work on one partition for as long as this member has it.
type partition struct {
	*Ingest
	id        int
	committed int64 // negative when the group has none
	commit    func(next int64) error
	queue     chan chunk
	pulse     pulse
	log       *slog.Logger
	metrics   partitionMetrics
}

// chunk is a run of accepted messages, announced and on their way to the ledger.
type chunk struct {
	fraud.Segment
	// cost is what it takes of the room for events that wait.
	cost int64
}

func (c *chunk) events() int { return len(c.Entries) + len(c.DeadLetters) }

func (in *Ingest) newPartition(id int, committed int64, commit func(int64) error) *partition {
	return &partition{
		Ingest: in, id: id, committed: committed, commit: commit,
		// Room is counted in events; this only has to be long enough never to be the tighter bound in practice.
		queue: make(chan chunk, 1024),
		log:   in.log.With("partition", id), metrics: in.metrics.partition(strconv.Itoa(id)),
	}
}

// errStuck makes the member join again: connections and all else are made anew.
var errStuck = errors.New("no progress although there are messages")

// run returns when the context ends and everything accepted is stored and committed, or half the rebalance timeout is
// over.
func (p *partition) run(ctx context.Context) error {
	from, err := p.start(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	p.log.Info("partition begins", "offset", from.offset)
	if from.after > p.committed {
		// The process that stored it died before its first commit.
		if err := p.commit(from.after); err != nil {
			return fmt.Errorf("commit offset %d: %w", from.after, err)
		}
	}
	p.pulse.beat(time.Now())
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(p.queue)
		return p.accept(running, from)
	})
	work.Go(func() error { return p.keep(running, from.after) })
	work.Go(func() error { return p.watch(running) })
	err = work.Wait()
	p.leave() // not before: while accept runs it would take from the queue what then nobody stores
	if ctx.Err() != nil && !isOperators(err) {
		p.log.Info("partition ends", "error", err)
		return nil
	}
	return err
}

func isOperators(err error) bool {
	var decide *operatorError
	return errors.As(err, &decide)
}

// leave gives back the room of what will not be stored by this member.
func (p *partition) leave() {
	for c := range p.queue {
		p.room.Release(c.cost)
	}
	p.metrics.forget()
}

// beginning is where to begin reading. Everything before after is done with; between it and offset lie messages that
// are lost, knowingly.
type beginning struct{ after, offset int64 }

// start finds where to begin: at what the group has committed, or before it at what the ledger says it holds. A ledger
// that was restored from a backup is behind the group's commits, and must get again what it has lost.
func (p *partition) start(ctx context.Context) (from beginning, err error) {
	var (
		stored fraud.Stored
		held   topic.Range
	)
	ok := p.untilDone(ctx, "ask the ledger how far it is", func() (err error) {
		stored, err = p.ledger.StoredOffset(ctx, int32(p.id))
		return err
	}) && p.untilDone(ctx, "ask Kafka what it holds", func() error {
		all, err := p.reports.Ranges(ctx)
		held = all[p.id]
		return err
	})
	if !ok {
		return from, nil // the context has ended
	}
	start := min(p.committed, stored.Next)
	switch {
	case p.committed < 0 && stored.Next > 0:
		start = stored.Next
	case p.committed < 0:
		start = held.First
	case stored.Next < p.committed:
		p.metrics.behind.Set(float64(p.committed - stored.Next))
		p.log.Error("the ledger is behind the group's commit: what it lacks is read again",
			"committed", p.committed, "stored", stored.Next)
	}
	if err = held.Check(p.cfg.Topic, p.id, start); err == nil {
		if err = p.recognise(ctx, held, stored); err == nil {
			return beginning{start, start}, nil
		}
		if ctx.Err() != nil {
			return from, nil
		}
	}
	p.Ingest.metrics.lost.Add(float64(max(0, held.First-start)))
	if start < held.First && p.cfg.AcceptLoss {
		p.log.Error("messages are lost, going on as configured", "error", err)
		return beginning{start, held.First}, nil
	}
	return from, &operatorError{fmt.Errorf("%w; committed %d, stored %d. Restore the topic; or, where messages before its "+
		"beginning are lost for good, run once with kafka.accept_loss (WASPADA_KAFKA_ACCEPT_LOSS=true); or begin anew, with "+
		"another topic, group and database: the ledger knows messages by their offsets",
		err, p.committed, stored.Next)}
}

// recognise finds fault with a partition that the ledger was not filled from: one that was made anew, or put back to an
// earlier state. It may have grown past what is stored since, so that its offsets alone look right; then messages would
// be passed over, and others stored over those that have the same offsets.
func (p *partition) recognise(ctx context.Context, held topic.Range, stored fraud.Stored) error {
	if stored.Next <= held.First || stored.Appended.IsZero() {
		return nil // Kafka holds nothing that is stored
	}
	if err := held.Check(p.cfg.Topic, p.id, stored.Next); err != nil {
		return err
	}
	return p.reports.Same(ctx, p.id, stored.Next-1, stored.Appended)
}

// untilDone tries until it works; false when the context ended first.
func (p *partition) untilDone(ctx context.Context, what string, do func() error) bool {
	var pause topic.Pause
	for {
		err := do()
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			p.log.Warn("waiting to "+what, "error", err)
		}
		if !pause.Wait(ctx) {
			return false
		}
	}
}
