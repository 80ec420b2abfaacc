package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// MaxDisputes is how many disputes one question is answered with: the newest.
const MaxDisputes = 20_000

// AddDisputeStep adds a step and returns when it is on disk. It may be repeated.
func (w *Writer) AddDisputeStep(ctx context.Context, step fraud.DisputeStep) error {
	return unmigrated(insert(ctx, w.conn, "dispute_steps", disputeStepColumns, []*fraud.DisputeStep{&step}))
}

var disputeStepColumns = []column[fraud.DisputeStep]{
	of("dispute", func(s *fraud.DisputeStep) uuid.UUID { return s.Dispute }),
	of("number", func(s *fraud.DisputeStep) uint8 { return s.Number }),
	of("id", func(s *fraud.DisputeStep) string { return s.ID.String() }),
	of("at", func(s *fraud.DisputeStep) int64 { return millis(s.At) }),
	of("step", func(s *fraud.DisputeStep) string { return s.To.String() }),
	of("by", func(s *fraud.DisputeStep) string { return s.By }),
	of("key", func(s *fraud.DisputeStep) string { return s.Key }),
	of("reason", func(s *fraud.DisputeStep) string { return s.Reason }),
	of("investigator", func(s *fraud.DisputeStep) string { return s.Investigator }),
	of("event_id", func(s *fraud.DisputeStep) uuid.UUID { return s.Event }),
	of("issued_at", func(s *fraud.DisputeStep) int64 { return millis(s.IssuedAt) }),
	of("category", func(s *fraud.DisputeStep) string { return s.Category }),
	of("confidence", func(s *fraud.DisputeStep) uint8 { return s.Confidence }),
}

// Dispute reads one dispute; false where no event of kind dispute has the id, or it is not stored yet. Of two partners'
// events with one id the first that Kafka took is the dispute.
func (r *Reader) Dispute(ctx context.Context, id uuid.UUID) (fraud.DisputeCase, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	all, err := r.disputes(ctx, fmt.Sprintf("event_id = '%s'", id), fmt.Sprintf("dispute = '%s'", id))
	if err != nil || len(all) == 0 {
		return fraud.DisputeCase{}, false, err
	}
	return all[0], true, nil
}

// Disputes reads the disputes that were opened since a time, and those before of which no step tells a decision; the
// newest first, MaxDisputes at most.
func (r *Reader) Disputes(ctx context.Context, since time.Time) ([]fraud.DisputeCase, error) {
	return r.disputes(ctx, fmt.Sprintf("(appended >= fromUnixTimestamp64Milli(%d) OR event_id NOT IN ("+
		"SELECT dispute FROM dispute_steps WHERE step NOT IN ('%s')))", millis(since), fraud.DisputeUnderReview), "1")
}

// acrossShards lets a subquery see all shards.
const acrossShards = " SETTINGS distributed_product_mode = 'global'"

