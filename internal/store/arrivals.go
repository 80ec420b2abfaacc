package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Arrivals tells what became of a partner's events, the newest first: those in the ledger, and those that were refused
// where its signature was proven.
func (r *Reader) Arrivals(ctx context.Context, q fraud.ArrivalQuestion) (all []fraud.Arrival, err error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	where := fmt.Sprintf("partner = %d AND appended >= fromUnixTimestamp64Milli(%d, 'UTC') "+
		"AND appended < fromUnixTimestamp64Milli(%d, 'UTC')", q.Partner, millis(q.From), millis(q.To))
	if b := q.Before; !b.Appended.IsZero() {
		where += fmt.Sprintf(" AND (appended, kafka_partition, kafka_offset, bundle_index) < "+
			"(fromUnixTimestamp64Milli(%d, 'UTC'), %d, %d, %d)", millis(b.Appended), b.Partition, b.Offset, b.Index)
	}
	const place = "toUnixTimestamp64Milli(appended) AS at, kafka_partition, kafka_offset, bundle_index, event_id"
	kept := "SELECT " + place + `, false AS whole, toUInt8(CAST(kind, 'Int8')) AS kind, toUnixTimestamp64Milli(issued_at) AS issued,
		toUInt8(CAST(type, 'Int8')) AS type, epoch, digest, category, toUInt8(CAST(tlp, 'Int8')) AS tlp, signed_by, sharing_group, held,
		'' AS reason, '' AS pointer, '' AS hint FROM events WHERE ` + where
	refused := "SELECT " + place + `, whole, toUInt8(0), toInt64(0), toUInt8(0), toUInt16(0),
		toFixedString('', 32), toUInt16(0), toUInt8(0), toUInt8(0), toUInt8(0), false, toString(reason), pointer,
		hint FROM dead_letters WHERE ` + where
	if q.Kind != 0 {
		kept += fmt.Sprintf(" AND events.kind = '%s'", q.Kind)
	}
	var from []string
	switch q.State {
	case fraud.ArrivedStored:
		from = []string{kept + " AND NOT events.held"}
	case fraud.ArrivedHeld:
		from = []string{kept + " AND events.held"}
	case fraud.ArrivedRefused:
		from = []string{refused}
	default:
		from = []string{kept, refused}
	}
	if q.Kind != 0 { // of what was refused no kind is known
		from = from[:1]
		if q.State == fraud.ArrivedRefused {
			return nil, nil
		}
	}
	query := fmt.Sprintf(`SELECT * FROM (%s)
		ORDER BY at DESC, kafka_partition DESC, kafka_offset DESC, bundle_index DESC
		LIMIT 1 BY kafka_partition, kafka_offset, bundle_index LIMIT %d`, strings.Join(from, " UNION ALL "), q.Limit)
	err = each(ctx, r.conn, "read a partner's events", query, func(rows driver.Rows) error {
		var (
			a                             = fraud.Arrival{Fate: fraud.Fate{Partner: q.Partner}}
			at, issued                    int64
			partition                     uint32
			offset                        uint64
			id                            uuid.UUID
			kind, of, tlp                 uint8
			digest, reason, pointer, hint string
			category                      uint16
			signedBy, group               uint8
		)
		err := rows.Scan(&at, &partition, &offset, &a.Index, &id, &a.Whole, &kind, &issued, &of, &a.Epoch, &digest, &category,
			&tlp, &signedBy, &group, &a.Held, &reason, &pointer, &hint)
		if err != nil {
			return err
		}
		a.Partition, a.Offset, a.Appended, a.EventID = int32(partition), int64(offset), fromMillis(at), id
		if reason != "" {
			a.Fault = fraud.Refuse(fraud.Reason(reason), pointer, hint)
		} else {
			a.Kind, a.Type, a.TLP = fraud.Kind(kind), indicator.Type(of), fraud.TLP(tlp)
			a.IssuedAt, a.Category, a.Digest = fromMillis(issued), fraud.Code(category), indicator.Digest([]byte(digest))
			a.Accepted = fraud.SecondsOf(a.Appended)
			a.SignedBy, a.Group = fraud.KeyNumber(signedBy), fraud.Group(group)
		}
		all = append(all, a)
		return nil
	})
	return all, err
}
