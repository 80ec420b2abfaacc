package nation

import (
	"math/rand/v2"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// temper is how a platform's partner acts on what it is told.
type temper struct {
	runs []string
	// usual is the mean time to an action, and never the share that nothing is done about.
	usual time.Duration
	never float64
	does  []fraud.Action
}

// tempers are three ways to take a report: at once, in good time, and rarely.
var tempers = map[string]temper{
	"platform-wau": {[]string{"facebook", "instagram", "threads"}, time.Minute, 0.05,
		[]fraud.Action{fraud.Removed, fraud.Removed, fraud.Blocked, fraud.NoAction}},
	"market-gasing": {[]string{"shopee", "lazada"}, 5 * time.Minute, 0.15,
		[]fraud.Action{fraud.Removed, fraud.Refunded, fraud.Held}},
	"platform-congkak": {[]string{"telegram", "tiktok"}, 30 * time.Minute, 0.7,
		[]fraud.Action{fraud.Blocked, fraud.NoAction, fraud.Disagreed}},
}

// Platforms are those that a partner runs.
func Platforms(partner string) []string { return tempers[partner].runs }

// place says on which platform a case was met: of every third. Nobody runs the last one.
func (c *Case) place(seed uint64, i int) {
	r := rand.New(rand.NewPCG(seed+2, uint64(i)))
	if c.Type == indicator.BankAccount || r.IntN(3) != 0 {
		return
	}
	on := pick(r, "facebook", "facebook", "facebook", "instagram", "threads", "telegram", "telegram", "tiktok", "shopee", "lazada",
		"jobstreet")
	for j := range c.Words {
		c.Words[j].Platform = on
	}
}

// Reaction is what a platform's partner does about a case, and how long after it was told; false for nothing.
func (s *Set) Reaction(c *Case, i int) (partner string, action fraud.Action, after time.Duration, ok bool) {
	for _, p := range s.partners[fraud.Platform] {
		t := tempers[p.ID]
		for _, platform := range t.runs {
			if platform != c.Words[0].Platform {
				continue
			}
			r := rand.New(rand.NewPCG(s.seed+3, uint64(i)))
			if r.Float64() < t.never {
				return "", 0, 0, false
			}
			return p.ID, t.does[r.IntN(len(t.does))], time.Duration(r.ExpFloat64() * float64(t.usual)), true
		}
	}
	return "", 0, 0, false
}
