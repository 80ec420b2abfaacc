package ingest

import (
	"strconv"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Screen is what an event is held against once it is well-formed: the partner's rights, the key ring, the taxonomy and
// the protected list.
type Screen struct {
	Keys     Lifter
	Taxonomy *fraud.Taxonomy
	// Policy is asked for its protected digests alone, which are at the hub's epoch.
	Policy *fraud.Policy
}

// check completes an entry whose event is valid by itself: its digests are lifted, its terms resolved and its
// opinions made.
func (s *Screen) check(e *fraud.Entry, partner *fraud.Partner) *fraud.Fault {
	event := &e.Event
	if !partner.MaySay(event.Kind, event.Indicator.Type) {
		return fraud.Refuse(fraud.ReasonNotEntitled, "/kind",
			"a clear or a dispute takes the holder's kind of partner, or an authority")
	}
	if fault := s.lift(&event.Indicator); fault != nil {
		return fault
	}
	if event.Kind == fraud.Report {
		if fault := s.protects(&event.Indicator); fault != nil {
			return fault
		}
	}
	for _, term := range []struct {
		name    string
		pointer string
		in      *fraud.Vocabulary
		code    *fraud.Code
	}{
		{event.Category, "/category", s.Taxonomy.Category, &e.Category},
		{event.Platform, "/platform", s.Taxonomy.Platform, &e.Platform},
		{event.Institution, "/institution", s.Taxonomy.Institution, &e.Institution},
		{event.Region, "/region", s.Taxonomy.Region, &e.Region},
	} {
		var ok bool
		if *term.code, ok = term.in.Code(term.name); !ok {
			return fraud.Refuse(fraud.ReasonUnknownTerm, term.pointer, "not a term of the hub's taxonomy")
		}
	}
	e.Opinions = event.Opinions(partner.Number, e.Category)
	return nil
}

func (s *Screen) lift(ref *fraud.Ref) *fraud.Fault {
	if ref.Epoch == s.Keys.Epoch() {
		return nil
	}
	var err error
	if ref.Digest, err = s.Keys.Lift(ref.Digest, ref.Epoch); err != nil {
		return fraud.Refuse(fraud.ReasonEpoch, "/indicator/epoch",
			"the hub is at key epoch "+strconv.Itoa(int(s.Keys.Epoch()))+" and knows no later one")
	}
	for i := range ref.Also {
		// The epoch is the same, so it cannot fail now.
		ref.Also[i].Digest, _ = s.Keys.Lift(ref.Also[i].Digest, ref.Epoch)
	}
	ref.Epoch = s.Keys.Epoch()
	return nil
}

func (s *Screen) protects(ref *fraud.Ref) *fraud.Fault {
	const hint = "this is on the hub's list of what nobody may report: emergency numbers, hotlines, public services"
	if s.Policy.Protected[ref.Digest] {
		return fraud.Refuse(fraud.ReasonProtected, "/indicator/digest", hint)
	}
	for i := range ref.Also {
		if s.Policy.Protected[ref.Also[i].Digest] {
			return fraud.Refuse(fraud.ReasonProtected, "/indicator/also/"+strconv.Itoa(i)+"/digest", hint)
		}
	}
	return nil
}
