package store

import (
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// column is one column of an insert: its name, and how to append it for all rows at once. Appending row by row costs
// three times as much.
type column[R any] struct {
	name string
	fill func(to driver.BatchColumn, rows []*R) error
}

// of takes a plain value from each row.
func of[R, V any](name string, get func(*R) V) column[R] {
	return column[R]{name, func(to driver.BatchColumn, rows []*R) error {
		values := make([]V, len(rows))
		for i, r := range rows {
			values[i] = get(r)
		}
		return to.Append(values)
	}}
}

// arrayOf takes an array from each row; of a slice of slices the driver would reflect on every element.
func arrayOf[R, V any](name string, get func(*R) []V) column[R] {
	return column[R]{name, func(to driver.BatchColumn, rows []*R) error {
		for _, r := range rows {
			if err := to.AppendRow(get(r)); err != nil {
				return err
			}
		}
		return nil
	}}
}

// insertInto is the statement that inserts these columns.
func insertInto[R any](table string, columns []column[R]) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ")"
}

var eventColumns = []column[fraud.Entry]{
	of("kafka_partition", func(e *fraud.Entry) uint32 { return uint32(e.Partition) }),
	of("kafka_offset", func(e *fraud.Entry) uint64 { return uint64(e.Offset) }),
	of("bundle_index", func(e *fraud.Entry) uint16 { return e.Index }),
	of("appended", func(e *fraud.Entry) int64 { return millis(e.Appended) }),
	of("partner", func(e *fraud.Entry) uint16 { return uint16(e.Partner) }),
	of("event_id", func(e *fraud.Entry) uuid.UUID { return e.Event.ID }),
	of("kind", func(e *fraud.Entry) int8 { return int8(e.Event.Kind) }),
	of("issued_at", func(e *fraud.Entry) int64 { return millis(e.Event.IssuedAt) }),
	of("type", func(e *fraud.Entry) int8 { return int8(e.Event.Indicator.Type) }),
	of("epoch", func(e *fraud.Entry) uint16 { return e.Event.Indicator.Epoch }),
	of("digest", func(e *fraud.Entry) []byte { return e.Event.Indicator.Digest[:] }),
	arrayOf("also_grade", func(e *fraud.Entry) []int8 {
		var grades []int8
		for _, a := range e.Event.Indicator.Also {
			grades = append(grades, int8(a.Grade))
		}
		return grades
	}),
	arrayOf("also_digest", func(e *fraud.Entry) []string {
		var digests []string
		for _, a := range e.Event.Indicator.Also {
			digests = append(digests, string(a.Digest[:]))
		}
		return digests
	}),
	of("category", func(e *fraud.Entry) uint16 { return uint16(e.Category) }),
	of("role", func(e *fraud.Entry) int8 { return int8(e.Event.Role) }),
	of("confidence", func(e *fraud.Entry) uint8 { return e.Event.Confidence }),
	of("evidence", func(e *fraud.Entry) uint8 { return uint8(e.Event.Evidence) }),
	of("observed_at", func(e *fraud.Entry) int64 { return millis(e.Event.ObservedAt) }),
	of("expires_at", func(e *fraud.Entry) int64 { return millis(e.Event.ExpiresAt) }),
	of("tlp", func(e *fraud.Entry) int8 { return int8(e.Event.TLP) }),
	of("advice", func(e *fraud.Entry) int8 { return int8(e.Event.Advice) }),
	of("action", func(e *fraud.Entry) int8 { return int8(e.Event.Action) }),
	of("platform", func(e *fraud.Entry) uint16 { return uint16(e.Platform) }),
	of("institution", func(e *fraud.Entry) uint16 { return uint16(e.Institution) }),
	of("region", func(e *fraud.Entry) uint16 { return uint16(e.Region) }),
	of("loss_band", func(e *fraud.Entry) int8 { return int8(e.Event.LossBand) }),
	of("case_id", func(e *fraud.Entry) string { return e.Event.Case }),
	of("signed_by", func(e *fraud.Entry) uint8 { return uint8(e.SignedBy) }),
	of("sharing_group", func(e *fraud.Entry) uint8 { return uint8(e.Group) }),
	of("held", func(e *fraud.Entry) bool { return e.Held }),
}

