package api

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// mergePatch is the media type of RFC 7396: what is not named stays, and null is what a partner has that is added
// without it.
const mergePatch = "application/merge-patch+json"

// member is one of a merge patch.
type member[T any] struct {
	named bool
	value *T // nil for null
}

// UnmarshalJSONFrom is called for null, too.
func (m *member[T]) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	m.named = true
	return json.UnmarshalDecode(from, &m.value)
}

// change puts the member in the place of what was there.
func (m *member[T]) change(was *T, without T) {
	switch {
	case m.named && m.value != nil:
		*was = *m.value
	case m.named:
		*was = without
	}
}

// partnerChange is what may be changed of a partner by naming it. Its state and keys have acts of their own.
type partnerChange struct {
	Name         member[string]            `json:"name"`
	Kind         member[fraud.PartnerKind] `json:"kind"`
	Organisation member[string]            `json:"organisation"`
	Weight       member[float64]           `json:"weight"`
	Quotas       member[quotasChange]      `json:"quotas"`
	Licensed     member[bool]              `json:"licensed_platform"`
	Users        member[uint64]            `json:"users"`
	Subject      member[string]            `json:"mtls_subject"`
	Scopes       member[[]string]          `json:"mtls_scopes"`
	Sharing      member[[]string]          `json:"sharing_groups"`
	Platforms    member[[]string]          `json:"platforms"`
	Reason       string                    `json:"reason"`
}

type quotasChange struct {
	Requests    member[int] `json:"requests"`
	Indicators  member[int] `json:"indicators"`
	Distinct    member[int] `json:"distinct"`
	Listings    member[int] `json:"listings"`
	Retractions member[int] `json:"retractions"`
}

// names are the members that are there, for the audit: the revisions hold what they were and have become.
func (c *partnerChange) names() string {
	var names []string
	for _, m := range []struct {
		name  string
		named bool
	}{
		{"name", c.Name.named}, {"kind", c.Kind.named}, {"organisation", c.Organisation.named}, {"weight", c.Weight.named},
		{"quotas", c.Quotas.named}, {"licensed_platform", c.Licensed.named}, {"users", c.Users.named},
		{"mtls_subject", c.Subject.named}, {"mtls_scopes", c.Scopes.named},
		{"sharing_groups", c.Sharing.named}, {"platforms", c.Platforms.named},
	} {
		if m.named {
			names = append(names, m.name)
		}
	}
	return strings.Join(names, ", ")
}

// changePartner answers PATCH /v1/admin/partners/{id}.
func (s *Server) changePartner(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in partnerChange
	if err := r.orderAs(mergePatch, &in); err != nil {
		return err
	}
	names := in.names()
	var scopes fraud.Scope
	if in.Scopes.value != nil {
		if scopes, err = fraud.ParseScopes(*in.Scopes.value...); err != nil {
			return refuse("schema", err.Error()).at("/mtls_scopes")
		}
	}
	switch {
	case names == "":
		return refuse("schema", "names nothing that is to change")
	case in.Reason == "":
		return refuse("schema", "is required").at("/reason")
	case in.Name.named && (in.Name.value == nil || *in.Name.value == ""):
		return refuse("schema", "a partner has a name").at("/name")
	case in.Kind.named && in.Kind.value == nil:
		return refuse("schema", "a partner is of a kind").at("/kind")
	case (in.Subject.named || in.Scopes.named) && r.certificate != nil && r.who.KeyID == r.certificate.ID &&
		r.Param("id") == r.who.Partner.ID:
		return refuse("own_key", "a certificate does not change what it may do itself: use an API key with the scope admin")
	}
	act := fraud.Act{What: fraud.PartnerChanged, Whom: r.Param("id"), Reason: names + ": " + in.Reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		if in.Kind.named && in.Kind.value.Authority() && !p.Kind.Authority() {
			return refuse("partner_refused", "all that the partner ever said would become an authority's word: add the "+
				"authority as a partner of its own").at("/kind")
		}
		in.Name.change(&p.Name, "")
		in.Kind.change(&p.Kind, 0)
		if in.Organisation.change(&p.Organisation, ""); p.Organisation == "" {
			p.Organisation = p.ID
		}
		in.Weight.change(&p.Weight, 1)
		in.changeQuotas(&p.Quotas)
		in.Licensed.change(&p.Licensed, false)
		in.Users.change(&p.Users, 0)
		if in.Subject.change(&p.Subject, ""); p.Subject == "" && !in.Scopes.named {
			p.SubjectScopes = 0 // so that a stolen certificate ends with one word
		}
		if in.Scopes.named {
			p.SubjectScopes = scopes
		}
		in.Sharing.change(&p.Sharing, nil)
		in.Platforms.change(&p.Platforms, nil)
		return nil
	})
}

func (c *partnerChange) changeQuotas(q *fraud.Quotas) {
	if !c.Quotas.named {
		return
	}
	if c.Quotas.value == nil {
		*q = fraud.Quotas{}
		return
	}
	in := c.Quotas.value
	in.Requests.change(&q.Requests, 0)
	in.Indicators.change(&q.Indicators, 0)
	in.Distinct.change(&q.Distinct, 0)
	in.Listings.change(&q.Listings, 0)
	in.Retractions.change(&q.Retractions, 0)
}
