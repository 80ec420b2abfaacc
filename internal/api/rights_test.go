package api

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// rights is who may use what, written out by hand: a change of rights is a change here, and a route that has no line
// fails. A word is a scope; "anybody" needs no key, and a "supervisor" is a regulator or the police with the
// scope analyse, and a "judge" one with the scope report.
var rights = map[string]string{
	"POST /v1/lookup":                  "lookup",
	"POST /v1/lookup/batch":            "lookup",
	"GET /v1/lookup/:type/:digest":     "lookup",
	"POST /v1/events":                  "report",
	"GET /v1/events":                   "report",
	"GET /v1/events/:id":               "report",
	"GET /v1/indicators/:type/:digest": "lookup",
	"POST /v1/indicators":              "lookup",
	"GET /v1/changes":                  "lookup",
	"GET /v1/disputes":                 "report",
	"POST /v1/disputes":                "report",
	"GET /v1/disputes/:id":             "report",
	"GET /v1/trends/series":            "analyse",
	"GET /v1/campaigns":                "analyse",
	"GET /v1/campaigns/:id":            "analyse",
	"GET /v1/scoreboards/platforms":    "lookup report analyse admin", // each its own, supervisors all
	"GET /v1/scoreboards/partners":     "lookup report analyse admin",
	"GET /v1/reports/evidence":         "supervisor",
	"GET /v1/trends/top":               "analyse",
	"GET /v1/trends/emerging":          "analyse",
	"GET /v1/me":                       "lookup report analyse admin",

	"POST /v1/disputes/:id/review":   "judge",
	"POST /v1/disputes/:id/decision": "judge",

	"GET /v1/admin/partners":                                "admin",
	"POST /v1/admin/partners":                               "admin",
	"GET /v1/admin/partners/:id":                            "admin",
	"PATCH /v1/admin/partners/:id":                          "admin",
	"POST /v1/admin/partners/:id/keys":                      "admin",
	"DELETE /v1/admin/partners/:id/keys/:key":               "admin",
	"POST /v1/admin/partners/:id/signing-keys":              "admin",
	"POST /v1/admin/partners/:id/signing-keys/:key/revoke":  "admin",
	"POST /v1/admin/partners/:id/state":                     "admin",
	"POST /v1/admin/partners/:id/voids":                     "admin",
	"POST /v1/admin/partners/:id/voids/:void/end":           "admin",
	"DELETE /v1/admin/partners/:id/voids/:void":             "admin",
	"POST /v1/admin/partners/:id/releases":                  "admin",
	"POST /v1/admin/partners/:id/releases/:release/confirm": "admin",
	"DELETE /v1/admin/partners/:id/releases/:release":       "admin",

	"GET /v1/admin/holds": "admin",
	"GET /v1/admin/acts":  "admin",
	"GET /v1/audit":       "admin supervisor",

	"GET /livez":        "anybody",
	"GET /readyz":       "anybody",
	"GET /openapi.yaml": "anybody",
	"GET /docs":         "anybody",
	"GET /docs/:file":   "anybody",

	"GET /":              "anybody",
	"GET /console":       "anybody",
	"GET /console/:file": "anybody",
}

// denials are what a caller who may not is told.
var denials = []string{fraud.DeniedNoKey, fraud.DeniedBadKey, fraud.DeniedUnknown, fraud.DeniedExpired,
	fraud.DeniedSuspended, fraud.DeniedCertificate, "missing_scope"}

// role is a caller of the walk, with a key or a certificate.
type role struct {
	name, key string
	scopes    string
	denied    string // why it may do nothing at all; "" for a good key
	shown     *tls.ConnectionState
}

// byName takes a certificate for good unless its serial number is 0, and its common name for its subject.
type byName struct{}

func (byName) Certify(chain []*x509.Certificate, _ time.Time) (*fraud.Certificate, error) {
	if chain[0].SerialNumber.Sign() == 0 {
		return nil, fraud.DenyCertificate(fraud.DeniedCertUntrusted)
	}
	return &fraud.Certificate{Subject: chain[0].Subject.CommonName, ID: "cert-1"}, nil
}

// showing is a connection with a certificate.
func showing(subject string, serial int64) *tls.ConnectionState {
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: subject},
		SerialNumber: big.NewInt(serial)}}}
}

