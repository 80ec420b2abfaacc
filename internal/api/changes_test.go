package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// feedHub has two sources, of which the second is in group 1.
func feedHub(t *testing.T, with ...func(*Config, *Deps)) *hub {
	t.Helper()
	h := newHub(t, with...)
	h.sources = []fraud.Partner{{Number: 21, ID: "one", Kind: fraud.Bank, State: fraud.Active},
		{Number: 22, ID: "two", Kind: fraud.Bank, State: fraud.Active, Groups: fraud.Groups{}.With(1)}}
	h.say()
	return h
}

func said(by fraud.PartnerNumber, digest byte, stance fraud.Stance, at int, tlp fraud.TLP) fraud.Opinion {
	return fraud.Opinion{Digest: indicator.Digest{digest}, Partner: by, Type: indicator.Phone, Grade: indicator.Exact,
		Stance: stance, Version: fraud.MakeVersion(now.Add(time.Duration(at)*time.Second), stance, [16]byte{15: byte(at)}),
		Category: 1, Confidence: 70, TLP: tlp, Provenance: fraud.Provenance{Accepted: fraud.SecondsOf(now)}}
}

func (h *hub) changes(t *testing.T, key, query string) (page changesAnswer) {
	t.Helper()
	got := h.do(t, ask{method: "GET", path: "/v1/changes?" + query, key: key})
	if got.Status != 200 {
		t.Fatal(got)
	}
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestAnEdgeNodeMergesWithoutLearningWhoReports(t *testing.T) {
	h := feedHub(t)
	h.say(said(21, 1, fraud.Listed, 0, fraud.TLPAmber), said(21, 2, fraud.Listed, 1, fraud.TLPAmber),
		said(22, 1, fraud.Listed, 2, fraud.TLPAmber), said(21, 1, fraud.Withdrawn, 3, fraud.TLPAmber),
		said(22, 1, fraud.Disputed, 4, fraud.TLPClear))
	a := h.changes(t, "lookup", "since=2026-11-21T00:00:00Z").Changes
	if len(a) != 5 {
		t.Fatalf("%d changes", len(a))
	}
	for i, c := range a {
		if withDigest := i < 3; (c.Indicator != nil) != withDigest {
			t.Errorf("change %d names its digest: %t", i, !withDigest)
		}
	}
	if a[0].Word != a[3].Word || a[0].Version >= a[3].Version || a[2].Word != a[4].Word {
		t.Error("a correction does not replace what it corrects")
	}
	if a[0].About != a[2].About || a[0].About != a[4].About || a[0].About == a[1].About {
		t.Error("about does not name the digest")
	}
	if a[0].Word == a[1].Word || a[0].Word == a[2].Word {
		t.Error("two words of one name")
	}
}

func TestNamesMeanNothingToOthersAndStayInAnotherNode(t *testing.T) {
	secret := []byte("a secret of the hub, of 32 bytes")
	o := said(21, 1, fraud.Listed, 0, fraud.TLPAmber)
	a, b := callers["Bearer lookup"].Partner, callers["Bearer analyse"].Partner
	wordA, aboutA := newNames(secret).of(a, &o)
	wordB, aboutB := newNames(secret).of(b, &o)
	again, _ := newNames(secret).of(a, &o)
	other, _ := newNames([]byte("another")).of(a, &o)
	if wordA == wordB || aboutA == aboutB || wordA != again || wordA == other || wordA == aboutA {
		t.Error(wordA, aboutA, wordB, aboutB, again, other)
	}
}

func TestPagesOfChangesAndTheirCursors(t *testing.T) {
	h := feedHub(t)
	for i := range 25 {
		tlp := fraud.TLPAmber
		if i%2 == 1 {
			tlp = fraud.TLPRed
		}
		h.say(said(21, byte(i), fraud.Listed, i, tlp))
	}
	page := h.changes(t, "lookup", "since=2026-11-21T00:00:00Z&limit=5")
	var sizes []string
	for range 4 {
		sizes = append(sizes, fmt.Sprint(len(page.Changes), page.More, page.Recheck))
		page = h.changes(t, "lookup", "limit=5&cursor="+page.Next)
	}
	if diff := cmp.Diff([]string{"5 true false", "5 true false", "3 false false", "0 false false"}, sizes); diff != "" {
		t.Error(diff)
	}
	h.mu.Lock()
	h.sources[0].Voids = []fraud.Void{{ID: "v1", Since: 1}}
	h.mu.Unlock()
	page = h.changes(t, "lookup", "cursor="+page.Next)
	next := h.changes(t, "lookup", "cursor="+page.Next)
	if !page.Recheck || next.Recheck {
		t.Errorf("after a void: recheck %t, and then %t", page.Recheck, next.Recheck)
	}
	for situation, c := range map[string]struct {
		ask    ask
		status int
	}{
		"another's cursor":          {ask{path: "cursor=" + page.Next, key: "other"}, 410},
		"a cursor of another place": {ask{path: "cursor=AAAA", key: "lookup"}, 410},
		"a cursor and a time":       {ask{path: "since=2026-11-21T00:00:00Z&cursor=" + page.Next, key: "lookup"}, 400},
		"no time":                   {ask{path: "since=yesterday", key: "lookup", against: true}, 400},
	} {
		c.ask.method, c.ask.path = "GET", "/v1/changes?"+c.ask.path
		if got := h.do(t, c.ask); got.Status != c.status {
			t.Errorf("%s: %d %s", situation, got.Status, got.Body)
		}
	}
	h.feedErr = fmt.Errorf("kafka: %w", fraud.ErrPassed)
	if got := h.do(t, ask{method: "GET", path: "/v1/changes?cursor=" + page.Next, key: "lookup"}); got.Status != 410 {
		t.Error(got)
	}
}

// listen opens a stream and hands its pages on.
func listen(t *testing.T, address, key, query string) (status int, pages <-chan changesAnswer, leave context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/v1/changes?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan changesAnswer, 100)
	go func() {
		defer close(all)
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var page changesAnswer
				if json.Unmarshal([]byte(data), &page) == nil {
					all <- page
				}
			}
		}
	}()
	return answer.StatusCode, all, cancel
}

