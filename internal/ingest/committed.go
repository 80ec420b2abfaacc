package ingest

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Committed tells, for every partition of a topic for which the group has committed anything, the offset of the next
// message to be read. Its error wraps [fraud.ErrUnavailable].
func Committed(ctx context.Context, cluster topic.Cluster, name, group string) (map[int32]int64, error) {
	t := cluster.Open(name)
	defer t.Close()
	partitions, err := t.Partitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("committed offsets: %w", err)
	}
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	client, done := cluster.Client()
	defer done()
	answer, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{name: all}})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, fmt.Errorf("committed offsets of group %s: %w: %w", group, fraud.ErrUnavailable, topic.Explain(err))
	}
	committed := map[int32]int64{}
	for _, p := range answer.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("committed offset of %s/%d: %w: %w", name, p.Partition, fraud.ErrUnavailable,
				topic.Explain(p.Error))
		}
		if p.CommittedOffset >= 0 {
			committed[int32(p.Partition)] = p.CommittedOffset
		}
	}
	return committed, nil
}
