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

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// MaxReport is how many events one call of [Client.Report] takes.
const MaxReport = 500

// Event is one thing to say about one indicator. [Client.Report] gives it an ID and a time of issue if it has none,
// and derives the digests from Value if Indicator has none.
type Event struct {
	fraud.Event
	// Value is the value as somebody typed it; Indicator.Type is its type.
	Value indicator.Raw
}

// NewReport says that the value is part of a scam of the category.
func NewReport(t indicator.Type, value indicator.Raw, category string) Event {
	e := newEvent(fraud.Report, t, value)
	e.Category = category
	return e
}

// NewWithdrawal takes back what this partner said of the value.
func NewWithdrawal(t indicator.Type, value indicator.Raw) Event {
	return newEvent(fraud.Withdraw, t, value)
}

// NewDispute says that the listing of the value is in doubt: observe only.
func NewDispute(t indicator.Type, value indicator.Raw) Event {
	return newEvent(fraud.Dispute, t, value)
}

// NewClear says that the value is legitimate. Its holder's bank, telco or platform may say so, and authorities.
func NewClear(t indicator.Type, value indicator.Raw) Event { return newEvent(fraud.Clear, t, value) }

func newEvent(k fraud.Kind, t indicator.Type, value indicator.Raw) Event {
	return Event{Event: fraud.Event{Kind: k, Indicator: fraud.Ref{Type: t}}, Value: value}
}

// Receipt tells what became of each event of one call.
type Receipt struct {
	// BundleID is under which the accepted ones went into Kafka.
	BundleID string         `json:"bundle_id,omitempty"`
	Results  []EventReceipt `json:"results"`
}

// EventReceipt tells what became of one event.
type EventReceipt struct {
	EventID uuid.UUID `json:"event_id"`
	// Status is [Accepted] or [Refused].
	Status string `json:"status"`
	// Reason is a [fraud.Reason], or the rule that the value broke.
	Reason string `json:"reason,omitempty"`
	// Pointer is the JSON Pointer into the event of the field at fault.
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// IssuedAt is the time of issue that the event was sent with.
	IssuedAt time.Time `json:"issued_at,omitzero"`
}

// What becomes of an event: it is accepted and then stored, or refused at once or later; or [Held].
const (
	Accepted = "accepted"
	Stored   = "stored"
	Refused  = "refused"
)

// ErrNoneAcceptable is returned with the receipt when every event of a call was refused.
var ErrNoneAcceptable = errors.New("no event is acceptable")

// wireEvent is an event on the wire: the indicator is a reference or a value.
type wireEvent struct {
	fraud.Event
	Indicator any `json:"indicator"`
}

// valued is an indicator told by its value.
type valued struct {
	Type  indicator.Type `json:"type"`
	Value string         `json:"value"`
}

// Report sends 1 to 500 events. When it returns without an error, Kafka has acknowledged at least one of them, and
// the receipt tells of each, in order. When none was acceptable the receipt comes with [ErrNoneAcceptable].
//
// After any other error nothing is known of the events. IDs and times are filled into the given slice: call
// Report(ctx, events...) again with it, and each counts once.
func (c *Client) Report(ctx context.Context, events ...Event) (*Receipt, error) {
	return c.report(ctx, nil, events)
}

// DryRun has the hub check events as Report would, and sends them nowhere.
func (c *Client) DryRun(ctx context.Context, events ...Event) (*Receipt, error) {
	return c.report(ctx, url.Values{"dry_run": {"true"}}, events)
}

func (c *Client) report(ctx context.Context, query url.Values, events []Event) (*Receipt, error) {
	if len(events) < 1 || len(events) > MaxReport {
		return nil, fmt.Errorf("report: one call takes 1 to %d events, not %d", MaxReport, len(events))
	}
	var (
		receipt = &Receipt{Results: make([]EventReceipt, len(events))}
		wire    []wireEvent
		places  []int // of each sent event in the receipt
	)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range events {
		e := &events[i]
		e.stamp(now)
		receipt.Results[i] = EventReceipt{EventID: e.ID, IssuedAt: e.IssuedAt}
		ready, err := c.wireEventOf(e)
		if err != nil {
			receipt.Results[i].refuse(itemError(err))
			continue
		}
		wire, places = append(wire, ready), append(places, i)
	}
	if len(wire) == 0 {
		return receipt, fmt.Errorf("report: %w", ErrNoneAcceptable)
	}
	body, err := json.Marshal(struct {
		Events []wireEvent `json:"events"`
	}{wire})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	key, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	// Where no event was acceptable the problem holds the results.
	answer, err := c.send(ctx, request{
		method: http.MethodPost, path: "/v1/events", query: query, contentType: jsonType, body: body,
		idempotency: key.String(),
	})
	if refusal := new(Problem); errors.As(err, &refusal) && refusal.Status == http.StatusUnprocessableEntity {
		if receipt.merge(answer, places) == nil {
			return receipt, fmt.Errorf("report: %w: %w", ErrNoneAcceptable, refusal)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := receipt.merge(answer, places); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return receipt, nil
}

// stamp fills in what makes a second sending the same event.
func (e *Event) stamp(now time.Time) {
	if e.ID == uuid.Nil {
		e.ID = uuid.Must(uuid.NewV7())
	}
	if e.IssuedAt.IsZero() {
		e.IssuedAt = now
	}
	e.IssuedAt = e.IssuedAt.UTC().Truncate(time.Millisecond)
}

// wireEventOf says an event in digests where the client can.
func (c *Client) wireEventOf(e *Event) (wireEvent, error) {
	switch {
	case !e.Indicator.Digest.IsZero():
		return wireEvent{e.Event, e.Indicator}, nil
	case c.ring == nil:
		return wireEvent{e.Event, valued{e.Indicator.Type, string(e.Value)}}, nil
	}
	in, err := indicator.Parse(e.Indicator.Type, e.Value)
	if err != nil {
		return wireEvent{}, err
	}
	if err := in.Reportable(); err != nil && e.Kind == fraud.Report {
		return wireEvent{}, err
	}
	forms := in.Report
	if len(forms) == 0 {
		forms = in.Lookup[:1]
	}
	return wireEvent{e.Event, refTo(c.ring, in.Type, forms)}, nil
}

func (r *EventReceipt) refuse(fault *ItemError) {
	r.Status, r.Reason, r.Pointer, r.Detail = Refused, fault.Code, fault.Pointer, fault.Detail
}

// merge takes the hub's results for the events that were sent.
func (r *Receipt) merge(answer []byte, places []int) error {
	var from Receipt
	if err := json.Unmarshal(answer, &from); err != nil {
		return errors.New("the answer is not of the form that this client knows")
	}
	if len(from.Results) != len(places) {
		return fmt.Errorf("the hub answered for %d of %d events", len(from.Results), len(places))
	}
	r.BundleID = from.BundleID
	for i, place := range places {
		sent, told := r.Results[place], from.Results[i]
		told.EventID, told.IssuedAt = sent.EventID, sent.IssuedAt
		// The hub points into the body of the request, whose places are not the caller's.
		told.Pointer = strings.TrimPrefix(told.Pointer, "/events/"+strconv.Itoa(i))
		r.Results[place] = told
	}
	return nil
}
