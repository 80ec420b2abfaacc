package index

import (
	"cmp"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// record is an opinion without its digest: 48 bytes and no pointers.
type record struct {
	tag     tag
	version fraud.Version
	content uint64
	origin  uint32
	expires fraud.Seconds
	came    uint32 // when and under which key: the high 24 bits of a packed provenance that are not in content
}

// Where the fields stand in content. Bits 62 and 63 are the frozen table's. The last are the low 7 bits of a packed provenance,
// and whether the word is held.
const (
	shiftStance     = 0  // 3 bits
	shiftType       = 3  // 4
	shiftGrade      = 7  // 2
	shiftAdvice     = 9  // 3
	shiftTLP        = 12 // 3
	shiftEvidence   = 15 // 6
	shiftConfidence = 21 // 7
	shiftCategory   = 28 // 10
	shiftPartner    = 38 // 16
	shiftGroup      = 54 // 7
	shiftHeld       = 61 // 1
)

// Where the fields stand in a packed provenance, see fraud.Provenance.
const (
	packedKey   = 7
	packedHeld  = 11
	packedDelay = 12
)

func recordOf(o *fraud.Opinion) record {
	packed := o.Provenance.Pack(o.Version)
	return record{
		tag: tagOf(&o.Digest), version: o.Version, origin: o.Origin, expires: o.ExpiresAt,
		came: packed>>packedDelay<<4 | packed>>packedKey&15,
		content: uint64(o.Stance&7)<<shiftStance | uint64(o.Type&15)<<shiftType | uint64(o.Grade&3)<<shiftGrade |
			uint64(o.Advice&7)<<shiftAdvice | uint64(o.TLP&7)<<shiftTLP | uint64(o.Evidence&63)<<shiftEvidence |
			uint64(o.Confidence&127)<<shiftConfidence | uint64(o.Category&1023)<<shiftCategory |
			uint64(o.Partner)<<shiftPartner | uint64(packed&127)<<shiftGroup | uint64(packed>>packedHeld&1)<<shiftHeld,
	}
}

// opinion gives the opinion back, except for its digest.
func (r *record) opinion() fraud.Opinion {
	c := r.content
	return fraud.Opinion{
		Origin: r.origin, Partner: r.partner(), Type: indicator.Type(c >> shiftType & 15),
		Grade: indicator.Grade(c >> shiftGrade & 3), Stance: r.stance(), Version: r.version,
		Category: fraud.Code(c >> shiftCategory & 1023), Evidence: fraud.Evidence(c >> shiftEvidence & 63),
		Confidence: uint8(c >> shiftConfidence & 127), Advice: fraud.Advice(c >> shiftAdvice & 7),
		TLP: fraud.TLP(c >> shiftTLP & 7), ExpiresAt: r.expires,
		Provenance: fraud.UnpackProvenance(r.came>>4<<packedDelay|uint32(c>>shiftHeld&1)<<packedHeld|
			r.came&15<<packedKey|uint32(c>>shiftGroup&127), r.version),
	}
}

func (r *record) stance() fraud.Stance         { return fraud.Stance(r.content >> shiftStance & 7) }
func (r *record) partner() fraud.PartnerNumber { return fraud.PartnerNumber(r.content >> shiftPartner) }
func (r *record) sighted() bool                { return r.stance() == fraud.Sighted }

// sameKey reports whether two records of one tag replace each other, as fraud.Key has it.
func (r *record) sameKey(s *record) bool {
	return r.origin == s.origin && r.partner() == s.partner() && r.sighted() == s.sighted()
}

// supersedes is fraud's order; it is asked only of records of one key.
func (r *record) supersedes(s *record) bool {
	if r.version != s.version {
		return r.version > s.version
	}
	a, b := r.opinion(), s.opinion()
	return a.Supersedes(&b)
}

// compareKey orders records by tag, then by what replaces each other.
func (r *record) compareKey(s *record) int {
	if c := r.tag.compare(s.tag); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(r.origin, s.origin), cmp.Compare(r.partner(), s.partner())); c != 0 {
		return c
	}
	switch {
	case r.sighted() == s.sighted():
		return 0
	case s.sighted():
		return -1
	}
	return 1
}

// visible reports whether this opinion alone may make a verdict other than not_listed. Only digests with one that
// may are in the filter: what was withdrawn or only sighted is answered without it.
func (r *record) visible() bool { return visible(r.content) }

func visible(content uint64) bool {
	s := fraud.Stance(content >> shiftStance & 7)
	return s.Lists() || s == fraud.Cleared || s == fraud.Disputed
}

// spent reports whether the record says nothing any more, and is so old that nothing it overrules can still arrive.
func (r *record) spent(now, horizon time.Time) bool {
	over := r.stance() == fraud.Withdrawn || r.expires != 0 && !now.Before(r.expires.Time())
	return over && r.version.IssuedAt().Before(horizon)
}
