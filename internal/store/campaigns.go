package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// campaignRow is a version of a campaign.
type campaignRow struct {
	*fraud.Campaign
	version uint64
}

// memberRow is a version of where a digest belongs.
type memberRow struct {
	digest   indicator.Digest
	campaign fraud.CampaignID
	version  uint64
}

// CampaignsOf tells to which campaign each digest was said to belong that belongs to one.
func (w *Writer) CampaignsOf(
	ctx context.Context, digests []indicator.Digest,
) (map[indicator.Digest]fraud.CampaignID, error) {
	ctx, err := lend(ctx, digestsLent("asked", digests))
	if err != nil {
		return nil, err
	}
	in := map[indicator.Digest]fraud.CampaignID{}
	const query = "SELECT digest, argMax(campaign, version) AS belongs FROM campaign_members " +
		"WHERE digest GLOBAL IN (SELECT v FROM asked) GROUP BY digest HAVING belongs != ''"
	err = each(ctx, w.conn, "read members of campaigns", query, func(rows driver.Rows) error {
		var digest, id string
		err := rows.Scan(&digest, &id)
		in[indicator.Digest([]byte(digest))] = fraud.CampaignID(id)
		return err
	})
	return in, unmigrated(err)
}

// CampaignsNamed reads campaigns, ended ones too, in no order.
func (w *Writer) CampaignsNamed(ctx context.Context, ids []fraud.CampaignID) ([]fraud.Campaign, error) {
	return campaignsNamed(ctx, w.conn, ids)
}

// Campaign reads one campaign, which may have ended; false where there never was one of the name.
func (r *Reader) Campaign(ctx context.Context, id fraud.CampaignID) (fraud.Campaign, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	all, err := campaignsNamed(ctx, r.conn, []fraud.CampaignID{id})
	if err != nil || len(all) == 0 {
		return fraud.Campaign{}, false, err
	}
	return all[0], true, nil
}

func campaignsNamed(ctx context.Context, conn driver.Conn, ids []fraud.CampaignID) (all []fraud.Campaign, err error) {
	if ctx, err = lend(ctx, idsLent(ids)); err != nil {
		return nil, err
	}
	query := "SELECT " + summaryColumns + `, ended_in, members, member_types, member_first, member_last, edge_kinds,
			edge_connectors, edge_partners, edge_members
		FROM campaigns WHERE id GLOBAL IN (SELECT v FROM asked) ORDER BY id, version DESC LIMIT 1 BY id`
	err = each(ctx, conn, "read campaigns", query, func(rows driver.Rows) error {
		var (
			c           fraud.Campaign
			members     []string
			types       []int8
			first, last []int64
			kinds       []int8
			connectors  []string
			partners    []uint16
			places      [][]uint16
			into        string
		)
		if err := scanSummary(rows, &c, &into, &members, &types, &first, &last, &kinds, &connectors, &partners, &places); err != nil {
			return err
		}
		c.Into = fraud.CampaignID(into)
		for i, m := range members {
			c.Members = append(c.Members, fraud.CampaignMember{Type: indicator.Type(types[i]),
				Digest: indicator.Digest([]byte(m)), FirstSaid: fromMillis(first[i]), LastSaid: fromMillis(last[i])})
		}
		for i, kind := range kinds {
			edge := fraud.CampaignEdge{Kind: fraud.ConnectorKind(kind), Connector: fraud.Connector([]byte(connectors[i])), Partners: int(partners[i])}
			for _, place := range places[i] {
				edge.Members = append(edge.Members, int(place))
			}
			c.Edges = append(c.Edges, edge)
		}
		all = append(all, c)
		return nil
	})
	return all, unmigrated(err)
}

const summaryColumns = "id, size, toUnixTimestamp64Milli(first_said), toUnixTimestamp64Milli(last_said), reports, " +
	"partners, types, categories, losses, left_out"

