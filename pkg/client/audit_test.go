package client_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
)

// An export takes page by page until one is not full, writes the head of a table once, and asks about one time only.
func TestAnExportOfTheAuditIsWhole(t *testing.T) {
	const records, page = 23_456, 10_000
	for _, format := range []string{"csv", "ndjson"} {
		h := &hub{answer: func(s sent) reply {
			target, err := url.Parse(s.target)
			if err != nil {
				t.Error(err)
			}
			q := target.Query()
			if q.Get("format") != format || q.Get("limit") != "10000" || q.Get("from") == "" || q.Get("to") == "" {
				t.Errorf("asked %s", s.target)
			}
			first := records
			if cursor := q.Get("cursor"); cursor != "" {
				fmt.Sscan(cursor, &first)
				first--
			}
			var b strings.Builder
			if format == "csv" {
				b.WriteString("cursor,at\n")
			}
			for n := first; n > 0 && n > first-page; n-- {
				if format == "csv" {
					fmt.Fprintf(&b, "%d,now\n", n)
				} else {
					fmt.Fprintf(&b, "{\"cursor\":\"%d\"}\n", n)
				}
			}
			return reply{status: 200, body: b.String()}
		}}
		var out bytes.Buffer
		n, err := h.client(t).ExportAudit(t.Context(), client.AuditQuery{To: time.Now()}, format, &out)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if format == "csv" {
			lines = lines[1:]
		}
		if n != records || len(lines) != records || len(h.sent) != 3 {
			t.Fatalf("%s: %d records, %d lines, %d requests", format, n, len(lines), len(h.sent))
		}
		for i, line := range lines {
			if !strings.Contains(line, fmt.Sprint(records-i)) {
				t.Fatalf("%s: line %d is %s", format, i, line)
			}
		}
	}
}
