package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func events(body string) ask {
	return ask{method: "POST", path: "/v1/events", key: "report", body: body}
}

func withKey(a ask, key string) ask {
	a.header = map[string]string{"Idempotency-Key": key}
	return a
}

const someID = "019a9f6e-7d00-7c3b-8a5e-3f1b2c4d5e6f"

// results reads the results of an answer or a problem.
func results(t testing.TB, a answer) (r eventsAnswer) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), &r); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return r
}

func TestEventsAreFilledAndSent(t *testing.T) {
	h := newHub(t)
	got := h.do(t, events(`{"events":[
		{"kind":"report","indicator":{"type":"bank_account","value":"maybank:1140 1234 5678"},"category":"telecommunication","role":"mule",
		 "evidence":["bank_suspected"],"observed_at":"2026-11-22T15:00:00.1239+08:00"},
		{"event_id":"`+someID+`","kind":"withdraw","issued_at":"2026-11-22T07:59:00Z","tlp":"RED",
		 "indicator":{"type":"phone","epoch":1,"digest":"`+strings.Repeat("ab", 32)+`"}}]}`))
	if got.Status != 202 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	sent := h.published[0]
	first := sent.Events[0].ID
	if first.Version() != 7 || sent.Bundle.Version() != 7 {
		t.Errorf("ids %v and %v are not of version 7", first, sent.Bundle)
	}
	in, _ := indicator.Parse(indicator.BankAccount, "maybank:1140 1234 5678")
	want := publication{Partner: "bank-b", Bundle: sent.Bundle, Events: []fraud.Event{
		{ID: first, Kind: fraud.Report, IssuedAt: now, Category: "telecommunication", Role: fraud.Mule,
			Confidence: 70,
			Evidence:   fraud.BankSuspected, ObservedAt: time.Date(2026, 11, 22, 7, 0, 0, 123_000_000, time.UTC),
			TLP: fraud.TLPAmber,
			Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 2, Digest: ring.Digest(in.Report[0].Type,
				in.Report[0].Canonical),
				Also: []fraud.Also{{Grade: indicator.Weak, Digest: ring.Digest(in.Report[1].Type,
					in.Report[1].Canonical)}}}},
		{ID: uuid.MustParse(someID), Kind: fraud.Withdraw, IssuedAt: now.Add(-time.Minute), TLP: fraud.TLPRed,
			Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1,
				Digest: indicator.Digest([]byte(strings.Repeat("\xab", 32)))}},
	}}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	other := uuid.MustParse(someID)
	answered := eventsAnswer{BundleID: &sent.Bundle, Results: []eventResult{{EventID: &first, Status: "accepted"},
		{EventID: &other, Status: "accepted"}}}
	if diff := cmp.Diff(answered, results(t, got)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestEventsAreRefusedOneByOne(t *testing.T) {
	const ref = `"indicator":{"type":"phone","epoch":2,"digest":"` +
		"abababababababababababababababababababababababababababababababab" + `"}`
	for _, c := range []struct {
		situation, event string
		reason           fraud.Reason
		pointer          string
		against          bool
	}{
		{"an unknown field", `{"kind":"sighting",` + ref + `,"` + planted + `":1}`, fraud.ReasonSchema, "", true},
		{"an unknown kind", `{"kind":"` + planted + `",` + ref + `}`, fraud.ReasonSchema, "/kind", true},
		{"no kind", `{` + ref + `}`, fraud.ReasonSchema, "/kind", true},
		{"no indicator", `{"kind":"sighting"}`, fraud.ReasonSchema, "/indicator/type", true},
		{"a value that is none", `{"kind":"sighting","indicator":{"type":"phone","value":"` + planted + planted +
			`"}}`, fraud.ReasonSchema, "/indicator/value", false},
		{"a value and a digest", `{"kind":"sighting","indicator":{"type":"phone","value":"` + planted +
			`","epoch":2,"digest":"` + strings.Repeat("ab", 32) + `"}}`,
			fraud.ReasonSchema, "/indicator", true},
		{"a value without a type", `{"kind":"sighting","indicator":{"value":"` + planted + `"}}`, fraud.ReasonSchema,
			"/indicator/type", true},
		{"a domain that too many share",
			`{"kind":"report","category":"telecommunication","indicator":{"type":"domain","value":"bit.ly"}}`,
			fraud.ReasonSchema, "/indicator/value", false},
		{"a plain hash", `{"kind":"sighting","indicator":{"type":"phone","digest":"` + strings.Repeat("ab", 32) +
			`"}}`, fraud.ReasonNotKeyed, "/indicator/epoch", true},
		{"a later epoch", `{"kind":"sighting","indicator":{"type":"phone","epoch":3,"digest":"` + strings.Repeat("ab",
			32) + `"}}`, fraud.ReasonEpoch, "/indicator/epoch", false},
		{"a report without a category", `{"kind":"report",` + ref + `}`, fraud.ReasonSchema, "/category", false},
		{"a category that is a value", `{"kind":"report","category":"` + planted + `",` + ref + `}`,
			fraud.ReasonUnknownTerm, "/category", false},
		{"an unknown region", `{"kind":"sighting","region":"SG-01",` + ref + `}`, fraud.ReasonUnknownTerm, "/region",
			false},
		{"a confidence of 101", `{"kind":"report","category":"telecommunication","confidence":101,` + ref + `}`,
			fraud.ReasonSchema, "/confidence", true},
		{"a confidence of a withdrawal", `{"kind":"withdraw","confidence":50,` + ref + `}`, fraud.ReasonSchema,
			"/confidence", false},
		{"tomorrow", `{"kind":"sighting","issued_at":"2026-11-23T08:00:00Z",` + ref + `}`, fraud.ReasonFuture,
			"/issued_at", false},
		{"last month", `{"kind":"sighting","issued_at":"2026-10-22T08:00:00Z",` + ref + `}`, fraud.ReasonTooOld,
			"/issued_at", false},
		{"a clear of a telco's number by a bank", `{"kind":"clear",` + ref + `}`, fraud.ReasonNotEntitled, "/kind",
			false},
		{"an id of version 4", `{"event_id":"3b241101-e2bb-4255-8caf-4136c566a962","kind":"sighting",` + ref + `}`,
			fraud.ReasonSchema, "/event_id", false},
		{"a protected number",
			`{"kind":"report","category":"telecommunication","indicator":{"type":"phone","value":"03-2268 7888"}}`,
			fraud.ReasonProtected, "/indicator", false},
		{"a case with spaces", `{"kind":"sighting","case":"` + planted + ` x",` + ref + `}`, fraud.ReasonSchema,
			"/case", true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			h := newHub(t)
			h.protected.Replace(map[indicator.Digest]bool{digestOf(ring, indicator.Phone, "03-2268 7888"): true})
			a := events(`{"events":[` + c.event + `,{"event_id":"` + someID + `","kind":"sighting",` + ref + `}]}`)
			a.against = c.against
			got := h.do(t, a)
			if got.Status != 202 || len(h.published) != 1 || len(h.published[0].Events) != 1 {
				t.Fatalf("the good event was not sent: %d %s", got.Status, got.Body)
			}
			result := results(t, got).Results[0]
			if diff := cmp.Diff([]string{"refused", string(c.reason), "/events/0" + c.pointer},
				[]string{result.Status, string(result.Reason), result.Pointer}); diff != "" {
				t.Errorf("status, reason, pointer (-want +got):\n%s\n%s", diff, got.Body)
			}
			if strings.Contains(got.Body+h.logged(), planted) {
				t.Errorf("the value turned up:\n%s\n%s", got.Body, h.logged())
			}
		})
	}
}

