package loadgen

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// listed answers as the hub does: a digest of an even first digit is listed.
func serve(t *testing.T, handler http.HandlerFunc) (addr string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func dial(t *testing.T, s Scenario, listed int, addr string) (*Session, *Keys) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	keys := NewKeys(s, listed, 1)
	asker, err := NewAsker(s, keys, Target{APIKey: "key"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := Dial(s, asker, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session, keys
}

func TestEveryQuestionIsAnsweredAndCountedOnce(t *testing.T) {
	const listed = 1000
	known := map[string]bool{}
	for i := range uint64(listed) {
		known[Digest(i).String()] = true
	}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		verdict := func(digest string) string {
			if known[digest] {
				return `{"verdict":"suspected"}`
			}
			return `{"verdict":"not_listed"}`
		}
		if r.Header.Get("Authorization") != "Bearer key" {
			t.Error("asked without a key")
		}
		if r.Method == http.MethodGet {
			fmt.Fprint(w, verdict(r.URL.Path[len("/v1/lookup/bank_account/"):]))
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for part := range strings.SplitSeq(string(body), `"digest":"`) {
			if len(part) > 64 {
				fmt.Fprint(w, verdict(part[:64]))
			}
		}
	})
	for _, s := range []Scenario{
		{Ask: "get", Hits: 0.5, Connections: 3},
		{Ask: "get", Hits: 0.5, Connections: 3, Rate: 2000},
		{Ask: "json", Batch: 7, Hits: 0.2, Skew: 1.2, Connections: 2},
		{Ask: "json", Batch: 1000, Hits: 1, Connections: 2}, // longer than one read
	} {
		session, keys := dial(t, s, listed, addr)
		for range 2 {
			before := keys.Hits
			result, err := session.Run(s.Rate, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if result.Good == 0 || result.Refused+result.Dropped+result.Unanswered != 0 {
				t.Errorf("%+v: %s", s, result)
			}
			if asked := keys.Hits - before; result.Hits != asked {
				t.Errorf("%+v: %d of those asked about are listed, and %d were told", s, asked, result.Hits)
			}
			if n := result.Latency.TotalCount(); n != int64(result.Good) || result.Indicators != result.Good*max(s.Batch, 1) {
				t.Errorf("%+v: %d times, %d indicators of %d answers", s, n, result.Indicators, result.Good)
			}
		}
	}
}

func TestOpenLoopCountsTheWaitForAConnection(t *testing.T) {
	const each = 20 * time.Millisecond
	addr := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(each) })
	s := Scenario{Ask: "get", Connections: 1, Rate: 200}
	session, _ := dial(t, s, 10, addr)
	// Four times what the server can do: the last of about 40 questions waits for the 39 before it.
	result, err := session.Run(s.Rate, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if least := time.Duration(result.Good-1)*each - 200*time.Millisecond; result.Good < 15 || result.Quantile(100) < least {
		t.Errorf("%s: the longest should be %s at least", result, least)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	session, _ := dial(t, Scenario{Ask: "get", Connections: 2}, 10, addr)
	result, err := session.Run(0, 20*time.Millisecond)
	if err != nil || result.Good != 0 || result.Refused == 0 {
		t.Error(result, err)
	}
	addr = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	session, _ = dial(t, Scenario{Ask: "get", Connections: 2}, 10, addr)
	if result, err := session.Run(0, 20*time.Millisecond); err == nil {
		t.Error("404 is no answer:", result)
	}
}

func TestHangingUpAgainAndAgainEndsTheRun(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	session, _ := dial(t, Scenario{Ask: "get", Connections: 1}, 10, listener.Addr().String())
	if result, err := session.Run(0, time.Second); err == nil {
		t.Error("the server hung up:", result)
	}
}
