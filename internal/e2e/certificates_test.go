package e2e

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// A partner that has a certificate and no key at all reports and asks on every node; its quotas and its state hold as
// for a key, within 5 seconds and on connections that are open; and the hub's own certificate is renewed while it runs.
func TestACertificateIsAllThatAPartnerNeeds(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	dir := t.TempDir()
	servers, clients := testkit.NewAuthority(t, "servers"), testkit.NewAuthority(t, "clients")
	certFile, keyFile := testkit.WriteCertificate(t, dir, "hub", servers.Issue(t, testkit.Certificate{Server: true}))
	clientsFile, serversFile := filepath.Join(dir, "clients.pem"), filepath.Join(dir, "servers.pem")
	for file, authority := range map[string]*testkit.Authority{clientsFile: clients, serversFile: servers} {
		if err := os.WriteFile(file, authority.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options := hubtest.NodeOptions{TLS: &tls.Config{RootCAs: servers.Pool()}, Settings: map[string]any{
		"registry": "clickhouse", "http.tls.cert_file": certFile, "http.tls.key_file": keyFile,
		"http.tls.client_ca_file": clientsFile}}
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: options})
	options.Role = "api"
	other := hub.NewNode(t, options)
	other.Restart(t)
	ctx, admin := t.Context(), hub.Client(t, "admin")

	// The operator adds the partner and registers the subject of the certificate file that it has sent.
	subject := pkix.Name{CommonName: "hub.purse-new.example", Organization: []string{"New Purse"}, Country: []string{"MY"}}
	own := clients.Issue(t, testkit.Certificate{Subject: subject})
	ownFile, ownKey := testkit.WriteCertificate(t, dir, "purse", own)
	for _, line := range []string{
		"partner add purse-new --name Purse --kind ewallet --state active",
		"partner set purse-new --mtls-scopes lookup,report --reason contract --certificate " + ownFile,
	} {
		if out, err := hub.CLI(t, "admin", append(strings.Fields(line), "--ca", serversFile)...); err != nil {
			t.Fatalf("%s: %s %v", line, out, err)
		}
	}
	showing := func(node *hubtest.Node, key string, c tls.Certificate) *client.Client {
		t.Helper()
		made, err := client.New(node.API, key, client.WithKeyRing(hub.Ring), client.WithPatience(0),
			client.WithTLS(&tls.Config{RootCAs: servers.Pool(), Certificates: []tls.Certificate{c}}))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	// becomes waits until a caller is answered with a code, "" for letting it in.
	becomes := func(who *client.Client, want string) {
		t.Helper()
		begin := time.Now()
		testkit.Eventually(t, 5*time.Second, func() error {
			if got := answered(who.Me(ctx)); got != want {
				return fmt.Errorf("the answer is %q, want %q", got, want)
			}
			return nil
		})
		t.Logf("%q after %s", want, time.Since(begin).Round(10*time.Millisecond))
	}
	here, there := showing(hub.Node, "", own), showing(other, "", own)
	becomes(here, "")
	becomes(there, "")
	me, err := there.Me(ctx)
	if err != nil || me.Partner != "purse-new" || strings.Join(me.Scopes, " ") != "lookup report" {
		t.Fatalf("the hub takes the certificate for %+v, %v", me, err)
	}

	// It reports on one node and asks on the other; its certificate is shown by the command line, too.
	if _, err := here.Report(ctx, client.NewReport(indicator.Phone, "012-345 6701", "telecommunication")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		got, err := there.LookupOne(ctx, client.Item{Type: indicator.Phone, Value: "012-345 6701"})
		if err == nil && got.Verdict != fraud.Suspected {
			err = fmt.Errorf("verdict %s, want suspected", got.Verdict)
		}
		return err
	})
	out, err := hub.CLI(t, "nobody", "check", "--type", "phone", "012-345 6701", "--ca", serversFile, "--cert", ownFile,
		"--cert-key", ownKey)
	if err != nil || !strings.Contains(out, "SUSPECTED") {
		t.Errorf("waspada check: %s %v", out, err)
	}

	// Whatever is wrong with a certificate, the answer is one.
	stranger := testkit.NewAuthority(t, "clients").Issue(t, testkit.Certificate{Subject: subject})
	expired := clients.Issue(t, testkit.Certificate{Subject: subject, NotAfter: time.Now().Add(-time.Minute)})
	unknown := clients.Issue(t, testkit.Certificate{Subject: pkix.Name{CommonName: "hub.purse-new.example"}})
	for situation, who := range map[string]*client.Client{
		"a stranger's": showing(other, "", stranger), "expired": showing(other, "", expired),
		"unknown": showing(other, "", unknown), "with another's key": showing(other, hub.Keys.API["bank"], own),
	} {
		if got := answered(who.Me(ctx)); got != fraud.DeniedCertificate {
			t.Errorf("%s: %q", situation, got)
		}
	}
	if n := other.Metric(t, "waspada_api_denied_total"); n < 4 {
		t.Errorf("waspada_api_denied_total = %.0f, want 4 at least", n)
	}

	// Quotas, state and the end of the certificate hold on the other node, on its open connection.
	change := func(what string, change client.PartnerChange) {
		t.Helper()
		now, err := admin.Partner(ctx, "purse-new")
		if err == nil {
			change.Reason = what
			_, err = admin.ChangePartner(ctx, now.ID, now.Revision, change)
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	state := func(state string) {
		t.Helper()
		now, err := admin.Partner(ctx, "purse-new")
		if err == nil {
			_, err = admin.SetState(ctx, now.ID, now.Revision, state, "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	state("suspended")
	becomes(there, fraud.DeniedSuspended)
	state("active")
	becomes(there, "")
	change("fewer numbers", client.PartnerChange{Quotas: map[string]int{"distinct": 3}})
	testkit.Eventually(t, 5*time.Second, func() error {
		var many []client.Item
		for i := range 10 {
			many = append(many, client.Item{Type: indicator.Phone, Value: indicator.Raw(fmt.Sprintf("012-345 67%02d", 10+i))})
		}
		_, err := there.Lookup(ctx, many)
		if got := answered(0, err); got != "quota_distinct" {
			return fmt.Errorf("asking about 10 numbers is answered %q", got)
		}
		return nil
	})
	gone := ""
	change("stolen", client.PartnerChange{Subject: &gone})
	becomes(there, fraud.DeniedCertificate)
	becomes(here, fraud.DeniedCertificate)

	// The hub's certificate is renewed, by another authority, while it runs.
	next := testkit.NewAuthority(t, "next servers")
	testkit.WriteCertificate(t, dir, "hub", next.Issue(t, testkit.Certificate{Server: true}))
	renewed, err := client.New(hub.API, hub.Keys.API["bank"], client.WithPatience(0),
		client.WithTLS(&tls.Config{RootCAs: next.Pool()}))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error { _, err := renewed.Me(ctx); return err })
}

// answered is the code of a refusal, "" for none.
func answered[T any](_ T, err error) string {
	problem := new(client.Problem)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &problem):
		return problem.Code
	}
	return err.Error()
}
