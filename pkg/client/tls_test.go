package client

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// mutual is a hub that takes any certificate and answers with its common name.
func mutual(t *testing.T, servers, named *testkit.Authority) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if shown := r.TLS.PeerCertificates; len(shown) > 0 {
			who = shown[0].Subject.CommonName
		}
		w.Header().Set("Connection", "close")
		_ = json.NewEncoder(w).Encode(map[string]string{"partner": who, "kind": r.Header.Get("Authorization")})
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: named.Pool(),
		Certificates: []tls.Certificate{servers.Issue(t, testkit.Certificate{Server: true})}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestTheClientShowsItsCertificate(t *testing.T) {
	servers, clients := testkit.NewAuthority(t, "servers"), testkit.NewAuthority(t, "clients")
	hub := mutual(t, servers, testkit.NewAuthority(t, "another"))
	dir := t.TempDir()
	write := func(name string) (string, string) {
		return testkit.WriteCertificate(t, dir, "me", clients.Issue(t, testkit.Certificate{Subject: pkix.Name{CommonName: name}}))
	}
	certFile, keyFile := write("purse")
	caFile := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(caFile, servers.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := LoadTLS(certFile, keyFile, caFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(hub.URL, "", WithTLS(config), WithPatience(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"purse", "renewed"} {
		write(name)
		if me, err := c.Me(t.Context()); err != nil || me.Partner != name || me.Kind != "" {
			t.Errorf("the hub saw %+v, %v; want %s", me, err, name)
		}
	}

	in := &tls.Config{RootCAs: servers.Pool(),
		Certificates: []tls.Certificate{clients.Issue(t, testkit.Certificate{Subject: pkix.Name{CommonName: "memory"}})}}
	if c, err = New(hub.URL, "key", WithTLS(in), WithPatience(0)); err != nil {
		t.Fatal(err)
	}
	if me, err := c.Me(t.Context()); err != nil || me.Partner != "memory" || me.Kind != "Bearer key" {
		t.Errorf("the hub saw %+v, %v; want memory and the key", me, err)
	}
	if in.GetClientCertificate != nil {
		t.Error("the caller's own settings were changed")
	}
}

func TestCertificatesThatWouldNotBeUsedAreRefused(t *testing.T) {
	for situation, options := range map[string][]Option{
		"http://hub.example":  {WithTLS(&tls.Config{})},
		"https://hub.example": {WithTLS(&tls.Config{}), WithHTTPClient(&http.Client{})},
	} {
		if _, err := New(situation, "", options...); err == nil {
			t.Errorf("%s: a client was made that shows no certificate", situation)
		}
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range [][3]string{{secret, "", ""}, {"", secret, ""}, {secret, secret, ""}, {"", "", secret},
		{"", "", filepath.Join(dir, "nowhere")}} {
		if _, err := LoadTLS(files[0], files[1], files[2]); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v", files, err)
		}
	}
}