var deadLetterColumns = []column[fraud.DeadLetter]{
	of("kafka_partition", func(d *fraud.DeadLetter) uint32 { return uint32(d.Partition) }),
	of("kafka_offset", func(d *fraud.DeadLetter) uint64 { return uint64(d.Offset) }),
	of("bundle_index", func(d *fraud.DeadLetter) uint16 { return d.Index }),
	of("whole", func(d *fraud.DeadLetter) bool { return d.Whole }),
	of("appended", func(d *fraud.DeadLetter) int64 { return millis(d.Appended) }),
	of("partner", func(d *fraud.DeadLetter) uint16 { return uint16(d.Partner) }),
	of("event_id", func(d *fraud.DeadLetter) uuid.UUID { return d.EventID }),
	of("reason", func(d *fraud.DeadLetter) string { return string(d.Fault.Reason) }),
	of("pointer", func(d *fraud.DeadLetter) string { return d.Fault.Pointer }),
	of("hint", func(d *fraud.DeadLetter) string { return d.Fault.Hint }),
	of("size", func(d *fraud.DeadLetter) uint32 { return uint32(d.Size) }),
}

var opinionColumns = []column[fraud.Opinion]{
	of("digest", func(o *fraud.Opinion) []byte { return o.Digest[:] }),
	of("partner", func(o *fraud.Opinion) uint16 { return uint16(o.Partner) }),
	of("origin", func(o *fraud.Opinion) uint32 { return o.Origin }),
	of("sighted", func(o *fraud.Opinion) bool { return o.Stance == fraud.Sighted }),
	of("type", func(o *fraud.Opinion) int8 { return int8(o.Type) }),
	of("grade", func(o *fraud.Opinion) int8 { return int8(o.Grade) }),
	of("stance", func(o *fraud.Opinion) int8 { return int8(o.Stance) }),
	of("category", func(o *fraud.Opinion) uint16 { return uint16(o.Category) }),
	of("evidence", func(o *fraud.Opinion) uint8 { return uint8(o.Evidence) }),
	of("confidence", func(o *fraud.Opinion) uint8 { return o.Confidence }),
	of("advice", func(o *fraud.Opinion) int8 { return int8(o.Advice) }),
	of("tlp", func(o *fraud.Opinion) int8 { return int8(o.TLP) }),
	of("expires_at", func(o *fraud.Opinion) int64 { return int64(o.ExpiresAt) }),
	of("issued", func(o *fraud.Opinion) uint64 { return uint64(o.Version) }),
	of("tie", func(o *fraud.Opinion) uint64 { return o.Tie() }),
	of("provenance", func(o *fraud.Opinion) uint32 { return o.Provenance.Pack(o.Version) }),
}

var rangeColumns = []column[span]{
	of("kafka_partition", func(s *span) uint32 { return uint32(s.partition) }),
	of("first", func(s *span) uint64 { return uint64(s.first) }),
	of("next", func(s *span) uint64 { return uint64(s.next) }),
	of("appended", func(s *span) int64 { return millis(s.appended) }),
}

var partnerColumns = []column[fraud.Partner]{
	of("number", func(p *fraud.Partner) uint16 { return uint16(p.Number) }),
	of("id", func(p *fraud.Partner) string { return p.ID }),
	of("kind", func(p *fraud.Partner) int8 { return int8(p.Kind) }),
	of("organisation", func(p *fraud.Partner) string { return p.Organisation }),
	of("recorded", func(*fraud.Partner) int64 { return time.Now().UnixMilli() }),
}

var progressColumns = []column[span]{
	of("kafka_partition", func(s *span) uint32 { return uint32(s.partition) }),
	of("next", func(s *span) uint64 { return uint64(s.next) }),
	of("appended", func(s *span) int64 { return millis(s.appended) }),
}

// millis is a time as it is stored: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the inverse of millis.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
