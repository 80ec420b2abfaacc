package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type releaseAnswer struct {
	ID          string    `json:"id"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Reason      string    `json:"reason"`
	ProposedBy  string    `json:"proposed_by"`
	ConfirmedBy string    `json:"confirmed_by,omitempty"`
	InForce     bool      `json:"in_force"`
	At          time.Time `json:"at,omitzero"`
}

// proposeRelease answers POST /v1/admin/partners/{id}/releases.
func (s *Server) proposeRelease(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in spanJSON
	if err := r.order(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	now := s.now().UTC().Truncate(time.Second)
	switch {
	case in.Until.IsZero():
		return refuse("schema", "is required: only what is held already can be released").at("/until")
	case in.Until.After(now.Add(time.Second)):
		return refuse("schema", "lies in the future: only what is held already can be released").at("/until")
	case now.Sub(in.Since) > fraud.HeldFor:
		return refuse("schema", "lies more than 30 days back: what nobody has released by then never counts").at("/since")
	}
	id := numbered("r", revision)
	act := fraud.Act{What: fraud.ReleaseProposed, Whom: r.Param("id"), Object: id, Reason: in.text() + ": " + in.Reason}
	return s.change(r, http.StatusCreated, act, revision, func(p *fraud.PartnerRecord) error {
		p.Released = append(p.Released, fraud.ReleaseRecord{ID: id, Since: in.Since, Until: in.Until, Reason: in.Reason,
			ProposedBy: r.who.KeyID, At: now})
		return nil
	})
}

// confirmRelease answers POST /v1/admin/partners/{id}/releases/{release}/confirm.
func (s *Server) confirmRelease(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	if in.Reason == "" {
		return refuse("schema", "is required").at("/reason")
	}
	id := r.Param("release")
	act := fraud.Act{What: fraud.ReleaseConfirmed, Whom: r.Param("id"), Object: id, Reason: in.Reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		i := slices.IndexFunc(p.Released, func(v fraud.ReleaseRecord) bool { return v.ID == id })
		switch {
		case i < 0:
			return fraud.ErrNoSuchVoid
		case p.Released[i].ProposedBy == r.who.KeyID:
			return refuse("second_person_needed", "who proposed the release cannot confirm it: another operator looks at "+
				"what is held, and confirms with a key of their own")
		case p.Released[i].InForce():
			return refuse("partner_refused", "the release is confirmed already")
		}
		p.Released[i].ConfirmedBy = r.who.KeyID
		return nil
	})
}

// withdrawRelease answers DELETE /v1/admin/partners/{id}/releases/{release}: one person is enough to hold back.
func (s *Server) withdrawRelease(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	reason, err := r.reasonParameter()
	if err != nil {
		return err
	}
	id := r.Param("release")
	act := fraud.Act{What: fraud.ReleaseWithdrawn, Whom: r.Param("id"), Object: id, Reason: reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		n := len(p.Released)
		p.Released = slices.DeleteFunc(p.Released, func(v fraud.ReleaseRecord) bool { return v.ID == id })
		if len(p.Released) == n {
			return fraud.ErrNoSuchVoid
		}
		return nil
	})
}

// HoldReader tells what was held since a time.
type HoldReader interface {
	Holds(ctx context.Context, since time.Time) ([]fraud.HeldWords, error)
}

type holdAnswer struct {
	Partner string         `json:"partner"`
	Day     string         `json:"day"`
	Events  int            `json:"events"`
	Kinds   map[string]int `json:"kinds"`
	Types   map[string]int `json:"types"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until"`
	// State is held, proposed, released or void, of the whole span.
	State string `json:"state"`
}

// getHolds answers GET /v1/admin/holds.
func (s *Server) getHolds(r *request) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), adminLimit)
	defer cancel()
	holds, err := s.holds.Holds(ctx, s.now().Add(-fraud.HeldFor))
	if err != nil {
		return err
	}
	revisions := s.registry.Revisions()
	answer := make([]holdAnswer, 0, len(holds))
	for _, h := range holds {
		a := holdAnswer{Day: h.Day.String(), Events: h.Events, Kinds: map[string]int{}, Types: map[string]int{},
			Since: h.First.Truncate(time.Second), Until: h.Last.Truncate(time.Second).Add(time.Second), State: "held"}
		for kind, n := range h.Kinds {
			a.Kinds[kind.String()] = n
		}
		for kind, n := range h.Types {
			a.Types[kind.String()] = n
		}
		if i := slices.IndexFunc(revisions, func(p fraud.PartnerRevision) bool { return p.Number == h.Partner }); i >= 0 {
			a.Partner = revisions[i].ID
			a.State = stateOf(&revisions[i].PartnerRecord, a.Since, a.Until)
		}
		answer = append(answer, a)
	}
	return r.json(map[string][]holdAnswer{"holds": answer})
}

// stateOf tells what has become of all that was held in a span.
func stateOf(p *fraud.PartnerRecord, since, until time.Time) string {
	for _, v := range p.Voided {
		if v.KeyID == "" && !since.Before(v.Since) && (v.Until.IsZero() || !until.After(v.Until)) {
			return "void"
		}
	}
	state := "held"
	for _, v := range p.Released {
		switch covered := !since.Before(v.Since) && !until.After(v.Until); {
		case covered && v.InForce():
			return "released"
		case covered:
			state = "proposed"
		}
	}
	return state
}
