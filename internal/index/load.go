package index

import (
	"context"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// loader collects any number of opinions in any order, and sorts them into a base part by part, so that sorting stays
// in the caches and each part's memory is free before the next is sorted.
type loader struct {
	parts [256][][]record
	n     int
}

// chunkSize bounds what a part holds for nothing: 256 parts of half a chunk of 40 bytes a record are 5 MB.
const chunkSize = 1024

func (l *loader) add(opinions []fraud.Opinion) {
	for i := range opinions {
		r := recordOf(&opinions[i])
		part := &l.parts[r.tag.hi>>56]
		if n := len(*part); n == 0 || len((*part)[n-1]) == chunkSize {
			*part = append(*part, nil)
		}
		last := &(*part)[len(*part)-1]
		*last = append(*last, r)
	}
	l.n += len(opinions)
}

func (l *loader) frozen(now, horizon time.Time) *frozen {
	b := newBuilder(l.n)
	var all []record
	for i := range l.parts {
		all = all[:0]
		for _, c := range l.parts[i] {
			all = append(all, c...)
		}
		l.parts[i] = nil
		slices.SortFunc(all, func(a, b record) int { return a.compareKey(&b) })
		for rest := all; len(rest) > 0; {
			r, n := rest[0], 1
			for ; n < len(rest) && rest[n].compareKey(&r) == 0; n++ {
				if rest[n].supersedes(&r) {
					r = rest[n]
				}
			}
			rest = rest[n:]
			if !r.spent(now, horizon) {
				b.add(r)
			}
		}
	}
	return b.done()
}

// load makes a base of all that the store holds.
func (x *Index) load(ctx context.Context) (*frozen, error) {
	l := &loader{}
	err := x.from.Opinions.Opinions(ctx, func(opinions []fraud.Opinion) error {
		l.add(opinions)
		return nil
	})
	if err != nil {
		return nil, err
	}
	now := x.now()
	return l.frozen(now, now.Add(-x.cfg.TombstoneAge)), nil
}
