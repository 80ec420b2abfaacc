package index

import "time"

// Stats describes the index as it stands.
type Stats struct {
	// Digests are those listed, cleared or disputed; Opinions are all that are held, tombstones too. Both count a
	// digest or key twice while a change to it is in the delta.
	Digests, Opinions int
	// DeltaOpinions are those not sorted in yet.
	DeltaOpinions int
	// BaseBytes, DeltaBytes and FilterBytes are what the tables take in memory.
	BaseBytes, DeltaBytes, FilterBytes int
	// FilterBitsPerDigest and FilterFill, 0 to 1, say how well the filter fits.
	FilterBitsPerDigest, FilterFill float64
	// Generation counts the bases since the start.
	Generation int
	// Offsets are the next changes to apply, by partition.
	Offsets map[int]int64
	AsOf    time.Time
}

// Stats takes the figures of one moment.
func (x *Index) Stats() Stats {
	v := x.view.Load()
	s := Stats{
		Digests: v.base.digests, Opinions: v.records(), DeltaOpinions: v.records() - v.base.n,
		BaseBytes: v.base.size(), FilterBytes: 8 * len(v.filter.words), FilterFill: v.filter.fillRatio(),
		Generation: v.generation, Offsets: x.offsets(), AsOf: x.AsOf(),
	}
	for _, d := range []*delta{v.folding, v.active} {
		if d != nil {
			s.Digests += int(d.tags.Load())
			s.DeltaBytes += d.size()
		}
	}
	s.FilterBitsPerDigest = float64(v.filter.m) / float64(max(1, s.Digests))
	return s
}

func (v *view) records() int {
	n := v.base.n + int(v.active.opinions.Load())
	if v.folding != nil {
		n += int(v.folding.opinions.Load())
	}
	return n
}