func scanSummary(rows driver.Rows, c *fraud.Campaign, more ...any) error {
	var (
		id            string
		size, leftOut uint32
		first, last   int64
		reports       uint64
		partners      uint16
		types         []int8
		categories    []uint16
		losses        []uint32
	)
	if err := rows.Scan(append([]any{&id, &size, &first, &last, &reports, &partners, &types, &categories, &losses,
		&leftOut}, more...)...); err != nil {
		return err
	}
	c.ID, c.Size, c.LeftOut = fraud.CampaignID(id), int(size), int(leftOut)
	c.FirstSaid, c.LastSaid = fromMillis(first), fromMillis(last)
	c.Reports, c.Partners = int(reports), int(partners)
	for _, t := range types {
		c.Types = append(c.Types, indicator.Type(t))
	}
	for _, code := range categories {
		c.Categories = append(c.Categories, fraud.Code(code))
	}
	for i, n := range losses {
		if i < len(c.Losses) {
			c.Losses[i] = int(n)
		}
	}
	return nil
}

// Campaigns lists campaigns that go on, without their members and edges.
//
// Versions that were replaced may stand among the others for a while. To find out which is the latest of every campaign
// would take as long as there are campaigns; so the first rows of the order are taken, and of these alone it is found out.
func (r *Reader) Campaigns(ctx context.Context, q fraud.CampaignQuestion) ([]fraud.Campaign, error) {
	var ids []fraud.CampaignID
	for most := 4*q.Limit + 100; ; {
		rows, err := r.campaignRows(ctx, q, most)
		if err != nil {
			return nil, err
		}
		latest, err := r.latestVersions(ctx, rows)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if row := &rows[i]; latest[row.ID] == row.version && len(ids) < q.Limit {
				ids = append(ids, row.ID)
			}
		}
		if len(rows) < most || len(ids) == q.Limit {
			break
		}
		last := rows[len(rows)-1]
		q.After = fraud.CampaignPlace{LastSaid: last.LastSaid, Size: last.Size, ID: last.ID}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, err := lend(ctx, idsLent(ids))
	if err != nil {
		return nil, err
	}
	found := map[fraud.CampaignID]fraud.Campaign{}
	const query = "SELECT " + summaryColumns + " FROM campaigns WHERE id GLOBAL IN (SELECT v FROM asked) " +
		"ORDER BY id, version DESC LIMIT 1 BY id"
	err = each(ctx, r.conn, "list campaigns", query, func(rows driver.Rows) error {
		var c fraud.Campaign
		err := scanSummary(rows, &c)
		found[c.ID] = c
		return err
	})
	var all []fraud.Campaign
	for _, id := range ids {
		if c := found[id]; c.Size > 0 { // else it has ended meanwhile
			all = append(all, c)
		}
	}
	return all, err
}

// campaignRows are the first rows of the order that a question asks for, replaced ones too.
func (r *Reader) campaignRows(ctx context.Context, q fraud.CampaignQuestion, most int) (all []campaignRow, err error) {
	where := []string{"size > 0"}
	if !q.Since.IsZero() {
		where = append(where, fmt.Sprintf("last_said >= fromUnixTimestamp64Milli(%d)", millis(q.Since)))
	}
	if q.Type != 0 {
		where = append(where, fmt.Sprintf("has(types, %d)", q.Type))
	}
	if q.Category != 0 {
		where = append(where, fmt.Sprintf("has(categories, %d)", q.Category))
	}
	if q.MinMembers > 0 {
		where = append(where, fmt.Sprintf("size >= %d", q.MinMembers))
	}
	key, value := "last_said", fmt.Sprintf("fromUnixTimestamp64Milli(%d)", millis(q.After.LastSaid))
	if q.BySize {
		key, value = "size", strconv.Itoa(q.After.Size)
	}
	if q.After.ID != "" {
		where = append(where, fmt.Sprintf("(%s < %s OR %s = %s AND id > %s)", key, value, key, value,
			literal(string(q.After.ID))))
	}
	query := fmt.Sprintf("SELECT id, version, size, toUnixTimestamp64Milli(last_said) FROM campaigns WHERE %s "+
		"ORDER BY %s DESC, id, version DESC LIMIT %d", strings.Join(where, " AND "), key, most)
	err = each(ctx, r.conn, "list campaigns", query, func(rows driver.Rows) error {
		var (
			row  = campaignRow{Campaign: &fraud.Campaign{}}
			id   string
			size uint32
			last int64
		)
		err := rows.Scan(&id, &row.version, &size, &last)
		row.ID, row.Size, row.LastSaid = fraud.CampaignID(id), int(size), fromMillis(last)
		all = append(all, row)
		return err
	})
	return all, unmigrated(err)
}

