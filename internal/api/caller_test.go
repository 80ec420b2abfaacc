package api

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/certificates"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// secured is a hub on TLS with two partners that have a certificate and a key each, and a suspended one.
type secured struct {
	*hub
	addr             string
	servers, clients *testkit.Authority
	keys             map[string]string // by partner
	ahead            atomic.Int64      // of the hub's clock, in nanoseconds
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{servers: testkit.NewAuthority(t, "servers"), clients: testkit.NewAuthority(t, "clients"),
		keys: map[string]string{}}
	dir := t.TempDir()
	file := "partners:\n"
	for i, p := range []struct{ id, state string }{{"purse", "active"}, {"bank", "active"}, {"gone", "suspended"}} {
		key, hash := partners.NewAPIKey(p.id)
		s.keys[p.id] = key
		file += fmt.Sprintf("- {id: %s, number: %d, name: P, kind: bank, state: %s, mtls_subject: 'CN=%s,O=Partner', "+
			"mtls_scopes: [lookup], api_keys: [{id: %s, sha256: %s, scopes: [report]}]}\n", p.id, i+1, p.state, p.id, p.id, hash)
	}
	path := filepath.Join(dir, "partners.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err := partners.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	files := certificates.Files{ClientCA: filepath.Join(dir, "clients.pem")}
	files.Cert, files.Key = testkit.WriteCertificate(t, dir, "server",
		s.servers.Issue(t, testkit.Certificate{Server: true}))
	if err := os.WriteFile(files.ClientCA, s.clients.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	keeper, err := certificates.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	s.hub = newHub(t, func(c *Config, d *Deps) {
		c.TLS, d.Certifier, d.Auth, d.Now = keeper.TLS(), keeper, registry, func() time.Time {
			return time.Now().Add(time.Duration(s.ahead.Load()))
		}
	})
	s.addr = s.listen(t)
	return s
}

// subject is the name of a partner's certificate.
func subject(id string) pkix.Name {
	return pkix.Name{CommonName: id, Organization: []string{"Partner"}}
}

// caller shows a certificate, whatever authorities the server names, and counts its connections.
func (s *secured) caller(t *testing.T, shown *tls.Certificate) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: s.servers.Pool()}
	if shown != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func (s *secured) get(t *testing.T, c *http.Client, path, key string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestACertificateIsAsGoodAsAKey(t *testing.T) {
	s := newSecured(t)
	stranger := testkit.NewAuthority(t, "clients")
	issue := func(by *testkit.Authority, c testkit.Certificate) *tls.Certificate {
		made := by.Issue(t, c)
		return &made
	}
	purse := issue(s.clients, testkit.Certificate{Subject: subject("purse")})
	expired := issue(s.clients, testkit.Certificate{Subject: subject("purse"), NotAfter: time.Now().Add(-time.Second)})
	foreign := issue(stranger, testkit.Certificate{Subject: subject("purse")})
	unknown := issue(s.clients, testkit.Certificate{Subject: pkix.Name{CommonName: "purse"}})
	const path, outward = "/v1/me", fraud.DeniedCertificate
	wanted, refusals := map[string]float64{}, map[string]bool{}
	for _, c := range []struct {
		situation string
		shown     *tls.Certificate
		key       string
		scope     string // of the caller, where it is let in
		told      string
		reason    string // for the log and the metric
	}{
		{"a certificate", purse, "", `["lookup"]`, "", ""},
		{"a key", nil, "purse", `["report"]`, "", ""},
		{"both of one partner: the key says what it may", purse, "purse", `["report"]`, "", ""},
		{"neither", nil, "", "", fraud.DeniedNoKey, fraud.DeniedNoKey},
		{"an expired one", expired, "", "", outward, fraud.DeniedCertExpired},
		{"an expired one with a good key", expired, "purse", "", outward, fraud.DeniedCertExpired},
		{"one of another authority", foreign, "", "", outward, fraud.DeniedCertUntrusted},
		{"one of another authority with a good key", foreign, "purse", "", outward, fraud.DeniedCertUntrusted},
		{"an unknown subject", unknown, "", "", outward, fraud.DeniedCertUnknown},
		{"an unknown subject with a good key", unknown, "purse", "", outward, fraud.DeniedCertUnknown},
		{"another partner's key", purse, "bank", "", outward, fraud.DeniedCertOther},
		{"a good one with a wrong key", purse, "cut", "", fraud.DeniedBadKey, fraud.DeniedBadKey},
		{"a suspended partner's", issue(s.clients, testkit.Certificate{Subject: subject("gone")}), "", "",
			fraud.DeniedSuspended, fraud.DeniedSuspended},
	} {
		t.Run(c.situation, func(t *testing.T) {
			key := s.keys[c.key]
			if c.key == "cut" {
				key = "wsp_live_cut"
			}
			caller := s.caller(t, c.shown)
			answer, body := s.get(t, caller, path, key)
			if answer.ProtoMajor != 1 {
				t.Errorf("protocol %s", answer.Proto)
			}
			if c.told == "" {
				if answer.StatusCode != 200 || !strings.Contains(body, `"partner":"purse"`) ||
					!strings.Contains(body, `"scopes":`+c.scope) {
					t.Errorf("%d %s", answer.StatusCode, body)
				}
				return
			}
			wanted[c.reason]++
			if answer.StatusCode != 401 && answer.StatusCode != 403 || !strings.Contains(body, `"code":"`+c.told+`"`) {
				t.Errorf("%d %s, want %s", answer.StatusCode, body, c.told)
			}
			if c.told == outward {
				refusals[requestID.ReplaceAllString(body, "")] = true
				if !answer.Close {
					t.Error("the connection stays: the next certificate could be tried without a handshake")
				}
			}
			if answer, _ := s.get(t, caller, "/livez", ""); answer.StatusCode != 200 {
				t.Errorf("a route for everybody answers %d", answer.StatusCode)
			}
		})
	}
	if len(refusals) != 1 {
		t.Errorf("%d different answers, want one: %v", len(refusals), refusals)
	}
	got := map[string]float64{}
	for reason := range wanted {
		got[reason] = counted(t, s.hub, "waspada_api_denied_total", reason)
		if !strings.Contains(s.logged(), "denied="+reason) {
			t.Errorf("the log does not tell of %s", reason)
		}
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("waspada_api_denied_total (-want +got):\n%s", diff)
	}
	if log := s.logged(); !strings.Contains(log, "key=cert-") || strings.Contains(log, "O=Partner") {
		t.Error("the log does not name certificates by their ids alone")
	}
}

// Time and trust are judged for each request: a connection that is kept open does not outlive its certificate.
func TestAnOpenConnectionDoesNotOutliveItsCertificate(t *testing.T) {
	s := newSecured(t)
	c := s.clients.Issue(t, testkit.Certificate{Subject: subject("purse"), NotAfter: time.Now().Add(time.Hour)})
	caller := s.caller(t, &c)
	if answer, body := s.get(t, caller, "/v1/me", ""); answer.StatusCode != 200 {
		t.Fatalf("%d %s", answer.StatusCode, body)
	}
	s.ahead.Store(int64(time.Hour + time.Second))
	if answer, body := s.get(t, caller, "/v1/me", ""); answer.StatusCode != 401 || !answer.Close ||
		!strings.Contains(body, fraud.DeniedCertificate) {
		t.Errorf("after its end: %d %s", answer.StatusCode, body)
	}
}
