package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// The boards as one direct query over the ledger each: what the roll-up is held against. It shares with it what the registry
// decides (rulesOf) and the order of words alone.

// DirectPlatformBoard counts over the ledger alone, as the boards did before there was a roll-up.
func (r *Reader) DirectPlatformBoard(ctx context.Context, q fraud.BoardQuestion) (all []fraud.PlatformScore, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var ages []string
	for i, age := range fraud.OverdueAges {
		until := "1"
		if i+1 < len(fraud.OverdueAges) {
			until = fmt.Sprintf("age < %d", fraud.OverdueAges[i+1].Milliseconds())
		}
		ages = append(ages, fmt.Sprintf("countIf(overdue AND age >= %d AND %s)", age.Milliseconds(), until))
	}
	query := fmt.Sprintf(`
		SELECT platform, count(), countIf(state = 'withdrawn'), countIf(state = 'open'), countIf(overdue),
			[countIf(state = 'acted'), countIf(state = 'acted' AND did = 1), countIf(state = 'acted' AND did = 2),
				countIf(state = 'acted' AND did = 3), countIf(state = 'acted' AND did = 4), countIf(state = 'acted' AND did = 5),
				countIf(state = 'acted' AND did = 6)],
			quantilesExactInclusiveIf(0.5, 0.9)(acted_at - began, state = 'acted'),
			countIf(state = 'acted' AND declared != 0),
			quantilesExactInclusiveIf(0.5)(declared - began, state = 'acted' AND declared != 0), [%s]
		FROM (SELECT *, %d - began AS age, state = 'open' AND age > %d AS overdue FROM (%s)
			WHERE began >= %d AND began < %d)
		GROUP BY platform ORDER BY platform`, strings.Join(ages, ", "), q.Now.UnixMilli(), q.Overdue.Milliseconds(),
		directSignals(rulesOf(rulingsOf(q.Partners)), directlyReportedIn(&q, " AND platform != 0")), q.From.UnixMilli(), q.To.UnixMilli()) + boardSettings
	err = each(ctx, r.conn, "read the platforms' board", query, func(rows driver.Rows) error {
		var (
			platform      uint16
			s             fraud.PlatformScore
			acted, aged   []uint64
			took, claimed []float64
		)
		err := rows.Scan(&platform, &s.Signals, &s.Withdrawn, &s.Open, &s.Overdue, &acted, &took, &s.Declared, &claimed, &aged)
		if err != nil {
			return err
		}
		if s.Platform = r.platforms.Name(fraud.Code(platform)); s.Platform == "" {
			s.Platform = strconv.Itoa(int(platform))
		}
		copy(s.Acted[:], acted)
		copy(s.OverdueBy[:], aged)
		if s.Acted[0] > 0 {
			s.Median, s.P90 = milliseconds(took[0]), milliseconds(took[1])
		}
		if s.Declared > 0 {
			s.DeclaredMedian = milliseconds(claimed[0])
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// DirectPartnerBoard is the same of partners.
func (r *Reader) DirectPartnerBoard(ctx context.Context, q fraud.BoardQuestion) ([]fraud.PartnerScore, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	scores := map[fraud.PartnerNumber]*fraud.PartnerScore{}
	of := func(number uint16) *fraud.PartnerScore {
		s := scores[fraud.PartnerNumber(number)]
		if s == nil {
			s = &fraud.PartnerScore{Partner: fraud.PartnerNumber(number)}
			scores[s.Partner] = s
		}
		return s
	}
	ask := func(what, query string, row func(driver.Rows) error) error {
		return each(ctx, r.conn, "read the partners' board: "+what, query+boardSettings, row)
	}
	rules := rulesOf(rulingsOf(q.Partners))
	err := ask("what was given", directlyGiven(&q, rules), func(rows driver.Rows) error {
		var (
			number uint16
			s      fraud.PartnerScore
			lead   float64
		)
		if err := rows.Scan(&number, &s.Indicators, &s.First, &s.Led, &lead, &s.Shared, &s.Confirmed, &s.Withdrawn,
			&s.Cleared); err != nil {
			return err
		}
		if s.Led > 0 {
			s.Lead = milliseconds(lead)
		}
		s.Partner = fraud.PartnerNumber(number)
		*of(number) = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Copies of an event lie as far apart as an event may be old.
	said := fmt.Sprintf(`
		SELECT partner, countIf(said = 'report'), countIf(said = 'action'), countIf(said = 'withdraw'), countIf(said = 'clear'),
			countIf(said = 'dispute'), countIf(said = 'uphold') FROM (
			SELECT partner, event_id, min(appended) AS at, any(kind) AS said FROM events
			WHERE kind != 'sighting' AND %s AND (%s) GROUP BY partner, event_id)
		WHERE %s GROUP BY partner`, appendedIn(q.From.Add(-fraud.MaxAge-fraud.MaxSkew), q.To), rules.counts,
		strings.ReplaceAll(appendedIn(q.From, q.To), "appended", "at"))
	err = ask("what was said", said, func(rows driver.Rows) error {
		var (
			number uint16
			s      fraud.PartnerScore
		)
		err := rows.Scan(&number, &s.Reports, &s.Actions, &s.Retracted, &s.Clears, &s.Disputes, &s.Upheld)
		to := of(number)
		to.Reports, to.Actions, to.Retracted, to.Clears = s.Reports, s.Actions, s.Retracted, s.Clears
		to.Disputes, to.Upheld = s.Disputes, s.Upheld
		return err
	})
	if err != nil {
		return nil, err
	}
	asked := fmt.Sprintf(`
		SELECT partner, sum(calls), sum(not_listed + cleared + disputed + suspected + confirmed + unsure),
			sum(suspected + confirmed) FROM usage FINAL
		WHERE class IN ('lookup_one', 'lookup_many', 'lookup_batch') AND hour >= toDateTime(%d) AND hour < toDateTime(%d)
		GROUP BY partner`, q.From.Unix(), q.To.Unix())
	err = ask("what was taken", asked, func(rows driver.Rows) error {
		var (
			number               uint16
			calls, answers, hits uint64
		)
		err := rows.Scan(&number, &calls, &answers, &hits)
		of(number).Lookups, of(number).Asked, of(number).Hits = calls, answers, hits
		return err
	})
	if err != nil {
		return nil, unmigrated(err)
	}
	all := make([]fraud.PartnerScore, 0, len(scores))
	for _, s := range scores {
		if *s != (fraud.PartnerScore{Partner: s.Partner}) {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, func(a, b fraud.PartnerScore) int { return int(a.Partner) - int(b.Partner) })
	return all, nil
}

// directlyGiven counts the indicators that each partner reported for the first time in the span.
func directlyGiven(q *fraud.BoardQuestion, r rules) string {
	return fmt.Sprintf(`
		SELECT partner, count(), countIf(is_first), countIf(is_first AND others), quantileExactInclusiveIf(0.5)(lead, is_first AND others),
			countIf(others), countIf(confirmed), countIf(back != 0), countIf(cleared_at != 0)
		FROM (
			SELECT w.1 AS partner, w.2 AS first, w.3 AS back, cleared_at, length(reports) > 1 AS others,
				partner = reports[1].1 AS is_first, if(others, reports[2].2 - reports[1].2, 0) AS lead,
				cleared_at = 0 AND (authority OR evident > 1) AS confirmed
			FROM (
				SELECT digest, arraySort(w -> (w.2, w.1), groupArrayIf((partner, first, back), first != 0)) AS reports,
					countIf(authority AND listed != 0 AND back = 0) > 0 AS authority,
					uniqExactIf(organisation, listed != 0 AND back = 0 AND bitAnd(grounds, %d) != 0) AS evident, %s
				FROM (%s) GROUP BY digest)
			ARRAY JOIN reports AS w)
		WHERE first >= %d AND first < %d GROUP BY partner`, fraud.Corroborating, clearedAt, directWords(r, directlyReportedIn(q, "")),
		q.From.UnixMilli(), q.To.UnixMilli())
}

// directWords sums up, from the ledger, what each partner said of each digest that a condition chooses. Times are in
// milliseconds, 0 for never, and of the first copy that counts, so that neither copies nor the order of arrival matter.
//
//	first, named   when it first reported it, and with which platforms
//	listed         the version of its last listing, and the evidence of that
//	back           when it took that back
//	cleared        when it cleared it, where that is its last word, and the version of that
//	upheld         the version of its last word, where it is to uphold
//	acted          its first action, what it was, and when it says that it happened
func directWords(r rules, chosen string) string {
	return fmt.Sprintf(`
		SELECT digest, partner, %[3]s AS authority,
			arrayElement(%[4]s, indexOf(%[5]s, toUInt32(partner))) AS organisation,
			minIf(at, kind = 'report') AS first,
			minMapIf([platform], [at], kind = 'report' AND platform != 0 AND %[6]s) AS named,
			maxIf(version, kind IN ('report', 'uphold')) AS listed,
			argMaxIf(evidence, version, kind IN ('report', 'uphold')) AS grounds,
			arrayFilter(w -> w.1 > listed, groupArrayIf((version, at), kind IN ('withdraw', 'clear'))) AS backs,
			if(empty(backs), 0, arrayMin(w -> w.2, backs)) AS back,
			maxIf(version, kind IN ('report', 'withdraw', 'dispute', 'uphold')) AS other,
			arrayFilter(w -> w.1 > other, groupArrayIf((version, at), kind = 'clear')) AS clears,
			if(empty(clears), (toUInt64(0), toInt64(0)), (arrayMax(w -> w.1, clears), arrayMin(w -> w.2, clears))) AS cleared,
			maxIf(version, kind = 'uphold') AS upholds,
			if(upholds != 0 AND upholds = greatest(other, maxIf(version, kind = 'clear')), upholds, 0) AS upheld,
			minIf((at, kafka_partition, kafka_offset, bundle_index, toInt8(action),
				toInt64(toUnixTimestamp64Milli(observed_at))), kind = 'action') AS acted
		FROM (
			SELECT digest, partner, kind, platform, audience, evidence, action, observed_at, kafka_partition, kafka_offset,
				bundle_index, toInt64(toUnixTimestamp64Milli(appended)) AS at, %[7]s AS version
			FROM events WHERE kind != 'sighting' AND digest != `+erasedDigest+` AND (%[1]s) AND (%[2]s))
		GROUP BY digest, partner`, r.counts, chosen, r.authority, r.organisations, r.numbers, r.visible, wordVersion)
}

// clearedAt is when a digest was cleared, of the arrays of its partners' words: by a clear that stands and that no
// authority has answered since; 0 for never.
const clearedAt = `arrayFilter(c -> c.1 > arrayMax(groupArray(upheld)), groupArray(cleared)) AS standing_clears,
	if(empty(standing_clears), 0, arrayMin(c -> c.2, standing_clears)) AS cleared_at`

// directSignals are what a digest and a platform come to.
func directSignals(r rules, chosen string) string {
	return fmt.Sprintf(`
		SELECT platform, began, if(first_act.1 = 0, 0, greatest(first_act.1, began)) AS acted_at, first_act.5 AS did,
			first_act.6 AS declared,
			arrayFilter(t -> t != 0, [if(has(backs_of, 0), 0, arrayMax(backs_of)), cleared_at]) AS ends,
			if(empty(ends), 0, arrayMin(ends)) AS ended,
			multiIf(ended != 0 AND (acted_at = 0 OR ended < acted_at), 'withdrawn', acted_at != 0, 'acted', 'open') AS state
		FROM (
			SELECT platform, began, cleared_at,
				arrayMap(w -> w.2, arrayFilter(w -> has(w.1, platform), reporters)) AS backs_of,
				arraySort(arrayMap(w -> w.2, arrayFilter(w -> has(%[2]s, toUInt32(w.1) * 65536 + platform), actors)))[1] AS first_act
			FROM (
				SELECT digest, minMap(named) AS begins, groupArrayIf((named.1, back), notEmpty(named.1)) AS reporters,
					groupArrayIf((partner, acted), acted.1 != 0) AS actors, %[3]s
				FROM (%[1]s)
				GROUP BY digest)
			ARRAY JOIN begins.1 AS platform, begins.2 AS began)`, directWords(r, chosen), r.runs, clearedAt)
}

// directlyReportedIn chooses the digests that were reported in a span of time.
func directlyReportedIn(q *fraud.BoardQuestion, more string) string {
	return fmt.Sprintf("digest GLOBAL IN (SELECT digest FROM events WHERE kind = 'report' AND %s%s)",
		appendedIn(q.From, q.To), more)
}

func appendedIn(from, to time.Time) string {
	return fmt.Sprintf("appended >= fromUnixTimestamp64Milli(%d) AND appended < fromUnixTimestamp64Milli(%d)",
		from.UnixMilli(), to.UnixMilli())
}
