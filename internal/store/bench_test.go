package store_test

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// BenchmarkInsert stores segments of 50,000 events, as ingest does under load.
func BenchmarkInsert(b *testing.B) {
	const rows = 50_000
	d := newDB(b)
	m := maker{testkit.Seed(b)}
	entries := make([]fraud.Entry, rows)
	for i := range entries {
		entries[i] = m.entry(noon)
	}
	next := int64(0)
	for b.Loop() {
		seg := messages(0, next, entries)
		next += rows
		d.insert(b, seg)
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkOpinions streams a million opinions, as a node does when it starts.
func BenchmarkOpinions(b *testing.B) {
	const blocks, rows = 10, 100_000
	d := newDB(b)
	m := maker{testkit.Seed(b)}
	for i := range blocks {
		entries := make([]fraud.Entry, rows)
		for i := range entries {
			entries[i] = m.entry(noon)
		}
		d.insert(b, messages(0, int64(i*rows), entries))
	}
	n := 0
	for b.Loop() {
		err := d.Opinions(b.Context(), func(o []fraud.Opinion) error { n += len(o); return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "opinions/s")
}
