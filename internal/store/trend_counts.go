package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// CountIndicators brings the counts of different indicators of days and weeks up to date. It counts touched days and
// weeks whole, so call it less often than the others, from as many nodes as you like; without it answers take longer.
func (w *Writer) CountIndicators(ctx context.Context) error {
	fresh, next, err := w.unrolled(ctx, countsProgress)
	if err != nil || len(next) == 0 {
		return err
	}
	days, err := touchedBuckets(ctx, w.conn, dayOf, fresh, "")
	if err != nil {
		return err
	}
	who, err := readWho(ctx, w.conn)
	if err != nil {
		return err
	}
	for _, statement := range addCounts(who, days) {
		if err := w.conn.Exec(ctx, statement); err != nil {
			return classify("count indicators", err)
		}
	}
	return insert(ctx, w.conn, countsProgress, progressColumns, next)
}

const countColumns = "grain, dimension, at, key, known, total, everyone, others, partners"

// addCounts are the statements that count the indicators of some days, and of their weeks.
func addCounts(who *who, days []time.Time) (all []string) {
	for _, g := range []*grain{daily, weekly} {
		for some := range slices.Chunk(g.of(days), max(1, g.atOnce/5)) { // a week or so: it takes more memory than a sketch
			all = append(all, "INSERT INTO trend_distinct_counts ("+countColumns+") "+
				countIndicators(who, g, g.within("hour", some))+spill)
		}
	}
	return all
}

// countIndicators is a SELECT of countColumns for the ledger's rows of a condition: all of some days or weeks.
func countIndicators(who *who, g *grain, where string) string {
	var places, keys []string
	for i, d := range fraud.Dimensions() {
		key := keyOf[d]
		if d == fraud.ByPartnerKind {
			key = who.kinds(key)
		}
		places, keys = append(places, fmt.Sprintf("toUInt8(%d)", i+1)), append(keys, key)
	}
	names, _ := arrays(fraud.Dimensions())
	// Digests come first, each with the different things said about it, which for most is one: then nothing large is grouped
	// by dimension.
	return fmt.Sprintf(`
		SELECT '%[1]s' AS grain, (%[2]s)[place] AS dimension, at, key, sum(pairs) + length(partners) AS known, sum(n) AS total,
			sumIf(n, empty(told)) AS everyone, arraySort(groupArrayIf((told, n), notEmpty(told))) AS others,
			arraySort(groupUniqArrayArray(spoke)) AS partners FROM (
			SELECT place, at, key, if(has(seen, 0), [], seen) AS told, count() AS n, sum(length(seen)) AS pairs,
				[]::Array(UInt16) AS spoke FROM (
				SELECT at, cell.1 AS place, cell.2 AS key,
					arraySort(arrayDistinct(arrayMap(s -> s.2, arrayFilter(s -> s.1[cell.1] = cell.2, said)))) AS seen FROM (
					SELECT at, digest, groupUniqArray(([%[3]s], toUInt32(if(audience = 0, 0, partner * 256 + audience)))) AS said
					FROM (%[4]s) GROUP BY at, digest)
				ARRAY JOIN arrayDistinct(arrayFlatten(arrayMap(s -> arrayZip([%[5]s], s.1), said))) AS cell)
			GROUP BY place, at, key, told
			UNION ALL
			SELECT toUInt8(%[6]d), at, %[7]s AS key, []::Array(UInt32), 0, 0, groupUniqArray(partner) FROM (%[4]s) GROUP BY at, key)
		GROUP BY place, at, key`, g.name, names, strings.Join(keys, ", "), g.spoken(where), strings.Join(places, ", "),
		slices.Index(fraud.Dimensions(), fraud.ByPartnerKind)+1, who.kinds("partner"))
}

// different is a SELECT of at, key and different: how many indicators each bucket has. Of days and weeks it is read off.
// Sketches are united of windows, of days and weeks with messages that the counts do not know, and, by kind of partner,
// of those in which somebody spoke whose kind is another since.
func (p *plan) different(ctx context.Context, conn driver.Conn, who *who) (text string, err error) {
	sketched, err := readPlaces(ctx, conn, sketchesProgress) // before the sketches
	if err != nil {
		return "", err
	}
	switch p.q.Bucket {
	case fraud.Window:
		text, err = p.ofWindow(ctx, conn, who, sketched.recent())
	case fraud.Weekly:
		text, err = p.ofBuckets(ctx, conn, who, weekly, sketched.recent())
	default:
		text, err = p.ofBuckets(ctx, conn, who, daily, sketched.recent())
	}
	return "SELECT b AS at, k AS key, v AS different FROM (" + text + ")", err
}

