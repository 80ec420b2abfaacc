package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// plantedSecret is that of every key which the tests issue.
const plantedSecret = "plantedplantedplanted"

func (f *fakes) Revisions() []fraud.PartnerRevision {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.partner.ID == "" {
		return nil
	}
	return []fraud.PartnerRevision{f.partner}
}

// Change is that of a registry with one partner, without its rules.
func (f *fakes) Change(
	_ context.Context, act fraud.Act, revision uint64, change func(*fraud.PartnerRecord) error,
) (fraud.PartnerRevision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.partner
	switch {
	case f.changeErr != nil:
		return next, f.changeErr
	case act.What == fraud.PartnerAdded:
		next = fraud.PartnerRevision{}
		next.ID, next.Number, next.Organisation = act.Whom, 77, act.Whom
	case act.Whom != next.ID:
		return next, fraud.ErrNoSuchPartner
	case revision != next.Revision:
		return next, fraud.ErrRevisionPassed
	}
	next.APIKeys, next.SigningKeys = slices.Clone(next.APIKeys), slices.Clone(next.SigningKeys)
	next.Voided, next.Released = slices.Clone(next.Voided), slices.Clone(next.Released)
	if err := change(&next.PartnerRecord); err != nil {
		return next, err
	}
	next.Revision++
	next.At, act.Revision, act.Done = now, next.Revision, true
	act.ID, act.At = uuid.UUID{0: byte(len(f.acts) + 1), 6: 0x70, 8: 0x80}, now
	f.partner, f.acts = next, append(f.acts, act)
	return next, nil
}

func (f *fakes) Acts(_ context.Context, before fraud.ActPlace, limit int) (page []fraud.Act, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range slices.Backward(f.acts) {
		if (before.ID == uuid.Nil || a.ID.String() < before.ID.String()) && len(page) < limit {
			page = append(page, a)
		}
	}
	return page, f.storeErr
}

// Holds are of the partner of registered, and of one that is gone.
func (f *fakes) Holds(_ context.Context, since time.Time) ([]fraud.HeldWords, error) {
	first := now.Add(-30*time.Minute + 300*time.Millisecond)
	return []fraud.HeldWords{
		{Partner: 5, Day: fraud.DayOf(first), Events: 3, Types: map[indicator.Type]int{indicator.Phone: 2, indicator.URL: 1},
			Kinds: map[fraud.Kind]int{fraud.Report: 3}, First: first, Last: first.Add(time.Minute)},
		{Partner: 99, Day: fraud.DayOf(since), Events: 1, First: since, Last: since},
	}, f.storeErr
}

func TestWhatIsHeldIsTold(t *testing.T) {
	h := registered(t)
	const span = `"since":"2026-11-22T07:30:00Z","until":"2026-11-22T07:31:01Z"`
	want := func(state string) string {
		return `{"holds":[{"partner":"bank-e","day":"2026-11-22","events":3,"kinds":{"report":3},"types":{"phone":2,"url":1},` +
			span + `,"state":"` + state + `"},{"partner":"","day":"2026-10-23","events":1,"kinds":{},"types":{},` +
			`"since":"2026-10-23T08:00:00Z","until":"2026-10-23T08:00:01Z","state":"held"}]}`
	}
	for _, step := range []struct {
		state  string
		change func(*fraud.PartnerRecord)
	}{
		{"held", func(p *fraud.PartnerRecord) { p.Voided, p.Released = nil, nil }},
		{"held", func(p *fraud.PartnerRecord) {
			p.Released = []fraud.ReleaseRecord{{Since: now.Add(-time.Hour), Until: now.Add(-29 * time.Minute), ConfirmedBy: "x"}}
		}},
		{"proposed", func(p *fraud.PartnerRecord) {
			p.Released = []fraud.ReleaseRecord{{Since: now.Add(-time.Hour), Until: now}}
		}},
		{"released", func(p *fraud.PartnerRecord) { p.Released[0].ConfirmedBy = "d.3" }},
		{"void", func(p *fraud.PartnerRecord) { p.Voided = []fraud.VoidRecord{{Since: now.Add(-time.Hour)}} }},
	} {
		step.change(&h.partner.PartnerRecord)
		got := h.do(t, ask{method: "GET", path: "/v1/admin/holds", key: "admin"})
		var told, wanted any
		if err := json.Unmarshal([]byte(want(step.state)), &wanted); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(got.Body), &told); err != nil || got.Status != 200 || !cmp.Equal(wanted, told) {
			t.Errorf("%d %s\nwant %s", got.Status, got.Body, want(step.state))
		}
	}
}