func TestNoAcceptableEventIsAProblemWithResults(t *testing.T) {
	h := newHub(t)
	got := h.do(t, events(`{"events":[{"kind":"report","indicator":{"type":"phone","value":"0123456780"}}]}`))
	if got.Status != 422 || !strings.Contains(got.Body, `"code":"no_acceptable_event"`) || len(results(t,
		got).Results) != 1 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if len(h.published) != 0 {
		t.Error("something was sent")
	}
}

func TestTheSameIDTwiceInOneRequest(t *testing.T) {
	h := newHub(t)
	one := `{"event_id":"` + someID + `","kind":"sighting","indicator":{"type":"phone","value":"0123456780"}}`
	got := results(t, h.do(t, events(`{"events":[`+one+`,`+one+`]}`)))
	if got.Results[0].Status != "accepted" || got.Results[1].Pointer != "/events/1/event_id" {
		t.Errorf("%+v", got)
	}
}

func TestADryRunSendsNothing(t *testing.T) {
	h := newHub(t)
	a := withKey(events(goodEvent), "k-1")
	a.path += "?dry_run=true"
	got := h.do(t, a)
	if r := results(t,
		got); got.Status != 200 || !r.DryRun || r.BundleID != nil || r.Results[0].Status != "accepted" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if len(h.published) != 0 {
		t.Error("something was sent")
	}
	if got := h.do(t, withKey(events(goodEvent), "k-1")); got.Status != 202 || len(h.published) != 1 {
		t.Errorf("the run after the rehearsal: %d %s", got.Status, got.Body)
	}
	a.path = "/v1/events?dryrun=true"
	if got := h.do(t, a); got.Status != 400 || len(h.published) != 1 {
		t.Errorf("a mistyped dry_run: %d, %d sent", got.Status, len(h.published))
	}
}

