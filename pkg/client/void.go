package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Void says that what a partner said in a span of time does not count: [Since, Until) by when the hub took it, in whole
// seconds. A zero Until is open.
type Void struct {
	ID    string    `json:"id,omitempty"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Key confines it to one of the partner's signing keys; "" is everything.
	Key    string    `json:"key,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// Release lets words count that were held in [Since, Until), once ConfirmedBy names a second key.
type Release struct {
	ID          string    `json:"id"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Reason      string    `json:"reason"`
	ProposedBy  string    `json:"proposed_by"`
	ConfirmedBy string    `json:"confirmed_by"`
	InForce     bool      `json:"in_force"`
	At          time.Time `json:"at,omitzero"`
}

// AddVoid takes what v tells out of force, on every node within 5 seconds. The hub gives v an ID, the last of the
// answer's Voids.
func (c *Client) AddVoid(ctx context.Context, partner string, revision uint64, v Void) (Partner, error) {
	v.ID, v.At = "", time.Time{}
	v.Since, v.Until = v.Since.UTC().Truncate(time.Second), v.Until.UTC().Truncate(time.Second)
	return c.change(ctx, "void", http.MethodPost, partnerPath(partner, "voids"), revision, v)
}

// EndVoid lets a void end at a time: what the partner says from then on counts again.
func (c *Client) EndVoid(
	ctx context.Context, partner string, revision uint64, void string, until time.Time, reason string,
) (Partner, error) {
	return c.change(ctx, "end a void", http.MethodPost, partnerPath(partner, "voids", void, "end"), revision,
		map[string]string{"until": until.UTC().Truncate(time.Second).Format(time.RFC3339), "reason": reason})
}

// UndoVoid makes everything stand as if the void had never been said.
func (c *Client) UndoVoid(ctx context.Context, partner string, revision uint64, void, reason string) (Partner, error) {
	return c.remove(ctx, "undo a void", partnerPath(partner, "voids", void), revision, reason)
}

// ProposeRelease proposes that what was held counts. The hub gives it an ID, the last of the answer's Releases.
func (c *Client) ProposeRelease(
	ctx context.Context, partner string, revision uint64, since, until time.Time, reason string,
) (Partner, error) {
	return c.change(ctx, "propose a release", http.MethodPost, partnerPath(partner, "releases"), revision, map[string]string{
		"since": since.UTC().Truncate(time.Second).Format(time.RFC3339),
		"until": until.UTC().Truncate(time.Second).Format(time.RFC3339), "reason": reason})
}

// ConfirmRelease puts a release in force. It takes another key than the one that proposed it.
func (c *Client) ConfirmRelease(
	ctx context.Context, partner string, revision uint64, release, reason string,
) (Partner, error) {
	return c.change(ctx, "confirm a release", http.MethodPost, partnerPath(partner, "releases", release, "confirm"),
		revision, map[string]string{"reason": reason})
}

// WithdrawRelease takes a release back, proposed or confirmed.
func (c *Client) WithdrawRelease(
	ctx context.Context, partner string, revision uint64, release, reason string,
) (Partner, error) {
	return c.remove(ctx, "withdraw a release", partnerPath(partner, "releases", release), revision, reason)
}

func (c *Client) remove(ctx context.Context, what, path string, revision uint64, reason string) (Partner, error) {
	var p Partner
	query := url.Values{}
	if reason != "" {
		query.Set("reason", reason)
	}
	err := c.act(ctx, what, http.MethodDelete, path, query, revision, nil, &p)
	return p, err
}

// Hold is what was held of a partner on one day in Malaysia. A release from Since to Until is of all of it.
type Hold struct {
	Partner string         `json:"partner"`
	Day     string         `json:"day"`
	Events  int            `json:"events"`
	Kinds   map[string]int `json:"kinds"`
	Types   map[string]int `json:"types"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until"`
	// State is held, proposed, released or void.
	State string `json:"state"`
}

// Holds lists what partners said beyond their allowances in the last 30 days, the newest day first.
func (c *Client) Holds(ctx context.Context) ([]Hold, error) {
	var all struct {
		Holds []Hold `json:"holds"`
	}
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/admin/holds"}, &all); err != nil {
		return nil, fmt.Errorf("holds: %w", err)
	}
	return all.Holds, nil
}
