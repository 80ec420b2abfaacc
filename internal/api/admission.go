package api

import (
	"errors"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// admit refuses at the door what would only become a dead letter later, so that the caller hears of it at once. The
// word that counts is that of the stage which reads Kafka: it holds every event to the same rules.
func (s *Server) admit(partner *fraud.Partner, e *fraud.Event, now time.Time) *fraud.Fault {
	if err := e.Validate(now); err != nil {
		var fault *fraud.Fault
		errors.As(err, &fault)
		return fault
	}
	for _, term := range []struct {
		pointer, name string
		of            *fraud.Vocabulary
	}{
		{"/category", e.Category, s.taxonomy.Category},
		{"/platform", e.Platform, s.taxonomy.Platform},
		{"/institution", e.Institution, s.taxonomy.Institution},
		{"/region", e.Region, s.taxonomy.Region},
	} {
		if _, ok := term.of.Code(term.name); !ok {
			return fraud.Refuse(fraud.ReasonUnknownTerm, term.pointer, "is no term of the taxonomy, version "+term.of.Version)
		}
	}
	if !partner.MaySay(e.Kind, e.Indicator.Type) {
		return fraud.Refuse(fraud.ReasonNotEntitled, "/kind",
			"a clear or dispute is said by the partner that holds such an indicator, or by an authority")
	}
	return s.unprotected(e)
}

// unprotected refuses a report of what nobody may list.
func (s *Server) unprotected(e *fraud.Event) *fraud.Fault {
	check := func(d indicator.Digest, pointer string) *fraud.Fault {
		lifted, err := s.keys.Lift(d, e.Indicator.Epoch)
		if err != nil {
			return fraud.Refuse(fraud.ReasonEpoch, "/indicator/epoch", s.epochHint())
		}
		if e.Kind == fraud.Report && s.protected(lifted) {
			return fraud.Refuse(fraud.ReasonProtected, pointer, "is on the hub's protected list: nobody may list it")
		}
		return nil
	}
	if fault := check(e.Indicator.Digest, "/indicator"); fault != nil {
		return fault
	}
	for _, also := range e.Indicator.Also {
		if fault := check(also.Digest, "/indicator/also"); fault != nil {
			return fault
		}
	}
	return nil
}
