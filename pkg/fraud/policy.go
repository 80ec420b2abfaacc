package fraud

import (
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Policy holds every number that deciding depends on.
type Policy struct {
	// HalfLife is, per type, the time after which a listing that nobody renewed counts half; 0 means never.
	HalfLife [9]time.Duration
	// ConfirmFreshness and ListFreshness are the shares that must be left of a listing for it to help confirm, and
	// to count at all: 1/4 is two half-lives, 1/16 is four.
	ConfirmFreshness, ListFreshness float64
	// ConfirmScore is the least score of a confirmed indicator.
	ConfirmScore uint8
	// ConfirmReporters is how many independent organisations with evidence confirm without an authority.
	ConfirmReporters int
	// ReaffirmWithin is how long after a dispute its reporters may take to renew a listing before it lapses; 0 is for ever.
	ReaffirmWithin time.Duration
	// AcknowledgeWithin and DecideWithin are how long authorities may take to review a dispute and to decide it, from when
	// it was opened.
	AcknowledgeWithin, DecideWithin time.Duration
	// SuspectedAdvice and WeakAdvice cap what may be done on a suspicion, and on a weak match.
	SuspectedAdvice, WeakAdvice Advice
	// Partners finds a partner by number. Words of partners that it does not know list nothing.
	Partners func(PartnerNumber) (*Partner, bool)
	// Protected are what nobody may list. It may be replaced while others decide.
	Protected *Protected
}

const day = 24 * time.Hour

// DefaultPolicy has the decay of the indicator types as practice suggests: URLs live for days, spoofed callers move
// on, an account ends by its bank's word and not by time.
func DefaultPolicy() Policy {
	p := Policy{
		ConfirmFreshness: 1.0 / 4, ListFreshness: 1.0 / 16, ConfirmScore: 50, ConfirmReporters: 2,
		ReaffirmWithin: 14 * day, AcknowledgeWithin: day, DecideWithin: 3 * day, SuspectedAdvice: Hold, WeakAdvice: Warn,
		Partners: func(PartnerNumber) (*Partner, bool) { return nil, false },
	}
	p.HalfLife[indicator.URL] = 3 * day
	p.HalfLife[indicator.Domain] = 30 * day
	p.HalfLife[indicator.Phone] = 10 * day
	p.HalfLife[indicator.SocialAccount] = 30 * day
	p.HalfLife[indicator.PaymentID] = 14 * day
	p.HalfLife[indicator.CryptoAddress] = 180 * day
	p.HalfLife[indicator.Email] = 30 * day
	return p
}

// lapsed reports whether a listing was said before it came into dispute and was not renewed in time.
func (p *Policy) lapsed(listing *Opinion, disputed, now time.Time) bool {
	return p.ReaffirmWithin > 0 && listing.Version.IssuedAt().Before(disputed) && now.Sub(disputed) > p.ReaffirmWithin
}
