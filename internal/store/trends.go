package store

import (
	"context"
	"fmt"
)

// cell is the key of a trend's finest count.
const cell = "hour, type, category, kind, partner, audience"

// RollUp brings the roll-up of trends up to date. Call it every few seconds, from as many nodes as you like; answers
// are exact without it too, only slower.
func (w *Writer) RollUp(ctx context.Context) error {
	if err := w.rollUp(ctx); err != nil {
		return err
	}
	return w.sumUp(ctx, &hourSums)
}

func (w *Writer) rollUp(ctx context.Context) error {
	fresh, next, err := w.unrolled(ctx, cellsProgress)
	if err != nil || len(next) == 0 {
		return err
	}
	// 1. Count the touched cells anew.
	recount := fmt.Sprintf("INSERT INTO trend_cells (%s, events) %s", cell, countCells("", fresh))
	if err := w.conn.Exec(ctx, recount); err != nil {
		return classify("roll up trends", err)
	}
	// 2. Only now say so. A failure in between counts the same cells again.
	return insert(ctx, w.conn, cellsProgress, progressColumns, next)
}

// The tables that tell how far each roll-up has come.
const (
	cellsProgress    = "trend_cells_progress"
	daysProgress     = "trend_days_progress"
	sketchesProgress = "trend_distinct_sketches_progress"
	countsProgress   = "trend_distinct_counts_progress"
)

// unrolled is the condition for the messages that a roll-up has yet to count, and where it then stands; empty when there
// are none.
func (w *Writer) unrolled(ctx context.Context, progress string) (fresh string, next []*span, err error) {
	rolled, err := readPlaces(ctx, w.conn, progress)
	if err != nil {
		return "", nil, err
	}
	stored, err := readRanges(ctx, w.conn)
	if err != nil {
		return "", nil, err
	}
	// Up to the first hole only: rows that would fill it must still lie ahead.
	whole := places{}
	for partition, ranges := range stored {
		whole[partition] = place{ranges[0].next, ranges[0].appended}
	}
	fresh, next = rolled.upTo(whole)
	for _, s := range next {
		s.first = max(rolled[s.partition].next, stored[s.partition][0].first)
	}
	return fresh, next, nil
}

// countCells counts the different events of each cell that a message of the condition "touched" fell into.
func countCells(within, touched string) string {
	return fmt.Sprintf(`
		SELECT %[1]s, uniqExact(event_id) FROM events
		WHERE (%[1]s) GLOBAL IN (SELECT DISTINCT %[1]s FROM events WHERE (%[3]s) %[2]s) %[2]s
		GROUP BY %[1]s`, cell, within, touched)
}

// liveCells counts each cell as of now: what was rolled up, or what the ledger says where a later message touched it.
// Both are counts of a set that only grows, so the higher is the later. Rolled must have been read before.
func liveCells(within, unknown string) string {
	return fmt.Sprintf(`
		SELECT %[1]s, max(n) AS events FROM (
			SELECT %[1]s, events AS n FROM trend_cells WHERE 1 %[2]s
			UNION ALL
			%[3]s)
		GROUP BY %[1]s`, cell, within, countCells(within, unknown))
}
