package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// dayNumber is [fraud.DayOf] of the append time.
const dayNumber = "intDiv(toUnixTimestamp(appended) + 28800, 86400)"

// Said tells how much each partner said on each day since a time, in some messages, less what is void; an event that
// stands twice in them counts twice. A copy of a row that was not merged yet counts only if it is not to be exact, which
// takes memory for each event.
func (r *Reader) Said(
	ctx context.Context, in []fraud.Messages, since time.Time, exact bool, voids []fraud.PartnerVoid,
) (all []fraud.Said, err error) {
	if len(in) == 0 {
		return nil, nil
	}
	where := make([]string, len(in))
	for i, m := range in {
		where[i] = fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d", m.Partition, m.From, m.To)
	}
	except := ""
	for _, v := range voids {
		except += fmt.Sprintf(" AND NOT (partner = %d AND toUnixTimestamp(appended) >= %d", v.Partner, v.Since)
		if v.Until != 0 {
			except += fmt.Sprintf(" AND toUnixTimestamp(appended) < %d", v.Until)
		}
		if v.SignedBy != 0 {
			except += fmt.Sprintf(" AND signed_by = %d", v.SignedBy)
		}
		except += ")"
	}
	count := "countIf"
	if exact {
		count = "uniqExactIf((kafka_partition, kafka_offset, bundle_index), "
	} else {
		count += "("
	}
	query := fmt.Sprintf(`
		SELECT partner, toInt64(%[1]s) AS day, toUInt64(%[2]skind IN ('report', 'uphold'))),
			toUInt64(%[2]skind IN ('clear', 'dispute')))
		FROM events WHERE appended >= fromUnixTimestamp64Milli(%[3]d) AND (%[4]s)%[5]s
		GROUP BY partner, day`, dayNumber, count, millis(since), strings.Join(where, " OR "), except)
	err = each(ctx, r.conn, "count what partners said", query, func(rows driver.Rows) error {
		var (
			partner               uint16
			day                   int64
			listings, retractions uint64
		)
		if err := rows.Scan(&partner, &day, &listings, &retractions); err != nil {
			return err
		}
		all = append(all, fraud.Said{Partner: fraud.PartnerNumber(partner), Day: fraud.Day(day), Listings: int(listings),
			Retractions: int(retractions)})
		return nil
	})
	return all, err
}

// StoredTo is the end of what the ledger holds of each partition without a gap, by what was written of it: unlike
// [Reader.StoredOffsets] it does not look whether the disk has kept it, and costs one query.
func (r *Reader) StoredTo(ctx context.Context) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	all, err := readRanges(ctx, r.conn)
	if err != nil {
		return nil, err
	}
	to := make(map[int32]int64, len(all))
	for partition, ranges := range all {
		to[partition] = ranges[0].next
	}
	return to, nil
}

// HeldAt tells which events in some messages were held.
func (r *Reader) HeldAt(ctx context.Context, in fraud.Messages) (map[fraud.Position]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	held := map[fraud.Position]bool{}
	query := fmt.Sprintf(`SELECT kafka_offset, bundle_index FROM events
		WHERE kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d
		GROUP BY kafka_offset, bundle_index HAVING min(held)`, in.Partition, in.From, in.To)
	err := each(ctx, r.conn, "see what was held", query, func(rows driver.Rows) error {
		var (
			offset uint64
			index  uint16
		)
		if err := rows.Scan(&offset, &index); err != nil {
			return err
		}
		held[fraud.Position{Partition: in.Partition, Offset: int64(offset), Index: index}] = true
		return nil
	})
	return held, err
}

// listedBlock bounds a query that names digests: ClickHouse parses 256 KiB.
const listedBlock = 2000

// Listed tells which digests a partner lists, by words that are not held.
func (r *Reader) Listed(ctx context.Context, partner fraud.PartnerNumber, digests []indicator.Digest) (
	map[indicator.Digest]bool, error,
) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	listed := map[indicator.Digest]bool{}
	for len(digests) > 0 {
		n := min(len(digests), listedBlock)
		query := fmt.Sprintf(`SELECT digest FROM opinions FINAL WHERE partner = %d AND origin = 0 AND NOT sighted
			AND stance IN ('listed', 'upheld') AND NOT bitTest(provenance, 11) AND digest IN (%s)`, partner,
			list(digests[:n], func(d indicator.Digest) string {
				return "unhex('" + hex.EncodeToString(d[:]) + "')"
			}))
		digests = digests[n:]
		if err := each(ctx, r.conn, "see what a partner lists", query, func(rows driver.Rows) error {
			var digest []byte
			if err := rows.Scan(&digest); err != nil {
				return err
			}
			listed[indicator.Digest(digest)] = true
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return listed, nil
}

// Holds tells what was held since a time, the newest day first.
func (r *Reader) Holds(ctx context.Context, since time.Time) (all []fraud.HeldWords, err error) {
	ctx, cancel := context.WithTimeout(ctx, holdsTimeout)
	defer cancel()
	// An event that was delivered twice, and held once, is not held: see [fraud.Opinion.Tie].
	query := fmt.Sprintf(`
		SELECT who, day, kind_of, what, count() AS n, min(at), max(at) FROM (
			SELECT any(partner) AS who, any(toInt64(%s)) AS day, any(CAST(type, 'Int8')) AS kind_of,
				any(CAST(kind, 'Int8')) AS what, any(toInt64(toUnixTimestamp64Milli(appended))) AS at
			FROM events WHERE held AND appended >= fromUnixTimestamp64Milli(%d)
			GROUP BY kafka_partition, kafka_offset, bundle_index)
		GROUP BY who, day, kind_of, what ORDER BY day DESC, who, kind_of, what`, dayNumber, millis(since)) + spill
	err = each(ctx, r.conn, "see what is held", query, func(rows driver.Rows) error {
		var (
			partner      uint16
			day          int64
			kindOf, kind int8
			n            uint64
			first, last  int64
		)
		if err := rows.Scan(&partner, &day, &kindOf, &kind, &n, &first, &last); err != nil {
			return err
		}
		h := fraud.HeldWords{Partner: fraud.PartnerNumber(partner), Day: fraud.Day(day), First: fromMillis(first),
			Last: fromMillis(last), Types: map[indicator.Type]int{}, Kinds: map[fraud.Kind]int{}}
		if k := len(all); k > 0 && all[k-1].Partner == h.Partner && all[k-1].Day == h.Day {
			before := &all[k-1]
			if before.First.Before(h.First) {
				h.First = before.First
			}
			if before.Last.After(h.Last) {
				h.Last = before.Last
			}
			h.Events, h.Types, h.Kinds = before.Events, before.Types, before.Kinds
			all = all[:k-1]
		}
		h.Events += int(n)
		h.Types[indicator.Type(kindOf)] += int(n)
		h.Kinds[fraud.Kind(kind)] += int(n)
		all = append(all, h)
		return nil
	})
	return all, unmigrated(err)
}

// holdsTimeout is for a look at a month of the ledger, of one column that is nearly all zero.
const holdsTimeout = 7 * time.Second
