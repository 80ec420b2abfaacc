package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// ArrivalQuery asks what became of this partner's events. Zero fields leave it to the hub.
type ArrivalQuery struct {
	// Kind is "report", "withdraw", …; State is [Stored], [Held] or [Refused].
	Kind, State string
	// From (included) and To (excluded) bound the time at which the hub took them; 31 days may lie between.
	From, To time.Time
	// Cursor is Next of the page before.
	Cursor string
	// Limit is how many a page holds, at most 500.
	Limit int
}

// Arrivals is a page of events, the newest first.
type Arrivals struct {
	Events []Arrival `json:"events"`
	// Next is the cursor of the page after, "" where there is none.
	Next string `json:"next"`
}

// Arrival is one event as the hub took it. An event that was sent twice stands twice, and counts once.
type Arrival struct {
	// EventID is nil where it could not be read.
	EventID *uuid.UUID `json:"event_id,omitempty"`
	// Status is [Stored], [Held] or [Refused].
	Status  string    `json:"status"`
	TakenAt time.Time `json:"taken_at"`
	// Released says that it was held and counts now, Void that the hub's operators found that it does not count.
	Released bool      `json:"released,omitzero"`
	Void     bool      `json:"void,omitzero"`
	Kind     string    `json:"kind,omitempty"`
	IssuedAt time.Time `json:"issued_at,omitzero"`
	// Indicator is nil for what was refused, and for what was erased.
	Indicator *IndicatorName `json:"indicator,omitempty"`
	Category  string         `json:"category,omitempty"`
	TLP       string         `json:"tlp,omitempty"`
	Group     string         `json:"group,omitempty"`
	// WholeBundle says that it was refused with all that came with it.
	WholeBundle bool   `json:"whole_bundle,omitzero"`
	Reason      string `json:"reason,omitempty"`
	Pointer     string `json:"pointer,omitempty"`
	Detail      string `json:"detail,omitempty"`
}

// IndicatorName names an indicator without saying it.
type IndicatorName struct {
	Type   indicator.Type   `json:"type"`
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
}

// Held is the status of an event that is stored and waits for the hub's operators.
const Held = "held"

// Arrivals asks for a page of this partner's events.
func (c *Client) Arrivals(ctx context.Context, q ArrivalQuery) (Arrivals, error) {
	query := url.Values{"mine": {"true"}}
	for name, value := range map[string]string{"kind": q.Kind, "state": q.State, "cursor": q.Cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var page Arrivals
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/events", query: query}, &page); err != nil {
		return Arrivals{}, fmt.Errorf("my events: %w", err)
	}
	return page, nil
}
