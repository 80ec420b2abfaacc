package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// auditSources are what the audit is made of: SELECTs of the same columns, in the order of auditColumns. %s is a
// condition on the time, %d the hour for those that have no other.
//
// A record's place is (at, kind, a, b): of an event its position, of everything else a hash of what names it.
var auditSources = map[fraud.AuditKind]string{
	fraud.AuditEvent: `
		SELECT toInt64(toUnixTimestamp64Milli(appended)) AS at, 1 AS record, toUInt64(kafka_partition) AS a,
			kafka_offset * 65536 + bundle_index AS b, toString(kind) AS what, partner, '' AS by, event_id AS id,
			toInt8(type) AS kind_of, toInt64(toUnixTimestamp64Milli(issued_at)) AS issued, toUInt32(0) AS first_partition,
			toUInt64(0) AS first_offset, toUInt16(0) AS first_index, '' AS key, '' AS whom, '' AS object, '' AS reason,
			toUInt8(1) AS done, '' AS node, CAST([], 'Array(UInt64)') AS counts
		FROM events FINAL WHERE %s`,
	fraud.AuditRefusal: `
		SELECT toInt64(toUnixTimestamp64Milli(appended)) AS at, 2, toUInt64(kafka_partition) AS a,
			kafka_offset * 65536 + bundle_index AS b, toString(reason) AS what, partner, '', event_id, toInt8(0), toInt64(0),
			toUInt32(0), toUInt64(0), toUInt16(0), '', '', '', '', toUInt8(1), '', CAST([], 'Array(UInt64)')
		FROM dead_letters FINAL WHERE %s`,
	// Later copies than the first of (partner, event_id). A place is told by when it was appended, then by where. Which
	// ids stand at two places is found first, and cheaply: with their places kept, all ids would take twenty times as long.
	fraud.AuditRepeat: `
		SELECT at, 3, toUInt64(place.2) AS a, place.3 * 65536 + place.4 AS b, what, partner, '', event_id, kind_of, issued,
			first.2, first.3, first.4, '', '', '', '', toUInt8(1), '', CAST([], 'Array(UInt64)')
		FROM (
			SELECT partner, event_id, any(toString(kind)) AS what, any(toInt8(type)) AS kind_of,
				any(toInt64(toUnixTimestamp64Milli(issued_at))) AS issued,
				arraySort(groupUniqArray((toInt64(toUnixTimestamp64Milli(appended)), kafka_partition, kafka_offset, bundle_index)))
					AS places,
				places[1] AS first
			FROM events WHERE %[1]s AND (partner, event_id) IN (
				SELECT partner, event_id FROM events WHERE %[1]s GROUP BY partner, event_id
				HAVING min(cityHash64(kafka_partition, kafka_offset, bundle_index))
					!= max(cityHash64(kafka_partition, kafka_offset, bundle_index)))
			GROUP BY partner, event_id)
		ARRAY JOIN arrayPopFront(places) AS place, arrayMap(p -> p.1, arrayPopFront(places)) AS at
		WHERE %[2]s`,
	fraud.AuditAct: `
		SELECT toInt64(toUnixTimestamp64Milli(acts.at)) AS at, 4, toUInt64(0) AS a, cityHash64(acts.id, object) AS b,
			acts.what AS what, toUInt16(0), by, toUUID(acts.id), toInt8(0), toInt64(0), toUInt32(0), toUInt64(0), toUInt16(0),
			key, whom, object, reason,
			stands AND (revision = 0 OR acts.id IN (SELECT min(act) FROM partner_revisions GROUP BY number, revision)), '',
			CAST([], 'Array(UInt64)')
		FROM (
			SELECT at, id, by, key, toString(what) AS what, whom, object, reason, revision, toUInt8(1) AS stands FROM acts FINAL
			UNION ALL
			SELECT at, id, by, key, if(step = 'under_review', 'review_dispute', 'decide_dispute'), '', toString(dispute),
				if(step = 'under_review', '', concat(step, ': ', reason, if(investigator = '', '', concat(', ', investigator)))),
				toUInt64(0),
				(dispute, number, id) IN (SELECT dispute, number, min(id) FROM dispute_steps GROUP BY dispute, number)
			FROM dispute_steps FINAL
			UNION ALL
			SELECT replayed, '00000000-0000-0000-0000-000000000000', '', '', 'replay_message', '',
				concat(toString(kafka_partition), ':', toString(kafka_offset)), concat('by ', operator), toUInt64(0),
				toUInt8(1)
			FROM replays FINAL) AS acts
		WHERE %s`,
	fraud.AuditUsage: `
		SELECT toInt64(toUnixTimestamp(hour)) * 1000 AS at, 5, toUInt64(0) AS a, cityHash64(hour, partner, class, node) AS b,
			toString(class) AS what, partner, '', toUUID('00000000-0000-0000-0000-000000000000'), toInt8(0), toInt64(0),
			toUInt32(0), toUInt64(0), toUInt16(0), '', '', '', '', toUInt8(1), toString(node),
			[sum(calls), sum(refused), sum(not_listed), sum(cleared), sum(disputed), sum(suspected), sum(confirmed), sum(unsure)]
		FROM usage FINAL WHERE %s GROUP BY hour, partner, class, node`,
}

