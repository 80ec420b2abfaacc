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

// boardTimeout is how long a board may take: a year of ten million events is some seconds' work.
const boardTimeout = 30 * time.Second

const boardSettings = spill + ", distributed_product_mode = 'global', join_use_nulls = 0"

// PlatformBoard tells what became of the signals that began in a span of time, for each platform that has any, in the
// order of their codes. It equals a direct count over the ledger at this moment.
func (r *Reader) PlatformBoard(ctx context.Context, q fraud.BoardQuestion) (all []fraud.PlatformScore, err error) {
	by := rulesOf(rulingsOf(q.Partners))
	err = r.steadily(ctx, &by, func(ctx context.Context, known *boardState) error {
		all, err = r.platformBoard(ctx, known, &by, &q)
		return err
	})
	return all, err
}

// PartnerBoard tells what each partner gave and took in a span of time, which begins and ends with an hour, for each
// that did, in the order of their numbers. It equals a direct count over the ledger at this moment.
func (r *Reader) PartnerBoard(ctx context.Context, q fraud.BoardQuestion) (all []fraud.PartnerScore, err error) {
	by := rulesOf(rulingsOf(q.Partners))
	err = r.steadily(ctx, &by, func(ctx context.Context, known *boardState) error {
		all, err = r.partnerBoard(ctx, known, &by, &q)
		return err
	})
	return all, err
}

// steadily counts with what the roll-up knows: again where that began, meanwhile, to be counted by rules of which the count
// did not know.
func (r *Reader) steadily(ctx context.Context, by *rules, count func(context.Context, *boardState) error) error {
	ctx, cancel := context.WithTimeout(ctx, boardTimeout)
	defer cancel()
	for {
		known, err := readBoardState(ctx, r.conn)
		if err != nil {
			return err
		}
		if err := count(ctx, known); err != nil {
			return err
		}
		others, err := known.overtaken(ctx, r.conn, by)
		if err != nil || !others {
			return err
		}
	}
}

func (r *Reader) platformBoard(
	ctx context.Context, known *boardState, by *rules, q *fraud.BoardQuestion,
) (all []fraud.PlatformScore, err error) {
	var ages []string
	for i, age := range fraud.OverdueAges {
		until := always
		if i+1 < len(fraud.OverdueAges) {
			until = fmt.Sprintf("age < %d", fraud.OverdueAges[i+1].Milliseconds())
		}
		ages = append(ages, fmt.Sprintf("countIf(overdue AND age >= %d AND %s)", age.Milliseconds(), until))
	}
	query := fmt.Sprintf(`
		SELECT platform, count(), countIf(state = %[1]d), countIf(state = %[2]d), countIf(overdue),
			[countIf(state = %[3]d), countIf(state = %[3]d AND did = 1), countIf(state = %[3]d AND did = 2),
				countIf(state = %[3]d AND did = 3), countIf(state = %[3]d AND did = 4), countIf(state = %[3]d AND did = 5),
				countIf(state = %[3]d AND did = 6)],
			quantilesExactInclusiveIf(0.5, 0.9)(acted - began, state = %[3]d),
			countIf(state = %[3]d AND declared != 0),
			quantilesExactInclusiveIf(0.5)(declared - began, state = %[3]d AND declared != 0), [%[4]s]
		FROM (
			SELECT signal.1 AS platform, signal.2 AS began, signal.3 AS acted, signal.4 AS did, signal.5 AS declared,
				signal.6 AS state, %[5]d - began AS age, state = %[2]d AND age > %[6]d AS overdue
			FROM (%[7]s) ARRAY JOIN signals AS signal
			WHERE began >= %[8]d AND began < %[9]d)
		GROUP BY platform ORDER BY platform`, signalWithdrawn, signalOpen, signalActed, strings.Join(ages, ", "),
		q.Now.UnixMilli(), q.Overdue.Milliseconds(), known.indicators(by, reportedIn(q)), q.From.UnixMilli(), q.To.UnixMilli())
	err = each(ctx, r.conn, "read the platforms' board", query+boardSettings, func(rows driver.Rows) error {
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

// reportedIn chooses the digests that were reported in a span of time.
func reportedIn(q *fraud.BoardQuestion) string {
	return fmt.Sprintf("digest GLOBAL IN (SELECT digest FROM events WHERE kind = 'report' AND "+
		"appended >= fromUnixTimestamp64Milli(%d) AND appended < fromUnixTimestamp64Milli(%d))", q.From.UnixMilli(), q.To.UnixMilli())
}

func milliseconds(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
}

func (r *Reader) partnerBoard(
	ctx context.Context, known *boardState, by *rules, q *fraud.BoardQuestion,
) ([]fraud.PartnerScore, error) {
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
	// Of the indicators that a partner reported for the first time in the span.
	given := fmt.Sprintf(`
		SELECT partner, count(), countIf(is_first), countIf(is_first AND others),
			quantileExactInclusiveIf(0.5)(lead, is_first AND others), countIf(others), countIf(confirmed), countIf(back),
			countIf(cleared)
		FROM (
			SELECT reporter.1 AS partner, reporter.2 AS first, reporter.3 AS back, cleared, confirmed, length(reporters) > 1 AS others,
				partner = reporters[1].1 AS is_first, if(others, reporters[2].2 - reporters[1].2, 0) AS lead
			FROM (%s) ARRAY JOIN reporters AS reporter
			WHERE first >= %d AND first < %d)
		GROUP BY partner`, known.indicators(by, reportedIn(q)), q.From.UnixMilli(), q.To.UnixMilli())
	err := ask("what was given", given, func(rows driver.Rows) error {
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
	hours, err := known.said(ctx, r.conn, by, q.From, q.To)
	if err != nil {
		return nil, err
	}
	said := fmt.Sprintf("SELECT partner, %s FROM (%s) ARRAY JOIN said AS word WHERE word.2 >= %d AND word.2 < %d GROUP BY partner",
		list([]fraud.Kind{fraud.Report, fraud.ActionTaken, fraud.Withdraw, fraud.Clear, fraud.Dispute, fraud.Uphold},
			func(k fraud.Kind) string { return fmt.Sprintf("sumIf(word.3, word.1 = %d)", k) }), hours, q.From.Unix(), q.To.Unix())
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