func TestAStreamTellsAsItIsSaidAndEndsWithItsKey(t *testing.T) {
	auth := &revocable{Authenticator: &fakes{}}
	h := feedHub(t, func(_ *Config, d *Deps) { d.Auth = auth })
	server := httptest.NewServer(h.server.Handler())
	t.Cleanup(server.Close) // after those who listen have left
	_, pages, _ := listen(t, server.URL, "lookup", "")
	if first := <-pages; len(first.Changes) != 0 || first.Next == "" {
		t.Errorf("a stream begins with where it is: %+v", first)
	}
	h.say(said(21, 1, fraud.Listed, 0, fraud.TLPRed)) // makes no event
	h.say(said(21, 2, fraud.Listed, 0, fraud.TLPAmber))
	second := <-pages
	if len(second.Changes) != 1 || second.Changes[0].Indicator.Digest != (indicator.Digest{2}) {
		t.Errorf("%+v", second)
	}
	if page := h.changes(t, "lookup", "cursor="+second.Next); len(page.Changes) != 0 {
		t.Errorf("a page goes on where the stream is: %+v", page)
	}
	auth.revoked.Store(true)
	for range pages { // ends
	}
	if h.server.streams.all != 0 {
		testkit.Eventually(t, time.Minute, func() error {
			h.server.streams.mu.Lock()
			defer h.server.streams.mu.Unlock()
			if h.server.streams.all != 0 {
				return fmt.Errorf("%d streams are open", h.server.streams.all)
			}
			return nil
		})
	}
}

func TestStreamsAreFewForEachPartnerAndTakeNoPlaceInTheGate(t *testing.T) {
	h := feedHub(t, func(c *Config, _ *Deps) { c.Concurrency = 4 })
	server := httptest.NewServer(h.server.Handler())
	t.Cleanup(server.Close) // after those who listen have left
	var leave context.CancelFunc
	for range streamsOfOne {
		status, pages, l := listen(t, server.URL, "lookup", "")
		if <-pages; status != 200 {
			t.Fatal(status)
		}
		leave = l
	}
	if got := h.do(t, ask{method: "GET", path: "/v1/changes", key: "lookup",
		header: map[string]string{"Accept": "text/event-stream"}}); got.Status != 429 || !strings.Contains(got.Body, "too_many_streams") {
		t.Error(got)
	}
	if got := h.do(t, lookup(`{"indicators":[{"type":"phone","value":"0123456780"}]}`)); got.Status != 200 {
		t.Errorf("a look-up beside the streams: %v", got)
	}
	leave()
	testkit.Eventually(t, time.Minute, func() error {
		status, _, _ := listen(t, server.URL, "lookup", "")
		if status != 200 {
			return fmt.Errorf("after one has left: %d", status)
		}
		return nil
	})
}

// TestASlowReaderIsCutAndNobodyElse fills the buffers of one that reads nothing.
func TestASlowReaderIsCutAndNobodyElse(t *testing.T) {
	h := feedHub(t)
	h.server.patience.answer = 300 * time.Millisecond
	server := httptest.NewServer(h.server.Handler())
	t.Cleanup(server.Close) // after those who listen have left
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer lookup")
	r.Header.Set("Accept", "text/event-stream")
	slow, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	_, pages, _ := listen(t, server.URL, "lookup", "limit=1000")
	told, want := 0, 0
	batch := make([]fraud.Opinion, 1000)
	testkit.Eventually(t, time.Minute, func() error {
		for i := range batch {
			batch[i] = said(21, byte(i), fraud.Listed, i, fraud.TLPAmber)
		}
		h.say(batch...)
		for want += len(batch); told < want; {
			page, open := <-pages
			if told += len(page.Changes); !open {
				t.Fatal("the reader that keeps up was cut")
			}
		}
		h.server.streams.mu.Lock()
		defer h.server.streams.mu.Unlock()
		if h.server.streams.all != 1 {
			return fmt.Errorf("%d streams are open", h.server.streams.all)
		}
		return nil
	})
	_, _ = io.Copy(io.Discard, slow.Body)
}

// revocable refuses everybody once its keys are revoked.
type revocable struct {
	Authenticator
	revoked atomic.Bool
}

func (r *revocable) Authenticate(header string, certificate *fraud.Certificate, at time.Time) (fraud.Identity, error) {
	if r.revoked.Load() {
		header = "Bearer revoked"
	}
	return r.Authenticator.Authenticate(header, certificate, at)
}
