package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Event tells what became of an event of a partner, or of any partner for 0. It is false for an event of which nothing
// is known: not arrived, not yet stored, refused before its id could be read, or another partner's. An event that was
// sent twice, and refused once, is stored.
func (r *Reader) Event(ctx context.Context, partner fraud.PartnerNumber, id uuid.UUID) (fraud.Fate, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	// A UUIDv7 tells about when it was made, which spares a look at all other months. It may lie, so look there next.
	if id.Version() == 7 {
		sec, nsec := id.Time().UnixTime()
		made := time.Unix(sec, nsec)
		if storable(made.Add(-day)) && storable(made.Add(fraud.MaxAge+day)) {
			within := fmt.Sprintf(
				"AND appended BETWEEN fromUnixTimestamp64Milli(%d) AND fromUnixTimestamp64Milli(%d)",
				millis(made.Add(-day)), millis(made.Add(fraud.MaxAge+day)))
			if fate, ok, err := r.event(ctx, partner, id, within); ok || err != nil {
				return fate, ok, err
			}
		}
	}
	return r.event(ctx, partner, id, "")
}

const day = 24 * time.Hour

func (r *Reader) event(ctx context.Context, partner fraud.PartnerNumber, id uuid.UUID, within string) (
	fate fraud.Fate, found bool, err error,
) {
	whose := ""
	if partner != 0 {
		whose = fmt.Sprintf("AND partner = %d", partner)
	}
	query := fmt.Sprintf(`
		SELECT partner, at, reason, pointer, hint, held FROM (
			SELECT partner, toUnixTimestamp64Milli(appended) AS at, '' AS reason, '' AS pointer, '' AS hint, held
			FROM events WHERE event_id = ? %[1]s %[2]s
			UNION ALL
			SELECT partner, toUnixTimestamp64Milli(appended), toString(reason), pointer, hint, false
			FROM dead_letters WHERE event_id = ? %[1]s %[2]s)
		ORDER BY reason, held, at LIMIT 1`, whose, within)
	err = each(ctx, r.conn, "look up an event", query, func(rows driver.Rows) error {
		var (
			number                uint16
			ms                    int64
			reason, pointer, hint string
			held                  bool
		)
		if err := rows.Scan(&number, &ms, &reason, &pointer, &hint, &held); err != nil {
			return err
		}
		found = true
		fate = fraud.Fate{EventID: id, Partner: fraud.PartnerNumber(number), Appended: fromMillis(ms), OnHold: held}
		if reason != "" {
			fate.Fault = fraud.Refuse(fraud.Reason(reason), pointer, hint)
		}
		return nil
	}, id, id)
	return fate, found && err == nil, err
}
