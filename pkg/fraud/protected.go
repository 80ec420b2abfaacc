package fraud

import (
	"iter"
	"maps"
	"sync/atomic"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Protected holds the digests, at the key ring's epoch, that nobody may list: emergency numbers, banks' hotlines, public
// services. One set is shared by whoever screens events and whoever decides. It may be replaced while they read it, which
// takes no lock. A nil Protected is empty.
type Protected struct {
	digests atomic.Pointer[map[indicator.Digest]bool]
}

// Protect makes a set of these digests.
func Protect(digests ...indicator.Digest) *Protected {
	set := make(map[indicator.Digest]bool, len(digests))
	for _, d := range digests {
		set[d] = true
	}
	p := &Protected{}
	p.Replace(set)
	return p
}

// Has reports whether nobody may list a digest.
func (p *Protected) Has(d indicator.Digest) bool { return p.now()[d] }

// Len is how many digests there are.
func (p *Protected) Len() int { return len(p.now()) }

// All gives every digest, in no order.
func (p *Protected) All() iter.Seq[indicator.Digest] { return maps.Keys(p.now()) }

// Replace puts another set in force, for every reader at once. The map must not change any more.
func (p *Protected) Replace(set map[indicator.Digest]bool) { p.digests.Store(&set) }

func (p *Protected) now() map[indicator.Digest]bool {
	if p == nil {
		return nil
	}
	if set := p.digests.Load(); set != nil {
		return *set
	}
	return nil
}
