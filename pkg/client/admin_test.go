package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What is nil stays, and what is empty is sent: it takes something away.
func TestAChangeNamesWhatChangesAndNothingElse(t *testing.T) {
	var sent, kind, match string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent, kind, match = r.Method+" "+r.URL.Path+" "+string(body), r.Header.Get("Content-Type"), r.Header.Get("If-Match")
		_, _ = io.WriteString(w, `{"id":"bank-e","revision":4,"mtls_scopes":["lookup"]}`)
	}))
	defer server.Close()
	c, err := New(server.URL, "key", WithPatience(0))
	if err != nil {
		t.Fatal(err)
	}
	none, zero, no := "", 0.0, false
	for want, change := range map[string]PartnerChange{
		`{"weight":0,"reason":"r"}`: {Weight: &zero, Reason: "r"},
		`{"organisation":"","licensed_platform":false,"mtls_subject":"","mtls_scopes":[],"reason":"r"}`: {Organisation: &none,
			Licensed: &no, Subject: &none, SubjectScopes: &[]string{}, Reason: "r"},
		`{"quotas":{"distinct":0},"reason":"r"}`: {Quotas: map[string]int{"distinct": 0}, Reason: "r"},
	} {
		got, err := c.ChangePartner(t.Context(), "bank-e", 3, change)
		if err != nil || got.Revision != 4 || len(got.SubjectScopes) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		if sent != "PATCH /v1/admin/partners/bank-e "+want || kind != "application/merge-patch+json" || match != `"3"` {
			t.Errorf("sent %s as %s for %s\nwant %s", sent, kind, match, want)
		}
	}
}