const goodEvent = `{"events":[{"kind":"report","category":"telecommunication","indicator":{"type":"phone","value":"0123456780"}}]}`

func TestARepeatIsTheSameEvent(t *testing.T) {
	h := newHub(t)
	first := h.do(t, withKey(events(goodEvent), "k-1"))
	second := h.do(t, withKey(events(goodEvent), "k-1"))
	if first.Status != 202 || second.Status != 202 || second.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d, %d, %v", first.Status, second.Status, second.Header)
	}
	if diff := cmp.Diff(first.Body, second.Body); diff != "" {
		t.Errorf("the answers differ (-first +second):\n%s", diff)
	}
	if len(h.published) != 1 {
		t.Errorf("sent %d times", len(h.published))
	}
	restarted := newHub(t)
	third := restarted.do(t, withKey(events(goodEvent), "k-1"))
	if diff := cmp.Diff(first.Body, third.Body); diff != "" {
		t.Errorf("after a restart the ids differ (-first +third):\n%s", diff)
	}
	if id := restarted.published[0].Events[0].ID; id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("id %v is not of version 8", id)
	}
	other := events(goodEvent)
	other.key = "report2"
	if fourth := h.do(t, withKey(other, "k-1")); fourth.Status != 202 || fourth.Body == first.Body {
		t.Errorf("another partner's request got this one's answer: %d", fourth.Status)
	}
}

func TestAReusedKeyIsRefused(t *testing.T) {
	h := newHub(t)
	h.do(t, withKey(events(goodEvent), "k-1"))
	got := h.do(t, withKey(events(strings.Replace(goodEvent, "0123456780", "0123456781", 1)), "k-1"))
	if got.Status != 422 || !strings.Contains(got.Body, `"code":"idempotency_key_reused"`) || len(h.published) != 1 {
		t.Errorf("%d %s, %d sent", got.Status, got.Body, len(h.published))
	}
}

func TestAKeyIsKeptForADay(t *testing.T) {
	clock := now
	h := newHub(t, func(_ *Config, d *Deps) { d.Now = func() time.Time { return clock } })
	h.do(t, withKey(events(goodEvent), "k-1"))
	clock = now.Add(24*time.Hour - time.Second)
	h.do(t, withKey(events(goodEvent), "k-1"))
	if len(h.published) != 1 {
		t.Errorf("within a day it was sent %d times", len(h.published))
	}
	clock = now.Add(24 * time.Hour)
	h.do(t, withKey(events(goodEvent), "k-1"))
	if len(h.published) != 2 || h.published[0].Events[0].ID != h.published[1].Events[0].ID {
		t.Errorf("after a day it was sent %d times, and must be the same event", len(h.published))
	}
}

func TestAFailedSendingMayBeRepeated(t *testing.T) {
	h := newHub(t)
	h.publish = func(context.Context) error { return fmt.Errorf("%w: %w", errSecret, fraud.ErrUnavailable) }
	got := h.do(t, withKey(events(goodEvent), "k-1"))
	if got.Status != 503 || got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body,
		`"code":"unavailable"`) {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	if strings.Contains(got.Body, "hunter2") {
		t.Errorf("the answer tells of our inside: %s", got.Body)
	}
	h.publish = nil
	if got := h.do(t, withKey(events(goodEvent), "k-1")); got.Status != 202 || len(h.published) != 1 {
		t.Errorf("the repeat: %d %s", got.Status, got.Body)
	}
}

