package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/client"
)

// TestFollowingGoesOnWhereItWas ends streams in every way that may pass.
func TestFollowingGoesOnWhereItWas(t *testing.T) {
	asOf := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	var asked []string
	event := func(w http.ResponseWriter, next string, more string) {
		fmt.Fprintf(w, "event: changes\nid: %s\ndata: {\"changes\":[{\"word\":\"w\",\"about\":\"a\",\"version\":\"1\",\"stance\":\"listed\"}],"+
			"\"next\":%q,\"more\":%s}\n\n", next, next, more)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if r.URL.Path != "/v1/changes" || r.Header.Get("Accept") != "text/event-stream" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("%s %v", r.URL.Path, r.Header)
		}
		refuse := func(status int, code string) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"code":%q,"status":%d}`, code, status)
		}
		switch len(asked) {
		case 1:
			event(w, "one", "true")
			fmt.Fprintf(w, "event: changes\nid: two\ndata: {\"changes\":[],\"next\":\"two\",\"more\":false,\"as_of\":%q}\n\n", asOf.Format(time.RFC3339))
		case 2:
			refuse(503, "overloaded")
		case 3:
			event(w, "three", "false")
			fmt.Fprint(w, "event: changes\nid: four\ndata: {\"chan") // broken off
		case 4:
			refuse(410, "cursor_passed")
		default:
			event(w, "five", "false")
		}
	}))
	t.Cleanup(hub.Close)
	c, err := client.New(hub.URL, "k")
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var got []string
	err = c.Follow(t.Context(), "", func(page client.Changes) error {
		got = append(got, fmt.Sprint(len(page.Changes), " ", page.Next, " ", page.Recheck))
		if page.Next == "five" {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"1 one false", "0 two false", "1 three false", "1 five true"}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	want := []string{"", "cursor=two", "cursor=two", "cursor=three", "since=2026-11-22T08%3A00%3A00.000Z"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestFollowingEndsWithARefusalForGood(t *testing.T) {
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"code":"missing_scope","status":403}`)
	}))
	t.Cleanup(hub.Close)
	c, err := client.New(hub.URL, "k")
	if err != nil {
		t.Fatal(err)
	}
	problem := new(client.Problem)
	err = c.Follow(t.Context(), "", func(client.Changes) error { return nil })
	if !errors.As(err, &problem) || problem.Code != "missing_scope" {
		t.Error(err)
	}
}
