package index

import (
	"math/bits"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
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
	words, m, h, step := f.words, f.m, t.hi, t.lo|1
	for range f.k {
		bit, _ := bits.Mul64(h, m) // h scaled to 0…m-1 by its top bits, without a division
		if atomic.LoadUint64(&words[bit>>6])>>(bit&63)&1 == 0 {
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

// protect lets protected digests pass.
func (f *filter) protect(p *fraud.Protected) {
	for d := range p.All() {
		f.add(tagOf(&d))
	}
}

// block is how many digests are screened together: as many as a word has bits.
const block = 64

// screen marks the digests of a block that pass the first two probes; 1 in 11 unlisted ones does in a new filter. The
// loads of a round depend on nothing but the digests and on no branch, so the processor has many under way at once:
// what a filter larger than the caches costs is not hashing but waiting for memory.
func (f *filter) screen(digests []indicator.Digest) uint64 {
	words, m := f.words, f.m
	first, second := uint64(0), uint64(0)
	for i := range digests {
		t := tagOf(&digests[i])
		bit, _ := bits.Mul64(t.hi, m)
		first |= atomic.LoadUint64(&words[bit>>6]) >> (bit & 63) & 1 << i
	}
	for left := first; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		t := tagOf(&digests[i])
		bit, _ := bits.Mul64(t.hi+(t.lo|1), m)
		second |= atomic.LoadUint64(&words[bit>>6]) >> (bit & 63) & 1 << i
	}
	return second
}

// fill sets the bits of every visible record of a table. Nobody else may know of the filter yet. Bits of one region
// are gathered and then set together: one by one, each would be a cache miss, and ten million digests take 4 s.
func (f *filter) fill(from *frozen) {
	const regions = 64 // by the top bits of a hash, which are those of its place in the filter
	room := max(16, min(1<<16, from.digests*f.k/regions))
	var (
		gathered = make([]uint32, regions*room)
		used     [regions]int
		begin    [regions]uint64
		set      int64
	)
	for r := range begin {
		begin[r], _ = bits.Mul64(uint64(r)<<58, f.m)
	}
	flush := func(region uint64) {
		for _, at := range gathered[region*uint64(room):][:used[region]] {
			bit := begin[region] + uint64(at)
			w := &f.words[bit>>6]
			set += int64(^*w >> (bit & 63) & 1)
			*w |= 1 << (bit & 63)
		}
		used[region] = 0
	}
	var last tag
	for i, t := range from.tags() {
		if t == last || !visible(from.content(i)) {
			continue
		}
		last = t
		h, step := t.hi, t.lo|1
		for range f.k {
			bit, _ := bits.Mul64(h, f.m)
			region := h >> 58
			if used[region] == room {
				flush(region)
			}
			gathered[int(region)*room+used[region]] = uint32(bit - begin[region])
			used[region]++
			h += step
		}
	}
	for region := range uint64(regions) {
		flush(region)
	}
	f.set.Add(set)
}

// fillRatio is the share of bits that are set.
func (f *filter) fillRatio() float64 { return float64(f.set.Load()) / float64(f.m) }
