package fraud

// Audience is who may be told of a word beside authorities and the source's own organisation: everyone, one sharing
// group, or nobody. It follows from the word's marking, and is all that the marking comes to.
type Audience uint8

// The audiences that are no group. An Audience of 1 to MaxGroup is the members of that group.
const (
	Everyone   Audience = 0
	NobodyElse Audience = 255
)

// AudienceOf is the table of TLP 2.0 as it reads in a hub:
//
//	CLEAR, GREEN      every partner
//	AMBER, or none    the sharing group that is named; every partner where none is
//	AMBER+STRICT      the sharing group that is named; nobody else
//	RED               nobody else
func AudienceOf(tlp TLP, group Group) Audience {
	switch tlp {
	case TLPClear, TLPGreen:
		return Everyone
	case 0, TLPAmber:
		return Audience(group)
	case TLPAmberStrict:
		if group != 0 {
			return Audience(group)
		}
	}
	return NobodyElse
}

// includes reports whether p, as one who is neither an authority nor the source, is among them.
func (a Audience) includes(p *Partner) bool {
	return a == Everyone || a <= Audience(MaxGroup) && p.Groups.Has(Group(a))
}
