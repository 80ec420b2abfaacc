package store_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var boardEvents = flag.Int("board-events", 0, "how many events BenchmarkBoards asks about")

// BenchmarkBoards asks for a month and for a year of a ledger of so many events, of which a third are actions and a third
// of the reports name a platform: the ledger itself and the roll-up. The ledger is made by ClickHouse itself.
func BenchmarkBoards(b *testing.B) {
	const months = 12
	n := 200_000
	if testkit.Long() {
		n = 1_000_000
	}
	if *boardEvents > 0 {
		n = *boardEvents
	}
	d := newDB(b)
	begin := time.Date(2025, 6, 1, 0, 0, 0, 0, malaysia)
	const step = 30 * 24 * 3600 * 1000
	for month := range months { // an insert is of one month
		d.query(b, fmt.Sprintf(`INSERT INTO %[1]s (kafka_partition, kafka_offset, appended, partner, event_id, kind, issued_at, type,
				epoch, digest, platform, action, confidence, evidence, tlp)
			SELECT 0, %[2]d + number, fromUnixTimestamp64Milli(toInt64(%[3]d + number * %[4]d)) AS at, number %% 6 + 1, generateUUIDv4(),
				if(number %% 3 = 2, 'action', 'report') AS what, at, 'phone', 1,
				toFixedString(SHA256(toString(intDiv(number, 3) + %[2]d)), 32), if(number %% 3 = 0, rand() %% 3 + 1, 0),
				if(what = 'action', 'removed', ''), 50, 2, 'GREEN' FROM numbers(%[5]d)
			SETTINGS max_partitions_per_insert_block = 0`, d.rows("events"), month*(n/months),
			begin.UnixMilli()+int64(month)*step, int64(step)/int64(n/months), n/months))
	}
	d.query(b, fmt.Sprintf("INSERT INTO %s (kafka_partition, first, next) VALUES (0, 0, %d)", d.rows("stored_ranges"), n/months*months))
	all := boardPartners()
	ask := func(b *testing.B, name string, platforms func(context.Context, fraud.BoardQuestion) ([]fraud.PlatformScore, error),
		partners func(context.Context, fraud.BoardQuestion) ([]fraud.PartnerScore, error)) {
		for _, days := range []int{30, 365} {
			q := fraud.BoardQuestion{From: begin.AddDate(0, 0, 30), To: begin.AddDate(0, 0, 30+days), Now: begin.AddDate(1, 0, 0),
				Overdue: 24 * time.Hour, Partners: all}
			b.Run(fmt.Sprintf("platforms/%s/events=%d/days=%d", name, n, days), func(b *testing.B) {
				for b.Loop() {
					if _, err := platforms(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("partners/%s/events=%d/days=%d", name, n, days), func(b *testing.B) {
				for b.Loop() {
					if _, err := partners(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	if n <= 1_000_000 { // of more it takes minutes
		ask(b, "ledger", d.DirectPlatformBoard, d.DirectPartnerBoard)
	}
	began := time.Now()
	if err := d.RollUpBoards(b.Context(), all); err != nil {
		b.Fatal(err)
	}
	b.Logf("rolled up %d events in %s", n, time.Since(began))
	ask(b, "rolled", d.PlatformBoard, d.PartnerBoard)

	// What a pass takes for a thousand events of half a minute.
	m := maker{testkit.Seed(b)}
	next := int64(n / months * months)
	b.Run(fmt.Sprintf("pass/events=%d/fresh=1000", n), func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			entries := make([]fraud.Entry, 1000)
			for i := range entries {
				entries[i] = m.entry(noon)
			}
			d.insert(b, messages(0, next, entries))
			next += int64(len(entries))
			b.StartTimer()
			if err := d.RollUpBoards(b.Context(), all); err != nil {
				b.Fatal(err)
			}
		}
	})
}
