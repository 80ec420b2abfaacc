package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Rates of the live traffic, a second.
const (
	eventRate  = 20
	lookupRate = 40
)

// traffic reports, corrects, acts and asks at a gentle rate until ctx ends. What fails is tried no second time: it is
// traffic, and the next second brings more.
func traffic(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, hub watcher) {
	go every(ctx, time.Second/lookupRate, func(n int) { ask(ctx, country, ring, hub) })
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
	_ = partners[w.Partner].Publish(ctx, []fraud.Event{e})
}
