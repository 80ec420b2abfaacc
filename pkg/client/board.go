package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// PlatformBoard tells what platforms did about what they were told.
type PlatformBoard struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	AsOf time.Time `json:"as_of"`
	// OverdueAfter is the age in hours at which an open signal is overdue.
	OverdueAfter float64         `json:"overdue_after_hours"`
	Platforms    []PlatformScore `json:"platforms"`
	// Peers is nil where too few are of the caller's kind.
	Peers *PlatformPeers `json:"peers,omitempty"`
}

// PlatformScore is what became of the signals about one platform; hours are nil where there are none.
type PlatformScore struct {
	Platform string   `json:"platform"`
	RunBy    []string `json:"run_by"`
	Signals  uint64   `json:"signals"`
	Acted    uint64   `json:"acted"`
	// Actions are the signals acted on, by the first action.
	Actions map[string]uint64 `json:"actions"`
	// ShareActed is of the signals that were not withdrawn.
	ShareActed  float64  `json:"share_acted"`
	MedianHours *float64 `json:"median_hours,omitempty"`
	P90Hours    *float64 `json:"p90_hours,omitempty"`
	// Declared counts actions that name a time of their own, and DeclaredMedianHours is the median to that.
	Declared            uint64   `json:"declared"`
	DeclaredMedianHours *float64 `json:"declared_median_hours,omitempty"`
	Withdrawn           uint64   `json:"withdrawn"`
	Open                uint64   `json:"open"`
	Overdue             uint64   `json:"overdue"`
	// OverdueByAge has under_3_days, 3_to_7_days, 7_to_30_days and over_30_days.
	OverdueByAge map[string]uint64 `json:"overdue_by_age"`
}

// PlatformPeers are medians over the platforms that the caller's kind of partner runs.
type PlatformPeers struct {
	Organisations int     `json:"organisations"`
	ShareActed    float64 `json:"share_acted"`
	MedianHours   float64 `json:"median_hours"`
}

// PartnerBoard tells who gives and who takes.
type PartnerBoard struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	AsOf     time.Time      `json:"as_of"`
	Partners []PartnerScore `json:"partners"`
	// Peers is nil where too few are of the caller's kind.
	Peers *PartnerPeers `json:"peers,omitempty"`
}

// PartnerScore is what one partner gave and took. From Indicators on, what it gave is of the indicators that it reported
// for the first time in the window.
type PartnerScore struct {
	Partner string `json:"partner"`
	Kind    string `json:"kind"`
	Given   struct {
		Reports    uint64 `json:"reports"`
		Indicators uint64 `json:"indicators"`
		// First of all partners; Followed by another, after MedianLeadHours.
		First           uint64   `json:"first"`
		Followed        uint64   `json:"followed"`
		MedianLeadHours *float64 `json:"median_lead_hours,omitempty"`
		Shared          uint64   `json:"shared"`
		Confirmed       uint64   `json:"confirmed"`
		LaterWithdrawn  uint64   `json:"later_withdrawn"`
		LaterCleared    uint64   `json:"later_cleared"`
	} `json:"given"`
	Taken struct {
		Lookups    uint64 `json:"lookups"`
		Indicators uint64 `json:"indicators"`
		Hits       uint64 `json:"hits"`
		Actions    uint64 `json:"actions"`
	} `json:"taken"`
	Corrections struct {
		Withdrawals uint64 `json:"withdrawals"`
		Clears      uint64 `json:"clears"`
		Disputes    uint64 `json:"disputes"`
		Upheld      uint64 `json:"upheld"`
	} `json:"corrections"`
}

// PartnerPeers are medians over the partners of the caller's kind.
type PartnerPeers struct {
	Partners       int     `json:"partners"`
	Reports        uint64  `json:"reports"`
	Indicators     uint64  `json:"indicators"`
	Lookups        uint64  `json:"lookups"`
	ShareFirst     float64 `json:"share_first"`
	ShareShared    float64 `json:"share_shared"`
	ShareConfirmed float64 `json:"share_confirmed"`
}

// PlatformBoard reads the board of the days from one time to another; zero times are left to the hub, which takes the
// last 30 days. A partner is told of the platforms that it runs, a regulator or the police of all.
func (c *Client) PlatformBoard(ctx context.Context, from, to time.Time) (PlatformBoard, error) {
	var board PlatformBoard
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/scoreboards/platforms", query: window(from, to)},
		&board); err != nil {
		return PlatformBoard{}, fmt.Errorf("platform board: %w", err)
	}
	return board, nil
}

// PartnerBoard reads the board of the days from one time to another, as [Client.PlatformBoard] does.
func (c *Client) PartnerBoard(ctx context.Context, from, to time.Time) (PartnerBoard, error) {
	var board PartnerBoard
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/scoreboards/partners", query: window(from, to)},
		&board); err != nil {
		return PartnerBoard{}, fmt.Errorf("partner board: %w", err)
	}
	return board, nil
}

func window(from, to time.Time) url.Values {
	query := url.Values{}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	return query
}

// EvidenceQuery asks for the evidence of a month.
type EvidenceQuery struct {
	// Month is written 2026-10.
	Month string
	// Platform confines it to one; Language is "en" or "ms", Format "html" or "csv". "" leaves each to the hub.
	Platform, Language, Format string
}

// Evidence takes the evidence of a month. It needs a key of a regulator or the police with the scope analyse, and the
// audit tells of it.
func (c *Client) Evidence(ctx context.Context, q EvidenceQuery) ([]byte, error) {
	query := url.Values{}
	for name, value := range map[string]string{"month": q.Month, "platform": q.Platform, "lang": q.Language,
		"format": q.Format} {
		if value != "" {
			query.Set(name, value)
		}
	}
	page, err := c.send(ctx, request{method: http.MethodGet, path: "/v1/reports/evidence", query: query})
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return page, nil
}
