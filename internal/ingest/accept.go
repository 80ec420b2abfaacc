package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// accept fetches what there is, opens it, announces it and hands it on, until the context ends.
func (p *partition) accept(ctx context.Context, from beginning) error {
	reader := p.reports.NewReader(p.id, from.offset)
	defer reader.Close()
	var pause topic.Pause
	expected := from.offset
	for {
		got, err := reader.Fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case topic.Passing(err):
			p.log.Warn("Kafka does not answer", "error", err)
			if !pause.Wait(ctx) {
				return nil
			}
			continue
		case err != nil:
			p.Ingest.metrics.gaps.Inc()
			return &operatorError{fmt.Errorf("%w: what is missing cannot be read; nothing after it was stored", err)}
		}
		pause.Reset()
		p.metrics.lag.Set(float64(got.End - expected))
		if len(got.Messages) == 0 {
			p.pulse.beat(time.Now())
			continue
		}
		if got.Messages[0].Offset != expected || got.Next != expected+int64(len(got.Messages)) {
			return fmt.Errorf("expected offset %d, got %d to %d", expected, got.Messages[0].Offset, got.Next-1)
		}
		c := p.open(got.Messages)
		if expected == from.offset {
			c.First = from.after // the ledger shall not wait for what is lost
		}
		if err := p.alarm.note(len(c.Entries)+len(c.DeadLetters), len(c.DeadLetters)); err != nil {
			return err
		}

		p.judge(ctx, c.Entries)

		// 1. Announce. The change log gets what each partner now says, and the dead-letter topic where to find what was
		// refused. A crash before or in this step loses nothing: the offset is not committed, and the next owner reads the
		// same again. A crash after it repeats it: opinions merge, and pointers are known by their position.
		if err := p.announce(ctx, &c); err != nil {
			return ended(ctx, err)
		}
		p.seen(got.Messages)

		if !p.hand(ctx, c) {
			return nil // the context has ended
		}
		expected = got.Next
		p.pulse.beat(time.Now())
	}
}

// judge holds what partners say beyond their allowances: it is announced and stored like the rest, and does not count.
func (p *partition) judge(ctx context.Context, entries []fraud.Entry) {
	if p.cfg.Quarantine == nil || len(entries) == 0 {
		return
	}
	p.cfg.Quarantine.Judge(ctx, entries)
	for i := range entries {
		if e := &entries[i]; e.Held {
			p.Ingest.metrics.held.WithLabelValues(e.Event.Kind.String()).Inc()
		}
	}
}

// hand puts a chunk into the queue and waits for room in it. It returns false when there is none before the context
// ends; where there is room, what is announced is stored even then.
func (p *partition) hand(ctx context.Context, c chunk) bool {
	if !p.room.TryAcquire(c.cost) {
		p.pulse.wait(true)
		err := p.room.Acquire(ctx, c.cost)
		p.pulse.wait(false)
		if err != nil {
			return false
		}
	}
	select {
	case p.queue <- c:
		return true
	default:
	}
	select {
	case p.queue <- c:
		return true
	case <-ctx.Done():
		p.room.Release(c.cost)
		return false
	}
}

// ended keeps quiet about errors that only say that the context has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *partition) announce(ctx context.Context, c *chunk) error {
	n := 0
	for i := range c.Entries {
		n += len(c.Entries[i].Opinions)
	}
	opinions := make([]fraud.Opinion, 0, n)
	for i := range c.Entries {
		opinions = append(opinions, c.Entries[i].Opinions...)
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		begin := time.Now()
		err := p.announcer.Append(ctx, opinions)
		p.Ingest.metrics.announce.Observe(time.Since(begin).Seconds())
		return err
	})
	both.Go(func() error { return p.dead.write(ctx, c.DeadLetters) })
	if err := both.Wait(); err != nil {
		return fmt.Errorf("announce offsets %d to %d: %w", c.First, c.Last, err)
	}
	p.Ingest.metrics.opinions.Add(float64(len(opinions)))
	return nil
}

