package api

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// postOf is a request on the wire with a body of zeros; head holds further headers.
func postOf(path, key, media string, length int, head string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s"+
		"Content-Length: %d\r\n\r\n", path, key, media, head, length) + strings.Repeat("0", length)
}

const (
	asksBatch = "/v1/lookup/batch?epoch=2"
	octets    = "application/octet-stream"
)

// Callers send all of a request before they read, as most do, and more than the network holds.
func TestARefusalCanBeReadWhateverItsRequestIsLong(t *testing.T) {
	h := newHub(t, func(c *Config, _ *Deps) { c.Shed = true })
	addr := h.listen(t)
	busy := func(on bool) {
		places := int64(0)
		if on {
			places = h.server.gate.places
		}
		h.server.gate.working.Store(places)
	}
	for _, c := range []struct {
		situation, request string
		busy               bool
		status             int
	}{
		{"the node is busy", postOf(asksBatch, "lookup", octets, maxBatchBytes, ""), true, 503},
		{"the node is busy, and it is of 10,000 digests", postOf(asksBatch, "lookup", octets, 320_000, ""), true, 503},
		{"nobody knows the key", postOf(asksBatch, "nobody", octets, maxBatchBytes, ""), false, 401},
		{"the key may not", postOf(asksBatch, "report", octets, maxBatchBytes, ""), false, 403},
		{"it is of another type", postOf(asksBatch, "lookup", "text/plain", maxBatchBytes, ""), false, 415},
		{"it is longer than its route takes", postOf("/v1/events", "report", "application/json", maxEventsBytes+1, ""), false, 413},
	} {
		t.Run(c.situation, func(t *testing.T) {
			busy(c.busy)
			defer busy(false)
			talker := talk(t, addr)
			if status, err := talker.ask(c.request); status != c.status || err != nil {
				t.Fatalf("answered %d, %v, want %d", status, err, c.status)
			}
			busy(false)
			if status, err := talker.ask(lookupHead(len(oneLookup)) + oneLookup); status != 200 {
				t.Errorf("the next on its connection: %d, %v", status, err)
			}
		})
	}
}

// What nobody may send, and what is beyond what may be spent, is not read: the connection ends.
func TestWhatIsReadOfRefusedRequestsIsBounded(t *testing.T) {
	h := newHub(t)
	addr := h.listen(t)
	for _, c := range []struct {
		situation string
		length    int
		spent     bool
	}{
		{"longer than any route takes", maxBatchBytes + 1, false},
		{"as long as may be, and nothing may be spent", maxBatchBytes, true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if c.spent {
				h.server.unread.SetBurst(0)
			}
			request := postOf(asksBatch, "nobody", octets, c.length, "")
			talker := talk(t, addr)
			go func() { _, _ = io.WriteString(talker, request) }()
			answer, err := http.ReadResponse(talker.in, nil)
			if err != nil || answer.StatusCode != 401 {
				t.Fatal(answer, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			if next, err := http.ReadResponse(talker.in, nil); err == nil || os.IsTimeout(err) {
				t.Errorf("the connection goes on: %v, %v", next, err)
			}
		})
	}
}

// Who waits to be told to send its body is told the refusal alone.
func TestARefusalIsNotFollowedByAnInvitation(t *testing.T) {
	h := newHub(t)
	talker := talk(t, h.listen(t))
	head, _, _ := strings.Cut(postOf(asksBatch, "nobody", octets, maxBatchBytes, "Expect: 100-continue\r\n"), "\r\n\r\n")
	if _, err := io.WriteString(talker, head+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(talker.in)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 401 ") || strings.Contains(string(all), " 100 ") {
		t.Errorf("answered %q, %v", all, err)
	}
}
