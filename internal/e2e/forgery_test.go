package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// A replayed bundle, another partner's key, another algorithm, a flipped bit, a revoked key, a future date: nothing of
// it is accepted, and a regulator finds each in the audit under a reason of its own.
func TestNothingForgedOrReplayedIsAcceptedAndTheAuditTellsWhy(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Settings: map[string]any{"registry": "clickhouse"}}})
	ctx, admin, regulator := t.Context(), hub.Client(t, "admin"), hub.Client(t, "regulator")
	harimau, kenari := hub.Signer(t, "bank-harimau"), hub.Signer(t, "bank-kenari")
	victim := nation.Case{Type: indicator.Phone, Raw: "013-456 7890"} // whom every forgery names
	seal := func(by *wire.Signer, partner string, e fraud.Event) wire.Message {
		t.Helper()
		m, err := by.Seal(uuid.Must(uuid.NewV7()), partner, time.Now(), []fraud.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	// send is whoever may write to the topic: that proves nothing to the hub.
	send := func(messages ...wire.Message) {
		t.Helper()
		for _, m := range messages {
			if err := hub.Publisher(t, "bank-kenari").Send(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	issued := func(offset time.Duration) fraud.Event {
		e := report(t, hub, victim)
		e.IssuedAt = e.IssuedAt.Add(offset)
		return e
	}
	set := func(m wire.Message, header string, value []byte) wire.Message {
		m.Headers = slices.Clone(m.Headers)
		for i := range m.Headers {
			if m.Headers[i].Name == header {
				m.Headers[i].Value = value
			}
		}
		return m
	}
	signature := func(raw []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(raw)) }

	// One listing that is taken back: the only two events that count.
	good := report(t, hub, caller)
	original := seal(harimau, "bank-harimau", good)
	send(original)
	becomes(t, hub, caller, fraud.Suspected)
	back := withdraw(t, hub, caller)
	back.IssuedAt = back.IssuedAt.Add(time.Millisecond)
	send(seal(harimau, "bank-harimau", back))
	becomes(t, hub, caller, fraud.NotListed)

	partner, err := admin.Partner(ctx, "bank-kenari")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RevokeSigningKey(ctx, partner.ID, partner.Revision, kenari.KeyID, time.Now().Add(-time.Second),
		"stolen"); err != nil {
		t.Fatal(err)
	}
	sealed := seal(harimau, "bank-harimau", issued(0))
	flipped := sealed
	flipped.Value = bytes.Clone(sealed.Value)
	flipped.Value[bytes.Index(flipped.Value, []byte(`"confidence":80`))+len(`"confidence":`)] ^= 1 // 80 becomes 90
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(sealed.Value)
	der, err := strange.Sign(rand.Reader, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha512.New, harimau.Key.Public().(ed25519.PublicKey))
	mac.Write(sealed.Value)
	pretender := hub.Signer(t, "telco-rebana")
	pretender.KeyID = harimau.KeyID
	forgeries := []struct {
		what    string
		want    fraud.Reason
		message wire.Message
	}{
		{"another partner's key, under its own name", fraud.ReasonSource,
			seal(hub.Signer(t, "telco-rebana"), "bank-harimau", issued(0))},
		{"another partner's key, under this one's name", fraud.ReasonSignature, seal(pretender, "bank-harimau", issued(0))},
		{"ECDSA in place of Ed25519", fraud.ReasonHeaders, set(sealed, wire.HeaderSignature, signature(der))},
		{"no algorithm at all", fraud.ReasonHeaders, set(sealed, wire.HeaderSignature, nil)},
		{"an HMAC with the public key", fraud.ReasonSignature, set(sealed, wire.HeaderSignature, signature(mac.Sum(nil)))},
		{"a flipped bit", fraud.ReasonSignature, flipped},
		{"a bundle under another partner's name", fraud.ReasonSignature,
			set(sealed, wire.HeaderSource, []byte(wire.SourcePrefix+"bank-kenari"))},
		{"a revoked key", fraud.ReasonKeyNotValid, seal(kenari, "bank-kenari", issued(0))},
		{"a key that nobody has", fraud.ReasonUnknownKey, set(sealed, wire.HeaderKey, []byte("bank-nobody-1"))},
		{"a future date", fraud.ReasonFuture, seal(harimau, "bank-harimau", issued(time.Hour))},
		{"a bundle of eight days ago", fraud.ReasonTooOld, seal(harimau, "bank-harimau", issued(-8*24*time.Hour))},
	}
	want := map[fraud.Reason]int{}
	for _, f := range forgeries {
		want[f.want]++
		send(f.message)
	}
	const replays = 3
	for range replays {
		send(original) // the very same bytes
	}

	// In the audit each stands under its reason, and every replay beside the place of its original.
	day := client.AuditQuery{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Limit: 1000}
	ask := func(kind, what string) []client.AuditRecord {
		t.Helper()
		q := day
		q.Kinds = []string{kind}
		if what != "" {
			q.What = []string{what}
		}
		records, _, err := regulator.Audit(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	testkit.Eventually(t, 30*time.Second, func() error {
		if n := len(ask("refusal", "")) + len(ask("repeat", "")); n != len(forgeries)+replays {
			return fmt.Errorf("the audit tells of %d of %d forgeries and replays", n, len(forgeries)+replays)
		}
		return nil
	})
	for reason, n := range want {
		if got := ask("refusal", string(reason)); len(got) != n {
			t.Errorf("%s: the audit has %d, want %d", reason, len(got), n)
		}
	}
	for _, r := range ask("repeat", "report") {
		if r.By != "bank-harimau" || r.EventID != good.ID.String() || r.First == "" || r.First == r.Place {
			t.Errorf("a replay stands in the audit as %+v", r)
		}
	}

	// The same on the command line; who takes a copy stands in the audit, too.
	table, err := hub.CLI(t, "regulator", "audit", "--kind", "refusal", "--last", "1h", "-o", "csv")
	if n := strings.Count(table, "\n"); err != nil || n != len(forgeries)+1 {
		t.Errorf("waspada audit writes %d lines, want a head and %d: %v", n, len(forgeries), err)
	}
	shown, err := hub.CLI(t, "police", "audit", "--kind", "event,refusal,repeat,act", "--partner", "bank-harimau", "--last", "1h")
	for _, words := range []string{"repeat   report", "issued_in_future", "withdraw", "first at "} {
		if err != nil || !strings.Contains(shown, words) {
			t.Errorf("waspada audit does not tell %q: %v\n%s", words, err, shown)
		}
	}
	if table, err := hub.CLI(t, "bank", "audit"); err == nil || table != "" {
		t.Errorf("a bank reads the audit: %s", table)
	}
	if exports := ask("act", "export_audit"); len(exports) != 1 || exports[0].By != "regulator-bank" || exports[0].Object != "csv" {
		t.Errorf("the export stands in the audit as %+v", exports)
	}

	// Nothing of it counts, and nothing of it is listed.
	if n := hub.Counted(t); n != 2 {
		t.Errorf("%d events count, want 2", n)
	}
	if ids := hub.Query(t, "SELECT groupUniqArray(event_id) = [toUUID('"+good.ID.String()+"')] FROM events WHERE kind = 'report'"); ids != "1" {
		t.Error("the ledger holds events that nobody may have said")
	}
	becomes(t, hub, caller, fraud.NotListed)
	if got := lookup(t, hub, victim).Verdict; got != fraud.NotListed {
		t.Errorf("the victim of the forgeries is %s", got)
	}
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
	oneAnswerForEveryBadKey(t, hub, admin)
}

// oneAnswerForEveryBadKey: who tries keys learns nothing from the answers.
func oneAnswerForEveryBadKey(t *testing.T, hub *hubtest.Hub, admin *client.Client) {
	t.Helper()
	ctx := t.Context()
	p, err := admin.AddPartner(ctx, client.NewPartner{ID: "purse-new", Name: "New Purse", Kind: "ewallet", State: "active"})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := admin.IssueKey(ctx, p.ID, p.Revision, client.NewAPIKey{Scopes: []string{"lookup"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RevokeKey(ctx, p.ID, issued.Partner.Revision, issued.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := nation.IssueKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	requestID := regexp.MustCompile(`"request_id":"[0-9a-f]+"`)
	for situation, key := range map[string]string{
		"revoked": issued.APIKey, "with another's secret": elsewhere.API["bank"], "of another's secret": elsewhere.API["police"],
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, hub.API+"/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answers[situation] = resp.Status + " " + requestID.ReplaceAllString(string(body), "")
	}
	for situation, answer := range answers {
		if diff := cmp.Diff(answers["revoked"], answer); diff != "" || !strings.HasPrefix(answer, "401 ") {
			t.Errorf("a key %s is answered (-revoked +it): %s\n%s", situation, answer, diff)
		}
	}
}
