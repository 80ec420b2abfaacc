package client

import (
	"context"
	"fmt"
	"net/http"
)

// Readiness is what a node says of itself.
type Readiness struct {
	// Status is "ready", "degraded" (look-ups are answered from full knowledge, something else is amiss) or "unready".
	Status string  `json:"status"`
	Checks []Check `json:"checks"`
}

// Check is one thing that readiness depends on.
type Check struct {
	Name string `json:"name"`
	// Status is "ok", "degraded" or "failed".
	Status string `json:"status"`
}

// Ready asks a node how it is. It needs no API key and tries once.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	once := *c
	once.patience = 0
	var ready Readiness
	err := once.call(ctx, request{method: http.MethodGet, path: "/readyz", also: http.StatusServiceUnavailable}, &ready)
	if err != nil {
		return Readiness{}, fmt.Errorf("readiness: %w", err)
	}
	return ready, nil
}
