package trends

import (
	"math"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// SmallGroup is the least number that is told to everybody who may ask at all.
const SmallGroup = 5

// seesAll reports whether a partner is told every number as it is.
func seesAll(asker *fraud.Partner) bool { return asker != nil && asker.Kind.Authority() }

// coarse is what everybody may be told of a point.
func coarse(metric fraud.Metric, p fraud.Point) fraud.Point {
	switch {
	case p.Behind == 0:
		return fraud.Point{At: p.At}
	case p.Behind < SmallGroup:
		return fraud.Point{At: p.At, Suppressed: true}
	}
	p.Value, p.Behind = rounded(metric, p.Value), p.Behind-p.Behind%SmallGroup
	return p
}

// rounded is a value, rounded down: to a multiple of SmallGroup, and of ringgit to two digits.
func rounded(metric fraud.Metric, value uint64) uint64 {
	step := uint64(SmallGroup)
	if metric == fraud.LossSum {
		step = 1
		if value >= 100 {
			step = uint64(math.Pow10(int(math.Log10(float64(value))) - 1))
		}
	}
	return value - value%step
}
