package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// maxBundle is how many reports a message may hold that says of them that they belong together: more are a batch.
const maxBundle = 10

// FreshForCampaigns finds the next messages that campaigns do not know, about as many as most.
func (w *Writer) FreshForCampaigns(ctx context.Context, most int64) (r fraud.LedgerRange, err error) {
	known, err := readPlaces(ctx, w.conn, "campaign_progress")
	if err != nil {
		return r, err
	}
	stored, err := readRanges(ctx, w.conn)
	if err != nil {
		return r, err
	}
	// Up to the first hole only: rows that would fill it must still lie ahead.
	for _, partition := range slices.Sorted(maps.Keys(stored)) {
		whole := stored[partition][0]
		s := fraud.LedgerSpan{Partition: partition, First: max(whole.first, known[partition].next), Next: whole.next}
		left := s.Next - s.First
		if left <= 0 {
			continue
		}
		take := min(left, most-r.Messages())
		r.Behind += left - take
		if s.Next = s.First + take; take > 0 {
			r.Spans = append(r.Spans, s)
		}
	}
	return r, nil
}

// inRange is the condition for the messages of a range.
func inRange(r fraud.LedgerRange) string {
	return "(" + strings.Join(mapped(r.Spans, func(s fraud.LedgerSpan) string {
		return fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d", s.Partition, s.First, s.Next)
	}), " OR ") + ")"
}

// AddCampaignLinks takes the links of a range from the ledger. It may be repeated.
func (w *Writer) AddCampaignLinks(ctx context.Context, r fraud.LedgerRange) error {
	query := fmt.Sprintf(`
		INSERT INTO campaign_links (kind, connector, digest, partner, event_id, type, category, loss_band, issued_at,
			appended, signed_by, held)
		SELECT link.1, link.2, digest, partner, event_id, type, category, loss_band, issued_at, appended, signed_by, held
		FROM (
			SELECT *, arrayJoin(arrayConcat(
				if(case_id = '', [], [(1, sipHash128('case', partner, case_id))]),
				if(together < 2 OR together > %d, [], [(2, sipHash128('bundle', kafka_partition, kafka_offset))]),
				arrayMap(page -> (3, sipHash128('host', page)), pages))) AS link
			FROM (
				SELECT kafka_partition, kafka_offset, digest, partner, event_id, type, category, loss_band, issued_at, appended,
					signed_by, held, case_id, uniqExact(bundle_index) OVER (PARTITION BY kafka_partition, kafka_offset) AS together,
					if(type IN ('url', 'domain'), arrayConcat(
						arrayFilter((d, grade) -> grade = 'prefix', also_digest, also_grade),
						if(type = 'url', [digest], [])), []) AS pages
				FROM events
				WHERE %s AND kind IN ('report', 'uphold') AND audience = 0 AND digest != %s))`,
		maxBundle, inRange(r), erasedDigest)
	return unmigrated(classify("take links for campaigns", w.conn.Exec(ctx, query)))
}

// TouchedByEvents are the digests of which events of a range say something that may change campaigns.
func (w *Writer) TouchedByEvents(ctx context.Context, r fraud.LedgerRange) ([]indicator.Digest, error) {
	return readDigests(ctx, w.conn, "SELECT DISTINCT arrayJoin(arrayPushFront(also_digest, digest)) AS d FROM events WHERE "+
		inRange(r)+" AND kind NOT IN ('sighting', 'action') AND d != "+erasedDigest)
}

// TouchedByPartner are the digests on which a partner has said something, of the slices from one on that hold about as
// many as most: of one at least. It tells which slice comes next. 0 is every partner.
func (w *Writer) TouchedByPartner(
	ctx context.Context, p fraud.PartnerNumber, slice, most int,
) (all []indicator.Digest, next int, err error) {
	where := "digest >= " + firstOfSlice(slice)
	if p != 0 {
		where += fmt.Sprintf(" AND partner = %d", p)
	}
	next, found := fraud.CampaignSlices, 0
	query := fmt.Sprintf("SELECT intDiv(reinterpretAsUInt8(substring(digest, 1, 1)), %d) AS slice, count() FROM opinions "+
		"WHERE %s GROUP BY slice ORDER BY slice", 256/fraud.CampaignSlices, where)
	err = each(ctx, w.conn, "look for touched digests", query, func(rows driver.Rows) error {
		var (
			of uint8
			n  uint64
		)
		err := rows.Scan(&of, &n)
		if found += int(n); found > most && next == fraud.CampaignSlices {
			next = max(slice+1, int(of))
		}
		return err
	})
	if err != nil || found == 0 {
		return nil, next, err
	}
	if next < fraud.CampaignSlices {
		where += " AND digest < " + firstOfSlice(next)
	}
	all, err = readDigests(ctx, w.conn, "SELECT DISTINCT digest FROM opinions WHERE "+where)
	return all, next, err
}

