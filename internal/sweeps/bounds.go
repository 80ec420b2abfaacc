package sweeps

import "github.com/waspada-hub/waspada/pkg/fraud"

// Count is what a partner asked about today, in different indicators.
type Count struct {
	Partner *fraud.Partner
	// Distinct were asked about, of which Known were listed, cleared, disputed or protected.
	Distinct, Known int
}

// Bounds say from where on so many questions with so few hits look like a sweep.
type Bounds struct {
	// Distinct is how many different indicators a partner must have asked about before it is judged, and so must the
	// others together before they are its measure.
	Distinct int
	// Floor is the share of known ones, 0 to 1, below which a partner is always told of.
	Floor float64
}

const (
	// ofOthers is the part of the others' share that a partner must reach. Partners differ: a bank screens its whole
	// book, and a telco asks about calls that were complained of.
	ofOthers = 0.1
	// leastExpected is how many hits that part must stand for. Where the others would have had 20, by chance almost
	// nobody has fewer than 2.
	leastExpected = 2
)

// finding is a partner that asks like one who sweeps.
type finding struct {
	Count
	expected float64 // hits, at least
}

// find judges each partner by the others: who sweeps does not lower his own measure.
func (b Bounds) find(counts []Count) (found []finding) {
	var distinct, known int
	for _, c := range counts {
		distinct, known = distinct+c.Distinct, known+c.Known
	}
	for _, c := range counts {
		share := b.Floor
		if others := distinct - c.Distinct; others >= b.Distinct {
			share = max(share, ofOthers*float64(known-c.Known)/float64(others))
		}
		expected := share * float64(c.Distinct)
		if c.Distinct >= b.Distinct && expected >= leastExpected && float64(c.Known) < expected {
			found = append(found, finding{c, expected})
		}
	}
	return found
}
