package fraud

import (
	"strconv"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Screen is what an event is held against once it is valid by itself: the partner's rights, the key ring, the taxonomy
// and the protected list. The api asks it so that a caller hears of a refusal at once; the word that counts is that of
// ingest, which holds whatever reaches Kafka to the same rules.
type Screen struct {
	Keys     *indicator.KeyRing
	Taxonomy *Taxonomy
	// Protected are what nobody may list. It may be replaced while events are checked.
	Protected *Protected
}

// Check completes an entry whose event is valid by itself: its digests are lifted, its terms resolved and its
// opinions made.
func (s *Screen) Check(e *Entry, partner *Partner) *Fault {
	event := &e.Event
	if !partner.MaySay(event.Kind, event.Indicator.Type) {
		return Refuse(ReasonNotEntitled, "/kind",
			"a clear or a dispute takes the holder's kind of partner, or an authority; to uphold takes an authority")
	}
	if fault := s.lift(&event.Indicator); fault != nil {
		return fault
	}
	if event.Kind.Lists() {
		if fault := s.protects(&event.Indicator); fault != nil {
			return fault
		}
	}
	for _, term := range []struct {
		name    string
		pointer string
		in      *Vocabulary
		code    *Code
	}{
		{event.Category, "/category", s.Taxonomy.Category, &e.Category},
		{event.Platform, "/platform", s.Taxonomy.Platform, &e.Platform},
		{event.Institution, "/institution", s.Taxonomy.Institution, &e.Institution},
		{event.Region, "/region", s.Taxonomy.Region, &e.Region},
	} {
		var ok bool
		if *term.code, ok = term.in.Code(term.name); !ok {
			return Refuse(ReasonUnknownTerm, term.pointer, "not a term of the hub's taxonomy, version "+term.in.Version)
		}
	}
	group, ok := s.Taxonomy.Group.Code(event.Group)
	if !ok {
		return Refuse(ReasonUnknownTerm, "/group", "not a sharing group of the hub's taxonomy, version "+
			s.Taxonomy.Group.Version)
	}
	if e.Group = Group(group); group != 0 && !partner.Groups.Has(e.Group) {
		return Refuse(ReasonNotEntitled, "/group", "a partner shares with the groups that it belongs to")
	}
	e.Opinions = event.Opinions(partner.Number, e.Category, Provenance{
		Accepted: SecondsOf(e.Appended), SignedBy: e.SignedBy, Group: e.Group})
	return nil
}

func (s *Screen) lift(ref *Ref) *Fault {
	if ref.Epoch == s.Keys.Epoch() {
		return nil
	}
	var err error
	if ref.Digest, err = s.Keys.Lift(ref.Digest, ref.Epoch); err != nil {
		return Refuse(ReasonEpoch, "/indicator/epoch",
			"the hub is at key epoch "+strconv.Itoa(int(s.Keys.Epoch()))+" and knows no later one")
	}
	for i := range ref.Also {
		// The epoch is the same, so it cannot fail now.
		ref.Also[i].Digest, _ = s.Keys.Lift(ref.Also[i].Digest, ref.Epoch)
	}
	ref.Epoch = s.Keys.Epoch()
	return nil
}

func (s *Screen) protects(ref *Ref) *Fault {
	const hint = "this is on the hub's list of what nobody may report: emergency numbers, hotlines, public services"
	if s.Protected.Has(ref.Digest) {
		return Refuse(ReasonProtected, "/indicator", hint)
	}
	for i := range ref.Also {
		if s.Protected.Has(ref.Also[i].Digest) {
			return Refuse(ReasonProtected, "/indicator/also/"+strconv.Itoa(i), hint)
		}
	}
	return nil
}
