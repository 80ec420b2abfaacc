package index

import (
	"iter"
	"math/bits"
	"slices"
	"sync/atomic"
)

// delta holds recent changes. One writer at a time adds to it; any number of readers read it without a lock. It is an
// open-addressing table of pointers to immutable chains, one chain a tag.
type delta struct {
	table atomic.Pointer[table]
	// opinions and tags count what is held.
	opinions, tags atomic.Int64
	// factor is odd and random: a partner who reports made-up digests cannot choose where they fall.
	factor uint64
}

type table struct {
	shift int
	slots []atomic.Pointer[node]
}

type node struct {
	record
	next *node // of the same tag
}

// A slot costs 8 bytes, a node 56, for which the allocator takes 64; with the table between a quarter and half full that
// is 80 to 96 bytes an opinion.
const nodeSize = 64

func newDelta(factor uint64) *delta {
	d := &delta{factor: factor | 1}
	d.table.Store(newTable(10))
	return d
}

func newTable(log int) *table {
	return &table{shift: 64 - log, slots: make([]atomic.Pointer[node], 1<<log)}
}

// slot finds the slot of a tag, or the empty one in which it belongs.
func (t *table) slot(of tag, factor uint64) (*atomic.Pointer[node], *node) {
	for i := of.hi * factor >> t.shift; ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		head := s.Load()
		if head == nil || head.tag == of {
			return s, head
		}
	}
}

// of is the chain of a tag, nil if it has none.
func (d *delta) of(t tag) *node {
	_, head := d.table.Load().slot(t, d.factor)
	return head
}

// put merges a record in and reports whether it changed anything. One writer at a time.
func (d *delta) put(r record) bool {
	t := d.table.Load()
	if int(d.tags.Load())*2 >= len(t.slots) {
		t = d.grow(t)
	}
	slot, head := t.slot(r.tag, d.factor)
	for n := head; n != nil; n = n.next {
		if !n.sameKey(&r) {
			continue
		}
		if !r.supersedes(&n.record) {
			return false
		}
		slot.Store(&node{r, without(head, n)})
		return true
	}
	slot.Store(&node{r, head})
	d.opinions.Add(1)
	if head == nil {
		d.tags.Add(1)
	}
	return true
}

// without is the chain less one node, in some order. Chains never change: what stood before the node is copied.
func without(head, gone *node) *node {
	rest := gone.next
	for n := head; n != gone; n = n.next {
		rest = &node{n.record, rest}
	}
	return rest
}

// grow doubles the table. A reader that still holds the old one misses only what is put from now on.
func (d *delta) grow(old *table) *table {
	t := newTable(bits.Len(uint(len(old.slots))))
	for i := range old.slots {
		if head := old.slots[i].Load(); head != nil {
			slot, _ := t.slot(head.tag, d.factor)
			slot.Store(head)
		}
	}
	d.table.Store(t)
	return t
}

// all lists every record, in no order.
func (d *delta) all() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		t := d.table.Load()
		for i := range t.slots {
			for n := t.slots[i].Load(); n != nil; n = n.next {
				if !yield(&n.record) {
					return
				}
			}
		}
	}
}

// sorted lists every record in the order of a frozen table.
func (d *delta) sorted() []record {
	all := make([]record, 0, d.opinions.Load())
	for r := range d.all() {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b record) int { return a.compareKey(&b) })
	return all
}

// size is what the delta takes in memory, in bytes.
func (d *delta) size() int { return 8*len(d.table.Load().slots) + nodeSize*int(d.opinions.Load()) }
