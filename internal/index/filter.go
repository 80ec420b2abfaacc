package index

import (
	"math/bits"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"
)

const (
	// falsePositives is the share of unlisted digests that a filter at its planned load passes on.
	falsePositives = 1e-4
	// headroom is how many times the digests of its making a filter is planned for: at twice that, its rate is
	// falsePositives. Without, doubling the load would take the rate from 0.01 % to 5.8 %.
	headroom = 2
	// leastPlan keeps the filter of a small index from being rebuilt at every turn: 39 KiB.
	leastPlan = 1 << 14
	// plannedFill is the share of bits that are set at the planned load: from here on a filter wants to be rebuilt.
	plannedFill = 0.5
	// alarmFill is the share at which rebuilding evidently does not keep up: the rate is then 70 times the planned.
	alarmFill = 0.7
)

// filter is a bloom filter whose bits are set while it is read. The bits are a [bloom.BloomFilter]'s, but they are
// addressed by the tag's own words, which are uniform already: the library's hash costs more than the probe. Reads and
// writes are atomic, word by word: unsynchronised writers lose each other's bits, which are then false negatives.
type filter struct {
	words []uint64
	m     uint64 // bits, 64 a word
	k     int
	set   atomic.Int64 // bits that are 1
}

// newFilter plans for headroom times so many digests.
func newFilter(digests int) *filter {
	m, k := bloom.EstimateParameters(uint(max(digests*headroom, leastPlan)), falsePositives)
	f := bloom.From(make([]uint64, (m+63)/64), k)
	return &filter{words: f.BitSet().Words(), m: uint64(f.Cap()), k: int(f.K())}
}

// mayContain is certain when it is false.
func (f *filter) mayContain(t tag) bool {
	h, step := t.hi, t.lo|1
	for range f.k {
		bit, _ := bits.Mul64(h, f.m) // h scaled to 0…m-1 by its top bits, without a division
		if atomic.LoadUint64(&f.words[bit>>6])>>(bit&63)&1 == 0 {
			return false
		}
		h += step
	}
	return true
}

// add sets a tag's bits beside readers and other writers.
func (f *filter) add(t tag) {
	h, step := t.hi, t.lo|1
	for range f.k {
		bit, _ := bits.Mul64(h, f.m)
		mask := uint64(1) << (bit & 63)
		if atomic.OrUint64(&f.words[bit>>6], mask)&mask == 0 {
			f.set.Add(1)
		}
		h += step
	}
}

// fill sets the bits of every visible record of a table. Nobody else may know of the filter yet, so this is twice as
// fast as adding.
func (f *filter) fill(from *frozen) {
	set := int64(0)
	for r := range from.all() {
		if !r.visible() {
			continue
		}
		h, step := r.tag.hi, r.tag.lo|1
		for range f.k {
			bit, _ := bits.Mul64(h, f.m)
			w := &f.words[bit>>6]
			set += int64(^*w >> (bit & 63) & 1)
			*w |= 1 << (bit & 63)
			h += step
		}
	}
	f.set.Add(set)
}

// fillRatio is the share of bits that are set.
func (f *filter) fillRatio() float64 { return float64(f.set.Load()) / float64(f.m) }
