package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// AddUsage adds what partners asked and returns when it is on disk. Of one key the highest counts stand: it may be
// repeated.
func (w *Writer) AddUsage(ctx context.Context, counts []fraud.Usage) error {
	rows := make([]*fraud.Usage, len(counts))
	for i := range counts {
		rows[i] = &counts[i]
	}
	return unmigrated(insert(ctx, w.conn, "usage", usageColumns, rows))
}

var usageColumns = []column[fraud.Usage]{
	of("hour", func(u *fraud.Usage) int64 { return u.Hour.Unix() }),
	of("partner", func(u *fraud.Usage) uint16 { return uint16(u.Partner) }),
	of("class", func(u *fraud.Usage) string { return u.Class.String() }),
	of("node", func(u *fraud.Usage) string { return u.Node }),
	of("run", func(u *fraud.Usage) uuid.UUID { return u.Run }),
	of("calls", func(u *fraud.Usage) uint64 { return u.Calls }),
	of("refused", func(u *fraud.Usage) uint64 { return u.Refused }),
	verdictColumn(fraud.NotListed), verdictColumn(fraud.ClearedUp), verdictColumn(fraud.InDispute),
	verdictColumn(fraud.Suspected), verdictColumn(fraud.Confirmed), verdictColumn(fraud.Unsure),
}

func verdictColumn(s fraud.Status) column[fraud.Usage] {
	return of(s.String(), func(u *fraud.Usage) uint64 { return u.Verdicts[s] })
}
