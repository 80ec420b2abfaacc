package index

import (
	"maps"
	"time"
)

// fold sorts the delta into a new base and makes a new filter, beside lookups and changes, and swaps them in. It
// returns the base and how far it reaches: it holds every change before these positions, and maybe some after. Its
// cost in memory is one more base and filter; in time, a second for some millions of opinions on one core.
func (x *Index) fold() (*frozen, map[int]position) {
	x.folds.Lock()
	defer x.folds.Unlock()
	began := time.Now()

	x.mu.Lock()
	old := x.view.Load()
	reach := maps.Clone(x.partitions)
	if old.active.opinions.Load() == 0 && old.filter.fillRatio() <= plannedFill {
		x.mu.Unlock()
		return old.base, reach
	}
	x.view.Store(&view{
		base: old.base, folding: old.active, active: newDelta(x.factor), filter: old.filter, generation: old.generation,
	})
	x.mu.Unlock()

	now := x.now()
	base := merge(old.base, old.active.sorted(), now, now.Add(-x.cfg.TombstoneAge))
	x.adopt(base)
	x.durations.Observe(time.Since(began).Seconds())
	x.log.Debug("index folded", "opinions", base.n, "digests", base.digests, "took", time.Since(began))
	return base, reach
}

// merge makes a base of a base and later records in order, leaving out what is spent.
func merge(base *frozen, later []record, now, horizon time.Time) *frozen {
	b := newBuilder(base.n + len(later))
	add := func(r record) {
		if !r.spent(now, horizon) {
			b.add(r)
		}
	}
	for r := range base.all() {
		for len(later) > 0 && later[0].compareKey(&r) < 0 {
			add(later[0])
			later = later[1:]
		}
		if len(later) > 0 && later[0].compareKey(&r) == 0 {
			if later[0].supersedes(&r) {
				r = later[0]
			}
			later = later[1:]
		}
		add(r)
	}
	for _, r := range later {
		add(r)
	}
	return b.done()
}

// adopt swaps in a base, with a filter of its own. The active delta stays. The caller holds folds.
func (x *Index) adopt(base *frozen) {
	active := x.view.Load().active
	f := newFilter(base.digests + int(active.tags.Load()))
	f.fill(base)

	// From here on a change sets its bits in both filters, and so does Protect; those of before are brought in now.
	x.mu.Lock()
	x.next = f
	x.mu.Unlock()
	f.protect(x.policy.Protected)
	for r := range active.all() {
		if r.visible() {
			f.add(r.tag)
		}
	}

	x.mu.Lock()
	defer x.mu.Unlock()
	x.next = nil
	x.view.Store(&view{base: base, active: active, filter: f, generation: x.view.Load().generation + 1})
}
