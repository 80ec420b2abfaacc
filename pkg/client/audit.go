package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// AuditQuery asks who did what. It needs a key with the scope admin, or with the scope analyse of a regulator or the police.
type AuditQuery struct {
	// Kinds are "event", "refusal", "repeat", "act" and "usage"; none is all but repeat.
	Kinds []string
	// What are kinds of event, reasons, deeds or classes of request; none is any.
	What []string
	// Partner is the id of who did it, or to whom it was done; "" is anybody.
	Partner string
	// From (included) and To (excluded) bound the time; zero leaves it to the hub, which takes the last 24 hours.
	From, To time.Time
	// Type, Digest and Epoch choose what was said of one indicator: for a regulator or the police, and audited itself.
	Type   indicator.Type
	Digest indicator.Digest
	Epoch  uint16
	// Cursor is that of the last record before; "" begins with the newest.
	Cursor string
	// Limit is how many records a page has at most; 0 leaves it to the hub.
	Limit int
}

// AuditRecord is one thing that the audit tells. It holds no value and no digest.
type AuditRecord struct {
	// Cursor is where the record stands.
	Cursor string    `json:"cursor"`
	At     time.Time `json:"at"`
	// Kind is "event", "refusal", "repeat", "act" or "usage", and What the kind of event, the reason of the refusal, the
	// deed or the class of request.
	Kind string `json:"kind"`
	What string `json:"what"`
	// By is the partner, "" where none was proven or the hub did it itself.
	By string `json:"by"`
	// Place is partition, offset and index of an event; First that of the first copy of a repeated one.
	Place    string    `json:"place"`
	First    string    `json:"first"`
	EventID  string    `json:"event_id"`
	Type     string    `json:"type"`
	IssuedAt time.Time `json:"issued_at"`
	// Of an act.
	ID     string `json:"id"`
	Key    string `json:"key"`
	Whom   string `json:"whom"`
	Object string `json:"object"`
	Reason string `json:"reason"`
	// Done is false for an act that came to nothing.
	Done bool `json:"done"`
	// Of usage: the node, its calls in the hour from At, those that a quota refused, and the indicators answered, by verdict.
	Node       string `json:"node"`
	Calls      uint64 `json:"calls"`
	Refused    uint64 `json:"refused"`
	Indicators uint64 `json:"indicators"`
	NotListed  uint64 `json:"not_listed"`
	Cleared    uint64 `json:"cleared"`
	Disputed   uint64 `json:"disputed"`
	Suspected  uint64 `json:"suspected"`
	Confirmed  uint64 `json:"confirmed"`
	Unsure     uint64 `json:"unsure"`
}

// Audit reads a page of the audit, the newest first. The next cursor is "" when there is no more.
func (c *Client) Audit(ctx context.Context, q AuditQuery) (records []AuditRecord, next string, err error) {
	var page struct {
		Records []AuditRecord `json:"records"`
		Next    string        `json:"next"`
	}
	r := request{method: http.MethodGet, path: auditPath, query: q.values("json")}
	if err := c.call(ctx, r, &page); err != nil {
		return nil, "", fmt.Errorf("audit: %w", err)
	}
	return page.Records, page.Next, nil
}

// exportPage is how many records an export takes at a time: as many as a hub gives.
const exportPage = 10_000

// ExportAudit writes all that the query chooses, the newest first, as "csv" or "ndjson", and returns how many records
// these are. The audit tells that it was done. The query's limit is not regarded.
func (c *Client) ExportAudit(ctx context.Context, q AuditQuery, format string, to io.Writer) (records int, err error) {
	q.Limit = exportPage
	if q.To.IsZero() {
		q.To = time.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	for {
		body, err := c.send(ctx, request{method: http.MethodGet, path: auditPath, query: q.values(format)})
		if err != nil {
			return records, fmt.Errorf("audit: %w", err)
		}
		if format == "csv" && q.Cursor != "" {
			_, body, _ = bytes.Cut(body, []byte("\n")) // the head stands at the beginning already
		}
		n := bytes.Count(body, []byte("\n"))
		if format == "csv" && q.Cursor == "" {
			n--
		}
		if _, err := to.Write(body); err != nil {
			return records, fmt.Errorf("audit: %w", err)
		}
		records += n
		if n < exportPage {
			return records, nil
		}
		if q.Cursor, err = lastCursor(body, format); err != nil {
			return records, err
		}
	}
}

// lastCursor is that of the last record of a page.
func lastCursor(page []byte, format string) (string, error) {
	page = bytes.TrimSuffix(page, []byte("\n"))
	last := page[bytes.LastIndexByte(page, '\n')+1:]
	if format == "csv" {
		cursor, _, _ := bytes.Cut(last, []byte(","))
		return string(cursor), nil
	}
	var record AuditRecord
	if err := json.Unmarshal(last, &record); err != nil {
		return "", fmt.Errorf("audit: the answer is not of the form that this client knows")
	}
	return record.Cursor, nil
}

const auditPath = "/v1/audit"

func (q *AuditQuery) values(format string) url.Values {
	v := url.Values{"format": {format}}
	for name, value := range map[string]string{"kind": strings.Join(q.Kinds, ","), "what": strings.Join(q.What, ","),
		"partner": q.Partner, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	if q.Type != 0 {
		v.Set("type", q.Type.String())
		v.Set("digest", q.Digest.String())
		v.Set("epoch", strconv.Itoa(int(q.Epoch)))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}
