package store

import (
	"io/fs"
	"testing"
	"time"
)

// Classify is how failures of ClickHouse are told apart.
var Classify = classify

// TooMuch turns the server's word that a question went over its bounds into a refusal.
var TooMuch = tooMuch

// CountCells is the statement that recounts the cells which rows of the condition touched.
func CountCells(touched string) string { return countCells("", touched) }

// Cover are the beginnings and ends of the months, weeks and days that make up a time.
func Cover(from, to time.Time) (all [][2]time.Time) {
	for g, times := range cover(from, to) {
		for _, at := range times {
			all = append(all, [2]time.Time{at, g.next(at)})
		}
	}
	return all
}

// Estimate makes answers estimates however few events there are.
func (a *Analyst) Estimate(always bool) {
	if a.few = fewEvents; always {
		a.few = -1
	}
}

// Statements are those of all files.
func Statements(t testing.TB, cfg Config, fsys fs.FS) []string {
	t.Helper()
	files, err := cfg.migrations(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.statements...)
	}
	return all
}
