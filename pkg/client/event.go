package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// EventState tells what became of an event that this partner sent, whichever way.
type EventState struct {
	EventID uuid.UUID `json:"event_id"`
	// Status is [Stored], [Held] or [Refused].
	Status string `json:"status"`
	// TakenAt is when Kafka took it.
	TakenAt time.Time `json:"taken_at"`
	Reason  string    `json:"reason,omitempty"`
	Pointer string    `json:"pointer,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Event asks what became of an event. known is false as long as the hub has neither stored nor refused it, which a
// moment after an accepted report says nothing bad.
func (c *Client) Event(ctx context.Context, id uuid.UUID) (state EventState, known bool, err error) {
	err = c.call(ctx, request{method: http.MethodGet, path: "/v1/events/" + url.PathEscape(id.String())}, &state)
	switch {
	case isNotFound(err):
		return EventState{}, false, nil
	case err != nil:
		return EventState{}, false, fmt.Errorf("event %s: %w", id, err)
	}
	return state, true, nil
}
