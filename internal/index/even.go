package index

import (
	"encoding/binary"
	"math/bits"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// LookupEvenly answers like Lookup, and takes as long for a miss as for a hit: together with what is asked about it
// answers about a decoy, which is a hit for a miss and a miss for a hit. other is the decoy's verdict, for whoever
// wants to do as much with it as with v; it is told to nobody. It costs as much as a hit and a miss, so it is not for
// batches.
//
// What remains to be seen is how much is known: ten opinions take longer to weigh than one.
func (x *Index) LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict) {
	s := x.sight(asker)
	v = s.answer(probes)
	if len(probes) == 0 {
		return v, other
	}
	digest := &probes[0].Digest
	x.counts.add(uint(digest[31]), v.AnsweredBy, v.Status, 1)
	// The same digest gets the same decoy: asked again, both are in the processor's caches, or neither is.
	decoy := tagOf(digest).times(x.decoys)
	if v.AnsweredBy == fraud.ByFilter {
		decoy = s.listedNear(decoy)
	}
	other = s.answer([]fraud.Probe{{Digest: decoy.digest(), Grade: indicator.Exact}})
	return v, other
}

func (t tag) times(factor uint64) tag { return tag{t.hi * factor, t.lo * factor} }

// digest is one that has the tag.
func (t tag) digest() (d indicator.Digest) {
	binary.BigEndian.PutUint64(d[:], t.hi)
	binary.BigEndian.PutUint64(d[8:], t.lo)
	return d
}

// listedNear is the tag of something listed, or t itself where nothing is. It reads the memory that the look-up of it
// reads then, and no other.
func (v *view) listedNear(t tag) tag {
	if v.base.digests > 0 {
		return v.base.near(t)
	}
	return v.active.near(t)
}

// near is a tag in t's bucket, or in one after it. Where several records have one tag it goes on to the next: a tag
// would come the more often, the more is said of it.
func (f *frozen) near(t tag) tag {
	for b := f.bucket(t); b < uint64(len(f.dir)-1); b++ {
		lo, hi := int(f.dir[b]), int(f.dir[b+1])
		if lo == hi {
			continue
		}
		at, _ := bits.Mul64(t.lo, uint64(hi-lo))
		i := lo + int(at)
		for i > lo && i < hi && f.mid(i) == f.mid(i-1) {
			i++
		}
		if i == hi {
			i = lo
		}
		return tagAt(b>>(f.bits-dirBits), f.mid(i), f.low(i))
	}
	return t
}

// near is the tag of a chain at t's slot, or soon after it.
func (d *delta) near(t tag) tag {
	const far = 1 << 10 // no more than all slots of the smallest table
	table := d.table.Load()
	for i := range uint64(far) {
		if n := table.slots[(t.hi>>table.shift+i)&uint64(len(table.slots)-1)].Load(); n != nil {
			return n.tag
		}
	}
	return t
}
