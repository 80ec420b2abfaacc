package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Revise adds revisions of partners' records, each with the act that made it, and returns when they are on disk. It may
// be repeated. In this order:
//
//  1. the acts, so that nothing is done that the audit does not tell of
//  2. who the numbers are
//  3. the revisions, as one block: all of them or none
//
// A failure leaves open whether the revisions stand: look before repeating with another act.
func (w *Writer) Revise(ctx context.Context, revisions []fraud.PartnerRevision, acts []fraud.Act) error {
	numbers := map[uuid.UUID]fraud.PartnerNumber{}
	rows := make([]*revisionRow, len(revisions))
	who := make([]*fraud.Partner, len(revisions))
	for i := range revisions {
		r := &revisions[i]
		record, err := json.Marshal(&r.PartnerRecord)
		if err != nil {
			return fmt.Errorf("store: revise %s: %w", r.ID, err)
		}
		numbers[r.Act], who[i] = r.Number, &r.Partner
		rows[i] = &revisionRow{r, string(record)}
	}
	told := make([]*actRow, len(acts))
	for i := range acts {
		told[i] = &actRow{&acts[i], numbers[acts[i].ID]}
	}
	if err := insert(ctx, w.conn, "acts", actColumns, told); err != nil {
		return unmigrated(err)
	}
	if err := insert(ctx, w.conn, "partners", partnerColumns, who); err != nil {
		return err
	}
	return unmigrated(insert(ctx, w.conn, "partner_revisions", revisionColumns, rows))
}

// PutActs adds acts that change no record. It may be repeated.
func (w *Writer) PutActs(ctx context.Context, acts []fraud.Act) error {
	told := make([]*actRow, len(acts))
	for i := range acts {
		told[i] = &actRow{Act: &acts[i]}
	}
	return unmigrated(insert(ctx, w.conn, "acts", actColumns, told))
}

// PartnerRevisions reads the revision of each partner that is in force, in the order of their numbers. A record that
// this version cannot read has its number and no id: one such record must not hold up what was revoked in others.
func (r *Reader) PartnerRevisions(ctx context.Context) ([]fraud.PartnerRevision, error) {
	return r.revisions(ctx, "number, revision DESC, act")
}

// revisions reads one revision of each partner: the first in an order.
func (r *Reader) revisions(ctx context.Context, order string) (all []fraud.PartnerRevision, err error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	query := `SELECT number, revision, act, toUnixTimestamp64Milli(at), record FROM partner_revisions
		ORDER BY ` + order + ` LIMIT 1 BY number`
	err = each(ctx, r.conn, "read the registry", query, func(rows driver.Rows) error {
		var (
			rev         fraud.PartnerRevision
			number      uint16
			act, record string
			at          int64
		)
		if err := rows.Scan(&number, &rev.Revision, &act, &at, &record); err != nil {
			return err
		}
		if json.Unmarshal([]byte(record), &rev.PartnerRecord) != nil {
			rev.PartnerRecord = fraud.PartnerRecord{}
		}
		rev.Number = fraud.PartnerNumber(number)
		if rev.Act, err = uuid.Parse(act); err != nil {
			return err
		}
		rev.At = fromMillis(at)
		all = append(all, rev)
		return nil
	})
	return all, unmigrated(err)
}

// Acts reads at most limit acts before a place, or the newest of all for the zero place; the newest first.
func (r *Reader) Acts(ctx context.Context, before fraud.ActPlace, limit int) (acts []fraud.Act, err error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	where := "1"
	if !before.At.IsZero() {
		where = fmt.Sprintf("(at, id) < (fromUnixTimestamp64Milli(%d, 'UTC'), '%s')", millis(before.At), before.ID)
	}
	query := fmt.Sprintf(`
		SELECT toUnixTimestamp64Milli(at), id, by, key, what, whom, object, reason, revision, revision = 0 OR id IN (
			SELECT min(act) FROM partner_revisions GROUP BY number, revision)
		FROM acts FINAL WHERE %s ORDER BY at DESC, id DESC LIMIT %d
		SETTINGS distributed_product_mode = 'global'`, where, limit)
	err = each(ctx, r.conn, "read acts", query, func(rows driver.Rows) error {
		var (
			a    fraud.Act
			at   int64
			id   string
			what string
			done uint8
		)
		err := rows.Scan(&at, &id, &a.By, &a.Key, &what, &a.Whom, &a.Object, &a.Reason, &a.Revision, &done)
		if err != nil {
			return err
		}
		a.At, a.What, a.Done = fromMillis(at), fraud.Deed(what), done == 1
		if a.ID, err = uuid.Parse(id); err != nil {
			return err
		}
		acts = append(acts, a)
		return nil
	})
	return acts, unmigrated(err)
}

type revisionRow struct {
	*fraud.PartnerRevision
	record string
}

var revisionColumns = []column[revisionRow]{
	of("number", func(r *revisionRow) uint16 { return uint16(r.Number) }),
	of("revision", func(r *revisionRow) uint64 { return r.Revision }),
	of("act", func(r *revisionRow) string { return r.Act.String() }),
	of("at", func(r *revisionRow) int64 { return millis(r.At) }),
	of("record", func(r *revisionRow) string { return r.record }),
}

type actRow struct {
	*fraud.Act
	number fraud.PartnerNumber
}

var actColumns = []column[actRow]{
	of("at", func(a *actRow) int64 { return millis(a.At) }),
	of("id", func(a *actRow) string { return a.ID.String() }),
	of("by", func(a *actRow) string { return a.By }),
	of("key", func(a *actRow) string { return a.Key }),
	of("what", func(a *actRow) string { return string(a.What) }),
	of("whom", func(a *actRow) string { return a.Whom }),
	of("object", func(a *actRow) string { return a.Object }),
	of("reason", func(a *actRow) string { return a.Reason }),
	of("number", func(a *actRow) uint16 { return uint16(a.number) }),
	of("revision", func(a *actRow) uint64 { return a.Revision }),
}
