package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
)

// Rates of the live traffic, a second.
const (
	eventRate  = 20
	lookupRate = 40
	// reactionRate is how many cases of the country a second platforms look at.
	reactionRate = 10
)

// traffic reports, corrects, acts and asks at a gentle rate until ctx ends. What fails is tried no second time: it is
// traffic, and the next second brings more.
func traffic(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, hub watcher) {
	go every(ctx, time.Second/lookupRate, func(n int) { ask(ctx, country, ring, hub) })
	go every(ctx, time.Second/reactionRate, func(n int) { react(ctx, country, partners, ring, n) })
	fresh := int(time.Now().Unix()) << 8 // new cases go on from where no earlier run was
	every(ctx, time.Second/eventRate, func(n int) { speak(ctx, country, partners, ring, fresh+n) })
}

func every(ctx context.Context, period time.Duration, do func(n int)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			go do(n)
		}
	}
}

// ask looks up one value: one in ten is listed.
func ask(ctx context.Context, country *nation.Set, ring *indicator.KeyRing, hub watcher) {
	c := country.Other(rand.IntN(1 << 30))
	if rand.IntN(10) == 0 {
		c = country.Case(rand.IntN(country.Len()))
	}
	if ref, err := c.Ref(ring); err == nil {
		_, _ = hub.ask(ctx, ref)
	}
}

// speak publishes one event: mostly new reports, some sightings, withdrawals and actions on what is listed.
func speak(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, n int) {
	known := rand.IntN(4) == 0
	c := country.Other(n)
	if known {
		c = country.Case(rand.IntN(country.Len()))
	}
	ref, err := c.Ref(ring)
	if err != nil {
		return
	}
	w := c.Words[0]
	w.Ago = 0
	e := w.Event(ref, time.Now())
	if known {
		e = fraud.Event{ID: uuid.Must(uuid.NewV7()), IssuedAt: e.IssuedAt, Indicator: ref, TLP: e.TLP, Category: e.Category}
		switch n % 5 {
		case 0:
			e.Kind = fraud.Withdraw
		case 1, 2:
			e.Kind = fraud.Sighting
		default:
			e.Kind, e.Action, e.ObservedAt = fraud.ActionTaken, fraud.Blocked, e.IssuedAt
		}
	}
	if partners[w.Partner].Publish(ctx, []fraud.Event{e}) != nil || known {
		return
	}
	partner, action, after, ok := country.Reaction(&c, n)
	if !ok {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(after):
		act(ctx, partners[partner], ref, w.Category, action)
	}
}

// react lets a platform act on the n-th case of the country, in the order of no importance.
func react(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, n int) {
	const stride = 7919 // prime: phones and URLs in turn
	i := n * stride % country.Len()
	c := country.Case(i)
	if partner, action, _, ok := country.Reaction(&c, i); ok {
		if ref, err := c.Ref(ring); err == nil {
			act(ctx, partners[partner], ref, c.Words[0].Category, action)
		}
	}
}

// act tells what was done about an indicator.
func act(ctx context.Context, by *publisher.Publisher, ref fraud.Ref, category string, action fraud.Action) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	_ = by.Publish(ctx, []fraud.Event{{ID: uuid.Must(uuid.NewV7()), Kind: fraud.ActionTaken, IssuedAt: now, Indicator: ref,
		TLP: fraud.TLPAmber, Category: category, Action: action, ObservedAt: now}})
}
