package api

import (
	"errors"
	"strings"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Tally counts requests of partners. It is asked once for each, from many goroutines.
type Tally interface {
	Count(p fraud.PartnerNumber, class fraud.RequestClass, refused bool, verdicts *fraud.Verdicts)
}

// count counts a request of a known partner. What was found out is counted only where it was told.
func (s *Server) count(r *request, rt route, failure error) {
	if s.tally == nil || r.who.Partner == nil {
		return
	}
	var used *quota.Refusal
	if failure != nil {
		r.verdicts = fraud.Verdicts{}
	}
	s.tally.Count(r.who.Partner.Number, requestClassOf(rt), failure != nil && errors.As(failure, &used), &r.verdicts)
}

// requestClassOf is as what the audit counts a route.
func requestClassOf(rt route) fraud.RequestClass {
	under := func(path string) bool { return strings.HasPrefix(rt.path, path) }
	switch {
	case rt.path == "/v1/lookup":
		return fraud.LookupMany
	case rt.path == "/v1/lookup/batch":
		return fraud.LookupBatch
	case under("/v1/lookup/"):
		return fraud.LookupOne
	case under("/v1/indicators"):
		return fraud.ReadHistory
	case under("/v1/changes"), under("/v1/filter"):
		return fraud.FollowChanges
	case under("/v1/events"):
		return fraud.SendEvents
	case under("/v1/audit"):
		return fraud.ReadAudit
	case under("/v1/admin/"):
		return fraud.Administer
	case rt.scope == fraud.MayAnalyse, under("/v1/scoreboards/"), under("/v1/reports/"):
		return fraud.ReadTrends
	}
	return fraud.AskOther
}