// Two keys, and neither does it alone.
func TestAReleaseTakesTwo(t *testing.T) {
	h := registered(t)
	if got := h.admin(t, "POST", "/bank-e/releases/r2/confirm", `{"reason":"looked at twenty"}`); got.Status != 200 ||
		!strings.Contains(got.Body, `"confirmed_by":"d.2","in_force":true`) {
		t.Errorf("another's proposal: %d %s", got.Status, got.Body)
	}
	if got := h.admin(t, "POST", "/bank-e/releases/r2/confirm", `{"reason":"again"}`); got.Status != 422 {
		t.Errorf("confirmed twice: %d %s", got.Status, got.Body)
	}
	if len(h.acts) != 1 {
		t.Errorf("acts %+v", h.acts)
	}
}

// registered is a hub with one partner at revision 3.
func registered(t testing.TB) *hub {
	h := newHub(t)
	h.partner = fraud.PartnerRevision{Revision: 3, At: now, PartnerRecord: fraud.PartnerRecord{Name: "Bank E",
		Partner:     fraud.Partner{ID: "bank-e", Number: 5, Kind: fraud.Bank, Organisation: "e", Weight: 1, State: fraud.Active},
		APIKeys:     []fraud.APIKeyRecord{{ID: "bank-e.1", Scopes: fraud.MayLookup | fraud.MayReport}},
		SigningKeys: []fraud.SigningKeyRecord{{SigningKey: fraud.SigningKey{ID: "bank-e.s", Public: make([]byte, 32)}}},
		Voided:      []fraud.VoidRecord{{ID: "v2", Since: now.Add(-time.Hour), Reason: "lost", At: now}},
		Released: []fraud.ReleaseRecord{{ID: "r2", Since: now.Add(-time.Hour), Until: now, Reason: "a raid", At: now,
			ProposedBy: "d.1"}, {ID: "r3", Since: now.Add(-time.Hour), Until: now, Reason: "r", ProposedBy: "d.2"}},
	}}
	return h
}

const somePublic = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

// adminExample is a good request for each route of operators.
func adminExample(rt route) ask {
	a := ask{method: rt.method, path: rt.path, header: map[string]string{"If-Match": `"3"`}}
	a.path = strings.NewReplacer(":id", "bank-e", "signing-keys/:key", "signing-keys/bank-e.s", ":key", "bank-e.1",
		":void", "v2", ":release", "r2").
		Replace(rt.path)
	switch rt.method + rt.path[len("/v1/admin"):] {
	case "POST/partners":
		a.body = `{"id":"bank-f","name":"Bank F","kind":"bank"}`
	case "PATCH/partners/:id":
		a.header["Content-Type"] = mergePatch
		a.body = `{"weight":0.5,"reason":"its word is often wrong"}`
	case "POST/partners/:id/keys":
		a.body = `{"scopes":["lookup"]}`
	case "POST/partners/:id/signing-keys":
		a.body = `{"id":"bank-e.s2","public":"` + somePublic + `"}`
	case "POST/partners/:id/signing-keys/:key/revoke":
		a.body = `{"since":"2026-11-20T00:00:00Z","reason":"lost"}`
	case "POST/partners/:id/state":
		a.body = `{"state":"suspended","reason":"its keys leaked"}`
	case "POST/partners/:id/voids":
		a.body = `{"since":"2026-11-20T00:00:00Z","key":"bank-e.s","reason":"lost"}`
	case "POST/partners/:id/voids/:void/end":
		a.body = `{"until":"2026-11-22T00:00:00Z","reason":"another key is in use"}`
	case "POST/partners/:id/releases":
		a.body = `{"since":"2026-11-20T00:00:00Z","until":"2026-11-20T01:00:00Z","reason":"a raid"}`
	case "POST/partners/:id/releases/:release/confirm":
		a.body = `{"reason":"looked at twenty"}`
	}
	return a
}

