package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// HistoryQuery asks what was said of one indicator. It needs a key ring: the hub takes digests only here.
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

// errNoRing is for what the hub takes digests for only.
var errNoRing = errors.New("a history is asked for by digests: the client needs a key ring (WithKeyRing)")

// History asks for a page of what was said of an indicator. It counts as a look-up of each of its expressions.
func (c *Client) History(ctx context.Context, q HistoryQuery) (History, error) {
	if c.ring == nil {
		return History{}, errNoRing
	}
	in, err := indicator.Parse(q.Item.Type, q.Item.Value)
	if err != nil {
		return History{}, err
	}
	const mostAlso = 8 // the most specific of them
	expressions := in.Lookup[:min(len(in.Lookup), 1+mostAlso)]
	var also []string
	for _, e := range expressions[1:] {
		also = append(also, e.Grade.String()+":"+c.ring.DigestOf(e).String())
	}
	query := url.Values{"epoch": {strconv.Itoa(int(c.ring.Epoch()))}, "grade": {expressions[0].Grade.String()}}
	for name, value := range map[string]string{"also": strings.Join(also, ","), "cursor": q.Cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if !q.At.IsZero() {
		query.Set("at", q.At.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	path := "/v1/indicators/" + q.Item.Type.String() + "/" + c.ring.DigestOf(expressions[0]).String()
	var page History
	if err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &page); err != nil {
		return History{}, fmt.Errorf("history: %w", err)
	}
	return page, nil
}
