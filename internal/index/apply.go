package index

import (
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Apply merges opinions in. When it returns, every lookup that starts sees them. Any order and any number of
// repetitions gives the same answers.
func (x *Index) Apply(opinions []fraud.Opinion) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v := x.view.Load()
	for i := range opinions {
		r := recordOf(&opinions[i])
		if v.overrules(&r) || !v.active.put(r) {
			continue
		}
		// The bits come after the record: who finds them set finds the record, too.
		if r.visible() {
			v.filter.add(r.tag)
			if x.next != nil {
				x.next.add(r.tag)
			}
		}
	}
	x.applied.Add(int64(len(opinions)))
	if v.wantsFold() {
		select {
		case x.grown <- struct{}{}:
		default:
		}
	}
}

// overrules reports whether what is already sorted in says the same or later. Changes that a start replays are mostly
// in the base already, and would only fill the delta.
func (v *view) overrules(r *record) bool {
	for have := range v.base.of(r.tag) {
		if have.sameKey(r) {
			if !r.supersedes(&have) {
				return true
			}
			break
		}
	}
	if v.folding != nil {
		for n := v.folding.of(r.tag); n != nil; n = n.next {
			if n.sameKey(r) {
				return !r.supersedes(&n.record)
			}
		}
	}
	return false
}

// wantsFold bounds the delta, which takes twice the memory of the base, to a thirtieth of it or a few megabytes.
func (v *view) wantsFold() bool {
	return v.active.opinions.Load() >= 1<<16+int64(v.base.n)/32 || v.filter.fillRatio() > plannedFill
}

// advance applies what a partition of the changes said, and only then counts it as applied.
func (x *Index) advance(partition int, next int64, opinions []fraud.Opinion, asOf time.Time) {
	if len(opinions) > 0 {
		x.Apply(opinions)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.partitions[partition]
	p.next = max(p.next, next)
	if asOf.After(p.asOf) {
		p.asOf = asOf
	}
	x.partitions[partition] = p
	x.settle()
}

// settle derives as_of, which is that of the partition furthest behind, and readiness.
func (x *Index) settle() {
	var (
		oldest time.Time
		behind int64
	)
	for partition, p := range x.partitions {
		if p.asOf.IsZero() {
			return
		}
		if oldest.IsZero() || p.asOf.Before(oldest) {
			oldest = p.asOf
		}
		behind += max(0, x.goal[partition]-p.next)
	}
	if oldest.IsZero() {
		return
	}
	// Before readiness: who sees ready must not see an old as_of.
	x.asOf.Store(oldest.UnixMilli())
	if x.goal != nil && behind == 0 && !x.ready.Load() {
		x.ready.Store(true)
		x.log.Info("index ready", "as_of", oldest, "opinions", x.view.Load().records())
	}
}
