package fraud

import (
	"crypto/ed25519"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// PartnerNumber is a partner's stored number, from 1.
type PartnerNumber uint16

// Partner is what deciding needs to know of a partner. Keys and quotas are the registry's.
type Partner struct {
	Number PartnerNumber
	// ID is the partner's name on every wire: "maybank".
	ID   string
	Kind PartnerKind
	// Organisation groups partners that are not independent of each other; by default the ID.
	Organisation string
	// Weight is how much its word counts, 0 to 1.
	Weight float64
	State  PartnerState
	// Quotas bound what it may ask and say.
	Quotas Quotas
}

// Quotas are a partner's limits. Zero means the default of whoever enforces them.
type Quotas struct {
	// Requests and Indicators are per second, over all of the partner's keys: calls, and indicators asked about in them.
	Requests, Indicators int
	// Distinct is how many different indicators it may ask about in a day: a sweep through all numbers meets it first.
	Distinct int
	// Listings and Retractions are how many indicators it may newly list, and take back, in a day.
	Listings, Retractions int
}

// MaySay is the table of who may say what: a clear or a dispute takes the word of the kind of partner that holds
// such an indicator, or of an authority; everything else is open to every active partner.
func (p *Partner) MaySay(k Kind, t indicator.Type) bool {
	if p.State == Suspended {
		return false
	}
	if k != Clear && k != Dispute || p.Kind.Authority() {
		return true
	}
	switch t {
	case indicator.BankAccount:
		return p.Kind == Bank
	case indicator.PaymentID:
		return p.Kind == Bank || p.Kind == EWallet
	case indicator.Phone:
		return p.Kind == Telco
	case indicator.SocialAccount:
		return p.Kind == Platform
	}
	return false
}

// SigningKey verifies the bundles of one partner, or of every partner where it is the hub's own gateway key.
type SigningKey struct {
	ID     string
	Public ed25519.PublicKey
	// Partner is whose key it is. The gateway's key speaks for whichever partner the bundle names.
	Partner PartnerNumber
	Gateway bool
	// NotBefore and NotAfter bound the append times at which it is good; zero is unbounded.
	NotBefore, NotAfter time.Time
}

// ValidAt reports whether the key is good for a message appended at t.
func (k *SigningKey) ValidAt(t time.Time) bool {
	return (k.NotBefore.IsZero() || !t.Before(k.NotBefore)) && (k.NotAfter.IsZero() || t.Before(k.NotAfter))
}
