package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// HistoryQuery asks what was said of one indicator.
type HistoryQuery struct {
	Item Item
	// At asks for the verdict of that moment too; zero does not.
	At time.Time
	// Cursor is Next of the page before.
	Cursor string
	// Limit is how many events a page holds, at most 200; 0 leaves it to the hub.
	Limit int
}

// History is what this partner may see of what was said of an indicator.
type History struct {
	// Verdict is that of now.
	Verdict Result `json:"verdict"`
	// Then is that of HistoryQuery.At, nil if none was asked for.
	Then *Then `json:"then,omitempty"`
	// Events are the newest first.
	Events []Saying `json:"events"`
	// Next is the cursor of the page after, "" where there is none.
	Next string `json:"next,omitempty"`
}

// Then is the verdict that this partner would have got at a time that has passed.
type Then struct {
	At time.Time `json:"at"`
	// Partners is "then" or "now": as of when the partners were taken.
	Partners string `json:"partners"`
	Verdict  Result `json:"verdict"`
}

// Saying is one event of a history. What may not be told is absent.
type Saying struct {
	AcceptedAt time.Time `json:"accepted_at"`
	IssuedAt   time.Time `json:"issued_at"`
	Kind       string    `json:"kind"`
	Grade      string    `json:"grade"`
	Category   string    `json:"category,omitempty"`
	Evidence   []string  `json:"evidence,omitempty"`
	Confidence int       `json:"confidence,omitzero"`
	Advice     string    `json:"advice,omitempty"`
	Action     string    `json:"action,omitempty"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	TLP        string    `json:"tlp,omitempty"`
	Group      string    `json:"group,omitempty"`
	// Mine are this partner's own, with their ids.
	Mine    bool       `json:"mine,omitzero"`
	EventID *uuid.UUID `json:"event_id,omitempty"`
	// Reporter numbers the organisations of this one answer.
	Reporter    int    `json:"reporter,omitzero"`
	PartnerKind string `json:"partner_kind,omitempty"`
	// Partner is told to police and regulators.
	Partner string `json:"partner,omitempty"`
	// NotCounted says why it does not count, to police and regulators and of one's own.
	NotCounted string `json:"not_counted,omitempty"`
}

// mostAlso is how many expressions beside the first the hub takes here: the most specific of them.
const mostAlso = 8

// History asks for a page of what was said of an indicator, at whatever key epoch. It counts as a look-up of each of its
// expressions.
func (c *Client) History(ctx context.Context, q HistoryQuery) (History, error) {
	about, err := c.historyOf(q.Item)
	if err != nil {
		return History{}, err
	}
	body, err := json.Marshal(struct {
		Indicator probe  `json:"indicator"`
		At        string `json:"at,omitempty"`
		Cursor    string `json:"cursor,omitempty"`
		Limit     int    `json:"limit,omitzero"`
	}{about, momentOf(q.At), q.Cursor, q.Limit})
	if err != nil {
		return History{}, fmt.Errorf("history: %w", err)
	}
	var page History
	question := request{method: http.MethodPost, path: "/v1/indicators", contentType: jsonType, body: body}
	if err := c.call(ctx, question, &page); err != nil {
		return History{}, fmt.Errorf("history: %w", err)
	}
	return page, nil
}

// historyOf is an item as its history is asked for: a value by its digests of the first epoch, as the hub finds with these
// what was said at that epoch and at all since.
func (c *Client) historyOf(item Item) (probe, error) {
	if c.ring == nil || !item.Ref.Digest.IsZero() {
		p, err := c.probeOf(item)
		p.Also = p.Also[:min(len(p.Also), mostAlso)]
		return p, err
	}
	in, err := indicator.Parse(item.Type, item.Value)
	if err != nil {
		return probe{}, err
	}
	p := probe{Type: in.Type, Epoch: 1, Digest: c.ring.FormsOf(in.Lookup[0])[0]}
	if grade := in.Lookup[0].Grade; grade != indicator.Exact {
		p.Grade = grade
	}
	for _, e := range in.Lookup[1:min(len(in.Lookup), 1+mostAlso)] {
		p.Also = append(p.Also, fraud.Also{Grade: e.Grade, Digest: c.ring.FormsOf(e)[0]})
	}
	return p, nil
}

// momentOf is a time as the hub reads it, "" for none.
func momentOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
