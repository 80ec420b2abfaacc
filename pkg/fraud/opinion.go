package fraud

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Opinion is one partner's word on one digest. Opinions merge: of two with the same [Key] the one that
// [Opinion.Supersedes] the other stands, so that any order and any number of deliveries gives the same state.
type Opinion struct {
	Digest indicator.Digest
	// Origin is 0 where the event named this very digest. Where the digest is a broader or weaker expression
	// of the event's indicator it is [OriginOf] that indicator: two accounts with one number at two banks share the
	// weak digest, and taking back one must leave the other's word.
	Origin  uint32
	Partner PartnerNumber
	Type    indicator.Type
	Grade   indicator.Grade
	Stance  Stance
	Version Version

	Category   Code
	Evidence   Evidence
	Confidence uint8
	Advice     Advice
	TLP        TLP
	ExpiresAt  Seconds
	Provenance
}

// Key says which opinions replace each other. A sighting stands beside the partner's stance and does not replace it.
type Key struct {
	Digest  indicator.Digest
	Origin  uint32
	Partner PartnerNumber
	Sighted bool
}

// Key returns what o replaces and is replaced by.
func (o *Opinion) Key() Key { return Key{o.Digest, o.Origin, o.Partner, o.Stance == Sighted} }

// OriginOf shortens a digest to an [Opinion.Origin]; never 0.
func OriginOf(d indicator.Digest) uint32 { return uint32(d.Word(3)) | 1 }

// Version orders the opinions of one key: issued_at in milliseconds (42 bits, until the year 2109), then the
// precedence of the stance (2 bits: withdrawn and cleared over disputed over listed), then the event id's last
// 20 bits.
type Version uint64

// MakeVersion orders an event among its partner's on the same digest.
func MakeVersion(issued time.Time, s Stance, id uuid.UUID) Version {
	low := uint64(binary.BigEndian.Uint32(id[12:])) & (1<<20 - 1)
	return Version(uint64(issued.UnixMilli())<<22 | s.precedence()<<20 | low)
}

// IssuedAt is when the partner said it, in milliseconds.
func (v Version) IssuedAt() time.Time { return time.UnixMilli(int64(v >> 22)).UTC() }

// content is all that a partner may say differently of one indicator, less its group.
func (o *Opinion) content() uint64 {
	return uint64(o.Stance&7)<<61 | uint64(o.TLP&7)<<58 | uint64(o.Advice&7)<<55 | uint64(o.Evidence&63)<<49 |
		uint64(o.Confidence&127)<<42 | uint64(o.Category&MaxCode)<<32 | uint64(o.ExpiresAt)
}

// Tie orders opinions of one key and one Version. They are nearly always the same event, delivered more than once: then
// the delivery that was not held stands over one that was, and the first over later ones, whose partner may not have
// sent them. What differs in content, events of one millisecond and kind whose ids agree in 20 bits, is told apart by 31
// bits that mix it.
func (o *Opinion) Tie() uint64 {
	mixed := o.content() ^ uint64(o.Group)*0x9e3779b97f4a7c15 // as in SplitMix64
	mixed = (mixed ^ mixed>>30) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ mixed>>27) * 0x94d049bb133111eb
	mixed ^= mixed >> 31
	tie := mixed>>33<<33 | uint64(^o.Accepted)
	if !o.Held {
		tie |= 1 << 32
	}
	return tie
}

// Supersedes reports whether o stands and other, of the same key, falls. It is a strict total order on what
// opinions say.
func (o *Opinion) Supersedes(other *Opinion) bool {
	if o.Version != other.Version {
		return o.Version > other.Version
	}
	if a, b := o.Tie(), other.Tie(); a != b {
		return a > b
	}
	// Two events that agree in all of that: somebody made them so.
	if a, b := o.content(), other.content(); a != b {
		return a > b
	}
	return cmp.Or(cmp.Compare(o.Group, other.Group), cmp.Compare(o.SignedBy, other.SignedBy),
		cmp.Compare(o.Type, other.Type), cmp.Compare(o.Grade, other.Grade)) > 0
}

