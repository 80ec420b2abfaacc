package index

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// frozen is the sorted table of nearly all opinions. It never changes and holds no pointers into itself, so that the
// garbage collector has nothing to scan however many opinions there are.
//
//	directory[top bits of the tag] ──▶ records, ascending by key; several of one tag stand side by side
//	record (32 bytes, little-endian): tag bits 16 to 79 (8), came (3), tag bits 80 to 119 (5), version (8), content (8)
//
// The first 16 bits of a tag are its place in the directory. Origin and expiry are zero in most records: a bit of content
// says whether there is one, and it stands aside.
type frozen struct {
	n                 int // records
	digests           int // tags with a visible record: those that belong in a filter
	bits              int // of the tag that the directory resolves, from 16
	dir               []uint32
	records           []byte
	origins, expiries sparse
}

const (
	recordSize = 32
	// dirBits is the least size of the directory: the bits of the tag that no record repeats.
	dirBits = 16
	// bucketSize is about how many records share a directory entry: at 8 the directory costs half a byte a record and a
	// search reads two or three cache lines.
	bucketSize = 8
	hasOrigin  = 1 << 62
	hasExpiry  = 1 << 63
	low40      = 1<<40 - 1
	cameBits   = 24
)

var emptyFrozen = newBuilder(0).done()

func (f *frozen) bucket(t tag) uint64 { return t.hi >> (64 - f.bits) }

func (f *frozen) mid(i int) uint64 { return binary.LittleEndian.Uint64(f.records[i*recordSize:]) }

func (f *frozen) low(i int) uint64 {
	return binary.LittleEndian.Uint64(f.records[i*recordSize+8:]) >> cameBits
}

func (f *frozen) content(i int) uint64 {
	return binary.LittleEndian.Uint64(f.records[i*recordSize+24:])
}

// halves are the parts of a tag that a record holds.
func (t tag) halves() (mid, low uint64) { return t.hi<<dirBits | t.lo>>48, t.lo >> tagSpare & low40 }

// tagAt puts a tag together of its top bits and a record's.
func tagAt(top, mid, low uint64) tag {
	return tag{top<<(64-dirBits) | mid>>dirBits, mid<<48 | low<<tagSpare}
}

// find returns the first record of a tag, or n or a record of another tag if there is none.
func (f *frozen) find(t tag) int {
	b := f.bucket(t)
	lo, hi := int(f.dir[b]), int(f.dir[b+1])
	mid, low := t.halves()
	for hi-lo > 4 {
		m := int(uint(lo+hi) / 2)
		if k := f.mid(m); k < mid || k == mid && f.low(m) < low {
			lo = m + 1
		} else {
			hi = m
		}
	}
	for ; lo < hi; lo++ {
		if k := f.mid(lo); k > mid || k == mid && f.low(lo) >= low {
			break
		}
	}
	return lo
}

// of lists the records of a tag.
func (f *frozen) of(t tag) iter.Seq[record] {
	return func(yield func(record) bool) {
		end := int(f.dir[f.bucket(t)+1])
		mid, low := t.halves()
		for i := f.find(t); i < end && f.mid(i) == mid && f.low(i) == low; i++ {
			if !yield(f.at(i, t)) {
				return
			}
		}
	}
}

// at reads record i, of which the tag is known.
func (f *frozen) at(i int, t tag) record {
	b := f.records[i*recordSize+8:][:recordSize-8]
	r := record{
		tag: t, version: fraud.Version(binary.LittleEndian.Uint64(b[8:])), content: binary.LittleEndian.Uint64(b[16:]),
		came: binary.LittleEndian.Uint32(b) & (1<<cameBits - 1),
	}
	if r.content&hasOrigin != 0 {
		r.origin = f.origins.at(i)
	}
	if r.content&hasExpiry != 0 {
		r.expires = fraud.Seconds(f.expiries.at(i))
	}
	r.content &^= hasOrigin | hasExpiry
	return r
}

// all lists every record in order.
func (f *frozen) all() iter.Seq[record] {
	return func(yield func(record) bool) {
		for i, t := range f.tags() {
			if !yield(f.at(i, t)) {
				return
			}
		}
	}
}

// tags lists the tag of every record in order.
func (f *frozen) tags() iter.Seq2[int, tag] {
	return func(yield func(int, tag) bool) {
		for b, end := range f.dir[1:] {
			top := uint64(b) >> (f.bits - dirBits)
			for i := int(f.dir[b]); i < int(end); i++ {
				if !yield(i, tagAt(top, f.mid(i), f.low(i))) {
					return
				}
			}
		}
	}
}

// size is what the table takes in memory, in bytes.
func (f *frozen) size() int {
	return 4*cap(f.dir) + cap(f.records) + f.origins.size() + f.expiries.size()
}

// builder makes a frozen table of records that come in ascending order.
type builder struct {
	f       *frozen
	last    tag
	counted bool // the last tag is among the digests
}

// newBuilder makes room for atMost records.
func newBuilder(atMost int) *builder {
	f := &frozen{records: make([]byte, 0, atMost*recordSize)}
	f.makeRoom(atMost)
	return &builder{f: f}
}

// makeRoom makes the directory of so many records and what stands aside, empty.
func (f *frozen) makeRoom(records int) {
	f.bits = max(dirBits, bits.Len(uint(records/bucketSize))-1)
	f.dir = make([]uint32, 1<<f.bits+1)
	f.origins, f.expiries = newSparse(records), newSparse(records)
}

func (b *builder) add(r record) {
	f := b.f
	if r.tag != b.last {
		b.last, b.counted = r.tag, false
	}
	if !b.counted && r.visible() {
		f.digests++
		b.counted = true
	}
	f.dir[f.bucket(r.tag)+1]++
	content := r.content
	if r.origin != 0 {
		content |= hasOrigin
		f.origins.mark(f.n)
		f.origins.values = append(f.origins.values, r.origin)
	}
	if r.expires != 0 {
		content |= hasExpiry
		f.expiries.mark(f.n)
		f.expiries.values = append(f.expiries.values, uint32(r.expires))
	}
	mid, low := r.tag.halves()
	f.records = binary.LittleEndian.AppendUint64(f.records, mid)
	f.records = binary.LittleEndian.AppendUint64(f.records, low<<cameBits|uint64(r.came))
	f.records = binary.LittleEndian.AppendUint64(f.records, uint64(r.version))
	f.records = binary.LittleEndian.AppendUint64(f.records, content)
	f.n++
}

func (b *builder) done() *frozen {
	for _, s := range []*sparse{&b.f.origins, &b.f.expiries} {
		s.values = slices.Clone(s.values) // they grew by doubling
	}
	b.f.sum()
	return b.f
}

// sum turns the counts of the directory into places, and counts what stands aside.
func (f *frozen) sum() (origins, expiries int) {
	for i := 1; i < len(f.dir); i++ {
		f.dir[i] += f.dir[i-1]
	}
	return f.origins.sum(), f.expiries.sum()
}