// ofWindow is a SELECT of b, k and v; unknown are the messages that sketches do not know.
func (p *plan) ofWindow(ctx context.Context, conn driver.Conn, who *who, unknown string) (string, error) {
	bucket := fmt.Sprintf("toDateTime(%d, 'UTC')", p.q.From.Unix())
	fresh, err := touchedBuckets(ctx, conn, dayOf, unknown, p.days)
	if err != nil {
		return "", tooMuch(err)
	}
	if few, err := p.areFew(ctx, conn, ""); few || err != nil {
		return p.count(who, bucket, ""), tooMuch(err)
	}
	if len(fresh) == 0 {
		unknown = ""
	}
	return p.unite(who, bucket, cover(p.q.From, p.q.To), unknown), nil
}

// ofBuckets is the same of days or weeks.
func (p *plan) ofBuckets(ctx context.Context, conn driver.Conn, who *who, g *grain, unknown string) (string, error) {
	stale, err := p.uncounted(ctx, conn, who, g)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("SELECT at AS b, key AS k, %s AS v FROM trend_distinct_counts FINAL WHERE grain = '%s' "+
		"AND dimension = %s AND %s AND NOT %s%s", toldTo(p.q.Asker, who), g.name, literal(p.q.By.String()),
		between("at", p.q.From, p.q.To), g.within("at", stale), p.ofCounts)
	if len(stale) == 0 {
		return text, nil
	}
	within := g.within("hour", stale)
	if few, err := p.areFew(ctx, conn, " AND "+within); few || err != nil {
		return text + " UNION ALL " + p.count(who, g.bucket, " AND "+within), tooMuch(err)
	}
	return text + " UNION ALL " + p.unite(who, g.bucket, map[*grain][]time.Time{g: stale}, "("+unknown+") AND "+within), nil
}

// fewEvents are quickly counted.
const fewEvents = 100_000

// areFew reports whether the question is of few events of a condition.
func (p *plan) areFew(ctx context.Context, conn driver.Conn, within string) (bool, error) {
	var n uint64
	err := conn.QueryRow(ctx, fmt.Sprintf("SELECT count() FROM (SELECT 1 FROM events WHERE 1 %s%s LIMIT %d)", p.days, within,
		p.few+1)).Scan(&n)
	return int(n) <= p.few, classify("look for events", err)
}

// count is a SELECT of b, k and v: how many different indicators the ledger's events of a condition are about.
func (p *plan) count(who *who, bucket, within string) string {
	return fmt.Sprintf("SELECT %s AS b, %s AS k, uniqExact(digest) AS v FROM events WHERE digest != %s %s%s GROUP BY b, k", bucket,
		p.keyOf(who), erasedDigest, p.days+p.within, within)
}

// keyOf is the key of an event that the question is by.
func (p *plan) keyOf(who *who) string {
	if p.q.By == fraud.ByPartnerKind {
		return who.kinds("partner")
	}
	return keyOf[p.q.By]
}

// uncounted are the days or weeks of the question that counts do not answer.
func (p *plan) uncounted(ctx context.Context, conn driver.Conn, who *who, g *grain) ([]time.Time, error) {
	counted, err := readPlaces(ctx, conn, countsProgress) // before the counts
	if err != nil {
		return nil, err
	}
	stale, err := touchedBuckets(ctx, conn, g.bucket, counted.recent(), p.days)
	if err != nil || p.q.By != fraud.ByPartnerKind {
		return stale, tooMuch(err)
	}
	changed, err := bucketsIn(ctx, conn, "SELECT at FROM trend_distinct_counts WHERE "+between("at", p.q.From, p.q.To)+
		" AND "+changedKinds(who, g))
	stale = append(stale, changed...)
	slices.SortFunc(stale, time.Time.Compare)
	return slices.CompactFunc(stale, time.Time.Equal), tooMuch(err)
}

// changedKinds is the condition for counts of a kind that one of its partners no longer is of.
func changedKinds(who *who, g *grain) string {
	return fmt.Sprintf("grain = '%s' AND dimension = 'partner_kind' AND arrayExists(p -> %s != key, partners)", g.name,
		who.kinds("p"))
}

// toldTo is how many indicators of a row a partner may be told of.
func toldTo(p *fraud.Partner, who *who) string {
	switch {
	case p == nil:
		return "everyone"
	case p.Kind.Authority():
		return "total"
	}
	return fmt.Sprintf("everyone + arraySum(o -> if(arrayExists(t -> t %% 256 IN (%s) OR intDiv(t, 256) IN (%s), o.1), "+
		"o.2, 0), others)",
		audiencesOf(p), list(who.same(p), number))
}
