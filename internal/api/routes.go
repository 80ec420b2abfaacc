package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// What a route needs beside the scopes of fraud.
const (
	anyKey fraud.Scope = 0      // an API key, whatever its scopes
	public fraud.Scope = 1 << 7 // nothing: no API key has this scope
	// supervise is admin, or analyse in the hands of the police or a regulator.
	supervise fraud.Scope = 1 << 6
	// judge is report in the hands of the police or a regulator.
	judge fraud.Scope = 1 << 5
	// oversee is analyse in the hands of the police or a regulator.
	oversee fraud.Scope = 1 << 4
)

// mayEnter reports whether a caller may use a route.
func mayEnter(who *fraud.Identity, scope fraud.Scope) bool {
	switch scope {
	case supervise:
		return who.Scopes.Has(fraud.MayAdmin) || who.Scopes.Has(fraud.MayAnalyse) && who.Partner.Kind.Authority()
	case judge:
		return who.Scopes.Has(fraud.MayReport) && who.Partner.Kind.Authority()
	case oversee:
		return who.Scopes.Has(fraud.MayAnalyse) && who.Partner.Kind.Authority()
	}
	return who.Scopes.Has(scope)
}

// needed says what mayEnter asks for.
func needed(scope fraud.Scope) string {
	switch scope {
	case supervise:
		return "admin, or the scope analyse of a regulator or the police"
	case judge:
		return "report of a regulator or the police"
	case oversee:
		return "analyse of a regulator or the police"
	}
	return scope.String()
}

// route is one line of the table.
type route struct {
	method, path string
	// scope is what an API key needs.
	scope  fraud.Scope
	handle func(*Server, *request) error
}

// routes is everything that there is, and who may use it. What is not here is refused.
var routes = []route{
	{http.MethodPost, "/v1/lookup", fraud.MayLookup, (*Server).lookup},
	{http.MethodPost, "/v1/lookup/batch", fraud.MayLookup, (*Server).lookupBatch},
	{http.MethodGet, "/v1/lookup/:type/:digest", fraud.MayLookup, (*Server).lookupOne},
	{http.MethodGet, "/v1/indicators/:type/:digest", fraud.MayLookup, (*Server).history},
	{http.MethodPost, "/v1/indicators", fraud.MayLookup, (*Server).historyOf},
	{http.MethodGet, "/v1/changes", fraud.MayLookup, (*Server).changes},
	{http.MethodPost, "/v1/events", fraud.MayReport, (*Server).postEvents},
	{http.MethodGet, "/v1/events", fraud.MayReport, (*Server).getEvents},
	{http.MethodGet, "/v1/events/:id", fraud.MayReport, (*Server).getEvent},
	{http.MethodGet, "/v1/disputes", fraud.MayReport, (*Server).getDisputes},
	{http.MethodPost, "/v1/disputes", fraud.MayReport, (*Server).openDispute},
	{http.MethodGet, "/v1/disputes/:id", fraud.MayReport, (*Server).getDispute},
	{http.MethodPost, "/v1/disputes/:id/review", judge, (*Server).reviewDispute},
	{http.MethodPost, "/v1/disputes/:id/decision", judge, (*Server).decideDispute},
	{http.MethodGet, "/v1/trends/series", fraud.MayAnalyse, (*Server).series},
	{http.MethodGet, "/v1/campaigns", fraud.MayAnalyse, (*Server).getCampaigns},
	{http.MethodGet, "/v1/campaigns/:id", fraud.MayAnalyse, (*Server).getCampaign},
	{http.MethodGet, "/v1/scoreboards/platforms", anyKey, (*Server).platformBoard},
	{http.MethodGet, "/v1/scoreboards/partners", anyKey, (*Server).partnerBoard},
	{http.MethodGet, "/v1/reports/evidence", oversee, (*Server).evidence},
	{http.MethodGet, "/v1/trends/top", fraud.MayAnalyse, (*Server).top},
	{http.MethodGet, "/v1/trends/emerging", fraud.MayAnalyse, (*Server).emerging},
	{http.MethodGet, "/v1/admin/partners", fraud.MayAdmin, (*Server).getPartners},
	{http.MethodPost, "/v1/admin/partners", fraud.MayAdmin, (*Server).addPartner},
	{http.MethodGet, "/v1/admin/partners/:id", fraud.MayAdmin, (*Server).getPartner},
	{http.MethodPatch, "/v1/admin/partners/:id", fraud.MayAdmin, (*Server).changePartner},
	{http.MethodPost, "/v1/admin/partners/:id/keys", fraud.MayAdmin, (*Server).addKey},
	{http.MethodDelete, "/v1/admin/partners/:id/keys/:key", fraud.MayAdmin, (*Server).revokeKey},
	{http.MethodPost, "/v1/admin/partners/:id/signing-keys", fraud.MayAdmin, (*Server).addSigningKey},
	{http.MethodPost, "/v1/admin/partners/:id/signing-keys/:key/revoke", fraud.MayAdmin, (*Server).revokeSigningKey},
	{http.MethodPost, "/v1/admin/partners/:id/state", fraud.MayAdmin, (*Server).setState},
	{http.MethodPost, "/v1/admin/partners/:id/voids", fraud.MayAdmin, (*Server).addVoid},
	{http.MethodPost, "/v1/admin/partners/:id/voids/:void/end", fraud.MayAdmin, (*Server).endVoid},
	{http.MethodDelete, "/v1/admin/partners/:id/voids/:void", fraud.MayAdmin, (*Server).undoVoid},
	{http.MethodPost, "/v1/admin/partners/:id/releases", fraud.MayAdmin, (*Server).proposeRelease},
	{http.MethodPost, "/v1/admin/partners/:id/releases/:release/confirm", fraud.MayAdmin, (*Server).confirmRelease},
	{http.MethodDelete, "/v1/admin/partners/:id/releases/:release", fraud.MayAdmin, (*Server).withdrawRelease},
	{http.MethodGet, "/v1/admin/holds", fraud.MayAdmin, (*Server).getHolds},
	{http.MethodGet, "/v1/admin/acts", fraud.MayAdmin, (*Server).getActs},
	{http.MethodGet, "/v1/audit", supervise, (*Server).audit},
	{http.MethodGet, "/v1/me", anyKey, (*Server).me},
	{http.MethodGet, "/livez", public, (*Server).livez},
	{http.MethodGet, "/readyz", public, (*Server).readyz},
	{http.MethodGet, "/openapi.yaml", public, (*Server).openAPI},
	{http.MethodGet, "/docs", public, (*Server).docs},
	{http.MethodGet, "/docs/:file", public, (*Server).docs},
	{http.MethodGet, "/", public, (*Server).front},
	{http.MethodGet, "/console", public, (*Server).console},
	{http.MethodGet, "/console/:file", public, (*Server).console},
}

func init() { gin.SetMode(gin.ReleaseMode) } // debug mode prints every route to the terminal

// router makes the Gin engine: no logger, no recovery, no proxies, no redirects.
func (s *Server) router() (http.Handler, error) {
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash, engine.RedirectFixedPath = false, false
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	for _, rt := range routes {
		engine.Handle(rt.method, rt.path, s.serve(rt))
	}
	engine.NoRoute(s.serve(route{"*", "(no route)", public, func(*Server, *request) error {
		return refuse("no_such_route", "the routes are described at /docs and in /openapi.yaml")
	}}))
	engine.NoMethod(s.serve(route{"*", "(no method)", public, func(*Server, *request) error {
		return refuse("method_not_allowed", "the header Allow names the methods of this route")
	}}))
	return engine, nil
}