// disputes reads, after one another, the events, their steps, and the words on their digests. What is written meanwhile
// may show in the later ones alone. A dispute of what was erased is none any more.
func (r *Reader) disputes(ctx context.Context, which, whose string) (all []fraud.DisputeCase, err error) {
	which = "kind = 'dispute' AND digest != " + erasedDigest + " AND " + which
	places := map[uuid.UUID]int{}
	query := fmt.Sprintf(`
		SELECT event_id, f.1, toUnixTimestamp64Milli(f.2), toUnixTimestamp64Milli(f.3), f.4, f.5, f.6, f.7, f.8 FROM (
			SELECT event_id, argMin((partner, appended, issued_at, toInt8(type), epoch, digest,
				arrayMap(g -> toInt8(g), also_grade), also_digest),
				(appended, kafka_partition, kafka_offset, bundle_index)) AS f
			FROM events WHERE %s GROUP BY event_id)
		ORDER BY f.2 DESC, event_id LIMIT %d`, which, MaxDisputes)
	err = each(ctx, r.conn, "read disputes", query+acrossShards, func(rows driver.Rows) error {
		var (
			d                fraud.DisputeCase
			opener           uint16
			appended, issued int64
			kind             int8
			digest           string
			grades           []int8
			digests          []string
		)
		if err := rows.Scan(&d.ID, &opener, &appended, &issued, &kind, &d.Indicator.Epoch, &digest, &grades,
			&digests); err != nil {
			return err
		}
		if len(digest) != len(d.Indicator.Digest) || len(grades) != len(digests) {
			return errors.New("a dispute's digests are not of their form")
		}
		d.Opener, d.OpenedAt, d.IssuedAt = fraud.PartnerNumber(opener), fromMillis(appended), fromMillis(issued)
		d.Indicator.Type, d.Indicator.Digest = indicator.Type(kind), indicator.Digest([]byte(digest))
		for i := range digests {
			also := fraud.Also{Grade: indicator.Grade(grades[i])}
			copy(also.Digest[:], digests[i])
			d.Indicator.Also = append(d.Indicator.Also, also)
		}
		places[d.ID] = len(all)
		all = append(all, d)
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if err := r.disputeSteps(ctx, whose, all, places); err != nil {
		return nil, err
	}
	on := map[indicator.Digest][]*fraud.DisputeCase{}
	for i := range all {
		d := &all[i]
		on[d.Indicator.Digest] = append(on[d.Indicator.Digest], d)
	}
	return all, r.disputeWords(ctx, which, on)
}

// disputeWords adds what stands on the digests. They lie everywhere in a large table: without FINAL only their own column
// is read of it, and of several rows with one key the one that stands is found here.
func (r *Reader) disputeWords(ctx context.Context, which string, on map[indicator.Digest][]*fraud.DisputeCase) error {
	standing := map[fraud.Key]fraud.Opinion{}
	query := "SELECT " + packedOpinion + " FROM opinions WHERE digest IN (SELECT digest FROM events WHERE " + which + ")"
	err := each(ctx, r.conn, "read disputed opinions", query+acrossShards, func(rows driver.Rows) error {
		var o fraud.Opinion
		if err := rows.Scan(&o); err != nil {
			return err
		}
		if was, known := standing[o.Key()]; !known || o.Supersedes(&was) {
			standing[o.Key()] = o
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range standing {
		for _, d := range on[o.Digest] {
			if o.Type == d.Indicator.Type {
				d.Opinions = append(d.Opinions, o)
			}
		}
	}
	return nil
}

// disputeSteps adds the steps that stand, and whether the ledger holds what they say.
func (r *Reader) disputeSteps(
	ctx context.Context, whose string, all []fraud.DisputeCase, places map[uuid.UUID]int,
) error {
	said := map[uuid.UUID]bool{}
	query := fmt.Sprintf(`SELECT DISTINCT event_id FROM events WHERE event_id IN (
		SELECT event_id FROM dispute_steps WHERE %s) AND kind IN ('uphold', 'clear')`, whose)
	err := each(ctx, r.conn, "read decisions", query+acrossShards, func(rows driver.Rows) error {
		var id uuid.UUID
		err := rows.Scan(&id)
		said[id] = true
		return err
	})
	if err != nil {
		return unmigrated(err)
	}
	query = fmt.Sprintf(`SELECT dispute, number, id, toUnixTimestamp64Milli(at), step, by, key, reason, investigator,
			event_id, toUnixTimestamp64Milli(issued_at), category, confidence
		FROM dispute_steps WHERE %s ORDER BY dispute, number, id LIMIT 1 BY dispute, number`, whose)
	err = each(ctx, r.conn, "read steps of disputes", query, func(rows driver.Rows) error {
		var (
			s          fraud.DisputeStep
			id, to     string
			at, issued int64
		)
		if err := rows.Scan(&s.Dispute, &s.Number, &id, &at, &to, &s.By, &s.Key, &s.Reason, &s.Investigator, &s.Event,
			&issued, &s.Category, &s.Confidence); err != nil {
			return err
		}
		place, known := places[s.Dispute]
		if !known {
			return nil
		}
		var err error
		if s.ID, err = uuid.Parse(id); err != nil {
			return err
		}
		if err := s.To.UnmarshalText([]byte(to)); err != nil {
			return err
		}
		s.At, s.IssuedAt = fromMillis(at), fromMillis(issued)
		d := &all[place]
		d.Steps = append(d.Steps, s)
		if s.Event != uuid.Nil {
			d.Said = said[s.Event]
		}
		return nil
	})
	return unmigrated(err)
}
