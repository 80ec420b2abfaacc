package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

const boardProgress = "board_progress"

// boardState is what the boards' roll-up knows: every message before next of each partition, by the rules of its last pass;
// and, of digests and hours that only one of two rules changes, maybe by those of passes that began since.
type boardState struct {
	rolled places
	// rules are those of the last pass that was done, and of the passes that began after it and have not been done; nil
	// where none was done, and nothing of the roll-up can be used.
	rules []*rules
	last  uint64 // version of the newest rules
}

// readBoardState reads the progress before anything that was counted.
func readBoardState(ctx context.Context, conn driver.Conn) (*boardState, error) {
	s := &boardState{}
	var err error
	if s.rolled, err = readPlaces(ctx, conn, boardProgress); err != nil {
		return nil, err
	}
	done := false
	const query = "SELECT version, rules, done FROM board_rules FINAL " +
		"WHERE version >= (SELECT max(version) FROM board_rules WHERE done) ORDER BY version"
	err = each(ctx, conn, "read the rules of the boards", query, func(rows driver.Rows) error {
		var (
			text  string
			ended bool
			of    rulings
		)
		if err := rows.Scan(&s.last, &text, &ended); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &of); err != nil {
			return err
		}
		r := rulesOf(of)
		s.rules, done = append(s.rules, &r), done || ended
		return nil
	})
	if !done {
		s.rules = nil
	}
	return s, err
}

// by reports whether everything was counted by these rules, and nothing by others since.
func (s *boardState) by(r *rules) bool {
	return len(s.rules) == 1 && s.rules[0].of.text() == r.of.text()
}

// overtaken reports whether a pass has begun since the state was read by rules that are neither of the state's nor these.
func (s *boardState) overtaken(ctx context.Context, conn driver.Conn, by *rules) (others bool, err error) {
	known := map[string]bool{by.of.text(): true}
	for _, r := range s.rules {
		known[r.of.text()] = true
	}
	query := fmt.Sprintf("SELECT rules FROM board_rules WHERE version > %d", s.last)
	err = each(ctx, conn, "read the rules of the boards", query, func(rows driver.Rows) error {
		var text string
		err := rows.Scan(&text)
		others = others || !known[text]
		return err
	})
	return others && s.rules != nil, err
}

// otherwise is the condition for rows which a difference between these rules and those of the state chooses.
func (s *boardState) otherwise(r *rules, difference func(r, s *rules) string) string {
	if s.rules == nil {
		return always
	}
	var all []string
	for _, other := range s.rules {
		if c := difference(r, other); c != never {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return never
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

const always = "1"

// touched is a SELECT of the digests of which messages of a condition speak, or which other rules change.
func (s *boardState) touched(r *rules, messages string) string {
	text := "SELECT digest FROM events WHERE (" + messages + ") AND " + aboutIndicators
	if c := s.otherwise(r, (*rules).meansOtherwise); c != never {
		text += " UNION ALL SELECT digest FROM board_words WHERE " + c
	}
	return text
}

// indicators is a SELECT of what every digest has come to by the rules as of now: what was rolled up, or what its words say
// where the roll-up does not know all of them, or by other rules. Without a roll-up the ledger is asked, for digests of a
// condition alone.
func (s *boardState) indicators(r *rules, chosen string) string {
	if s.rules == nil {
		return indicators(r, wordsOfLedger+" AND "+chosen)
	}
	unknown := s.rolled.recent()
	touched := s.touched(r, unknown)
	words := fmt.Sprintf("%s AND digest GLOBAL IN (%s) UNION ALL %s AND (%s)", wordsByDigest, touched, wordsOfLedger, unknown)
	return fmt.Sprintf("SELECT %[1]s FROM board_indicators FINAL WHERE digest GLOBAL NOT IN (%[2]s) "+
		"UNION ALL SELECT %[1]s FROM (%[3]s)", indicatorColumns, touched, indicators(r, words))
}

// said is the same of what partners said; of the hours of issue in which copies of an event may lie that was accepted in a
// span of time.
func (s *boardState) said(ctx context.Context, conn driver.Conn, r *rules, from, to time.Time) (string, error) {
	within := hours(from.Add(-fraud.MaxAge-time.Hour), to.Add(fraud.MaxSkew+time.Hour))
	if s.rules == nil {
		return saidIn(r, always+" "+within), nil
	}
	unknown := "(" + s.rolled.recent() + ") OR " + s.otherwise(r, (*rules).countsOtherwise)
	days, err := touchedBuckets(ctx, conn, dayOf, unknown, within)
	if err != nil {
		return "", err
	}
	cells := "SELECT hour, partner, said FROM board_said FINAL WHERE 1 " + within
	if len(days) > 0 {
		touched := fmt.Sprintf("SELECT hour, partner FROM events WHERE (%s) %s", unknown, within)
		cells += fmt.Sprintf(" AND (hour, partner) GLOBAL NOT IN (%s) UNION ALL %s", touched,
			saidIn(r, anyDay(days)+" "+within+" AND (hour, partner) GLOBAL IN ("+touched+")"))
	}
	return cells, nil
}
