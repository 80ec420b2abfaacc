package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// CampaignQuery asks for campaigns that go on. The zero value is the 50 with the latest reports.
type CampaignQuery struct {
	// Since leaves out those of which the last report was issued before.
	Since time.Time
	// Type and Category leave out those without an indicator or a report of them.
	Type     indicator.Type
	Category string
	// MinMembers leaves out smaller ones.
	MinMembers int
	// BySize puts the largest first.
	BySize bool
	// Limit is how many there are at most, up to 200, and Cursor the Next of the page before.
	Limit  int
	Cursor string
}

// CampaignSummary is what a list tells of a campaign: indicators that belong to one fraud.
type CampaignSummary struct {
	ID         string           `json:"id"`
	Members    int              `json:"members"`
	Types      []indicator.Type `json:"types"`
	Categories []string         `json:"categories"`
	Reports    int              `json:"reports"`
	// Partners counts independent organisations; 0 is what may not be told.
	Partners int `json:"partners"`
	// Losses counts reports by loss band.
	Losses        map[string]int `json:"losses"`
	FirstReported time.Time      `json:"first_reported"`
	LastReported  time.Time      `json:"last_reported"`
	LeftOut       int            `json:"left_out"`
}

// CampaignPage is a part of a list of campaigns.
type CampaignPage struct {
	Campaigns []CampaignSummary `json:"campaigns"`
	// Next is the Cursor of the page that follows; "" after the last.
	Next string `json:"next,omitempty"`
}

// Campaign is one campaign with up to 300 of its members and what joins these.
type Campaign struct {
	ID string `json:"id"`
	// State is "active" or "ended"; of one that has ended Into may name the one that it is a part of.
	State string `json:"state"`
	Into  string `json:"into,omitempty"`
	// Campaign is nil for one that has ended.
	Campaign *CampaignSummary `json:"campaign,omitempty"`
	Epoch    uint16           `json:"epoch,omitzero"`
	Nodes    []CampaignNode   `json:"nodes,omitempty"`
	Edges    []CampaignEdge   `json:"edges,omitempty"`
	Next     string           `json:"next,omitempty"`
}

// CampaignNode is a member.
type CampaignNode struct {
	// Place is how edges name it.
	Place         int              `json:"place"`
	Type          indicator.Type   `json:"type"`
	Digest        indicator.Digest `json:"digest"`
	FirstReported time.Time        `json:"first_reported"`
	LastReported  time.Time        `json:"last_reported"`
	// Verdict and Score are those of this moment.
	Verdict string `json:"verdict"`
	Score   int    `json:"score"`
}

// CampaignEdge is what members have in common: a "case", a "bundle" or a "host".
type CampaignEdge struct {
	Kind  string `json:"kind"`
	Nodes []int  `json:"nodes"`
	// Partners counts independent organisations that say so; 0 is what may not be told.
	Partners int `json:"partners,omitzero"`
}

// Campaigns lists campaigns. It needs a key with the scope analyse.
func (c *Client) Campaigns(ctx context.Context, q CampaignQuery) (CampaignPage, error) {
	query := url.Values{}
	set := func(name, value string, is bool) {
		if is {
			query.Set(name, value)
		}
	}
	set("since", q.Since.UTC().Format("2006-01-02T15:04:05.000Z"), !q.Since.IsZero())
	set("type", q.Type.String(), q.Type != 0)
	set("category", q.Category, q.Category != "")
	set("min_members", strconv.Itoa(q.MinMembers), q.MinMembers != 0)
	set("order", "size", q.BySize)
	set("limit", strconv.Itoa(q.Limit), q.Limit != 0)
	set("cursor", q.Cursor, q.Cursor != "")
	var page CampaignPage
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/campaigns", query: query}, &page)
	if err != nil {
		return CampaignPage{}, fmt.Errorf("campaigns: %w", err)
	}
	return page, nil
}

// Campaign reads one campaign; with the Next of an answer as cursor, further members. It needs a key with the scope
// analyse.
func (c *Client) Campaign(ctx context.Context, id, cursor string) (Campaign, error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var found Campaign
	path := "/v1/campaigns/" + url.PathEscape(id)
	if err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &found); err != nil {
		return Campaign{}, fmt.Errorf("campaign: %w", err)
	}
	return found, nil
}
