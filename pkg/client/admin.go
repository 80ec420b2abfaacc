package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Partner is who takes part in the hub, as its operators see it.
type Partner struct {
	ID           string    `json:"id"`
	Number       int       `json:"number"`
	Revision     uint64    `json:"revision"`
	ChangedAt    time.Time `json:"changed_at"`
	Name         string    `json:"name"`
	Kind         string    `json:"kind"`
	Organisation string    `json:"organisation"`
	Weight       float64   `json:"weight"`
	State        string    `json:"state"`
	Quotas       Quotas    `json:"quotas"`
	Licensed     bool      `json:"licensed_platform"`
	Users        uint64    `json:"users"`
	// Subject is that of the client certificate that proves to be the partner, and SubjectScopes what it may do.
	Subject       string       `json:"mtls_subject,omitempty"`
	SubjectScopes []string     `json:"mtls_scopes,omitempty"`
	APIKeys       []APIKey     `json:"api_keys"`
	SigningKeys   []SigningKey `json:"signing_keys"`
	// SharingGroups are those that it belongs to.
	SharingGroups []string `json:"sharing_groups,omitempty"`
	// Platforms are those of the taxonomy that it runs.
	Platforms []string  `json:"platforms,omitempty"`
	Voids     []Void    `json:"voids,omitempty"`
	Releases  []Release `json:"releases,omitempty"`
}

// Quotas are a partner's limits; 0 is the hub's default.
type Quotas struct {
	Requests    int `json:"requests"`
	Indicators  int `json:"indicators"`
	Distinct    int `json:"distinct"`
	Listings    int `json:"listings"`
	Retractions int `json:"retractions"`
}

// APIKey is what is told of an API key.
type APIKey struct {
	ID     string   `json:"id"`
	Scopes []string `json:"scopes"`
	// Expires is zero for a key that does not expire.
	Expires time.Time `json:"expires,omitzero"`
}

// SigningKey is a partner's key for bundles; Reason says why it is bad since NotAfter.
type SigningKey struct {
	ID        string    `json:"id"`
	Public    []byte    `json:"public"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Reason    string    `json:"reason,omitempty"`
}

// NewPartner is a partner to add; what is zero is left to the hub.
type NewPartner struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Kind         string   `json:"kind"`
	Organisation string   `json:"organisation,omitempty"`
	Weight       *float64 `json:"weight,omitempty"`
	State        string   `json:"state,omitempty"`
	Quotas       Quotas   `json:"quotas,omitzero"`
	Licensed     bool     `json:"licensed_platform,omitzero"`
	Users        uint64   `json:"users,omitzero"`
	// Subject is written as fraud.SubjectText writes it.
	Subject       string   `json:"mtls_subject,omitempty"`
	SubjectScopes []string `json:"mtls_scopes,omitempty"`
	SharingGroups []string `json:"sharing_groups,omitempty"`
	Platforms     []string `json:"platforms,omitempty"`
	Reason        string   `json:"reason,omitempty"`
}

// PartnerChange is what is to change of a partner: what is nil stays. An empty Organisation is the partner itself, an
// empty Subject ends its certificate.
type PartnerChange struct {
	Name         *string  `json:"name,omitzero"`
	Kind         *string  `json:"kind,omitzero"`
	Organisation *string  `json:"organisation,omitzero"`
	Weight       *float64 `json:"weight,omitzero"`
	// Quotas are by name: requests, indicators, distinct, listings, retractions; 0 is the hub's default.
	Quotas        map[string]int `json:"quotas,omitempty"`
	Licensed      *bool          `json:"licensed_platform,omitzero"`
	Users         *uint64        `json:"users,omitzero"`
	Subject       *string        `json:"mtls_subject,omitzero"`
	SubjectScopes *[]string      `json:"mtls_scopes,omitzero"`
	SharingGroups *[]string      `json:"sharing_groups,omitzero"`
	Platforms     *[]string      `json:"platforms,omitzero"`
	// Reason is needed: the audit keeps it.
	Reason string `json:"reason"`
}

// NewAPIKey is an API key to issue. One that replaces another has its scopes unless others are named, and the other one
// ends after Overlap, or at once.
type NewAPIKey struct {
	Scopes   []string
	Expires  time.Time
	Replaces string
	Overlap  time.Duration
	Reason   string
}

// IssuedKey is a new API key. APIKey is the key itself, which nobody can show again.
type IssuedKey struct {
	APIKey  string  `json:"api_key"`
	ID      string  `json:"id"`
	Partner Partner `json:"partner"`
}

// Act is something that an operator did.
type Act struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// By is the partner whose key, Key, it was done with; "" is the hub itself.
	By       string `json:"by"`
	Key      string `json:"key"`
	What     string `json:"what"`
	Whom     string `json:"whom"`
	Object   string `json:"object"`
	Reason   string `json:"reason"`
	Revision uint64 `json:"revision"`
	// Done is false for what came to nothing.
	Done bool `json:"done"`
}

// The methods for operators need a key with the scope admin. What changes a partner takes the revision that the caller
// saw; a Problem with the code "revision_passed" says that another change came first. Changes are tried once: after an
// error that is temporary, look at the partner before you repeat.

// Partners lists who takes part.
func (c *Client) Partners(ctx context.Context) ([]Partner, error) {
	var all struct {
		Partners []Partner `json:"partners"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: partnersPath}, &all)
	if err != nil {
		return nil, fmt.Errorf("partners: %w", err)
	}
	return all.Partners, nil
}

