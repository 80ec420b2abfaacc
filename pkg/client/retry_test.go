package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

var errReset = errors.New("connection reset by peer")

func TestRetryRepeatsTheVerySameRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := problem(503, "unavailable")
		later.header["Retry-After"] = "2"
		h := &hub{script: []reply{{err: errReset}, later, problem(429, "too_many_requests"), {status: 502, body: "<html>"},
			problem(409, "idempotency_key_in_use"), accepted(1)}}
		receipt, err := h.client(t, client.WithKeyRing(testRing(t))).
			Report(t.Context(), client.NewReport(indicator.Phone, "012-345 6789", "loan"))
		if err != nil {
			t.Fatal(err)
		}
		if got := receipt.Results[0].Status; got != client.Accepted {
			t.Errorf("status %q", got)
		}
		if len(h.sent) != 6 {
			t.Fatalf("%d tries", len(h.sent))
		}
		first := h.sent[0]
		if first.idempotency == "" || first.auth != "Bearer wsp_live_x_secret_0" {
			t.Errorf("headers: %+v", first)
		}
		for _, again := range h.sent[1:] {
			again.at = first.at
			if diff := cmp.Diff(first, again, cmp.AllowUnexported(sent{})); diff != "" {
				t.Errorf("a retry differs (-first +retry):\n%s", diff)
			}
		}
		if wait := h.sent[2].at.Sub(h.sent[1].at); wait != 2*time.Second {
			t.Errorf("waited %s where the hub asked for 2 s", wait)
		}
	})
}

func TestEachReportHasAnIdempotencyKeyOfItsOwn(t *testing.T) {
	h := &hub{script: []reply{accepted(1)}}
	c := h.client(t)
	for range 2 {
		if _, err := c.Report(t.Context(), client.NewWithdrawal(indicator.Phone, "012-345 6789")); err != nil {
			t.Fatal(err)
		}
	}
	if h.sent[0].idempotency == h.sent[1].idempotency || h.sent[0].body == h.sent[1].body {
		t.Error("two reports look like one")
	}
}

func TestReportAgainWithTheSameSliceIsTheSameEvent(t *testing.T) {
	h := &hub{script: []reply{problem(503, "unavailable"), accepted(1)}}
	c := h.client(t, client.WithPatience(0))
	events := []client.Event{client.NewReport(indicator.Phone, "012-345 6789", "loan")}
	if _, err := c.Report(t.Context(), events...); err == nil {
		t.Fatal("no error")
	}
	if _, err := c.Report(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h.sent[0].body, h.sent[1].body); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsRefusedForGoodIsNotRepeated(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 413, 415, 422, 500} {
		h := &hub{script: []reply{problem(status, "some_code")}}
		_, err := h.client(t).LookupOne(t.Context(), client.Item{Type: indicator.Phone, Value: "012-345 6789"})
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != status || len(h.sent) != 1 {
			t.Errorf("%d: %v after %d tries", status, err, len(h.sent))
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		h := &hub{script: []reply{{err: errReset}}}
		_, err := h.client(t, client.WithPatience(20*time.Second)).Me(t.Context())
		if took := time.Since(begun); !errors.Is(err, errReset) || took < 10*time.Second || took > 20*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		if len(h.sent) > 15 {
			t.Errorf("%d tries: the pauses don't grow", len(h.sent))
		}
	})
}

func TestRetryAfterBeyondPatienceEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		later := problem(503, "unavailable")
		later.header["Retry-After"] = begun.Add(time.Hour).UTC().Format(http.TimeFormat)
		h := &hub{script: []reply{later}}
		_, err := h.client(t).Me(t.Context())
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != "unavailable" || time.Since(begun) > time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

func TestRetryAfterZeroIsNoInvitationToHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := problem(429, "too_many_requests")
		now.header["Retry-After"] = "0"
		h := &hub{script: append(slices.Repeat([]reply{now}, 50), problem(400, "hammered"))}
		_, err := h.client(t, client.WithPatience(10*time.Second)).Me(t.Context())
		if err == nil || len(h.sent) > 12 {
			t.Errorf("%v after %d tries", err, len(h.sent))
		}
	})
}

func TestCancelledCallEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h := &hub{script: []reply{{err: errReset}}}
		begun := time.Now()
		_, err := h.client(t).Me(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

// TestRedirectIsNotFollowed: a redirect that keeps the body would carry values and keys to wherever it points.
func TestRedirectIsNotFollowed(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	front := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer front.Close()
	c, err := client.New(front.URL, "key")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.LookupOne(t.Context(), client.Item{Type: indicator.Phone, Value: "012-345 6789"})
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != "http_307" || reached {
		t.Errorf("%v, reached: %t", err, reached)
	}
}

func TestProblemTellsWhatTheHubSaid(t *testing.T) {
	h := &hub{script: []reply{{status: 403,
		header: map[string]string{"Content-Type": "application/problem+json; charset=utf-8"},
		body: `{"type":"urn:waspada:problem:missing_scope","title":"The API key may not do this","status":403,
			"detail":"this needs an API key with the scope report","code":"missing_scope","pointer":"/x","parameter":"p",
			"request_id":"abc","new_member":1}`}}}
	_, err := h.client(t).Me(t.Context())
	var got *client.Problem
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	want := &client.Problem{Type: "urn:waspada:problem:missing_scope", Title: "The API key may not do this", Status: 403,
		Detail: "this needs an API key with the scope report", Code: "missing_scope", Pointer: "/x", Parameter: "p",
		RequestID: "abc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const text = "who am I: the hub answered 403: this needs an API key with the scope report " +
		"(missing_scope at /x in p, request abc)"
	if err.Error() != text {
		t.Errorf("%q", err)
	}
}

func TestAnswerOfSomethingElseIsNotQuoted(t *testing.T) {
	page := reply{status: 404, header: map[string]string{"Content-Type": "text/html"}, body: "<h1>secret</h1>"}
	h := &hub{script: []reply{page}}
	_, err := h.client(t).Me(t.Context())
	const text = "who am I: the hub answered 404: something other than the hub seems to have answered; " +
		"see that the address is the hub's (http_404)"
	if err.Error() != text {
		t.Errorf("%q", err)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, server := range []string{
		"", "ftp://hub", "https://", "https://user:pass@hub", "https://hub?x=1", "https://hub#x", "::",
	} {
		if _, err := client.New(server, "key"); err == nil {
			t.Errorf("%q was taken", server)
		}
	}
	if _, err := client.New("https://hub", "key\nX-Evil: 1"); err == nil {
		t.Error("a key with a line break was taken")
	}
	for server, want := range map[string]string{
		"hub.example.my": "https://hub.example.my", "127.0.0.1:8080": "http://127.0.0.1:8080",
		"localhost": "http://localhost", "[::1]:80": "http://[::1]:80", "http://hub/base/": "http://hub/base/",
	} {
		c, err := client.New(server, "")
		if err != nil || c.Server().String() != want {
			t.Errorf("%q is %v, want %s (%v)", server, c.Server(), want, err)
		}
	}
}
