package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Campaigns tells which indicators belong together.
type Campaigns interface {
	Campaigns(ctx context.Context, q fraud.CampaignQuestion) ([]fraud.Campaign, error)
	// Campaign reads one, which may have ended; false where there never was one of the name.
	Campaign(ctx context.Context, id fraud.CampaignID) (fraud.Campaign, bool, error)
}

// Limits of the routes for campaigns.
const (
	defaultCampaigns = 50
	maxCampaigns     = 200
	// maxNodes is how many members an answer has: what one can look at as a graph.
	maxNodes       = 300
	campaignsLimit = 8 * time.Second
	// leastTold is the least count of partners that is told to those who are no authority: of fewer, one who is among them could
	// tell who the others are. The same holds for reports of a loss.
	leastTold = 5
)

type campaignAnswer struct {
	ID         fraud.CampaignID `json:"id"`
	Members    int              `json:"members"`
	Types      []indicator.Type `json:"types"`
	Categories []string         `json:"categories"`
	Reports    int              `json:"reports"`
	Partners   int              `json:"partners,omitzero"`
	Losses     map[string]int   `json:"losses"`
	First      string           `json:"first_reported"`
	Last       string           `json:"last_reported"`
	LeftOut    int              `json:"left_out"`
}

type wholeCampaignAnswer struct {
	ID    fraud.CampaignID `json:"id"`
	State string           `json:"state"`
	Into  fraud.CampaignID `json:"into,omitempty"`
	// The rest is of one that goes on.
	Campaign *campaignAnswer `json:"campaign,omitempty"`
	Epoch    uint16          `json:"epoch,omitzero"`
	Nodes    []nodeAnswer    `json:"nodes,omitempty"`
	Edges    []edgeAnswer    `json:"edges,omitempty"`
	Next     string          `json:"next,omitempty"`
}

type nodeAnswer struct {
	Place   int              `json:"place"`
	Type    indicator.Type   `json:"type"`
	Digest  indicator.Digest `json:"digest"`
	First   string           `json:"first_reported"`
	Last    string           `json:"last_reported"`
	Verdict string           `json:"verdict"`
	Score   uint8            `json:"score"`
}

type edgeAnswer struct {
	Kind     string `json:"kind"`
	Nodes    []int  `json:"nodes"`
	Partners int    `json:"partners,omitzero"`
}

func (s *Server) campaignAnswer(c *fraud.CampaignSummary, id fraud.CampaignID, asker *fraud.Partner) campaignAnswer {
	a := campaignAnswer{
		ID: id, Members: c.Size, Types: c.Types, Categories: []string{}, Reports: c.Reports, Partners: told(c.Partners, asker),
		Losses: map[string]int{}, First: c.FirstSaid.UTC().Format(timeFormat), Last: c.LastSaid.UTC().Format(timeFormat),
		LeftOut: c.LeftOut,
	}
	for _, code := range c.Categories {
		if name := s.screen.Taxonomy.Category.Name(code); name != "" { // else a term that a newer node knows
			a.Categories = append(a.Categories, name)
		}
	}
	for band, n := range c.Losses {
		if n = told(n, asker); band > 0 && n > 0 {
			a.Losses[fraud.LossBand(band).String()] = n
		}
	}
	return a
}

// told is a count as the asker may read it: 0 for one that is too small.
func told(n int, asker *fraud.Partner) int {
	if n < leastTold && !asker.Kind.Authority() {
		return 0
	}
	return n
}

// getCampaigns answers GET /v1/campaigns.
func (s *Server) getCampaigns(r *request) error {
	q, err := s.campaignQuestion(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), campaignsLimit)
	defer cancel()
	found, err := s.campaigns.Campaigns(ctx, q)
	if err != nil {
		return err
	}
	answer := struct {
		Campaigns []campaignAnswer `json:"campaigns"`
		Next      string           `json:"next,omitempty"`
	}{Campaigns: make([]campaignAnswer, len(found))}
	for i := range found {
		answer.Campaigns[i] = s.campaignAnswer(&found[i].CampaignSummary, found[i].ID, r.who.Partner)
	}
	if n := len(found); n == q.Limit {
		last := &found[n-1]
		place := binary.BigEndian.AppendUint64(nil, uint64(last.LastSaid.UnixMilli()))
		place = append(binary.BigEndian.AppendUint32(place, uint32(last.Size)), last.ID...)
		answer.Next = s.cursors.seal(campaignList(q.BySize), r.who.Partner, place)
	}
	return r.json(answer)
}

