package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// SaidSince calls each with all that a partner ever said of one indicator, for each of which it said something that was
// accepted in [since, until); a zero until is open. Sightings and actions are left out. Of an entry the terms are codes
// alone. The slice is good during the call only; an error of each ends it.
func (r *Reader) SaidSince(
	ctx context.Context, partner fraud.PartnerNumber, since, until time.Time, yield func([]fraud.Entry) error,
) error {
	within := fmt.Sprintf("appended >= fromUnixTimestamp64Milli(%d)", millis(since))
	if !until.IsZero() {
		within += fmt.Sprintf(" AND appended < fromUnixTimestamp64Milli(%d)", millis(until))
	}
	query := fmt.Sprintf(`
		SELECT event_id, CAST(kind, 'Int8'), toUnixTimestamp64Milli(issued_at), CAST(type, 'Int8'), epoch, digest,
			CAST(also_grade, 'Array(Int8)'), also_digest, category, CAST(role, 'Int8'), confidence, evidence,
			toUnixTimestamp64Milli(observed_at), toUnixTimestamp64Milli(expires_at), CAST(tlp, 'Int8'),
			CAST(advice, 'Int8'), platform, institution, region, CAST(loss_band, 'Int8'), case_id,
			toUnixTimestamp64Milli(appended), signed_by, sharing_group, held
		FROM events
		WHERE partner = %[1]d AND kind NOT IN ('sighting', 'action') AND (type, digest) GLOBAL IN (
			SELECT type, digest FROM events WHERE partner = %[1]d AND kind NOT IN ('sighting', 'action') AND %[2]s
				AND digest != toFixedString('', 32)) -- which is what was erased
		ORDER BY type, digest`, partner, within) + spill
	var block []fraud.Entry
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		err := yield(block)
		block = block[:0]
		return err
	}
	err := each(ctx, r.conn, "read what a partner said", query, func(rows driver.Rows) error {
		e, err := scanSaid(rows)
		if err != nil {
			return err
		}
		e.Partner = partner
		if len(block) > 0 && (block[0].Event.Indicator.Type != e.Event.Indicator.Type ||
			block[0].Event.Indicator.Digest != e.Event.Indicator.Digest) {
			if err := flush(); err != nil {
				return err
			}
		}
		block = append(block, e)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func scanSaid(rows driver.Rows) (e fraud.Entry, err error) {
	var (
		id                                   uuid.UUID
		kind, kindOf, role, tlp, advice      int8
		lossBand                             int8
		issued, observed, expires, appended  int64
		epoch                                uint16
		digest                               []byte
		grades                               []int8
		also                                 []string
		category, platform, institution, reg uint16
		confidence, evidence, signed, group  uint8
		held                                 bool
		incident                             string
	)
	if err := rows.Scan(&id, &kind, &issued, &kindOf, &epoch, &digest, &grades, &also, &category, &role, &confidence,
		&evidence, &observed, &expires, &tlp, &advice, &platform, &institution, &reg, &lossBand, &incident, &appended,
		&signed, &group, &held); err != nil {
		return e, err
	}
	e = fraud.Entry{
		Appended: fromMillis(appended), Category: fraud.Code(category), Platform: fraud.Code(platform),
		Institution: fraud.Code(institution), Region: fraud.Code(reg), SignedBy: fraud.KeyNumber(signed),
		Group: fraud.Group(group), Held: held,
		Event: fraud.Event{
			ID: id, Kind: fraud.Kind(kind), IssuedAt: fromMillis(issued),
			Indicator: fraud.Ref{Type: indicator.Type(kindOf), Epoch: epoch, Digest: indicator.Digest(digest)},
			Role:      fraud.Role(role), Confidence: confidence, Evidence: fraud.Evidence(evidence),
			ObservedAt: fromMillis(observed), ExpiresAt: fromMillis(expires), TLP: fraud.TLP(tlp),
			Advice: fraud.Advice(advice), LossBand: fraud.LossBand(lossBand), Case: incident,
		},
	}
	for i, d := range also {
		e.Event.Indicator.Also = append(e.Event.Indicator.Also,
			fraud.Also{Grade: indicator.Grade(grades[i]), Digest: indicator.Digest([]byte(d))})
	}
	return e, nil
}
