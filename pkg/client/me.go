package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Identity is who the hub takes the caller for.
type Identity struct {
	Partner string   `json:"partner"`
	Kind    string   `json:"kind"`
	Scopes  []string `json:"scopes"`
	// Epoch is the newest key epoch of the hub.
	Epoch uint16 `json:"epoch"`
	// Node is the node that answered.
	Node string `json:"node"`
}

// Me asks who the caller's key belongs to and what it may do.
func (c *Client) Me(ctx context.Context) (Identity, error) {
	var me Identity
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me); err != nil {
		return Identity{}, fmt.Errorf("who am I: %w", err)
	}
	return me, nil
}

func isNotFound(err error) bool {
	p := new(Problem)
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}