// admin sends a change of the partner as it is.
func (h *hub) admin(t testing.TB, method, path, body string) answer {
	t.Helper()
	a := ask{method: method, path: "/v1/admin/partners" + path, key: "admin", body: body}
	if revisions := h.Revisions(); len(revisions) > 0 {
		a.header = map[string]string{"If-Match": fmt.Sprintf(`"%d"`, revisions[0].Revision)}
		if method == "PATCH" {
			a.header["Content-Type"] = mergePatch
		}
	}
	return h.do(t, a)
}

func TestAPartnersLifeOverHTTP(t *testing.T) {
	h := newHub(t)
	steps := []struct {
		method, path, body string
		status             int
		want               func(*partnerAnswer)
	}{
		{"POST", "", `{"id":"purse","name":"Purse","kind":"ewallet","quotas":{"requests":5},"users":9,
			"licensed_platform":true,"mtls_subject":"CN=purse","sharing_groups":["ewallets"],"platforms":["shopee"],
			"reason":"contract"}`, 201, func(p *partnerAnswer) {
			*p = partnerAnswer{ID: "purse", Number: 77, Name: "Purse", Kind: "ewallet", Organisation: "purse", Weight: 1,
				State: "shadow", Quotas: quotasJSON{Requests: 5}, Users: 9, Licensed: true, Subject: "CN=purse",
				Sharing: []string{"ewallets"}, Platforms: []string{"shopee"},
				APIKeys: []apiKeyAnswer{}, SigningKeys: []signingKeyAnswer{}, ChangedAt: now}
		}},
		{"POST", "/purse/state", `{"state":"active","reason":"a quiet month"}`, 200,
			func(p *partnerAnswer) { p.State = "active" }},
		{"PATCH", "/purse", `{"name":"Purse Plus","kind":"bank","organisation":"e","weight":0.25,"quotas":{"requests":null,
			"distinct":70},"licensed_platform":false,"users":8,"mtls_subject":"CN=hub.purse","mtls_scopes":["lookup"],
			"reason":"a bank now"}`, 200, func(p *partnerAnswer) {
			p.Name, p.Kind, p.Organisation, p.Weight, p.Quotas = "Purse Plus", "bank", "e", 0.25, quotasJSON{Distinct: 70}
			p.Licensed, p.Users, p.Subject, p.Scopes = false, 8, "CN=hub.purse", []string{"lookup"}
		}},
		{"PATCH", "/purse", `{"sharing_groups":["banks","nfp"],"platforms":["facebook","threads"],"reason":"joined"}`, 200,
			func(p *partnerAnswer) {
				p.Sharing, p.Platforms = []string{"banks", "nfp"}, []string{"facebook", "threads"}
			}},
		{"PATCH", "/purse", `{"sharing_groups":null,"platforms":null,"reason":"left"}`, 200,
			func(p *partnerAnswer) { p.Sharing, p.Platforms = nil, nil }},
		{"PATCH", "/purse", `{"quotas":{"listings":3},"reason":"nothing else changes"}`, 200,
			func(p *partnerAnswer) { p.Quotas.Listings = 3 }},
		{"PATCH", "/purse", `{"organisation":null,"weight":null,"quotas":null,"licensed_platform":null,"users":null,
			"mtls_subject":null,"reason":"back to where all begin"}`, 200, func(p *partnerAnswer) {
			p.Organisation, p.Weight, p.Quotas, p.Users, p.Subject, p.Scopes = "purse", 1, quotasJSON{}, 0, "", nil
		}},
		{"POST", "/purse/signing-keys", `{"id":"purse.s","public":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}`, 201,
			func(p *partnerAnswer) {
				p.SigningKeys = []signingKeyAnswer{{ID: "purse.s", Public: []byte(strings.Repeat("\x01", 32))}}
			}},
		{"POST", "/purse/signing-keys/purse.s/revoke", `{"since":"2026-11-20T00:00:00+08:00","reason":"lost"}`, 200,
			func(p *partnerAnswer) {
				p.SigningKeys[0].NotAfter = time.Date(2026, 11, 19, 16, 0, 0, 0, time.UTC)
				p.SigningKeys[0].Reason = "lost"
			}},
		{"POST", "/purse/voids", `{"since":"2026-11-20T00:00:00+08:00","key":"purse.s","reason":"lost"}`, 201,
			func(p *partnerAnswer) {
				p.Voids = []voidAnswer{{ID: "v10", Since: time.Date(2026, 11, 19, 16, 0, 0, 0, time.UTC), Key: "purse.s",
					Reason: "lost", At: now}}
			}},
		{"POST", "/purse/voids/v10/end", `{"until":"2026-11-21T00:00:00Z","reason":"another key is in use"}`, 200,
			func(p *partnerAnswer) { p.Voids[0].Until = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }},
		{"DELETE", "/purse/voids/v10?reason=it+was+found", ``, 200, func(p *partnerAnswer) { p.Voids = nil }},
		{"POST", "/purse/releases", `{"since":"2026-11-20T00:00:00Z","until":"2026-11-21T00:00:00Z","reason":"a raid"}`, 201,
			func(p *partnerAnswer) {
				p.Releases = []releaseAnswer{{ID: "r13", Since: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
					Until: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Reason: "a raid", ProposedBy: "d.2", At: now}}
			}},
		{"DELETE", "/purse/releases/r13", ``, 200, func(p *partnerAnswer) { p.Releases = nil }},
	}
	var want partnerAnswer
	for i, step := range steps {
		answer := h.admin(t, step.method, step.path, step.body)
		var got partnerAnswer
		if err := json.Unmarshal([]byte(answer.Body), &got); err != nil || answer.Status != step.status {
			t.Fatalf("%s %s: %d %s", step.method, step.path, answer.Status, answer.Body)
		}
		step.want(&want)
		want.Revision = uint64(i + 1)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.method, step.path, diff)
		}
		if tag := answer.Header.Get("ETag"); tag != fmt.Sprintf(`"%d"`, i+1) {
			t.Errorf("ETag = %s", tag)
		}
		var read partnerAnswer
		again := h.do(t, ask{method: "GET", path: "/v1/admin/partners/purse", key: "admin"})
		if err := json.Unmarshal([]byte(again.Body), &read); err != nil || !cmp.Equal(got, read) {
			t.Errorf("read again: %d %s", again.Status, again.Body)
		}
	}
	var acts struct{ Acts []actAnswer }
	var told []string
	path := "/v1/admin/acts?limit=4"
	for range 4 {
		page := h.do(t, ask{method: "GET", path: path, key: "admin"})
		acts.Acts = nil
		var next struct{ Next string }
		if err := json.Unmarshal([]byte(page.Body), &acts, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(page.Body), &next, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		for _, a := range acts.Acts {
			told = append(told, fmt.Sprintf("%s/%s %s %s %s: %s", a.By, a.Key, a.What, a.Whom, a.Object, a.Reason))
		}
		path = "/v1/admin/acts?limit=4&cursor=" + next.Next
	}
	if diff := cmp.Diff([]string{
		"regulator-d/d.2 withdraw_release purse r13: ",
		"regulator-d/d.2 propose_release purse r13: since 2026-11-20T00:00:00Z until 2026-11-21T00:00:00Z: a raid",
		"regulator-d/d.2 undo_void purse v10: it was found",
		"regulator-d/d.2 end_void purse v10: until 2026-11-21T00:00:00Z: another key is in use",
		"regulator-d/d.2 void purse v10: since 2026-11-19T16:00:00Z, key purse.s: lost",
		"regulator-d/d.2 revoke_signing_key purse purse.s: lost",
		"regulator-d/d.2 add_signing_key purse purse.s: ",
		"regulator-d/d.2 change_partner purse : organisation, weight, quotas, licensed_platform, users, mtls_subject: " +
			"back to where all begin",
		"regulator-d/d.2 change_partner purse : quotas: nothing else changes",
		"regulator-d/d.2 change_partner purse : sharing_groups, platforms: left",
		"regulator-d/d.2 change_partner purse : sharing_groups, platforms: joined",
		"regulator-d/d.2 change_partner purse : name, kind, organisation, weight, quotas, licensed_platform, users, " +
			"mtls_subject, mtls_scopes: a bank now",
		"regulator-d/d.2 set_state purse : active: a quiet month",
		"regulator-d/d.2 add_partner purse : contract",
	}, told); diff != "" {
		t.Errorf("acts (-want +got):\n%s", diff)
	}
}

