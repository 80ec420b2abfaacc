package fraud

// Provenance is how a word came to the hub: what decides whether it counts, and who may be told.
type Provenance struct {
	// Accepted is when Kafka took the message, in seconds; 0 where it is not known. Unlike the time of issue, nobody but
	// the broker chooses it: what a partner is found to have said since a time is told by it.
	Accepted Seconds
	// Held words wait for the hub's operators: see [Partner.Counts].
	Held bool
	// SignedBy is the number of the partner's signing key, 0 for the hub's gateway, which signs what comes over HTTP.
	SignedBy KeyNumber
	// Group is the sharing group to which the word is confined, 0 for none.
	Group Group
}

// KeyNumber numbers a partner's signing keys from 1 to 15 and then from 1 again, in the order of their registration.
type KeyNumber uint8

// KeyNumberOf is the number of the key at a place in its partner's record, from 0.
func KeyNumberOf(place int) KeyNumber { return KeyNumber(place%15 + 1) }

// Group is the stored number of a sharing group, 0 for none.
type Group uint8

// MaxGroup is the greatest number that a sharing group may have.
const MaxGroup Group = 127

// The packed form, from the highest bit: seconds from issue to acceptance and 301 more, since a partner's clock may be
// 5 minutes ahead (20 bits; 0 is not known); held (1); signed by (4); group (7).
const (
	delayShift  = 12
	delayOffset = 301
	maxDelay    = 1<<20 - 1
)

// Pack shortens p to 32 bits beside the version of its word.
func (p Provenance) Pack(v Version) uint32 {
	packed := uint32(p.SignedBy&15)<<7 | uint32(p.Group&127)
	if p.Accepted != 0 {
		delay := int64(p.Accepted) - v.IssuedAt().Unix() + delayOffset
		packed |= uint32(min(max(delay, 1), maxDelay)) << delayShift
	}
	if p.Held {
		packed |= 1 << 11
	}
	return packed
}

// UnpackProvenance is the inverse of Pack, for the same version.
func UnpackProvenance(packed uint32, v Version) Provenance {
	p := Provenance{Held: packed&(1<<11) != 0, SignedBy: KeyNumber(packed >> 7 & 15), Group: Group(packed & 127)}
	if delay := packed >> delayShift; delay != 0 {
		p.Accepted = Seconds(v.IssuedAt().Unix() + int64(delay) - delayOffset)
	}
	return p
}