func firstOfSlice(n int) string {
	return fmt.Sprintf("toFixedString(unhex('%s'), 32)", hex.EncodeToString([]byte{byte(n * 256 / fraud.CampaignSlices)}))
}

// TouchedByExpiry are digests of words that expire from one second on to another, about as many as most, the first to
// expire first. It tells up to where it has looked.
func (w *Writer) TouchedByExpiry(
	ctx context.Context, from, to fraud.Seconds, most int,
) (all []indicator.Digest, looked fraud.Seconds, err error) {
	looked = from
	query := fmt.Sprintf("SELECT digest, toUInt32(expires_at) FROM opinions WHERE toUInt32(expires_at) > %d AND "+
		"toUInt32(expires_at) <= %d ORDER BY expires_at LIMIT %d WITH TIES", from, to, most)
	err = each(ctx, w.conn, "look for words that expire", query, func(rows driver.Rows) error {
		var (
			digest string
			at     uint32
		)
		err := rows.Scan(&digest, &at)
		all, looked = append(all, indicator.Digest([]byte(digest))), fraud.Seconds(at)
		return err
	})
	if len(all) < most {
		looked = to
	}
	return all, looked, err
}

func readDigests(ctx context.Context, conn driver.Conn, query string) (all []indicator.Digest, err error) {
	err = each(ctx, conn, "look for touched digests", query, func(rows driver.Rows) error {
		var digest string
		err := rows.Scan(&digest)
		all = append(all, indicator.Digest([]byte(digest)))
		return err
	})
	return all, err
}

// CampaignsKnow notes that campaigns know a range.
func (w *Writer) CampaignsKnow(ctx context.Context, r fraud.LedgerRange) error {
	rows := mapped(r.Spans, func(s fraud.LedgerSpan) *span { return &span{partition: s.Partition, next: s.Next} })
	return unmigrated(insert(ctx, w.conn, "campaign_progress", progressColumns, rows))
}

// lent is a table of one column that a query is lent.
type lent struct {
	name   string
	kind   chcolumn.Type
	values []string
}

func digestsLent(name string, digests []indicator.Digest) lent {
	l := lent{name, "FixedString(32)", make([]string, len(digests))}
	for i := range digests {
		l.values[i] = string(digests[i][:])
	}
	return l
}

func lend(ctx context.Context, tables ...lent) (context.Context, error) {
	all := make([]*ext.Table, len(tables))
	for i, l := range tables {
		table, err := ext.NewTable(l.name, ext.Column("v", l.kind))
		for j := 0; err == nil && j < len(l.values); j++ {
			err = table.Append(l.values[j])
		}
		if err != nil {
			return nil, fmt.Errorf("store: lend a table: %w", err)
		}
		all[i] = table
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(all...)), nil
}

// ConnectorsOf are the connectors that digests have, each once.
func (w *Writer) ConnectorsOf(ctx context.Context, digests []indicator.Digest) (all []fraud.Connector, err error) {
	if ctx, err = lend(ctx, digestsLent("asked", digests)); err != nil {
		return nil, err
	}
	const query = "SELECT DISTINCT connector FROM campaign_links WHERE digest GLOBAL IN (SELECT v FROM asked)"
	err = each(ctx, w.conn, "read connectors", query, func(rows driver.Rows) error {
		var c string
		err := rows.Scan(&c)
		all = append(all, fraud.Connector([]byte(c)))
		return err
	})
	return all, unmigrated(err)
}

// longConnector is how many links a connector has of which it is counted first how many digests they are of.
const longConnector = 2000