func TestAnAPIKeyIsShownOnce(t *testing.T) {
	h := registered(t)
	issued := h.admin(t, "POST", "/bank-e/keys", `{"replaces":"bank-e.1","overlap_seconds":3600,"reason":"yearly"}`)
	if issued.Status != 201 || strings.Count(issued.Body, plantedSecret) != 1 {
		t.Fatalf("%d %s", issued.Status, issued.Body)
	}
	keys := h.Revisions()[0].APIKeys
	if len(keys) != 2 || !keys[0].Expires.Equal(now.Add(time.Hour)) || keys[1].Scopes != keys[0].Scopes ||
		keys[1].SHA256[0] != 0xab || !keys[1].Expires.IsZero() {
		t.Errorf("keys %+v", keys)
	}
	everything := h.logged() + fmt.Sprint(h.partner, h.acts)
	for _, path := range []string{"partners", "partners/bank-e", "acts"} {
		got := h.do(t, ask{method: "GET", path: "/v1/admin/" + path, key: "admin"})
		everything += got.Body
		if strings.Contains(got.Body, "abab") {
			t.Errorf("%s tells a key's hash", path)
		}
	}
	if strings.Contains(everything, plantedSecret) {
		t.Error("the secret stands in an answer, a record, an act or the log")
	}
	gone := h.admin(t, "POST", "/bank-e/keys", `{"replaces":"bank-e.1"}`)
	if left := h.Revisions()[0].APIKeys; gone.Status != 201 || len(left) != 2 || left[0].ID == "bank-e.1" {
		t.Errorf("replaced at once: %d, keys %+v", gone.Status, left)
	}
}

