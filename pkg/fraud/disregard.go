package fraud

// Disregard says why a word does not count, 0 for one that does.
type Disregard uint8

// Why a word does not count.
const (
	OfSuspended Disregard = 1 // its partner is suspended
	InShadow    Disregard = 2 // its partner is in shadow mode
	IsVoid      Disregard = 3 // what the partner said then is void
	IsHeld      Disregard = 4 // it waits for the hub's operators
)

var disregards = []string{"", "suspended", "shadow", "void", "held"}

func (d Disregard) String() string { return name(disregards, d) }

// Disregards says why a word of p's does not count.
func (p *Partner) Disregards(o *Opinion) Disregard {
	switch p.State {
	case Active:
	case Shadow:
		return InShadow
	default:
		return OfSuspended
	}
	for i := range p.Voids {
		if p.Voids[i].covers(o) {
			return IsVoid
		}
	}
	if !o.Held {
		return 0
	}
	for i := range p.Releases {
		if r := &p.Releases[i]; o.Accepted >= r.Since && o.Accepted < r.Until {
			return 0
		}
	}
	return IsHeld
}