// Partner reads one partner.
func (c *Client) Partner(ctx context.Context, id string) (Partner, error) {
	var p Partner
	if err := c.call(ctx, request{method: http.MethodGet, path: partnerPath(id)}, &p); err != nil {
		return Partner{}, fmt.Errorf("partner: %w", err)
	}
	return p, nil
}

// AddPartner adds a partner, which has no key yet.
func (c *Client) AddPartner(ctx context.Context, p NewPartner) (Partner, error) {
	return c.change(ctx, "add a partner", http.MethodPost, partnersPath, 0, p)
}

// ChangePartner changes what the change names of a partner.
func (c *Client) ChangePartner(
	ctx context.Context, partner string, revision uint64, change PartnerChange,
) (Partner, error) {
	return c.change(ctx, "change a partner", http.MethodPatch, partnerPath(partner), revision, change)
}

// IssueKey makes an API key for a partner.
func (c *Client) IssueKey(ctx context.Context, partner string, revision uint64, k NewAPIKey) (IssuedKey, error) {
	var issued IssuedKey
	err := c.act(ctx, "issue an API key", http.MethodPost, partnerPath(partner, "keys"), nil, revision, struct {
		Scopes   []string  `json:"scopes,omitempty"`
		Expires  time.Time `json:"expires,omitzero"`
		Replaces string    `json:"replaces,omitempty"`
		Overlap  int64     `json:"overlap_seconds,omitzero"`
		Reason   string    `json:"reason,omitempty"`
	}{k.Scopes, k.Expires, k.Replaces, int64(k.Overlap / time.Second), k.Reason}, &issued)
	return issued, err
}

// RevokeKey ends an API key on every node within 5 seconds.
func (c *Client) RevokeKey(ctx context.Context, partner string, revision uint64, key, reason string) (Partner, error) {
	var p Partner
	query := url.Values{}
	if reason != "" {
		query.Set("reason", reason)
	}
	err := c.act(ctx, "revoke an API key", http.MethodDelete, partnerPath(partner, "keys", key), query, revision, nil, &p)
	return p, err
}

// AddSigningKey adds a signing key.
func (c *Client) AddSigningKey(ctx context.Context, partner string, revision uint64, k SigningKey) (Partner, error) {
	return c.change(ctx, "add a signing key", http.MethodPost, partnerPath(partner, "signing-keys"), revision, k)
}

// RevokeSigningKey says that a signing key is bad since a time.
func (c *Client) RevokeSigningKey(
	ctx context.Context, partner string, revision uint64, key string, since time.Time, reason string,
) (Partner, error) {
	return c.change(ctx, "revoke a signing key", http.MethodPost, partnerPath(partner, "signing-keys", key, "revoke"),
		revision, map[string]string{"since": since.UTC().Format(time.RFC3339Nano), "reason": reason})
}

// SetState makes a partner active, shadow or suspended.
func (c *Client) SetState(ctx context.Context, partner string, revision uint64, state, reason string) (Partner, error) {
	return c.change(ctx, "set the state", http.MethodPost, partnerPath(partner, "state"), revision,
		map[string]string{"state": state, "reason": reason})
}

// Acts lists what operators did, the newest first. The next cursor is "" when there is no more.
func (c *Client) Acts(ctx context.Context, cursor string, limit int) (acts []Act, next string, err error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page struct {
		Acts []Act  `json:"acts"`
		Next string `json:"next"`
	}
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/admin/acts", query: query}, &page); err != nil {
		return nil, "", fmt.Errorf("acts: %w", err)
	}
	return page.Acts, page.Next, nil
}

const partnersPath = "/v1/admin/partners"

func partnerPath(parts ...string) string {
	path := partnersPath
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

func (c *Client) change(ctx context.Context, what, method, path string, revision uint64, in any) (Partner, error) {
	var p Partner
	err := c.act(ctx, what, method, path, nil, revision, in, &p)
	return p, err
}

// act sends a change once: a second try of one that was made would be told that another came first.
func (c *Client) act(
	ctx context.Context, what, method, path string, query url.Values, revision uint64, in, out any,
) error {
	r := request{method: method, path: path, query: query}
	if revision > 0 {
		r.ifMatch = `"` + strconv.FormatUint(revision, 10) + `"`
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		r.body, r.contentType = body, jsonType
		if method == http.MethodPatch {
			r.contentType = mergePatchType
		}
	}
	once := *c
	once.patience = 0
	if err := once.call(ctx, r, out); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