func TestWhatOperatorsMayNotDo(t *testing.T) {
	const since = `"since":"2026-11-20T00:00:00Z"`
	for _, c := range []struct {
		situation, method, path, body, tag string
		status                             int
		want                               string
		against                            bool
	}{
		{"no revision", "POST", "/bank-e/state", `{"state":"active","reason":"r"}`, "-", 428, "revision_required", true},
		{"a revision that passed", "POST", "/bank-e/state", `{"state":"active","reason":"r"}`, `"2"`, 412, "revision_passed",
			false},
		{"a revision without quotes", "POST", "/bank-e/state", `{"state":"active","reason":"r"}`, `3`, 400, "bad_parameter",
			true},
		{"any revision", "DELETE", "/bank-e/keys/bank-e.1", ``, `*`, 400, "bad_parameter", true},
		{"an unknown partner", "POST", "/nobody/state", `{"state":"active","reason":"r"}`, "", 404, "partner_not_found",
			false},
		{"an unknown key", "DELETE", "/bank-e/keys/bank-e.9", ``, "", 404, "key_not_found", false},
		{"an unknown signing key", "POST", "/bank-e/signing-keys/x/revoke", `{` + since + `,"reason":"r"}`, "", 404,
			"key_not_found", false},
		{"the caller's own key", "DELETE", "/regulator-d/keys/d.2", ``, "", 409, "own_key", false},
		{"the caller's own suspension", "POST", "/regulator-d/state", `{"state":"suspended","reason":"r"}`, "", 409,
			"own_key", false},
		{"an unknown field", "POST", "/bank-e/state", `{"state":"active","reason":"r","force":true}`, "", 400, "schema", true},
		{"an unknown state", "POST", "/bank-e/state", `{"state":"gone","reason":"r"}`, "", 400, `/state`, true},
		{"no reason", "POST", "/bank-e/state", `{"state":"suspended"}`, "", 400, `/reason`, true},
		{"a key as the reason", "POST", "/bank-e/state", `{"state":"active","reason":"wsp_live_a_b"}`, "", 400, `/reason`,
			false},
		{"a reason of two lines", "DELETE", "/bank-e/keys/bank-e.1?reason=a%0ab", ``, "", 400, "bad_parameter", false},
		{"a key that may do nothing", "POST", "/bank-e/keys", `{}`, "", 400, `/scopes`, false},
		{"an unknown scope", "POST", "/bank-e/keys", `{"scopes":["root"]}`, "", 400, `/scopes`, true},
		{"an expiry that has passed", "POST", "/bank-e/keys", `{"scopes":["lookup"],"expires":"2026-11-22T08:00:00Z"}`, "",
			400, `/expires`, false},
		{"an overlap with nothing", "POST", "/bank-e/keys", `{"scopes":["lookup"],"overlap_seconds":5}`, "", 400,
			`/overlap_seconds`, false},
		{"half a public key", "POST", "/bank-e/signing-keys", `{"id":"s","public":"AAAA"}`, "", 400, `/public`, true},
		{"no time since when", "POST", "/bank-e/signing-keys/bank-e.s/revoke", `{"reason":"r"}`, "", 400, `/since`, true},
		{"a void of no time", "POST", "/bank-e/voids", `{"reason":"r"}`, "", 400, `/since`, true},
		{"a void without a reason", "POST", "/bank-e/voids", `{` + since + `}`, "", 400, `/reason`, true},
		{"a void of half a second", "POST", "/bank-e/voids", `{"since":"2026-11-20T00:00:00.5Z","reason":"r"}`, "", 400,
			`/since`, false},
		{"a void that ends before it begins", "POST", "/bank-e/voids", `{` + since +
			`,"until":"2026-11-19T00:00:00Z","reason":"r"}`, "", 400, `/until`, false},
		{"a void of an unknown key", "POST", "/bank-e/voids", `{` + since + `,"key":"x","reason":"r"}`, "", 404,
			"key_not_found", false},
		{"the end of no void", "POST", "/bank-e/voids/v9/end", `{"until":"2026-11-20T00:00:00Z","reason":"r"}`, "", 404,
			"void_not_found", false},
		{"a void that is not there", "DELETE", "/bank-e/voids/v9", ``, "", 404, "void_not_found", false},
		{"a release of what is to come", "POST", "/bank-e/releases", `{` + since +
			`,"until":"2026-11-23T00:00:00Z","reason":"r"}`, "", 400, `/until`, false},
		{"an open release", "POST", "/bank-e/releases", `{` + since + `,"reason":"r"}`, "", 400, `/until`, true},
		{"a release of long ago", "POST", "/bank-e/releases",
			`{"since":"2026-10-01T00:00:00Z","until":"2026-11-20T00:00:00Z","reason":"r"}`, "", 400, `/since`, false},
		{"an unknown release", "POST", "/bank-e/releases/r9/confirm", `{"reason":"r"}`, "", 404, "void_not_found", false},
		{"one's own release", "POST", "/bank-e/releases/r3/confirm", `{"reason":"r"}`, "", 409, "second_person_needed", false},
		{"a patch of nothing", "PATCH", "/bank-e", `{"reason":"r"}`, "", 400, "names nothing", true},
		{"a patch without a reason", "PATCH", "/bank-e", `{"weight":0.5}`, "", 400, "/reason", true},
		{"a patch of the state", "PATCH", "/bank-e", `{"state":"active","reason":"r"}`, "", 400, "schema", true},
		{"a patch of the number", "PATCH", "/bank-e", `{"number":7,"reason":"r"}`, "", 400, "schema", true},
		{"a patch of an unknown quota", "PATCH", "/bank-e", `{"quotas":{"all":1},"reason":"r"}`, "", 400, "/quotas", true},
		{"a patch with a word for a number", "PATCH", "/bank-e", `{"weight":"half","reason":"r"}`, "", 400, "/weight", true},
		{"a quota with a fraction", "PATCH", "/bank-e", `{"quotas":{"listings":1.5},"reason":"r"}`, "", 400,
			"/quotas/listings", true},
		{"a name of nothing", "PATCH", "/bank-e", `{"name":"","reason":"r"}`, "", 400, "/name", true},
		{"no name", "PATCH", "/bank-e", `{"name":null,"reason":"r"}`, "", 400, "/name", true},
		{"no kind", "PATCH", "/bank-e", `{"kind":null,"reason":"r"}`, "", 400, "/kind", true},
		{"a bank that becomes the police", "PATCH", "/bank-e", `{"kind":"police","reason":"r"}`, "", 422,
			"an authority's word", false},
		{"an unknown scope of a certificate", "PATCH", "/bank-e", `{"mtls_scopes":["root"],"reason":"r"}`, "", 400,
			"/mtls_scopes", true},
		{"a patch twice of one field", "PATCH", "/bank-e", `{"weight":1,"reason":"r","reason":"s"}`, "", 400, "twice", false},
		{"a patch of a revision that passed", "PATCH", "/bank-e", `{"weight":1,"reason":"r"}`, `"2"`, 412,
			"revision_passed", false},
		{"a patch of any revision", "PATCH", "/bank-e", `{"weight":1,"reason":"r"}`, "-", 428, "revision_required", true},
		{"a patch of nobody", "PATCH", "/nobody", `{"weight":1,"reason":"r"}`, "", 404, "partner_not_found", false},
		{"an id that leaves no room for its keys'", "POST", "", `{"id":"` + strings.Repeat("a", 33) +
			`","name":"N","kind":"bank"}`, "", 400, `/id`, true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			h := registered(t)
			a := ask{method: c.method, path: "/v1/admin/partners" + c.path, key: "admin", body: c.body, against: c.against,
				header: map[string]string{"If-Match": `"3"`}}
			if c.method == "PATCH" {
				a.header["Content-Type"] = mergePatch
			}
			switch c.tag {
			case "":
			case "-":
				delete(a.header, "If-Match")
			default:
				a.header["If-Match"] = c.tag
			}
			got := h.do(t, a)
			if got.Status != c.status || !strings.Contains(got.Body, c.want) {
				t.Errorf("%d %s\nwant %d …%s…", got.Status, got.Body, c.status, c.want)
			}
			if len(h.acts) > 0 {
				t.Errorf("it was done: %+v", h.acts)
			}
		})
	}
}