// TakenBack is what undoes o where the hub cannot keep its event: the same words withdrawn, at the same time of issue.
// A later event of the partner stands over it. False says that o has no effect that needs undoing.
func (o Opinion) TakenBack() (Opinion, bool) {
	if !o.Stance.Lists() && o.Stance != Disputed {
		return Opinion{}, false
	}
	const precedence = 20 // its place in a Version
	o.Stance = Withdrawn
	o.Version = o.Version&^(3<<precedence) | Version(Withdrawn.precedence()<<precedence)
	return o, true
}

// OpinionSize is the length of an opinion's binary form in bytes.
const OpinionSize = 64

// opinionFormat is the first byte of the binary form.
const opinionFormat = 1

// AppendBinary appends the binary form (schemas/asyncapi.v1.yaml, message Change): format 1, type, grade, stance,
// category (2), evidence, confidence, advice, tlp, partner (2), expires_at (4, Unix seconds), origin (4), version (8),
// digest (32), provenance (4); integers big-endian.
func (o *Opinion) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, opinionFormat, byte(o.Type), byte(o.Grade), byte(o.Stance))
	b = binary.BigEndian.AppendUint16(b, uint16(o.Category))
	b = append(b, byte(o.Evidence), o.Confidence, byte(o.Advice), byte(o.TLP))
	b = binary.BigEndian.AppendUint16(b, uint16(o.Partner))
	b = binary.BigEndian.AppendUint32(b, uint32(o.ExpiresAt))
	b = binary.BigEndian.AppendUint32(b, o.Origin)
	b = binary.BigEndian.AppendUint64(b, uint64(o.Version))
	b = append(b, o.Digest[:]...)
	return binary.BigEndian.AppendUint32(b, o.Provenance.Pack(o.Version)), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (o *Opinion) UnmarshalBinary(b []byte) error {
	if len(b) != OpinionSize || b[0] != opinionFormat {
		return fmt.Errorf("opinion: not %d bytes of format %d", OpinionSize, opinionFormat)
	}
	*o = Opinion{
		Type: indicator.Type(b[1]), Grade: indicator.Grade(b[2]), Stance: Stance(b[3]),
		Category: Code(binary.BigEndian.Uint16(b[4:])), Evidence: Evidence(b[6]), Confidence: b[7],
		Advice: Advice(b[8]), TLP: TLP(b[9]), Partner: PartnerNumber(binary.BigEndian.Uint16(b[10:])),
		ExpiresAt: Seconds(binary.BigEndian.Uint32(b[12:])), Origin: binary.BigEndian.Uint32(b[16:]),
		Version: Version(binary.BigEndian.Uint64(b[20:])), Digest: indicator.Digest(b[28:60]),
	}
	o.Provenance = UnpackProvenance(binary.BigEndian.Uint32(b[60:]), o.Version)
	if !o.Type.Valid() || !o.Grade.Valid() || !o.Stance.Valid() {
		return fmt.Errorf("opinion: unknown type, grade or stance")
	}
	if o.Category > MaxCode || o.Evidence > 1<<len(evidences)-1 || o.Confidence > 100 || o.Advice > Block ||
		o.TLP > TLPRed {
		return fmt.Errorf("opinion: category, evidence, confidence, advice or tlp out of range")
	}
	return nil
}

// Seconds is a Unix time in seconds, 0 for none.
type Seconds uint32

// SecondsOf shortens a time; the zero time becomes 0.
func SecondsOf(t time.Time) Seconds {
	if t.IsZero() || t.Unix() <= 0 {
		return 0
	}
	return Seconds(min(t.Unix(), 1<<32-1))
}

// Time is the time, or the zero time for 0.
func (s Seconds) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}
