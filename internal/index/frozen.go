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
//	record (33 bytes, little-endian): tag bits 16 to 79 (8), tag bits 80 to 127 (6), version (8), content (8), came (3)
//
// The first 16 bits of a tag are its place in the directory. Origin and expiry are zero in most records; where one is
// not, bit 63 of content is set and both stand in extras, in the order of the records: how many precede is
// counted in the marks, a bitmap with a running count every 512 records.
type frozen struct {
	n       int // records
	digests int // tags with a visible record: those that belong in a filter
	bits    int // of the tag that the directory resolves, from 16
	dir     []uint32
	records []byte
	marks   []uint64
	counts  []uint32
	extras  []uint64 // origin in the low half, expiry in the high
}

const (
	recordSize = 33
	// dirBits is the least size of the directory: the bits of the tag that no record repeats.
	dirBits = 16
	// bucketSize is about how many records share a directory entry: at 8 the directory costs half a byte a record and a
	// search reads two or three cache lines.
	bucketSize = 8
	extended   = 1 << 63
	low48      = 1<<48 - 1
)

var emptyFrozen = newBuilder(0).done()

func (f *frozen) bucket(t tag) uint64 { return t.hi >> (64 - f.bits) }

func (f *frozen) mid(i int) uint64 { return binary.LittleEndian.Uint64(f.records[i*recordSize:]) }

func (f *frozen) low(i int) uint64 {
	return binary.LittleEndian.Uint64(f.records[i*recordSize+8:]) & low48
}

func (f *frozen) content(i int) uint64 {
	return binary.LittleEndian.Uint64(f.records[i*recordSize+22:])
}

// find returns the first record of a tag, or n or a record of another tag if there is none.
func (f *frozen) find(t tag) int {
	b := f.bucket(t)
	lo, hi := int(f.dir[b]), int(f.dir[b+1])
	mid, low := t.hi<<dirBits|t.lo>>48, t.lo&low48
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
		mid, low := t.hi<<dirBits|t.lo>>48, t.lo&low48
		for i := f.find(t); i < end && f.mid(i) == mid && f.low(i) == low; i++ {
			if !yield(f.at(i, t)) {
				return
			}
		}
	}
}

// at reads record i, of which the tag is known.
func (f *frozen) at(i int, t tag) record {
	b := f.records[i*recordSize+14:][:19]
	r := record{
		tag: t, version: fraud.Version(binary.LittleEndian.Uint64(b)), content: binary.LittleEndian.Uint64(b[8:]),
		came: uint32(b[16]) | uint32(b[17])<<8 | uint32(b[18])<<16,
	}
	if r.content&extended != 0 {
		x := f.extras[f.rank(i)]
		r.content &^= extended
		r.origin, r.expires = uint32(x), fraud.Seconds(x>>32)
	}
	return r
}

// rank counts the marks before i.
func (f *frozen) rank(i int) int {
	n := int(f.counts[i>>9])
	for _, w := range f.marks[i>>9<<3 : i>>6] {
		n += bits.OnesCount64(w)
	}
	return n + bits.OnesCount64(f.marks[i>>6]&(1<<(i&63)-1))
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
			top := uint64(b) >> (f.bits - dirBits) << (64 - dirBits)
			for i := int(f.dir[b]); i < int(end); i++ {
				mid := f.mid(i)
				if !yield(i, tag{top | mid>>dirBits, mid<<48 | f.low(i)}) {
					return
				}
			}
		}
	}
}

// size is what the table takes in memory, in bytes.
func (f *frozen) size() int {
	return 4*cap(f.dir) + cap(f.records) + 8*cap(f.marks) + 4*cap(f.counts) + 8*cap(f.extras)
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

// makeRoom makes the directory and the marks of so many records, empty.
func (f *frozen) makeRoom(records int) {
	f.bits = max(dirBits, bits.Len(uint(records/bucketSize))-1)
	f.dir = make([]uint32, 1<<f.bits+1)
	f.marks = make([]uint64, (records/512+1)*8)
	f.counts = make([]uint32, records/512+1)
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
	if r.origin != 0 || r.expires != 0 {
		content |= extended
		f.marks[f.n>>6] |= 1 << (f.n & 63)
		f.extras = append(f.extras, uint64(r.expires)<<32|uint64(r.origin))
	}
	f.records = binary.LittleEndian.AppendUint64(f.records, r.tag.hi<<dirBits|r.tag.lo>>48)
	f.records = append(f.records, byte(r.tag.lo), byte(r.tag.lo>>8), byte(r.tag.lo>>16), byte(r.tag.lo>>24),
		byte(r.tag.lo>>32), byte(r.tag.lo>>40))
	f.records = binary.LittleEndian.AppendUint64(f.records, uint64(r.version))
	f.records = binary.LittleEndian.AppendUint64(f.records, content)
	f.records = append(f.records, byte(r.came), byte(r.came>>8), byte(r.came>>16))
	f.n++
}

func (b *builder) done() *frozen {
	b.f.extras = slices.Clone(b.f.extras) // it grew by doubling
	b.f.sum()
	return b.f
}

// sum turns the counts of the directory into places, and counts the marks.
func (f *frozen) sum() {
	for i := 1; i < len(f.dir); i++ {
		f.dir[i] += f.dir[i-1]
	}
	n := uint32(0)
	for i, w := range f.marks {
		if i%8 == 0 {
			f.counts[i/8] = n
		}
		n += uint32(bits.OnesCount64(w))
	}
}
