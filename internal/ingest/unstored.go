package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// OldestUnstored says when the oldest message of the reports topic was appended that the ledger did not hold when
// stored was read from it; any is false when it held them all. What the ledger does not hold was announced after that time, if
// it was announced at all: a node that has loaded the ledger's opinions replays the change log from there.
func OldestUnstored(ctx context.Context, cluster topic.Cluster, name string, stored map[int32]fraud.Stored) (
	oldest time.Time, any bool, err error,
) {
	reports := cluster.Open(name)
	defer reports.Close()
	ranges, err := reports.Ranges(ctx)
	if err != nil {
		return oldest, false, fmt.Errorf("oldest unstored report: %w", err)
	}
	for partition, held := range ranges {
		known := stored[int32(partition)]
		if known.Next >= held.End {
			continue
		}
		appended := known.Appended
		if known.Next >= held.First || appended.IsZero() {
			if appended, err = reports.AppendedAt(ctx, partition, max(known.Next, held.First)); err != nil {
				return oldest, false, fmt.Errorf("oldest unstored report: %w", err)
			}
		} // else retention has deleted it, and it is not older than the last one that is stored
		if !any || appended.Before(oldest) {
			oldest, any = appended, true
		}
	}
	return oldest, any, nil
}
