package ingest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// keep stores what was accepted and commits it, until the queue is closed and empty. When the context has ended it
// hurries: nothing is waited for, and after half the rebalance timeout the rest is left to the next owner.
func (p *partition) keep(ctx context.Context, next int64) error {
	hurry, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.cfg.RebalanceTimeout/2, cancel) })()
	for {
		chunks := p.collect(ctx)
		if len(chunks) == 0 {
			return nil
		}
		s, cost := join(chunks)
		err := p.settle(ctx, hurry, s, next)
		p.room.Release(cost)
		if err != nil {
			return err
		}
		next = s.Last + 1
		p.pulse.beat(time.Now())
	}
}

// settle stores and commits one segment that must begin at offset next.
func (p *partition) settle(ctx, hurry context.Context, s fraud.Segment, next int64) error {
	if s.First != next {
		return fmt.Errorf("a segment begins at offset %d, not at %d", s.First, next)
	}
	// 2. Insert. A crash before or in this step leaves rows, if any, whose offsets are not committed: they come again,
	// with the same positions, and the ledger counts them once.
	if err := p.insert(ctx, hurry, s); err != nil {
		return err
	}
	// 3. Commit the prefix that is now both announced and stored; everything before it was committed in its turn. A
	// crash before this step repeats 1 and 2. The broker refuses the commit of a generation that is over; the next
	// owner then does 1 and 2 again.
	if err := p.commit(s.Last + 1); err != nil {
		return fmt.Errorf("commit offset %d: %w", s.Last+1, err)
	}
	p.metrics.committed.Set(float64(s.Last + 1))
	return nil
}

// collect takes chunks until there are enough of them for a segment, or the first is old enough: none when the queue is
// closed and empty.
func (p *partition) collect(ctx context.Context) (chunks []chunk) {
	c, ok := <-p.queue
	if !ok {
		return nil
	}
	chunks, events := append(chunks, c), c.events()
	old := time.NewTimer(p.cfg.SegmentAge)
	defer old.Stop()
	done := ctx.Done()
	for events < p.cfg.SegmentEvents {
		select {
		case c, ok := <-p.queue:
			if !ok {
				return chunks
			}
			chunks, events = append(chunks, c), events+c.events()
		case <-old.C:
			return chunks
		case <-done:
			// accept is about to close the queue: take what is in it, and insert it at once.
			done = nil
		}
	}
	return chunks
}

// join makes one segment of chunks that follow on each other. Entries are large: they are copied once.
func join(chunks []chunk) (s fraud.Segment, cost int64) {
	s = chunks[0].Segment
	if len(chunks) == 1 {
		return s, chunks[0].cost
	}
	entries, letters := 0, 0
	for i := range chunks {
		entries, letters = entries+len(chunks[i].Entries), letters+len(chunks[i].DeadLetters)
	}
	s.Entries, s.DeadLetters = make([]fraud.Entry, 0, entries), make([]fraud.DeadLetter, 0, letters)
	for i := range chunks {
		s.Last = chunks[i].Last
		s.Entries = append(s.Entries, chunks[i].Entries...)
		s.DeadLetters = append(s.DeadLetters, chunks[i].DeadLetters...)
		cost += chunks[i].cost
	}
	return s, cost
}

// insert stores a segment. Rows that the ledger will never take become dead letters, and they alone.
func (p *partition) insert(ctx, hurry context.Context, s fraud.Segment) error {
	err := p.insertWhole(ctx, hurry, s)
	var refused *fraud.Fault
	if !errors.As(err, &refused) {
		return err
	}
	if a, b, ok := halve(s); ok {
		if err := p.insert(ctx, hurry, a); err != nil {
			return err
		}
		return p.insert(ctx, hurry, b)
	}
	if len(s.Entries) == 1 {
		e := s.Entries[0]
		letter := fraud.DeadLetter{
			Position: e.Position, EventID: e.Event.ID, Appended: e.Appended, Partner: e.Partner,
			Fault: fraud.Fault{Reason: fraud.ReasonRefusedByLog, Pointer: refused.Pointer, Hint: refused.Hint},
		}
		if err := p.alarm.note(0, 1); err != nil {
			return err
		}
		if err := p.dead.write(hurry, []fraud.DeadLetter{letter}); err != nil {
			return err
		}
		p.Ingest.metrics.refused.WithLabelValues(string(letter.Fault.Reason)).Inc()
		// It was announced before the ledger was asked: nobody may stay listed by what the ledger does not hold.
		for _, o := range e.Opinions {
			if back, ok := o.TakenBack(); ok {
				s.TakenBack = append(s.TakenBack, back)
			}
		}
		if err := p.announcer.Append(hurry, s.TakenBack); err != nil {
			return err
		}
		s.Entries, s.DeadLetters = nil, append(s.DeadLetters, letter)
		err = p.insertWhole(ctx, hurry, s)
		if !errors.As(err, &refused) {
			return err
		}
	}
	return &operatorError{fmt.Errorf("the ledger refuses even a dead letter at partition %d, offset %d: %w",
		s.Partition, s.First, refused)}
}

// halve splits a segment between messages, and a single message between its events. Halves are inserted in order, so
// that what the ledger holds stays without a gap; nothing is committed before all are in.
func halve(s fraud.Segment) (a, b fraud.Segment, ok bool) {
	if s.First == s.Last {
		n := len(s.Entries)
		if n < 2 {
			return a, b, false
		}
		a, b = s, s
		a.Entries, b.Entries = s.Entries[:n/2], s.Entries[n/2:]
		a.Partial, b.DeadLetters = true, nil
		return a, b, true
	}
	middle := s.First + (s.Last-s.First)/2
	e := sort.Search(len(s.Entries), func(i int) bool { return s.Entries[i].Offset > middle })
	d := sort.Search(len(s.DeadLetters), func(i int) bool { return s.DeadLetters[i].Offset > middle })
	a, b = s, s
	a.Last, b.First = middle, middle+1
	a.Entries, b.Entries = s.Entries[:e:e], s.Entries[e:]
	a.DeadLetters, b.DeadLetters = s.DeadLetters[:d:d], s.DeadLetters[d:]
	return a, b, true
}

// insertWhole waits for the ledger for as long as it takes. It returns a *fraud.Fault when the ledger refuses the rows,
// and [fraud.ErrForgotten] when it has lost earlier ones: the partition is then given back, and begins at what is left.
func (p *partition) insertWhole(ctx, hurry context.Context, s fraud.Segment) error {
	var pause topic.Pause
	p.pulse.wait(true)
	defer p.pulse.wait(false)
	for {
		begin := time.Now()
		err := p.ledger.Insert(hurry, s)
		p.Ingest.metrics.insert.Observe(time.Since(begin).Seconds())
		if err == nil {
			p.Ingest.metrics.ledgerDown.Set(0)
			p.Ingest.metrics.stored.Add(float64(len(s.Entries) + len(s.DeadLetters)))
			return nil
		}
		var refused *fraud.Fault
		if errors.As(err, &refused) || errors.Is(err, fraud.ErrForgotten) {
			return err
		}
		p.Ingest.metrics.ledgerDown.Set(1)
		p.log.Warn("the ledger does not take events, waiting",
			"first", s.First, "last", s.Last, "events", len(s.Entries), "error", err)
		if !pause.Wait(ctx) {
			return fmt.Errorf("left to the next owner, offsets %d to %d: %w", s.First, s.Last, err)
		}
	}
}
