package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// sayingsOfOne is how many events of one partner on one indicator are read, the newest: nobody pushes another's words
// out of sight. They are counted by audience, so that what an asker may not see pushes nothing out either.
const sayingsOfOne = 200

// Sayings reads the events that name one of some digests, as their indicator or as a broader or weaker expression of it,
// in the order in which the hub accepted them. Of each partner those are missing that came before its newest 200.
func (r *Reader) Sayings(ctx context.Context, digests []indicator.Digest) (all []fraud.Entry, err error) {
	if len(digests) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	list := make([]string, len(digests))
	for i, d := range digests {
		list[i] = "unhex('" + d.String() + "')"
	}
	const columns = `toUnixTimestamp64Milli(appended) AS at, kafka_partition, kafka_offset, bundle_index, partner, event_id,
		toUInt8(CAST(kind, 'Int8')) AS kind, toUnixTimestamp64Milli(issued_at) AS issued, toUInt8(CAST(type, 'Int8')) AS type,
		epoch, digest, CAST(also_grade, 'Array(Int8)') AS grades, also_digest, category, evidence, confidence,
		toUInt8(CAST(advice, 'Int8')) AS advice, toUInt8(CAST(action, 'Int8')) AS action,
		toUnixTimestamp64Milli(expires_at) AS expires, toUInt8(CAST(tlp, 'Int8')) AS tlp, signed_by, sharing_group, held,
		audience`
	// Two questions, since no index helps with "or".
	query := fmt.Sprintf(`
		SELECT * FROM (
			SELECT * FROM (
				SELECT %[1]s FROM events WHERE digest IN (%[2]s)
				UNION ALL
				SELECT %[1]s FROM events WHERE hasAny(also_digest, [%[2]s]))
			LIMIT 1 BY kafka_partition, kafka_offset, bundle_index)
		ORDER BY at DESC, kafka_partition DESC, kafka_offset DESC, bundle_index DESC LIMIT %[3]d BY partner, audience`,
		columns, strings.Join(list, ", "), sayingsOfOne)
	err = each(ctx, r.conn, "read a history", query, func(rows driver.Rows) error {
		var (
			e                         fraud.Entry
			at, issued, expires       int64
			partition                 uint32
			offset                    uint64
			partner, category         uint16
			id                        uuid.UUID
			kind, of, evidence        uint8
			advice, action, tlp       uint8
			signedBy, group, audience uint8
			digest                    string
			grades                    []int8
			also                      []string
		)
		err := rows.Scan(&at, &partition, &offset, &e.Index, &partner, &id, &kind, &issued, &of, &e.Event.Indicator.Epoch,
			&digest, &grades, &also, &category, &evidence, &e.Event.Confidence, &advice, &action, &expires, &tlp, &signedBy,
			&group, &e.Held, &audience)
		if err != nil {
			return err
		}
		e.Partition, e.Offset, e.Appended = int32(partition), int64(offset), fromMillis(at)
		e.Partner, e.Category = fraud.PartnerNumber(partner), fraud.Code(category)
		e.SignedBy, e.Group = fraud.KeyNumber(signedBy), fraud.Group(group)
		v := &e.Event
		v.ID, v.Kind, v.IssuedAt, v.Evidence = id, fraud.Kind(kind), fromMillis(issued), fraud.Evidence(evidence)
		v.Advice, v.Action, v.TLP = fraud.Advice(advice), fraud.Action(action), fraud.TLP(tlp)
		v.ExpiresAt = fromMillis(expires)
		v.Indicator.Type, v.Indicator.Digest = indicator.Type(of), indicator.Digest([]byte(digest))
		for i := range also {
			v.Indicator.Also = append(v.Indicator.Also,
				fraud.Also{Grade: indicator.Grade(grades[i]), Digest: indicator.Digest([]byte(also[i]))})
		}
		all = append(all, e)
		return nil
	})
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all, err
}

// PartnersAt reads of each partner the revision that was in force at a time, and the first one of a partner that had
// none by then: the registry was a file. It is empty in a hub whose registry is still one.
func (r *Reader) PartnersAt(ctx context.Context, at time.Time) ([]fraud.PartnerRevision, error) {
	by := fmt.Sprintf("at <= fromUnixTimestamp64Milli(%d, 'UTC')", millis(at))
	return r.revisions(ctx, fmt.Sprintf("number, %[1]s DESC, if(%[1]s, revision, 0) DESC, revision, act", by))
}
