package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Dispute is a dispute as far as it concerns the caller.
type Dispute struct {
	// ID is that of the event of kind dispute that opened it.
	ID uuid.UUID `json:"id"`
	// As is why the caller may see it: authority, opener or reporter.
	As string `json:"as"`
	// State is a [fraud.DisputeState].
	State string `json:"state"`
	// Effect is in_force, pending while a decision is on its way, or none where the opener's word does not count.
	Effect string `json:"effect"`
	// Indicator has its other expressions for authorities and the opener.
	Indicator fraud.Ref `json:"indicator"`
	// The clocks that run: the zero time where one does not.
	OpenedAt      time.Time `json:"opened_at"`
	AcknowledgeBy time.Time `json:"acknowledge_by,omitzero"`
	DecideBy      time.Time `json:"decide_by,omitzero"`
	ReaffirmBy    time.Time `json:"reaffirm_by,omitzero"`
	// Overdue names those that have run out: acknowledge, decide.
	Overdue    []string  `json:"overdue,omitempty"`
	ReviewedAt time.Time `json:"reviewed_at,omitzero"`
	DecidedAt  time.Time `json:"decided_at,omitzero"`
	// Reason is why it was decided so, in words that the subject may read.
	Reason *DisputeReason `json:"reason,omitempty"`
	// Authority is what authorities alone are shown.
	Authority *DisputeAuthority `json:"authority,omitempty"`
}

// DisputeReason is a term of the taxonomy reason in two languages.
type DisputeReason struct {
	Code    string `json:"code"`
	English string `json:"en"`
	Malay   string `json:"ms"`
}

// DisputeAuthority is what authorities alone are shown. Partners are named by their ids.
type DisputeAuthority struct {
	OpenedBy           string        `json:"opened_by"`
	Reporters          []string      `json:"reporters"`
	ReviewedBy         string        `json:"reviewed_by,omitempty"`
	DecidedBy          string        `json:"decided_by,omitempty"`
	InvestigatorReason string        `json:"investigator_reason,omitempty"`
	Steps              []DisputeStep `json:"steps"`
}

// DisputeStep is something that an authority did.
type DisputeStep struct {
	At                 time.Time `json:"at"`
	To                 string    `json:"to"`
	By                 string    `json:"by"`
	Key                string    `json:"key"`
	Reason             string    `json:"reason,omitempty"`
	InvestigatorReason string    `json:"investigator_reason,omitempty"`
	// EventID is that of the event that says the decision.
	EventID uuid.UUID `json:"event_id,omitzero"`
}

// DisputeQuery chooses disputes; the zero value is all that concern the caller.
type DisputeQuery struct {
	// States are some of [fraud.DisputeStates]; none is any.
	States        []string
	Overdue, Mine bool
	// Cursor is what the page before gave for the next.
	Cursor string
	// Limit is 1 to 200, 0 for 50.
	Limit int
}

// DisputeDecision is what an authority decides. Outcome is upheld, corrected, cleared or restored.
type DisputeDecision struct {
	Outcome string `json:"outcome"`
	// Reason is a term of the taxonomy reason, and InvestigatorReason, which authorities alone are shown, of investigator.
	Reason             string `json:"reason"`
	InvestigatorReason string `json:"investigator_reason,omitempty"`
	// Category and Confidence are for what lists; without them they are those of the listing.
	Category   string `json:"category,omitempty"`
	Confidence uint8  `json:"confidence,omitzero"`
}

const disputesPath = "/v1/disputes"