// LinksOf calls row with the links of connectors that have two digests at least: those of one connector after each other,
// in the order of digests; a link may come twice. It leaves out connectors that more than most digests have which are not
// among the touched.
func (w *Writer) LinksOf(
	ctx context.Context, connectors []fraud.Connector, touched []indicator.Digest, most int,
	row func(*fraud.CampaignLink),
) error {
	// Most have a few links. Those that have more than that are asked for once more: they are counted where they lie.
	var (
		run  []fraud.CampaignLink
		long []fraud.Connector
	)
	take := func() {
		switch n := len(run); {
		case n >= min(longConnector, most):
			long = append(long, run[0].Connector)
		case n > 1 && run[0].Digest != run[n-1].Digest:
			for i := range run {
				row(&run[i])
			}
		}
		run = run[:0]
	}
	asked := connectorsLent(connectors)
	err := w.links(ctx, "connector GLOBAL IN (SELECT v FROM asked)", fmt.Sprintf("LIMIT %d BY connector", min(longConnector, most)),
		func(l *fraud.CampaignLink) {
			if len(run) > 0 && run[0].Connector != l.Connector {
				take()
			}
			run = append(run, *l)
		}, asked)
	if err != nil {
		return err
	}
	if len(run) > 0 {
		take()
	}
	if len(long) == 0 {
		return nil
	}
	return w.links(ctx, fmt.Sprintf(`connector GLOBAL IN (
			SELECT connector FROM campaign_links WHERE connector GLOBAL IN (SELECT v FROM asked) GROUP BY connector
			HAVING uniqExact(digest) > 1 AND uniqExactIf(digest, digest GLOBAL NOT IN (SELECT v FROM touched)) <= %d)`, most), "",
		row, connectorsLent(long), digestsLent("touched", touched))
}

func connectorsLent(connectors []fraud.Connector) lent {
	l := lent{"asked", "FixedString(16)", make([]string, len(connectors))}
	for i := range connectors {
		l.values[i] = string(connectors[i][:])
	}
	return l
}

func (w *Writer) links(
	ctx context.Context, where, limit string, row func(*fraud.CampaignLink), tables ...lent,
) error {
	ctx, err := lend(ctx, tables...)
	if err != nil {
		return err
	}
	query := fmt.Sprintf(`
		SELECT connector, CAST(kind, 'Int8'), digest, partner, event_id, CAST(type, 'Int8'), category,
			CAST(loss_band, 'Int8'), toUnixTimestamp64Milli(issued_at), toUnixTimestamp64Milli(appended), signed_by, held
		FROM campaign_links WHERE %s ORDER BY connector, digest, partner, event_id, appended %s`, where, limit)
	return unmigrated(each(ctx, w.conn, "read links", query, func(rows driver.Rows) error {
		var (
			l                 fraud.CampaignLink
			connector, digest string
			kind, what, loss  int8
			partner, category uint16
			issued, appended  int64
			signedBy          uint8
		)
		if err := rows.Scan(&connector, &kind, &digest, &partner, &l.Event, &what, &category, &loss, &issued, &appended,
			&signedBy, &l.Held); err != nil {
			return err
		}
		l.Connector, l.Kind = fraud.Connector([]byte(connector)), fraud.ConnectorKind(kind)
		l.Digest, l.Partner = indicator.Digest([]byte(digest)), fraud.PartnerNumber(partner)
		l.Type, l.Category, l.Loss = indicator.Type(what), fraud.Code(category), fraud.LossBand(loss)
		l.IssuedAt, l.Accepted = fromMillis(issued), fraud.SecondsOf(fromMillis(appended))
		l.SignedBy = fraud.KeyNumber(signedBy)
		row(&l)
		return nil
	}))
}

// WordsOn calls each with the standing words on digests, withdrawn ones among them, in the order of digests.
func (w *Writer) WordsOn(ctx context.Context, digests []indicator.Digest, word func(*fraud.Opinion)) error {
	ctx, err := lend(ctx, digestsLent("asked", digests))
	if err != nil {
		return err
	}
	// Few words of many: putting those in order is cheaper than FINAL, which merges whole granules.
	query := "SELECT " + packedOpinion + ` FROM (
			SELECT *, version FROM opinions WHERE digest GLOBAL IN (SELECT v FROM asked)
			ORDER BY digest, partner, origin, sighted, version DESC LIMIT 1 BY digest, partner, origin, sighted)`
	return each(ctx, w.conn, "read words", query, func(rows driver.Rows) error {
		var o fraud.Opinion
		if err := rows.Scan(&o); err != nil {
			return err
		}
		word(&o)
		return nil
	})
}