// roles are a key and a certificate of each scope, and one of all, for each kind of partner, and all who may do nothing;
// auth knows them.
func roles(t *testing.T) (all []role, auth Authenticator) {
	t.Helper()
	var file strings.Builder
	fmt.Fprintln(&file, "partners:")
	number := 0
	add := func(kind, scopes, state, expires, denied string) {
		number++
		id := fmt.Sprintf("p%d", number)
		key, hash := partners.NewAPIKey(id)
		fmt.Fprintf(&file, "- {id: %s, number: %d, name: P, kind: %s, state: %s, api_keys: [{id: %s, sha256: %s, "+
			"scopes: [%s]%s}]}\n", id, number, kind, state, id, hash, strings.ReplaceAll(scopes, " ", ", "), expires)
		may := scopes
		if (kind == "police" || kind == "regulator") && strings.Contains(scopes, "analyse") {
			may += " supervisor"
		}
		if (kind == "police" || kind == "regulator") && strings.Contains(scopes, "report") {
			may += " judge"
		}
		name := strings.Join(strings.Fields(kind+" "+scopes+" "+state+" "+denied), " ")
		all = append(all, role{name: name, key: key, scopes: may, denied: denied})
		if expires != "" {
			return
		}
		number++
		subject := fmt.Sprintf("CN=p%d", number)
		fmt.Fprintf(&file, "- {id: p%d, number: %d, name: P, kind: %s, state: %s, mtls_subject: %s, mtls_scopes: [%s]}\n",
			number, number, kind, state, subject, strings.ReplaceAll(scopes, " ", ", "))
		all = append(all, role{name: "certificate of " + name, scopes: may, denied: denied, shown: showing(subject, 1)})
	}
	every := fraud.Scope(15).Names()
	for _, kind := range fraud.PartnerKinds() {
		for _, scope := range append(every, strings.Join(every, " ")) {
			add(kind, scope, "active", "", "")
		}
		add(kind, strings.Join(every, " "), "suspended", "", fraud.DeniedSuspended)
		add(kind, strings.Join(every, " "), "active", ", expires: 2026-01-01T00:00:00Z", fraud.DeniedExpired)
	}
	stranger, _ := partners.NewAPIKey("stranger")
	forged, _ := partners.NewAPIKey("p1")
	good := all[0].key
	all = append(all,
		role{name: "nobody", denied: fraud.DeniedNoKey},
		role{name: "key of another hub", key: stranger, denied: fraud.DeniedUnknown},
		role{name: "known id with another secret", key: forged, denied: fraud.DeniedUnknown},
		role{name: "key that was cut", key: good[:len(good)-1], denied: fraud.DeniedBadKey},
		role{name: "no key at all", key: "let-me-in", denied: fraud.DeniedBadKey},
		role{name: "certificate of nobody", shown: showing("CN=stranger", 1), denied: fraud.DeniedCertificate},
		role{name: "bad certificate", shown: showing("CN=p2", 0), denied: fraud.DeniedCertificate},
		role{name: "good key on a connection with a bad certificate", key: good, shown: showing("CN=p2", 0),
			denied: fraud.DeniedCertificate},
		role{name: "good key with another's certificate", key: good, shown: showing("CN=p2", 1),
			denied: fraud.DeniedCertificate},
	)
	path := filepath.Join(t.TempDir(), "partners.yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err := partners.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return all, registry
}

var problemCode = regexp.MustCompile(`"code":"([a-z_]+)"`)

func TestEveryRouteForEveryRole(t *testing.T) {
	all, auth := roles(t)
	h := newHub(t, func(_ *Config, d *Deps) { d.Auth, d.Certifier = auth, byName{} })
	h.series = func(fraud.SeriesQuestion) ([]fraud.Series, error) { return nil, fraud.ErrUnavailable }
	var served []string
	asked := 0
	for _, rt := range routes {
		name := rt.method + " " + rt.path
		served = append(served, name)
		for _, r := range all {
			want := "in"
			switch may := strings.Fields(rights[name]); {
			case slices.Contains(may, "anybody"):
			case r.denied != "":
				want = r.denied
			case !slices.ContainsFunc(may, func(scope string) bool { return slices.Contains(strings.Fields(r.scopes), scope) }):
				want = "missing_scope"
			}
			a := example(rt)
			a.shown = r.shown
			a.key, a.raw = r.key, strings.HasPrefix(rt.path, "/v1/admin/") // rights are judged before the request is
			answer := h.do(t, a)
			asked++
			got := "in"
			if code := problemCode.FindStringSubmatch(answer.Body); code != nil && slices.Contains(denials, code[1]) {
				got = code[1]
			}
			if status := answer.Status; got != want || (got == "in") == (status == 401 || status == 403) {
				t.Errorf("%s by %s: %s with %d, want %s", name, r.name, got, status, want)
			}
		}
	}
	t.Logf("%d routes by %d roles: %d requests", len(routes), len(all), asked)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rights)), slices.Sorted(slices.Values(served))); diff != "" {
		t.Errorf("routes (-table +code): write down who may use a new route\n%s", diff)
	}
	if len(h.published) == 0 || len(h.probes) == 0 {
		t.Error("nobody came through: the walk proves nothing")
	}
}
