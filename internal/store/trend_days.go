package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// dayOf is the beginning of the day in Malaysia that an event belongs to.
const dayOf = "toDateTime(toStartOfDay(hour, '" + Zone + "'), 'UTC')"

// dayCell is the key of a trend's count by days.
const dayCell = "dimension, day, key, kind, partner, audience"

// counted are what is counted of the different events of a cell. Each only grows while the ledger does.
const (
	counted       = "uniqExact(event_id) AS events"
	withLoss      = "uniqExactIf(event_id, kind = 'report' AND loss_band >= 'under_1k') AS with_loss"
	lossesAtLeast = "uniqExactIf(event_id, kind = 'report' AND loss_band = '1k_10k') * 1000 + " +
		"uniqExactIf(event_id, kind = 'report' AND loss_band = '10k_100k') * 10000 + " +
		"uniqExactIf(event_id, kind = 'report' AND loss_band = '100k_1m') * 100000 + " +
		"uniqExactIf(event_id, kind = 'report' AND loss_band = 'over_1m') * 1000000 AS losses"
)

// cellColumns are what a cell is counted from.
const cellColumns = "event_id, kind, partner, audience, type, category, platform, institution, region, loss_band"

// keyOf is the value of each dimension of the ledger's rows as a number; the kind of a partner follows from its number.
var keyOf = map[fraud.Dimension]string{
	fraud.ByType: "toUInt16(CAST(type, 'Int8'))", fraud.ByCategory: "category",
	fraud.ByPartnerKind: "partner", fraud.ByKind: "toUInt16(CAST(kind, 'Int8'))", fraud.ByPlatform: "platform",
	fraud.ByInstitution: "institution", fraud.ByRegion: "region", fraud.ByLossBand: "toUInt16(CAST(loss_band, 'Int8'))",
}

// rolledBy are the dimensions of trend_days; kinds and partners are in every cell.
var rolledBy = []fraud.Dimension{
	fraud.ByType, fraud.ByCategory, fraud.ByPlatform, fraud.ByInstitution, fraud.ByRegion, fraud.ByLossBand,
}

// daysAtOnce bounds the memory of a recount.
const daysAtOnce = 31

// RollUpDays brings the roll-up by days up to date. Call it every minute, from as many nodes as you like; answers are
// exact without it too, only slower.
func (w *Writer) RollUpDays(ctx context.Context) error {
	if err := w.rollUpDays(ctx); err != nil {
		return err
	}
	if err := w.rollUpSketches(ctx); err != nil {
		return err
	}
	return w.sumUp(ctx, &daySums)
}

func (w *Writer) rollUpDays(ctx context.Context) error {
	fresh, next, err := w.unrolled(ctx, daysProgress)
	if err != nil || len(next) == 0 {
		return err
	}
	days, err := touchedBuckets(ctx, w.conn, dayOf, fresh, "")
	if err != nil {
		return err
	}
	// 1. Count the touched cells anew.
	for some := range slices.Chunk(days, daysAtOnce) {
		within := " AND " + anyDay(some)
		names, keys := arrays(rolledBy)
		rows := func(where string) string {
			return fmt.Sprintf("FROM (SELECT %s, %s AS day FROM events WHERE %s) ARRAY JOIN %s AS dimension, %s AS key",
				cellColumns, dayOf, where, names, keys)
		}
		recount := fmt.Sprintf(`INSERT INTO trend_days (%[1]s, events, with_loss, losses)
			SELECT %[1]s, %[2]s, %[3]s, %[4]s %[5]s WHERE (%[1]s) GLOBAL IN (SELECT DISTINCT %[1]s %[6]s) GROUP BY %[1]s`,
			dayCell, counted, withLoss, lossesAtLeast, rows("1"+within), rows("("+fresh+")"+within))
		if err := w.conn.Exec(ctx, recount+spill); err != nil {
			return classify("roll up trends by days", err)
		}
	}
	// 2. Only now say so. A failure in between counts the same cells again.
	return insert(ctx, w.conn, daysProgress, progressColumns, next)
}

// arrays are the names and the keys of dimensions, as SQL.
func arrays(of []fraud.Dimension) (names, keys string) {
	names = list(of, func(d fraud.Dimension) string { return literal(d.String()) })
	return "[" + names + "]", "[" + list(of, func(d fraud.Dimension) string { return keyOf[d] }) + "]"
}

// anyDay is the condition for events of some days.
func anyDay(days []time.Time) string { return ofBuckets("hour", days, day) }

// liveDays counts each cell of one dimension as of now, as liveCells does; stale are the days that hold messages which
// the roll-up does not know, and the ledger is read for them alone.
func liveDays(by fraud.Dimension, days, within, unknown string, stale []time.Time) string {
	const sums = "max(e) AS events, max(w) AS with_loss, max(l) AS losses"
	rolled := fmt.Sprintf("SELECT day, key, kind, partner, audience, events AS e, with_loss AS w, losses AS l "+
		"FROM trend_days WHERE dimension = %s %s", literal(by.String()), strings.ReplaceAll(days, "hour", "day")+within)
	if len(stale) > 0 {
		const cells = "day, key, kind, partner, audience"
		rows := func(where string) string {
			return fmt.Sprintf("FROM (SELECT %s, %s AS day, %s AS key FROM events WHERE %s %s AND %s) WHERE 1 %s", cellColumns,
				dayOf, keyOf[by], where, days, anyDay(stale), within)
		}
		rolled += fmt.Sprintf(` UNION ALL
			SELECT %[1]s, %[2]s, %[3]s, %[4]s %[5]s AND (%[1]s) GLOBAL IN (SELECT DISTINCT %[1]s %[6]s) GROUP BY %[1]s`,
			cells, counted, withLoss, lossesAtLeast, rows("1"), rows("("+unknown+")"))
	}
	return fmt.Sprintf("SELECT day, key, kind, partner, audience, %s FROM (%s) GROUP BY day, key, kind, partner, audience",
		sums, rolled)
}
