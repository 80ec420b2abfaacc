package main

import (
	"cmp"
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func newCampaign(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "campaign COMMAND",
		Short: "See which indicators belong to one fraud",
		Long: text(`
campaign shows indicators of all types that partners' reports join: by a common case, by being sent
together, by a host. It needs a key with the scope analyse.`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no such command; see waspada campaign --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCampaignList(a), newCampaignShow(a))
	return cmd
}

func newCampaignList(a *app) *cobra.Command {
	var (
		q     client.CampaignQuery
		since span
		kind  string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List campaigns, the latest first",
		Long: text(`
list shows campaigns that go on, those with the latest reports first.

-o csv writes id,members,types,categories,reports,partners,first_reported,last_reported, where several
words of one field have spaces between; -o json writes the hub's answer. An empty count of partners is one
that is too small to be told.`),
		Example: `  waspada campaign list
  waspada campaign list --last 7d --type url --min-members 5 --by-size -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("campaign list takes flags only; see waspada campaign list --help")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.Var(&since, "last", "only those with a report in this time: 24h, 30d, 12w")
	flags.StringVar(&kind, "type", "", "only those with an indicator of this type")
	flags.StringVar(&q.Category, "category", "", "only those with a report of this category")
	flags.IntVar(&q.MinMembers, "min-members", 0, "only those with so many indicators")
	flags.BoolVar(&q.BySize, "by-size", false, "the largest first")
	flags.IntVar(&q.Limit, "limit", 50, "how many, up to 200")
	flags.StringVar(&q.Cursor, "cursor", "", "go on where the answer before ended (its next)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if kind != "" {
			if q.Type, err = indicator.ParseType(kind); err != nil {
				return usage("--type: it is one of the eight types of indicator; see waspada --help")
			}
		}
		if since > 0 {
			q.Since = time.Now().Add(-time.Duration(since))
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		page, err := hub.Campaigns(cmd.Context(), q)
		if err != nil {
			return err
		}
		switch a.output {
		case "json":
			return a.tell(page)
		case "csv":
			return a.campaignsCSV(page)
		}
		a.showCampaigns(page)
		return nil
	}
	return cmd
}

func (a *app) showCampaigns(page client.CampaignPage) {
	if len(page.Campaigns) == 0 {
		a.say("no campaigns")
		return
	}
	a.say("%-16s  %7s  %7s  %-16s  %s", "campaign", "members", "reports", "last report", "what")
	for _, c := range page.Campaigns {
		a.say("%s  %7d  %7d  %s  %s", a.paint(cyan, c.ID), c.Members, c.Reports,
			c.LastReported.In(malaysia).Format("2006-01-02 15:04"),
			strings.Join(c.Categories, " ")+a.paint(dim, " ("+typeWords(c.Types)+")"))
	}
	if page.Next != "" {
		a.say("there may be more: --cursor %s", page.Next)
	}
}

func typeWords(types []indicator.Type) string {
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = t.String()
	}
	return strings.Join(texts, " ")
}

// countText is a count, or nothing where it was not told.
func countText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (a *app) campaignsCSV(page client.CampaignPage) error {
	rows := [][]string{{"id", "members", "types", "categories", "reports", "partners", "first_reported", "last_reported"}}
	for _, c := range page.Campaigns {
		rows = append(rows, []string{c.ID, strconv.Itoa(c.Members), typeWords(c.Types), strings.Join(c.Categories, " "),
			strconv.Itoa(c.Reports), countText(c.Partners), c.FirstReported.Format(time.RFC3339), c.LastReported.Format(time.RFC3339)})
	}
	return csv.NewWriter(a.out).WriteAll(rows)
}

var campaignID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func newCampaignShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a campaign's indicators and what joins them",
		Long: text(`
show lists every indicator of a campaign, by its digest, with its verdict at this moment, and then what
they have in common. A campaign that has ended says where its indicators are now.

-o csv writes place,type,digest,verdict,score,first_reported,last_reported,joined_by, where joined_by has a
word like case:0+3 for each thing in common; -o json writes the hub's answer, all pages in one.`),
		Example: `  waspada campaign show 0b5ae1cf90d3c7a1`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !campaignID.MatchString(args[0]) {
				return usage("campaign show takes one id, 16 hexadecimal digits: see waspada campaign list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			found, err := hub.Campaign(cmd.Context(), args[0], "")
			for next := found.Next; err == nil && next != ""; {
				var page client.Campaign
				page, err = hub.Campaign(cmd.Context(), args[0], next)
				known := len(found.Nodes) // an edge between pages comes with both
				found.Nodes = append(found.Nodes, page.Nodes...)
				for _, e := range page.Edges {
					if known == 0 || e.Nodes[0] > found.Nodes[known-1].Place {
						found.Edges = append(found.Edges, e)
					}
				}
				next = page.Next
			}
			if err != nil {
				return err
			}
			found.Next = ""
			switch a.output {
			case "json":
				return a.tell(found)
			case "csv":
				return a.campaignCSV(found)
			}
			a.showCampaign(found)
			return nil
		},
	}
}

func edgeText(e client.CampaignEdge) string {
	places := make([]string, len(e.Nodes))
	for i, place := range e.Nodes {
		places[i] = strconv.Itoa(place)
	}
	return e.Kind + ":" + strings.Join(places, "+")
}

func (a *app) showCampaign(c client.Campaign) {
	if c.State == "ended" {
		a.say("campaign %s has ended; most of its indicators are in: %s", c.ID, cmp.Or(c.Into, "no other"))
		return
	}
	s := c.Campaign
	a.say("campaign %s: %d indicators, %d reports, %s to %s (Malaysian time)", a.paint(cyan, c.ID), s.Members, s.Reports,
		s.FirstReported.In(malaysia).Format("2006-01-02 15:04"), s.LastReported.In(malaysia).Format("2006-01-02 15:04"))
	if s.Partners > 0 {
		a.say("  reported by %d organisations", s.Partners)
	}
	for _, n := range c.Nodes {
		a.say("  %4d  %-14s  %-10s  %3d  %s", n.Place, n.Type, n.Verdict, n.Score, a.paint(dim, n.Digest.String()))
	}
	for _, e := range c.Edges {
		a.say("  %s joins %s", e.Kind, strings.TrimPrefix(edgeText(e), e.Kind+":"))
	}
	if s.LeftOut > 0 {
		a.say("  %d more would have made it too large", s.LeftOut)
	}
}

func (a *app) campaignCSV(c client.Campaign) error {
	rows := [][]string{{"place", "type", "digest", "verdict", "score", "first_reported", "last_reported", "joined_by"}}
	joined := map[int][]string{}
	for _, e := range c.Edges {
		for _, place := range e.Nodes {
			joined[place] = append(joined[place], edgeText(e))
		}
	}
	for _, n := range c.Nodes {
		rows = append(rows, []string{strconv.Itoa(n.Place), n.Type.String(), n.Digest.String(), n.Verdict, strconv.Itoa(n.Score),
			n.FirstReported.Format(time.RFC3339), n.LastReported.Format(time.RFC3339), strings.Join(joined[n.Place], " ")})
	}
	return csv.NewWriter(a.out).WriteAll(rows)
}