// seen measures how long after Kafka took them messages are known to the hub.
func (p *partition) seen(messages []topic.Message) {
	now := time.Now()
	for i := range messages {
		p.Ingest.metrics.visible.Observe(max(0, now.Sub(messages[i].Appended).Seconds()))
	}
}

// open makes entries and dead letters of messages, in their order. Several messages are opened side by side.
func (p *partition) open(messages []topic.Message) chunk {
	opened := make([]chunk, len(messages))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(messages)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(messages)); i = next.Add(1) - 1 {
				opened[i] = p.openOne(&messages[i])
			}
		})
	}
	workers.Wait()
	all := chunk{Segment: fraud.Segment{
		Partition: int32(p.id), First: messages[0].Offset, Last: messages[len(messages)-1].Offset,
	}}
	entries, letters := 0, 0
	for i := range opened {
		entries += len(opened[i].Entries)
		letters += len(opened[i].DeadLetters)
	}
	all.Entries = make([]fraud.Entry, 0, entries)
	all.DeadLetters = make([]fraud.DeadLetter, 0, letters)
	for i := range opened {
		all.Entries = append(all.Entries, opened[i].Entries...)
		all.DeadLetters = append(all.DeadLetters, opened[i].DeadLetters...)
	}
	// Never more than there is room for in all, or it would wait for ever.
	all.cost = int64(min(entries+letters, p.cfg.BufferEvents))
	m := p.Ingest.metrics
	m.bundles.Add(float64(len(messages)))
	m.accepted.Add(float64(entries))
	for i := range all.DeadLetters {
		m.refused.WithLabelValues(string(all.DeadLetters[i].Fault.Reason)).Inc()
	}
	return all
}

func (p *partition) openOne(m *topic.Message) (c chunk) {
	position := fraud.Position{Partition: int32(p.id), Offset: m.Offset}
	if !m.Stamped {
		p.Ingest.metrics.unstamped.Inc()
	}
	bundle, err := p.bundle(m)
	if err != nil {
		letter := fraud.DeadLetter{
			Position: position, Whole: true, Appended: m.Appended, Fault: *asFault(err), Size: len(m.Value),
		}
		if bundle != nil { // the signature held: it is known whose it is
			letter.Partner = bundle.Partner.Number
		}
		c.DeadLetters = []fraud.DeadLetter{letter}
		return c
	}
	c.Entries = make([]fraud.Entry, 0, len(bundle.Items))
	for i := range bundle.Items {
		item := &bundle.Items[i]
		position.Index = uint16(i)
		fault := item.Fault
		if fault == nil {
			entry := fraud.Entry{
				Position: position, Appended: m.Appended, Partner: bundle.Partner.Number, Event: item.Event,
				SignedBy: bundle.SignedBy,
			}
			if fault = p.screen.Check(&entry, bundle.Partner); fault == nil {
				c.Entries = append(c.Entries, entry)
				continue
			}
		}
		c.DeadLetters = append(c.DeadLetters, fraud.DeadLetter{
			Position: position, EventID: item.Event.ID, Appended: m.Appended, Partner: bundle.Partner.Number,
			Fault: *fault, Size: len(m.Value),
		})
	}
	return c
}

func (p *partition) bundle(m *topic.Message) (*wire.Bundle, error) {
	if m.Unreadable {
		return nil, fraud.Refuse(fraud.ReasonMalformed, "", "the record batch that holds it cannot be unpacked")
	}
	headers := make([]wire.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = wire.Header{Name: h.Name, Value: h.Value}
	}
	return p.opener.Open(headers, m.Value, m.Appended)
}

// asFault is the fault that refuses a bundle. An Opener gives nothing else; if it did, the bundle must not be lost
// silently.
func asFault(err error) *fraud.Fault {
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return fault
	}
	return fraud.Refuse(fraud.ReasonMalformed, "", "not a bundle")
}
