package store_test

import (
	"testing"
	"time"

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
	seg := messages(0, 0, entries)
	for b.Loop() {
		d.insert(b, seg)
		seg.First, seg.Last = seg.First+rows, seg.Last+rows
		for i := range seg.Entries {
			seg.Entries[i].Offset += rows
		}
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

// BenchmarkSeries asks for two weeks of a ledger of a million events, of which the last fifth is not rolled up.
func BenchmarkSeries(b *testing.B) {
	const blocks, rows = 10, 100_000
	d := newDB(b)
	m := maker{testkit.Seed(b)}
	for i := range blocks {
		entries := make([]fraud.Entry, rows)
		for i := range entries {
			entries[i] = m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute))
		}
		d.insert(b, messages(0, int64(i*rows), entries))
		if i == blocks*8/10 {
			began := time.Now()
			if err := d.RollUp(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.Logf("rolled up %d events in %s", (i+1)*rows, time.Since(began))
		}
	}
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, malaysia)
	q := fraud.SeriesQuestion{
		Metric: fraud.EventCount, By: fraud.ByType, Bucket: fraud.Daily, From: monday, To: monday.AddDate(0, 0, 14),
	}
	for _, state := range []string{"behind", "rolled"} {
		b.Run(state, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Series(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := d.RollUp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
