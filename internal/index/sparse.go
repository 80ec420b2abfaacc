package index

import "math/bits"

// sparse holds a number for some of a table's records, in their order. Which records have one stands in the marks, a
// bitmap with a running count every 512 records: an eighth of a byte a record.
type sparse struct {
	marks  []uint64
	counts []uint32
	values []uint32
}

func newSparse(records int) sparse {
	return sparse{marks: make([]uint64, (records/512+1)*8), counts: make([]uint32, records/512+1)}
}

// mark says that record i has a number.
func (s *sparse) mark(i int) { s.marks[i>>6] |= 1 << (i & 63) }

// sum counts the marks, when all are there, and returns how many there are.
func (s *sparse) sum() int {
	n := 0
	for i, w := range s.marks {
		if i%8 == 0 {
			s.counts[i/8] = uint32(n)
		}
		n += bits.OnesCount64(w)
	}
	return n
}

// at is the number of record i, which has one.
func (s *sparse) at(i int) uint32 {
	n := int(s.counts[i>>9])
	for _, w := range s.marks[i>>9<<3 : i>>6] {
		n += bits.OnesCount64(w)
	}
	return s.values[n+bits.OnesCount64(s.marks[i>>6]&(1<<(i&63)-1))]
}

// size is what it takes in memory, in bytes.
func (s *sparse) size() int { return 8*cap(s.marks) + 4*cap(s.counts) + 4*cap(s.values) }
