package main

import (
	"context"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// How often a wait asks: look-ups are answered from memory, events from the ledger.
const (
	lookupEvery = 5 * time.Millisecond
	eventEvery  = 250 * time.Millisecond
)

// waiter waits until look-ups show what accepted events say. An event is shown
//
//   - when the answer tells it: a report as recent as the event, or another verdict than before; or
//   - when the ledger has the event, and the node has since applied every change: what a partner says may leave the
//     verdict as it is.
type waiter struct {
	hub    *client.Client
	events []client.Event
	// before are the answers before the events were sent.
	before []client.Result
}

func (w *waiter) wait(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var (
		stored    time.Time // when the ledger was first seen to have the last of the events
		nextEvent = time.Now().Add(eventEvery)
		tick      = time.NewTicker(lookupEvery)
	)
	defer tick.Stop()
	for {
		now, err := w.hub.Lookup(ctx, itemsOf(w.events))
		if err != nil {
			return w.ended(ctx, err)
		}
		if w.shown(now, stored) {
			return nil
		}
		if stored.IsZero() && time.Now().After(nextEvent) {
			if stored, err = w.storedAt(ctx); err != nil {
				return w.ended(ctx, err)
			}
			nextEvent = time.Now().Add(eventEvery)
		}
		select {
		case <-ctx.Done():
			return w.ended(ctx, ctx.Err())
		case <-tick.C:
		}
	}
}

// ended tells the end of the patience from a failure.
func (w *waiter) ended(ctx context.Context, err error) error {
	if ctx.Err() == context.DeadlineExceeded {
		return errNotVisible
	}
	return err
}

func (w *waiter) shown(now []client.Result, stored time.Time) bool {
	for i, e := range w.events {
		told := e.Kind == fraud.Report && !now[i].LastReported.Before(e.IssuedAt.Truncate(time.Second)) &&
			now[i].LastReported.After(w.before[i].LastReported) ||
			now[i].Verdict != w.before[i].Verdict
		applied := !stored.IsZero() && now[i].AsOf.After(stored)
		if !told && !applied {
			return false
		}
	}
	return true
}

// storedAt is the present time if the ledger has every event, zero if not yet. A refusal is an error.
func (w *waiter) storedAt(ctx context.Context) (time.Time, error) {
	for _, e := range w.events {
		state, known, err := w.hub.Event(ctx, e.ID)
		switch {
		case err != nil:
			return time.Time{}, err
		case !known:
			return time.Time{}, nil
		case state.Status == client.Refused:
			told := "the hub refused the event: " + state.Detail
			return time.Time{}, &fault{exit: exitFailed, Code: state.Reason, Detail: told}
		case state.Status == client.Held:
			return time.Time{}, &fault{exit: exitFailed, Code: client.Held, Detail: "the hub holds the event: " + state.Detail}
		}
	}
	return time.Now(), nil
}
