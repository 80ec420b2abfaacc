package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type voidAnswer struct {
	ID     string    `json:"id"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"`
	Key    string    `json:"key,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// spanJSON bounds what is void or released, in whole seconds of the time at which the hub took it.
type spanJSON struct {
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

func (in *spanJSON) check() error {
	in.Since, in.Until = in.Since.UTC(), in.Until.UTC()
	switch {
	case in.Since.IsZero():
		return refuse("schema", "is required: the time from which on").at("/since")
	case in.Since.Nanosecond() != 0:
		return refuse("schema", "is a whole second").at("/since")
	case in.Until.Nanosecond() != 0:
		return refuse("schema", "is a whole second").at("/until")
	case !in.Until.IsZero() && !in.Until.After(in.Since):
		return refuse("schema", "must be later than since").at("/until")
	case in.Reason == "":
		return refuse("schema", "is required").at("/reason")
	}
	return nil
}

// text words the span for the audit.
func (in *spanJSON) text() string {
	if in.Until.IsZero() {
		return "since " + in.Since.Format(time.RFC3339)
	}
	return "since " + in.Since.Format(time.RFC3339) + " until " + in.Until.Format(time.RFC3339)
}

// numbered is an id that no other change of the partner's record gives: it bears the revision that it makes.
func numbered(prefix string, revision uint64) string {
	return prefix + strconv.FormatUint(revision+1, 10)
}

// addVoid answers POST /v1/admin/partners/{id}/voids.
func (s *Server) addVoid(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		spanJSON
		Key string `json:"key"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	id := numbered("v", revision)
	act := fraud.Act{What: fraud.WordsVoided, Whom: r.Param("id"), Object: id, Reason: in.text() + ": " + in.Reason}
	if in.Key != "" {
		act.Reason = in.text() + ", key " + in.Key + ": " + in.Reason
	}
	return s.change(r, http.StatusCreated, act, revision, func(p *fraud.PartnerRecord) error {
		known := slices.ContainsFunc(p.SigningKeys, func(k fraud.SigningKeyRecord) bool { return k.ID == in.Key })
		if in.Key != "" && !known {
			return fraud.ErrNoSuchKey
		}
		p.Voided = append(p.Voided, fraud.VoidRecord{ID: id, Since: in.Since, Until: in.Until, KeyID: in.Key,
			Reason: in.Reason, At: s.now().UTC().Truncate(time.Second)})
		return nil
	})
}

// endVoid answers POST /v1/admin/partners/{id}/voids/{void}/end.
func (s *Server) endVoid(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		Until  time.Time `json:"until"`
		Reason string    `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	in.Until = in.Until.UTC()
	switch {
	case in.Until.IsZero() || in.Until.Nanosecond() != 0:
		return refuse("schema", "is required: a whole second").at("/until")
	case in.Reason == "":
		return refuse("schema", "is required").at("/reason")
	}
	id := r.Param("void")
	act := fraud.Act{What: fraud.VoidEnded, Whom: r.Param("id"), Object: id,
		Reason: "until " + in.Until.Format(time.RFC3339) + ": " + in.Reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		i := slices.IndexFunc(p.Voided, func(v fraud.VoidRecord) bool { return v.ID == id })
		if i < 0 {
			return fraud.ErrNoSuchVoid
		}
		p.Voided[i].Until = in.Until
		return nil
	})
}

// undoVoid answers DELETE /v1/admin/partners/{id}/voids/{void}.
func (s *Server) undoVoid(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	reason, err := r.reasonParameter()
	if err != nil {
		return err
	}
	id := r.Param("void")
	act := fraud.Act{What: fraud.VoidUndone, Whom: r.Param("id"), Object: id, Reason: reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		n := len(p.Voided)
		p.Voided = slices.DeleteFunc(p.Voided, func(v fraud.VoidRecord) bool { return v.ID == id })
		if len(p.Voided) == n {
			return fraud.ErrNoSuchVoid
		}
		return nil
	})
}
