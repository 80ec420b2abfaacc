package fraud

import (
	"cmp"
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
	// Groups are the sharing groups that it belongs to.
	Groups Groups
	// Runs are the platforms of the taxonomy that it runs: what is reported about them it is expected to act on.
	Runs []Code
	// Voids take words of its out of force, and Releases let held words count.
	Voids    []Void
	Releases []Release
}

// Groups is a set of sharing groups.
type Groups [2]uint64

// Has reports whether g, which is no 0, is in the set.
func (s Groups) Has(g Group) bool { return s[g>>6&1]&(1<<(g&63)) != 0 }

// With is the set with g.
func (s Groups) With(g Group) Groups {
	s[g>>6&1] |= 1 << (g & 63)
	return s
}

// Void says that what a partner said in a span of time does not count: its key was stolen, its staff bribed, its
// detector broken.
type Void struct {
	// ID names it among the partner's: "v1".
	ID string
	// Since and Until bound the times at which the hub accepted what is void: [Since, Until). An Until of 0 is open.
	Since, Until Seconds
	// SignedBy confines it to what was signed with one key; 0 is everything.
	SignedBy KeyNumber
}

func (v *Void) covers(o *Opinion) bool {
	accepted := o.Accepted
	if accepted == 0 { // of a version that kept no such time
		accepted = SecondsOf(o.Version.IssuedAt())
	}
	return accepted >= v.Since && (v.Until == 0 || accepted < v.Until) && (v.SignedBy == 0 || v.SignedBy == o.SignedBy)
}

// Release lets words count that were held when the hub accepted them, in [Since, Until).
type Release struct {
	ID           string
	Since, Until Seconds
}

// Counts reports whether a word of p's is in force: p is active, the word is not void, and it was not held or is
// released.
func (p *Partner) Counts(o *Opinion) bool { return p.Disregards(o) == 0 }

// MaySee tells who is told what source says: authorities and the source's own organisation everything, others what
// [AudienceOf] its marking includes them in.
func (p *Partner) MaySee(tlp TLP, group Group, source *Partner) bool {
	return p.Kind.Authority() || p.Number == source.Number || p.organisation() == source.organisation() ||
		AudienceOf(tlp, group).includes(p)
}

func (p *Partner) organisation() string { return cmp.Or(p.Organisation, p.ID) }

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
// such an indicator, or of an authority; to uphold takes an authority; everything else is open to every active partner.
func (p *Partner) MaySay(k Kind, t indicator.Type) bool {
	if p.State == Suspended {
		return false
	}
	if p.Kind.Authority() {
		return true
	}
	if k != Clear && k != Dispute {
		return k != Uphold
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
	// Number is that of the key among its partner's, 0 for the gateway's.
	Number KeyNumber
	// NotBefore and NotAfter bound the append times at which it is good; zero is unbounded.
	NotBefore, NotAfter time.Time
}

// ValidAt reports whether the key is good for a message appended at t.
func (k *SigningKey) ValidAt(t time.Time) bool {
	return (k.NotBefore.IsZero() || !t.Before(k.NotBefore)) && (k.NotAfter.IsZero() || t.Before(k.NotAfter))
}
