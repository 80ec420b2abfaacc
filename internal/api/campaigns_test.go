package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// someCampaign has members that hang together in a line.
func someCampaign(id fraud.CampaignID, members int) fraud.Campaign {
	c := fraud.Campaign{ID: id}
	c.Size, c.Partners, c.Reports, c.Categories = members, 3, members+1, []fraud.Code{1}
	c.Types = []indicator.Type{indicator.BankAccount, indicator.Phone}
	c.FirstSaid, c.LastSaid = now.Add(-time.Hour), now
	c.Losses[fraud.LossUnder1K], c.Losses[fraud.LossOver1M] = 6, 2
	for i := range members {
		c.Members = append(c.Members, fraud.CampaignMember{Type: indicator.Phone, Digest: indicator.Digest{byte(i >> 8), byte(i), 1},
			FirstSaid: c.FirstSaid, LastSaid: c.LastSaid})
		if i > 0 {
			c.Edges = append(c.Edges, fraud.CampaignEdge{Kind: fraud.SharedHost, Members: []int{i - 1, i}, Partners: 2 + i%2*3})
		}
	}
	return c
}

// analyst is one who is no authority.
func withAnalyst(_ *Config, d *Deps) {
	d.Auth = one{fraud.Identity{KeyID: "w.1", Scopes: fraud.MayAnalyse,
		Partner: &fraud.Partner{Number: 9, ID: "platform-w", Kind: fraud.Platform, State: fraud.Active}}}
}

func TestCampaignsAreListedInPages(t *testing.T) {
	h := newHub(t)
	for i := range 5 {
		h.campaigns = append(h.campaigns, someCampaign(fraud.CampaignID(fmt.Sprintf("%016x", i)), 3))
	}
	path := "/v1/campaigns?since=2026-11-01T00:00:00Z&type=url&category=" + h.server.screen.Taxonomy.Category.Name(1) +
		"&min_members=3&order=size&limit=2"
	got := h.do(t, ask{method: "GET", path: path, key: "analyse"})
	var page struct {
		Campaigns []map[string]any `json:"campaigns"`
		Next      string           `json:"next"`
	}
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil || len(page.Campaigns) != 2 || page.Next == "" {
		t.Fatalf("%v: %s", err, got.Body)
	}
	want := fraud.CampaignQuestion{Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Type: indicator.URL, Category: 1,
		MinMembers: 3, BySize: true, Limit: 2}
	if diff := cmp.Diff(want, h.wanted); diff != "" {
		t.Error(diff)
	}
	want.After = fraud.CampaignPlace{LastSaid: now, Size: 3, ID: "0000000000000001"}
	if got := h.do(t, ask{method: "GET", path: path + "&cursor=" + url.QueryEscape(page.Next), key: "analyse"}); got.Status != 200 {
		t.Error(got.Body)
	}
	if diff := cmp.Diff(want, h.wanted); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"?cursor=" + url.QueryEscape(page.Next), "?order=age", "?type=name", "?category=x", "?min_members=1",
		"?limit=0", "?since=yesterday", "?colour=red"} { // the cursor is of the other order
		if got := h.do(t, ask{method: "GET", path: "/v1/campaigns" + bad, key: "analyse", raw: true}); got.Status != 400 {
			t.Errorf("%s: %d %s", bad, got.Status, got.Body)
		}
	}
}

// Few partners could be told apart by one of them: authorities alone are told how few.
func TestSmallCountsAreForAuthorities(t *testing.T) {
	for who, with := range map[string][]func(*Config, *Deps){"authority": nil, "analyst": {withAnalyst}} {
		h := newHub(t, with...)
		h.campaigns = []fraud.Campaign{someCampaign("0123456789abcdef", 3)}
		got := h.do(t, ask{method: "GET", path: "/v1/campaigns/0123456789abcdef", key: "analyse"})
		told := strings.Contains(got.Body, `"partners":3`) && strings.Contains(got.Body, `"over_1m":2`) &&
			strings.Contains(got.Body, `"nodes":[1,2],"partners":2`)
		hidden := strings.Contains(got.Body, `"nodes":[1,2]}`) && !strings.Contains(got.Body, "over_1m")
		if told != (who == "authority") || hidden != (who == "analyst") || !strings.Contains(got.Body, `"under_1k":6`) ||
			!strings.Contains(got.Body, `"nodes":[0,1],"partners":5`) {
			t.Errorf("%s: %s", who, got.Body)
		}
	}
}

func TestALargeCampaignComesInParts(t *testing.T) {
	h := newHub(t)
	c := someCampaign("0123456789abcdef", 700)
	c.Members[400].Digest = indicator.Digest{} // it was erased
	h.campaigns = []fraud.Campaign{c}
	h.listed[c.Members[0].Digest] = confirmed()
	path, nodes, edges := "/v1/campaigns/0123456789abcdef", 0, map[string]bool{}
	for pages, next := 0, ""; ; pages++ {
		at := path
		if next != "" {
			at += "?cursor=" + url.QueryEscape(next)
		}
		got := h.do(t, ask{method: "GET", path: at, key: "analyse"})
		var page wholeCampaignAnswer
		if err := json.Unmarshal([]byte(got.Body), &page); err != nil {
			t.Fatalf("%v: %s", err, got.Body)
		}
		if pages == 0 && (page.Nodes[0].Verdict != "confirmed" || page.Nodes[1].Verdict != "not_listed") {
			t.Errorf("verdicts: %v", page.Nodes[:2])
		}
		nodes += len(page.Nodes)
		for _, e := range page.Edges {
			edges[fmt.Sprint(e.Nodes)] = true
		}
		if next = page.Next; next == "" {
			break
		}
		if len(page.Nodes) != maxNodes || pages > 3 {
			t.Fatalf("page %d has %d nodes", pages, len(page.Nodes))
		}
	}
	if nodes != 699 || len(edges) != 699 {
		t.Errorf("%d nodes and %d edges", nodes, len(edges))
	}
}

func TestAnEndedCampaignTellsWhereItWent(t *testing.T) {
	h := newHub(t)
	h.campaigns = []fraud.Campaign{{ID: "0123456789abcdef", Into: "fedcba9876543210"}}
	got := h.do(t, ask{method: "GET", path: "/v1/campaigns/0123456789abcdef", key: "analyse"})
	if want := `{"id":"0123456789abcdef","state":"ended","into":"fedcba9876543210"}`; got.Body != want {
		t.Error(got.Body)
	}
	for id, want := range map[string]int{"fedcba9876543210": 404, "FEDCBA9876543210": 400, "x": 400} {
		if got := h.do(t, ask{method: "GET", path: "/v1/campaigns/" + id, key: "analyse", raw: true}); got.Status != want {
			t.Errorf("%s: %d", id, got.Status)
		}
	}
}
