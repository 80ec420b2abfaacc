package store

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// BoardAudit compares the boards' roll-up with the ledger, as far as it was rolled up.
type BoardAudit struct {
	// RolledUp is false where nothing is, and boards are counted from the ledger itself.
	RolledUp bool `json:"rolled_up"`
	// Indicators is how many were worked out anew from the ledger, of Total; above 5 million those of a random slice.
	Indicators uint64 `json:"indicators"`
	Total      uint64 `json:"total"`
	// Hours is how many hours of a partner were counted anew.
	Hours uint64 `json:"hours"`
	// Wrong is how many indicators have come to something else than the roll-up says, or lack words in it, and WrongHours in
	// how many hours something else was said.
	Wrong      uint64 `json:"wrong"`
	WrongHours uint64 `json:"wrong_hours"`
}

// boardSlice is about how many indicators are worked out anew together.
const boardSlice = 200_000

// attempts are how often what differs is compared: beside a running roll-up two counts are of different moments, so a
// difference has to stay to be one.
const attempts = 3

func (r *Reader) auditBoards(ctx context.Context, a *AuditReport) error {
	sum := &a.Boards
	known, err := readBoardState(ctx, r.conn)
	if sum.RolledUp = err == nil && known.rules != nil; err != nil || !sum.RolledUp {
		return err
	}
	const what = "audit the boards"
	if err := r.conn.QueryRow(ctx, "SELECT count() FROM board_indicators FINAL").Scan(&sum.Total); err != nil {
		return classify(what, err)
	}
	parts := digestSlices(sum.Total/boardSlice + 1)
	if sum.Total > auditLimit {
		i := rand.IntN(len(parts))
		parts = parts[i : i+1]
	}
	for _, part := range parts {
		n, wrong, err := r.differing(ctx, what, func(known *boardState) string { return known.wrongIndicators(part) })
		if err != nil {
			return err
		}
		sum.Indicators, sum.Wrong = sum.Indicators+n, sum.Wrong+wrong
	}
	spans, err := r.daySpans(ctx, "SELECT hour AS at FROM events UNION ALL SELECT hour FROM board_said")
	if err != nil {
		return err
	}
	for _, within := range spans {
		n, wrong, err := r.differing(ctx, what, func(known *boardState) string { return known.wrongHours(within) })
		if err != nil {
			return err
		}
		sum.Hours, sum.WrongHours = sum.Hours+n, sum.WrongHours+wrong
	}
	return nil
}

// differing counts what was compared and what differs, by a query.
func (r *Reader) differing(ctx context.Context, what string, query func(*boardState) string) (n, wrong uint64, err error) {
	for i := 1; ; i++ {
		known, err := readBoardState(ctx, r.conn)
		if err == nil && known.rules == nil {
			return 0, 0, nil
		}
		if err == nil {
			err = classify(what, r.conn.QueryRow(ctx, query(known)+boardSettings).Scan(&n, &wrong))
		}
		if err != nil || wrong == 0 || i == attempts {
			return n, wrong, err
		}
	}
}

// wrongIndicators counts the digests of a slice of which the roll-up knows everything, and those of them for which it says
// something else than their words in the ledger, or of which it does not hold the same words.
func (s *boardState) wrongIndicators(part digests) string {
	by := s.rules[0]
	unknown := s.rolled.beyond()
	among := fmt.Sprintf("%s AND digest GLOBAL NOT IN (%s)", part.condition("digest"), s.touched(by, unknown))
	const something = " WHERE notEmpty(signals) OR notEmpty(reporters) OR cleared OR confirmed"
	const come = "cityHash64(toString(signals), toString(reporters), cleared, confirmed)"
	word := "DISTINCT digest, cityHash64(" + wordColumns + ") AS hash"
	return fmt.Sprintf(`
		SELECT count(), countIf(rolled != due OR words != said) FROM (
			SELECT digest, sumIf(hash, what = 1) AS rolled, sumIf(hash, what = 2) AS due,
				sumIf(hash, what = 3) AS words, sumIf(hash, what = 4) AS said
			FROM (
				SELECT digest, %[1]s AS hash, 1 AS what FROM (SELECT %[2]s FROM board_indicators FINAL WHERE %[3]s)%[4]s
				UNION ALL
				SELECT digest, %[1]s, 2 FROM (%[5]s)%[4]s
				UNION ALL
				SELECT digest, hash, 3 FROM (SELECT %[6]s FROM (%[7]s AND %[3]s))
				UNION ALL
				SELECT digest, hash, 4 FROM (SELECT %[6]s FROM (%[8]s AND %[3]s AND NOT (%[9]s))))
			GROUP BY digest)`, come, indicatorColumns, among, something,
		indicators(by, wordsOfLedger+" AND "+among+" AND NOT ("+unknown+")"), word, wordsByDigest, wordsOfLedger, unknown)
}

// wrongHours counts the hours and partners of which the roll-up knows everything, and those of them in which it says that
// something else was said than the ledger does.
func (s *boardState) wrongHours(within string) string {
	by := s.rules[0]
	unknown := "(" + s.rolled.beyond() + ") OR " + s.otherwise(by, (*rules).countsOtherwise)
	among := fmt.Sprintf("(hour, partner) GLOBAL NOT IN (SELECT hour, partner FROM events WHERE (%s) %s) %s", unknown, within, within)
	return fmt.Sprintf(`
		SELECT count(), countIf(rolled != due) FROM (
			SELECT hour, partner, sumIf(hash, what = 1) AS rolled, sumIf(hash, what = 2) AS due FROM (
				SELECT hour, partner, cityHash64(toString(said)) AS hash, 1 AS what FROM board_said FINAL
				WHERE notEmpty(said) AND %[1]s
				UNION ALL
				SELECT hour, partner, cityHash64(toString(said)), 2 FROM (%[2]s) WHERE notEmpty(said))
			GROUP BY hour, partner)`, among, saidIn(by, among))
}
