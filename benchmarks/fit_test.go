package benchmarks

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// line is y = at0 + slope·x, fitted by least squares.
type line struct {
	at0, slope float64
	// off is by how much the points lie off the line, in shares of what was seen, in their order.
	off []float64
}

// fit weighs each point by 1/y², so that it is the relative error that is least: the smallest size says as much as the
// largest.
func fit(x, y []float64) (l line) {
	var s, sx, sy, sxx, sxy float64
	for i := range x {
		w := 1 / (y[i] * y[i])
		s, sx, sy, sxx, sxy = s+w, sx+w*x[i], sy+w*y[i], sxx+w*x[i]*x[i], sxy+w*x[i]*y[i]
	}
	if d := s*sxx - sx*sx; d > 1e-12*s*sxx {
		l.slope = (s*sxy - sx*sy) / d
	}
	l.at0 = (sy - l.slope*sx) / s
	for i := range x {
		l.off = append(l.off, l.at(x[i])/y[i]-1)
	}
	return l
}

func (l line) at(x float64) float64 { return l.at0 + l.slope*x }

// worst is the largest of what points lie off.
func (l line) worst() (off float64) {
	for _, r := range l.off {
		off = max(off, math.Abs(r))
	}
	return off
}

func (l line) String() string {
	var off []string
	for _, r := range l.off {
		off = append(off, fmt.Sprintf("%+.1f %%", 100*r))
	}
	return fmt.Sprintf("%.4g + %.4g × n; residuals %s", l.at0, l.slope, strings.Join(off, ", "))
}

func TestFitFindsTheLineAndSaysHowFarPointsLieOffIt(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }
	x := []float64{0.3e6, 1e6, 3e6}
	var exact []float64
	for _, v := range x {
		exact = append(exact, 5e7+130*v)
	}
	if l := fit(x, exact); !near(l.at0, 5e7) || !near(l.slope, 130) || l.worst() > 1e-9 {
		t.Fatalf("of points on a line: %s", l)
	}
	bent := []float64{exact[0], 1.1 * exact[1], exact[2]}
	if l := fit(x, bent); l.worst() < 0.02 || l.worst() > 0.1 {
		t.Fatalf("of a point that is 10 %% too high: %s", l)
	}
	if l := fit([]float64{2, 2}, []float64{3, 3}); l.at(7) != 3 {
		t.Fatalf("of one size: %s", l)
	}
}