func TestARepeatWhileTheFirstIsUnderWay(t *testing.T) {
	h := newHub(t)
	reached, release := make(chan bool), make(chan bool)
	h.publish = func(context.Context) error { reached <- true; <-release; return nil }
	first := make(chan answer)
	go func() { first <- h.do(t, withKey(events(goodEvent), "k-1")) }()
	<-reached
	got := h.do(t, withKey(events(goodEvent), "k-1"))
	close(release)
	if got.Status != 409 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := <-first; got.Status != 202 {
		t.Errorf("the first: %d %s", got.Status, got.Body)
	}
}

func TestIdempotencyKeysThatAreNone(t *testing.T) {
	h := newHub(t)
	for _, key := range []string{"", "two words", "ümlaut", strings.Repeat("k", 129)} {
		a := withKey(events(goodEvent), key)
		a.against = true
		if got := h.do(t, a); got.Status != 400 || !strings.Contains(got.Body, `"parameter":"Idempotency-Key"`) {
			t.Errorf("%q: %d %s", key, got.Status, got.Body)
		}
	}
	if len(h.published) != 0 {
		t.Error("something was sent")
	}
}

func TestRepeatsAreBounded(t *testing.T) {
	rs := newRepeats(func() time.Time { return now })
	answer := make([]byte, 60<<10)
	for i := range maxRepeats + 500 {
		_, r, err := rs.begin(1, fmt.Sprint(i), [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		r.keep(answer)
		r.end()
		if rs.bytes > maxRepeatBytes+len(answer) || rs.order.Len() > maxRepeats || rs.order.Len() != len(rs.known) {
			t.Fatalf("%d bytes in %d entries", rs.bytes, rs.order.Len())
		}
	}
}

func TestWhatBecameOfAnEvent(t *testing.T) {
	h := newHub(t)
	stored, refused, others, held := uuid.MustParse(someID), uuid.New(), uuid.New(), uuid.New()
	h.fates[held] = fraud.Fate{EventID: held, Partner: 2, Appended: now, OnHold: true}
	h.fates[stored] = fraud.Fate{EventID: stored, Partner: 2, Appended: now}
	h.fates[refused] = fraud.Fate{EventID: refused, Partner: 2, Appended: now,
		Fault: fraud.Refuse(fraud.ReasonProtected, "/indicator", "protected")}
	h.fates[others] = fraud.Fate{EventID: others, Partner: 3, Appended: now}
	for _, c := range []struct {
		situation, id string
		status        int
		body          string
		against       bool
	}{
		{"stored", someID, 200, `{"event_id":"` + someID +
			`","status":"stored","taken_at":"2026-11-22T08:00:00.000Z"}`, false},
		{"refused", refused.String(), 200,
			`"status":"refused","taken_at":"2026-11-22T08:00:00.000Z","reason":"protected","pointer":"/indicator","detail":"protected"}`, false},
		{"held", held.String(), 200, `"status":"held","taken_at":"2026-11-22T08:00:00.000Z","detail":"your organisation said`,
			false},
		{"another partner's", others.String(), 404, `"code":"event_not_found"`, false},
		{"not known", uuid.NewString(), 404, `"code":"event_not_found"`, false},
		{"no id", planted, 400, `"parameter":"id"`, true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			got := h.do(t, ask{method: "GET", path: "/v1/events/" + c.id, key: "report", against: c.against,
				raw: true})
			if got.Status != c.status || !strings.Contains(got.Body, c.body) || strings.Contains(got.Body, planted) {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	h.storeErr = fmt.Errorf("%w: %w", errSecret, fraud.ErrUnavailable)
	if got := h.do(t, ask{method: "GET", path: "/v1/events/" + someID, key: "report"}); got.Status != 503 {
		t.Errorf("with the store down: %d %s", got.Status, got.Body)
	}
}

func TestWhatWasReleasedIsHeldNoLonger(t *testing.T) {
	at := fraud.SecondsOf(now)
	for _, c := range []struct {
		situation string
		releases  []fraud.Release
		want      bool
	}{
		{"nothing", nil, false},
		{"its second", []fraud.Release{{Since: at, Until: at + 1}}, true},
		{"up to its second", []fraud.Release{{Since: at - 5, Until: at}}, false},
		{"from after it on", []fraud.Release{{Since: at + 1, Until: at + 5}}, false},
	} {
		if got := released(&fraud.Partner{Releases: c.releases}, now); got != c.want {
			t.Errorf("%s: %t", c.situation, got)
		}
	}
}
