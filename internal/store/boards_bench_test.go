package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// BenchmarkBoards asks for a month and for a year of a ledger of so many events, of which a third are actions and a third
// of the reports name a platform. The ledger is made by ClickHouse itself.
func BenchmarkBoards(b *testing.B) {
	const months = 12
	n := 200_000
	if testkit.Long() {
		n = 1_000_000
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
	all := boardPartners()
	for _, days := range []int{30, 365} {
		q := fraud.BoardQuestion{From: begin.AddDate(0, 0, 30), To: begin.AddDate(0, 0, 30+days), Now: begin.AddDate(1, 0, 0),
			Overdue: 24 * time.Hour, Partners: all}
		b.Run(fmt.Sprintf("platforms/events=%d/days=%d", n, days), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.PlatformBoard(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("partners/events=%d/days=%d", n, days), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.PartnerBoard(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