// By the key that stands beside it, it may be changed; and what it may do may not.
func TestACertificateDoesNotChangeItself(t *testing.T) {
	for _, c := range []struct {
		situation, key, body string
		shown                *tls.ConnectionState
		status               int
		want                 string
	}{
		{"its subject", "", `{"mtls_subject":"CN=other","reason":"r"}`, showing("CN=d", 1), 409, "own_key"},
		{"its scopes", "", `{"mtls_scopes":["lookup"],"reason":"r"}`, showing("CN=d", 1), 409, "own_key"},
		{"something else", "", `{"weight":0.5,"reason":"r"}`, showing("CN=d", 1), 200, `"weight":0.5`},
		{"with a key beside it", "admin", `{"mtls_subject":"CN=other","reason":"r"}`, showing("CN=d", 1), 200, "CN=other"},
		{"by a key alone", "admin", `{"mtls_subject":"CN=other","reason":"r"}`, nil, 200, "CN=other"},
	} {
		h := newHub(t, func(_ *Config, d *Deps) { d.Certifier = byName{} })
		h.partner = fraud.PartnerRevision{Revision: 3, PartnerRecord: fraud.PartnerRecord{Name: "D",
			Partner: fraud.Partner{ID: "regulator-d", Number: 4, Kind: fraud.Regulator, Weight: 1, State: fraud.Active}}}
		got := h.do(t, ask{method: "PATCH", path: "/v1/admin/partners/regulator-d", key: c.key, body: c.body, shown: c.shown,
			header: map[string]string{"If-Match": `"3"`, "Content-Type": mergePatch}})
		if got.Status != c.status || !strings.Contains(got.Body, c.want) {
			t.Errorf("%s: %d %s", c.situation, got.Status, got.Body)
		}
	}
}

