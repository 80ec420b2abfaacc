package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// The bounds of a statement of the boards' roll-up.
const (
	// messagesAtOnce are copied together: a message may be an event or five hundred.
	messagesAtOnce = 50_000
	// indicatorsAtOnce are worked out together, for some hundred bytes of memory each.
	indicatorsAtOnce = 200_000
)

// RollUpBoards brings the roll-up of the boards up to date, by the registry as it is now. Call it every half minute, from as
// many nodes as you like: one works at a time. Answers are exact without it too, only slower.
//
// What an indicator has come to is worked out anew, from all that the ledger says about it, when a message speaks of it or
// when the registry comes to mean something else for it. So it may be repeated, and cut off anywhere.
func (w *Writer) RollUpBoards(ctx context.Context, partners []fraud.Partner) (err error) {
	by := rulesOf(rulingsOf(partners))
	due := func() (known *boardState, fresh string, next []*span, err error) {
		if known, err = readBoardState(ctx, w.conn); err != nil {
			return nil, "", nil, err
		}
		fresh, next, err = w.unrolled(ctx, boardProgress)
		if fresh == "" {
			fresh = never
		}
		return known, fresh, next, err
	}
	known, _, next, err := due()
	if err != nil || len(next) == 0 && known.by(&by) {
		return err
	}
	turn, err := beginBoardTurn(ctx, w.conn)
	if err != nil || turn == nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), pointTimeout)
		defer cancel()
		if e := turn.end(end); err == nil {
			err = e
		}
	}()
	// What was due may have been done before the turn was ours.
	known, fresh, next, err := due()
	if err != nil || len(next) == 0 && known.by(&by) {
		return err
	}
	p := &boardPass{conn: w.conn, turn: turn, known: known, by: &by, fresh: fresh}
	if !known.by(&by) {
		// 1. Before anything is counted by other rules than before, so that nobody takes it for what it is not.
		if err := p.putRules(ctx, false); err != nil {
			return err
		}
	}
	// 2. The new words, beside the others about the same digests; 3. what these have come to; 4. how much was said.
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return p.copyWords(ctx, next) }, p.workOut, p.countSaid,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	// 5. Only now say so, if nobody else has begun meanwhile. A failure up to here repeats everything, harmlessly.
	if held, err := turn.held(ctx); err != nil || !held {
		return err
	}
	if err := insert(ctx, w.conn, boardProgress, progressColumns, next); err != nil || known.by(&by) {
		return err
	}
	return p.putRules(ctx, true)
}

// boardPass is one run of the roll-up.
type boardPass struct {
	conn  driver.Conn
	turn  *boardTurn
	known *boardState
	by    *rules
	fresh string // the condition for the messages to count
}

func (p *boardPass) exec(ctx context.Context, what, query string) error {
	if err := p.turn.renew(ctx); err != nil {
		return err
	}
	return classify("roll up the boards: "+what, p.conn.Exec(ctx, query+boardSettings))
}

func (p *boardPass) putRules(ctx context.Context, done bool) error {
	if err := p.turn.renew(ctx); err != nil {
		return err
	}
	return insert(ctx, p.conn, "board_rules", ruleColumns, []*rulesNoted{{p.turn.version, p.by.of.text(), done}})
}

// rulesNoted is a row of board_rules.
type rulesNoted struct {
	version uint64
	rules   string
	done    bool
}

var ruleColumns = []column[rulesNoted]{
	of("version", func(r *rulesNoted) uint64 { return r.version }),
	of("rules", func(r *rulesNoted) string { return r.rules }),
	of("done", func(r *rulesNoted) bool { return r.done }),
}

// copyWords adds the ledger's new words to those by digest.
func (p *boardPass) copyWords(ctx context.Context, next []*span) error {
	var conditions []string
	for _, s := range next {
		for from := s.first; from < s.next; from += messagesAtOnce {
			conditions = append(conditions, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d",
				s.partition, from, min(s.next, from+messagesAtOnce)))
		}
	}
	if len(conditions) == len(next) && len(next) > 0 { // nothing is cut
		conditions = []string{p.fresh}
	}
	for _, some := range conditions {
		err := p.exec(ctx, "copy words", fmt.Sprintf("INSERT INTO board_words (%s) %s AND (%s)", wordColumns, wordsOfLedger, some))
		if err != nil {
			return err
		}
	}
	return nil
}

// workOut says what the touched digests have come to.
func (p *boardPass) workOut(ctx context.Context) error {
	touched := p.known.touched(p.by, p.fresh)
	var most uint64
	if err := p.conn.QueryRow(ctx, "SELECT count() FROM ("+touched+")").Scan(&most); err != nil {
		return classify("roll up the boards", err)
	}
	n := most/indicatorsAtOnce + 1
	if n > 1 { // a slice of them is quicker found among the words, which are in the order of the digests
		touched = "SELECT digest FROM board_words WHERE (" + p.fresh + " OR " +
			p.known.otherwise(p.by, (*rules).meansOtherwise) + ")"
	}
	for _, part := range digestSlices(n) {
		chosen := wordsByDigest + " AND digest GLOBAL IN (" + touched + ")"
		if n > 1 {
			chosen = wordsByDigest + " AND " + part.condition("digest") + " AND digest GLOBAL IN (" + touched + " AND " +
				part.condition("digest") + ")"
		}
		err := p.exec(ctx, "work out indicators", fmt.Sprintf("INSERT INTO board_indicators (%[1]s, version) SELECT %[1]s, %[2]d FROM (%[3]s)",
			indicatorColumns, p.turn.version, indicators(p.by, chosen)))
		if err != nil {
			return err
		}
	}
	return nil
}

// digestSlices cuts the digests into n slices.
func digestSlices(n uint64) (all []digests) {
	width := math.MaxUint64/n + 1 // 0 when there is one slice
	for i := range n {
		all = append(all, digests{from: i * width, to: (i + 1) * width, last: i == n-1})
	}
	return all
}

// countSaid counts what was said in the touched hours.
func (p *boardPass) countSaid(ctx context.Context) error {
	touched := "(" + p.fresh + ") OR " + p.known.otherwise(p.by, (*rules).countsOtherwise)
	days, err := touchedBuckets(ctx, p.conn, dayOf, touched, "")
	if err != nil {
		return err
	}
	for some := range slices.Chunk(days, daysAtOnce) {
		within := anyDay(some)
		chosen := within + " AND (hour, partner) GLOBAL IN (SELECT hour, partner FROM events WHERE (" + touched + ") AND " + within + ")"
		err := p.exec(ctx, "count what was said", fmt.Sprintf("INSERT INTO board_said (hour, partner, said, version) SELECT hour, partner, said, %d FROM (%s)",
			p.turn.version, saidIn(p.by, chosen)))
		if err != nil {
			return err
		}
	}
	return nil
}