// OpenDispute sends an event made by [NewDispute] and returns the dispute's id. The dispute shows about a second later.
func (c *Client) OpenDispute(ctx context.Context, e Event) (uuid.UUID, error) {
	e.stamp(time.Now().UTC().Truncate(time.Millisecond))
	ready, err := c.wireEventOf(&e)
	if err != nil {
		return uuid.Nil, fmt.Errorf("open a dispute: %w", err)
	}
	body, err := json.Marshal(struct {
		ID        uuid.UUID `json:"event_id"`
		IssuedAt  time.Time `json:"issued_at"`
		ExpiresAt time.Time `json:"expires_at,omitzero"`
		Indicator any       `json:"indicator"`
		TLP       fraud.TLP `json:"tlp,omitzero"`
		Group     string    `json:"group,omitempty"`
		Case      string    `json:"case,omitempty"`
	}{e.ID, e.IssuedAt, e.ExpiresAt, ready.Indicator, e.TLP, e.Group, e.Case})
	if err != nil {
		return uuid.Nil, fmt.Errorf("open a dispute: %w", err)
	}
	var opened struct {
		ID uuid.UUID `json:"id"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: disputesPath, contentType: jsonType, body: body,
		idempotency: e.ID.String()}, &opened)
	if err != nil {
		return uuid.Nil, fmt.Errorf("open a dispute: %w", err)
	}
	return opened.ID, nil
}

// Dispute reads one dispute.
func (c *Client) Dispute(ctx context.Context, id uuid.UUID) (Dispute, error) {
	var d Dispute
	if err := c.call(ctx, request{method: http.MethodGet, path: disputePath(id)}, &d); err != nil {
		return Dispute{}, fmt.Errorf("dispute %s: %w", id, err)
	}
	return d, nil
}

// Disputes lists disputes, the overdue ones first. The next cursor is "" when there is no more.
func (c *Client) Disputes(ctx context.Context, q DisputeQuery) (page []Dispute, next string, err error) {
	query := url.Values{}
	if len(q.States) > 0 {
		query.Set("state", strings.Join(q.States, ","))
	}
	if q.Overdue {
		query.Set("overdue", "true")
	}
	if q.Mine {
		query.Set("mine", "true")
	}
	if q.Cursor != "" {
		query.Set("cursor", q.Cursor)
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var answer struct {
		Disputes []Dispute `json:"disputes"`
		Next     string    `json:"next"`
	}
	if err := c.call(ctx, request{method: http.MethodGet, path: disputesPath, query: query}, &answer); err != nil {
		return nil, "", fmt.Errorf("disputes: %w", err)
	}
	return answer.Disputes, answer.Next, nil
}

// ReviewDispute acknowledges a dispute, for authorities.
func (c *Client) ReviewDispute(ctx context.Context, id uuid.UUID) (Dispute, error) {
	return c.takeDispute(ctx, "review", id, struct{}{})
}

// DecideDispute decides a dispute, for authorities. A Problem with the code "dispute_passed" says that it was decided
// already, or is not under review. After an error that is temporary, repeat the call: the decision counts once.
func (c *Client) DecideDispute(ctx context.Context, id uuid.UUID, decision DisputeDecision) (Dispute, error) {
	return c.takeDispute(ctx, "decision", id, decision)
}

func (c *Client) takeDispute(ctx context.Context, step string, id uuid.UUID, in any) (Dispute, error) {
	var d Dispute
	body, err := json.Marshal(in)
	if err == nil {
		err = c.call(ctx, request{method: http.MethodPost, path: disputePath(id) + "/" + step, contentType: jsonType,
			body: body}, &d)
	}
	if err != nil {
		return Dispute{}, fmt.Errorf("%s of dispute %s: %w", step, id, err)
	}
	return d, nil
}

// WithdrawDispute takes the caller's own dispute back, with whatever else it said of the indicator.
func (c *Client) WithdrawDispute(ctx context.Context, id uuid.UUID) (*Receipt, error) {
	d, err := c.Dispute(ctx, id)
	if err != nil {
		return nil, err
	}
	withdrawal := fraud.Event{Kind: fraud.Withdraw, Indicator: d.Indicator}
	return c.Report(ctx, Event{Event: withdrawal})
}

func disputePath(id uuid.UUID) string { return disputesPath + "/" + id.String() }