func TestAPatchIsOfItsOwnMediaType(t *testing.T) {
	h := registered(t)
	got := h.do(t, ask{method: "PATCH", path: "/v1/admin/partners/bank-e", key: "admin", raw: true,
		body: `{"weight":0.5,"reason":"r"}`, header: map[string]string{"If-Match": `"3"`}})
	if got.Status != 415 || !strings.Contains(got.Body, mergePatch) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestWhatTheRegistryRefusesIsTold(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{fmt.Errorf("partners: %w", fraud.ErrRegistryIsAFile), 409, "registry_is_a_file"},
		{fraud.Refuse(fraud.ReasonSchema, "/id", "there is a partner with this id"), 422, `"pointer":"/id"`},
		{fmt.Errorf("store: %w: %w", fraud.ErrUnavailable, errSecret), 503, "unavailable"},
		{fmt.Errorf("store: %w: %w: %w", fraud.ErrMisconfigured, fraud.ErrUnavailable, errSecret), 500, "misconfigured"},
	} {
		h := registered(t)
		h.changeErr = c.err
		got := h.admin(t, "POST", "/bank-e/state", `{"state":"active","reason":"r"}`)
		if got.Status != c.status || !strings.Contains(got.Body, c.want) || strings.Contains(got.Body, "hunter2") {
			t.Errorf("%v: %d %s", c.err, got.Status, got.Body)
		}
	}
}