func (r *Reader) latestVersions(ctx context.Context, rows []campaignRow) (map[fraud.CampaignID]uint64, error) {
	ctx, err := lend(ctx, idsLent(mapped(rows, func(row campaignRow) fraud.CampaignID { return row.ID })))
	if err != nil {
		return nil, err
	}
	latest := map[fraud.CampaignID]uint64{}
	const query = "SELECT id, max(version) FROM campaigns WHERE id GLOBAL IN (SELECT v FROM asked) GROUP BY id"
	err = each(ctx, r.conn, "list campaigns", query, func(rows driver.Rows) error {
		var (
			id      string
			version uint64
		)
		err := rows.Scan(&id, &version)
		latest[fraud.CampaignID(id)] = version
		return err
	})
	return latest, err
}

func idsLent(ids []fraud.CampaignID) lent {
	return lent{"asked", "String", mapped(ids, func(id fraud.CampaignID) string { return string(id) })}
}

// PutCampaigns replaces what is known of campaigns and of which digests belong where. What was cut off is repeated; in
// this order, so that a repetition finds every campaign through its digests:
//
//  1. campaigns that were there before
//  2. digests
//  3. campaigns that are new
func (w *Writer) PutCampaigns(
	ctx context.Context, version uint64, known, fresh []fraud.Campaign, moved map[indicator.Digest]fraud.CampaignID,
) error {
	if err := w.putCampaigns(ctx, version, known); err != nil {
		return err
	}
	rows := make([]*memberRow, 0, len(moved))
	for d, id := range moved {
		rows = append(rows, &memberRow{d, id, version})
	}
	if err := insert(ctx, w.conn, "campaign_members", memberColumns, rows); err != nil {
		return unmigrated(err)
	}
	return w.putCampaigns(ctx, version, fresh)
}

// campaignBlock is how many members campaigns may have together that are written at once: they take some 100 bytes each.
const campaignBlock = 200_000

func (w *Writer) putCampaigns(ctx context.Context, version uint64, all []fraud.Campaign) error {
	var rows []*campaignRow
	for i, members := 0, 0; i < len(all); i++ {
		rows, members = append(rows, &campaignRow{&all[i], version}), members+len(all[i].Members)+1
		if i < len(all)-1 && members < campaignBlock {
			continue
		}
		if err := insert(ctx, w.conn, "campaigns", campaignColumns, rows); err != nil {
			return unmigrated(err)
		}
		rows, members = nil, 0
	}
	return nil
}

// CampaignVersion is the highest version that was written.
func (w *Writer) CampaignVersion(ctx context.Context) (version uint64, err error) {
	const query = "SELECT max(v) FROM (SELECT max(version) AS v FROM campaigns UNION ALL " +
		"SELECT max(version) AS v FROM campaign_members)"
	err = each(ctx, w.conn, "read the version of campaigns", query, func(rows driver.Rows) error {
		return rows.Scan(&version)
	})
	return version, unmigrated(err)
}

// CampaignPasses reads the last of each name.
func (w *Writer) CampaignPasses(ctx context.Context) (map[string]fraud.CampaignPass, error) {
	all := map[string]fraud.CampaignPass{}
	const query = "SELECT name, argMax(state, version), argMax(slice, version), max(version) FROM campaign_passes GROUP BY name"
	err := each(ctx, w.conn, "read passes of campaigns", query, func(rows driver.Rows) error {
		var (
			p     fraud.CampaignPass
			slice uint16
		)
		err := rows.Scan(&p.Name, &p.State, &slice, &p.Version)
		p.Slice = int(slice)
		all[p.Name] = p
		return err
	})
	return all, unmigrated(err)
}