// campaignList names a list in its cursors: a place in one order is none in the other.
func campaignList(bySize bool) string {
	if bySize {
		return "campaigns by size"
	}
	return "campaigns"
}

func (s *Server) campaignQuestion(r *request) (fraud.CampaignQuestion, error) {
	q := fraud.CampaignQuestion{Limit: defaultCampaigns}
	cursor := ""
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "since":
			return true, timeParameter(&q.Since, name, value)
		case "type":
			var err error
			if q.Type, err = indicator.ParseType(value); err != nil {
				return true, refuseParameter(name, "is one of the eight types of indicator; see /openapi.yaml")
			}
			return true, nil
		case "category":
			code, known := s.screen.Taxonomy.Category.Code(value)
			if q.Category = code; !known {
				return true, refuseParameter(name, "is a term of the category taxonomy")
			}
			return true, nil
		case "min_members":
			n, err := strconv.Atoi(value)
			if q.MinMembers = n; err != nil || n < 2 || n > 1000 {
				return true, refuseParameter(name, "is 2 to 1000")
			}
			return true, nil
		case "order":
			if q.BySize = value == "size"; !q.BySize && value != "recent" {
				return true, refuseParameter(name, "is recent or size")
			}
			return true, nil
		case "limit":
			return true, limitParameter(&q.Limit, maxCampaigns, value)
		case "cursor":
			cursor = value
			return true, nil
		}
		return false, nil
	})
	if err != nil || cursor == "" {
		return q, err
	}
	place, ok := s.cursors.open(campaignList(q.BySize), r.who.Partner, cursor)
	if !ok || len(place) != 28 {
		return q, errCursor
	}
	q.After = fraud.CampaignPlace{LastSaid: time.UnixMilli(int64(binary.BigEndian.Uint64(place))).UTC(),
		Size: int(binary.BigEndian.Uint32(place[8:])), ID: fraud.CampaignID(place[12:])}
	return q, nil
}

// getCampaign answers GET /v1/campaigns/{id}.
func (s *Server) getCampaign(r *request) error {
	id := fraud.CampaignID(r.Param("id"))
	if !id.Valid() {
		return refuseParameter("id", "is 16 hexadecimal digits")
	}
	limit, after := maxNodes, []byte(nil)
	list := "campaign " + string(id)
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "limit":
			return true, limitParameter(&limit, maxNodes, value)
		case "cursor":
			var ok bool
			if after, ok = s.cursors.open(list, r.who.Partner, value); !ok {
				return true, errCursor
			}
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), campaignsLimit)
	defer cancel()
	c, found, err := s.campaigns.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if !found {
		return refuse("campaign_not_found", "there never was a campaign of this id")
	}
	if len(c.Members) == 0 {
		return r.json(wholeCampaignAnswer{ID: id, State: "ended", Into: c.Into})
	}
	summary := s.campaignAnswer(&c.CampaignSummary, id, r.who.Partner)
	answer := wholeCampaignAnswer{ID: id, State: "active", Campaign: &summary, Epoch: s.keys.Epoch()}
	shown := map[int]bool{}
	for place := range c.Members {
		m := &c.Members[place]
		if bytes.Compare(m.Digest[:], after) <= 0 && after != nil || m.Digest.IsZero() { // zero: it was erased
			continue
		}
		if len(answer.Nodes) == limit {
			last := answer.Nodes[limit-1].Digest
			answer.Next = s.cursors.seal(list, r.who.Partner, last[:])
			break
		}
		v := s.index.Lookup(r.who.Partner, []fraud.Probe{{Digest: m.Digest, Grade: indicator.Exact}})
		shown[place] = true
		answer.Nodes = append(answer.Nodes, nodeAnswer{place, m.Type, m.Digest, m.FirstSaid.UTC().Format(timeFormat),
			m.LastSaid.UTC().Format(timeFormat), v.Status.String(), v.Score})
	}
	for _, e := range c.Edges {
		for _, place := range e.Members {
			if shown[place] {
				answer.Edges = append(answer.Edges, edgeAnswer{e.Kind.String(), e.Members, told(e.Partners, r.who.Partner)})
				break
			}
		}
	}
	return r.json(answer)
}