// AuditTrail tells who did what, the newest first: what partners said, what was refused and repeated, what operators
// did, and how much everybody asked.
func (r *Reader) AuditTrail(ctx context.Context, q fraud.AuditQuery) (records []fraud.AuditRecord, err error) {
	ids, err := r.PartnerIDs(ctx)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, kind := range q.Kinds {
		parts = append(parts, "("+auditPart(&q, kind, ids)+")")
	}
	query := strings.Join(parts, " UNION ALL ") // takes the names of the first
	query = fmt.Sprintf("SELECT * FROM (%s) ORDER BY at DESC, 2 DESC, a DESC, b DESC LIMIT %d", query, q.Limit) + spill +
		", distributed_product_mode = 'global', do_not_merge_across_partitions_select_final = 1, union_default_mode = 'ALL'"
	err = each(ctx, r.conn, "read the audit", query, func(rows driver.Rows) error {
		var (
			a              fraud.AuditRecord
			at, issued     int64
			record, done   uint8
			number         uint16
			id             uuid.UUID
			kindOf         int8
			firstPartition uint32
			firstOffset    uint64
			by             string
			counts         []uint64
		)
		if err := rows.Scan(&at, &record, &a.Place.A, &a.Place.B, &a.What, &number, &by, &id, &kindOf, &issued,
			&firstPartition, &firstOffset, &a.First.Index, &a.Key, &a.Whom, &a.Object, &a.Reason, &done, &a.Node,
			&counts); err != nil {
			return err
		}
		a.At, a.Kind, a.By, a.Done = fromMillis(at), fraud.AuditKind(record), by, done == 1
		a.Place.At, a.Place.Kind = a.At, a.Kind
		if number != 0 {
			if a.By = ids[fraud.PartnerNumber(number)]; a.By == "" {
				a.By = fmt.Sprint(number) // of a registry that nobody recorded
			}
		}
		switch a.Kind {
		case fraud.AuditAct:
			a.ID = id
		case fraud.AuditUsage:
			a.Calls, a.Refused = counts[0], counts[1]
			copy(a.Verdicts[fraud.NotListed:], counts[2:])
		default:
			a.EventID, a.Type, a.IssuedAt = id, indicator.Type(kindOf), fromMillis(issued)
			a.Position = fraud.Position{Partition: int32(a.Place.A), Offset: int64(a.Place.B >> 16), Index: uint16(a.Place.B)}
		}
		if a.Kind == fraud.AuditRepeat {
			a.First.Partition, a.First.Offset = int32(firstPartition), int64(firstOffset)
		}
		records = append(records, a)
		return nil
	})
	return records, unmigrated(err)
}

// auditPart is the SELECT of one kind of record, cut to what can be in the answer.
func auditPart(q *fraud.AuditQuery, kind fraud.AuditKind, ids map[fraud.PartnerNumber]string) string {
	within := func(column string, from time.Time) []string {
		return []string{fmt.Sprintf("%[1]s >= fromUnixTimestamp64Milli(%[2]d) AND %[1]s < fromUnixTimestamp64Milli(%[3]d)",
			column, from.UnixMilli(), q.To.UnixMilli())}
	}
	number := fraud.PartnerNumber(0) // nobody's
	for n, id := range ids {
		if id == q.Partner {
			number = n
		}
	}
	var (
		conditions []string
		what       = "toString(kind)"
		outer      []string
	)
	partner := fmt.Sprintf("partner = %d AND partner != 0", number)
	switch kind {
	case fraud.AuditEvent:
		conditions = within("appended", q.From)
	case fraud.AuditRefusal:
		conditions, what = within("appended", q.From), "reason"
	case fraud.AuditRepeat:
		// The first copy came as much earlier as an event may be old.
		conditions = within("appended", q.From.Add(-fraud.MaxAge-day))
		outer = []string{fmt.Sprintf("at >= %d", q.From.UnixMilli())}
	case fraud.AuditAct:
		conditions, what = within("acts.at", q.From), "acts.what"
		partner = fmt.Sprintf("(by = %[1]s OR whom = %[1]s)", literal(q.Partner))
	case fraud.AuditUsage:
		conditions, what = []string{fmt.Sprintf("hour >= toDateTime(%d) AND hour < toDateTime(%d)",
			q.From.Unix(), q.To.Unix())}, "class"
	}
	if q.Partner != "" {
		conditions = append(conditions, partner)
	}
	if len(q.What) > 0 {
		conditions = append(conditions, what+" IN ("+list(q.What, literal)+")")
	}
	if q.Digest != nil {
		digest := "toFixedString(unhex('" + hex.EncodeToString(q.Digest[:]) + "'), 32)"
		conditions = append(conditions, fmt.Sprintf("type = %[1]s AND (digest = %[2]s OR has(also_digest, %[2]s))",
			literal(q.Type.String()), digest))
	}
	text := fmt.Sprintf(auditSources[kind], arguments(conditions, outer)...)
	order := " ORDER BY at DESC, a DESC, b DESC"
	if !q.Before.At.IsZero() {
		// Outside, where the place has a name.
		b := q.Before
		text = fmt.Sprintf("SELECT * FROM (%s) WHERE (at, %d, a, b) < (%d, %d, %d, %d)", text, kind, b.At.UnixMilli(), b.Kind,
			b.A, b.B)
	}
	return text + fmt.Sprintf("%s LIMIT %d", order, q.Limit)
}

func arguments(conditions ...[]string) (all []any) {
	for _, c := range conditions {
		if len(c) > 0 {
			all = append(all, strings.Join(c, " AND "))
		}
	}
	return slices.Clip(all)
}

// RecordActs adds acts to the audit and returns when they are on disk. It may be repeated.
func (w *Writer) RecordActs(ctx context.Context, acts ...fraud.Act) error {
	rows := make([]*actRow, len(acts))
	for i := range acts {
		rows[i] = &actRow{Act: &acts[i]}
	}
	return unmigrated(insert(ctx, w.conn, "acts", actColumns, rows))
}