// PutCampaignPass notes how far a pass has come.
func (w *Writer) PutCampaignPass(ctx context.Context, p fraud.CampaignPass) error {
	return unmigrated(insert(ctx, w.conn, "campaign_passes", passColumns, []*fraud.CampaignPass{&p}))
}

var passColumns = []column[fraud.CampaignPass]{
	of("name", func(p *fraud.CampaignPass) string { return p.Name }),
	of("state", func(p *fraud.CampaignPass) uint64 { return p.State }),
	of("slice", func(p *fraud.CampaignPass) uint16 { return uint16(p.Slice) }),
	of("version", func(p *fraud.CampaignPass) uint64 { return p.Version }),
}

var memberColumns = []column[memberRow]{
	of("digest", func(m *memberRow) []byte { return m.digest[:] }),
	of("campaign", func(m *memberRow) string { return string(m.campaign) }),
	of("version", func(m *memberRow) uint64 { return m.version }),
}

var campaignColumns = []column[campaignRow]{
	of("id", func(c *campaignRow) string { return string(c.ID) }),
	of("version", func(c *campaignRow) uint64 { return c.version }),
	of("size", func(c *campaignRow) uint32 { return uint32(len(c.Members)) }),
	of("ended_in", func(c *campaignRow) string { return string(c.Into) }),
	of("first_said", func(c *campaignRow) int64 { return millis(c.FirstSaid) }),
	of("last_said", func(c *campaignRow) int64 { return millis(c.LastSaid) }),
	of("reports", func(c *campaignRow) uint64 { return uint64(c.Reports) }),
	of("partners", func(c *campaignRow) uint16 { return uint16(c.Partners) }),
	arrayOf("types", func(c *campaignRow) []int8 {
		return mapped(c.Types, func(t indicator.Type) int8 { return int8(t) })
	}),
	arrayOf("categories", func(c *campaignRow) []uint16 {
		return mapped(c.Categories, func(code fraud.Code) uint16 { return uint16(code) })
	}),
	arrayOf("losses", func(c *campaignRow) []uint32 {
		return mapped(c.Losses[:], func(n int) uint32 { return uint32(n) })
	}),
	of("left_out", func(c *campaignRow) uint32 { return uint32(c.LeftOut) }),
	arrayOf("members", func(c *campaignRow) []string {
		return mapped(c.Members, func(m fraud.CampaignMember) string { return string(m.Digest[:]) })
	}),
	arrayOf("member_types", func(c *campaignRow) []int8 {
		return mapped(c.Members, func(m fraud.CampaignMember) int8 { return int8(m.Type) })
	}),
	arrayOf("member_first", func(c *campaignRow) []int64 {
		return mapped(c.Members, func(m fraud.CampaignMember) int64 { return millis(m.FirstSaid) })
	}),
	arrayOf("member_last", func(c *campaignRow) []int64 {
		return mapped(c.Members, func(m fraud.CampaignMember) int64 { return millis(m.LastSaid) })
	}),
	arrayOf("edge_kinds", func(c *campaignRow) []int8 {
		return mapped(c.Edges, func(e fraud.CampaignEdge) int8 { return int8(e.Kind) })
	}),
	arrayOf("edge_connectors", func(c *campaignRow) []string {
		return mapped(c.Edges, func(e fraud.CampaignEdge) string { return string(e.Connector[:]) })
	}),
	arrayOf("edge_partners", func(c *campaignRow) []uint16 {
		return mapped(c.Edges, func(e fraud.CampaignEdge) uint16 { return uint16(e.Partners) })
	}),
	arrayOf("edge_members", func(c *campaignRow) [][]uint16 {
		return mapped(c.Edges, func(e fraud.CampaignEdge) []uint16 {
			return mapped(e.Members, func(place int) uint16 { return uint16(place) })
		})
	}),
}

func mapped[A, B any](from []A, f func(A) B) []B {
	to := make([]B, len(from))
	for i, a := range from {
		to[i] = f(a)
	}
	return to
}
