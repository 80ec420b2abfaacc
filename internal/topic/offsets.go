package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Range is what a partition holds: offsets from First to before End.
type Range struct{ First, End int64 }

// Partitions counts the topic's partitions; they are numbered from 0.
func (t *Topic) Partitions(ctx context.Context) (int, error) {
	meta, err := t.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{t.Name}})
	if err != nil {
		return 0, unavailable("partitions of "+t.Name, err)
	}
	for _, one := range meta.Topics {
		if one.Name == t.Name {
			if one.Error != nil {
				return 0, unavailable("partitions of "+t.Name, one.Error)
			}
			return len(one.Partitions), nil
		}
	}
	return 0, unavailable("partitions of "+t.Name, kafka.UnknownTopicOrPartition)
}

// Ranges tells what every partition holds.
func (t *Topic) Ranges(ctx context.Context) (map[int]Range, error) {
	n, err := t.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	var requests []kafka.OffsetRequest
	for p := range n {
		requests = append(requests, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	all, err := t.list(ctx, requests)
	if err != nil {
		return nil, err
	}
	ranges := make(map[int]Range, n)
	for _, p := range all {
		ranges[p.Partition] = Range{p.FirstOffset, p.LastOffset}
	}
	return ranges, nil
}

// Ends tells the offset after the last message of every partition.
func (t *Topic) Ends(ctx context.Context) (map[int]int64, error) {
	ranges, err := t.Ranges(ctx)
	if err != nil {
		return nil, err
	}
	ends := make(map[int]int64, len(ranges))
	for p, r := range ranges {
		ends[p] = r.End
	}
	return ends, nil
}

// OffsetsAt tells for every partition the offset of the first message that was appended at or after a time: the end
// where there is none.
func (t *Topic) OffsetsAt(ctx context.Context, at time.Time) (map[int]int64, error) {
	// The ends are read first: what is appended meanwhile must not fall between the two answers.
	offsets, err := t.Ends(ctx)
	if err != nil {
		return nil, err
	}
	if at.Before(time.UnixMilli(0)) {
		at = time.UnixMilli(0) // negative times mean something else to Kafka: -1 is the end
	}
	var requests []kafka.OffsetRequest
	for p := range offsets {
		requests = append(requests, kafka.TimeOffsetOf(p, at))
	}
	all, err := t.list(ctx, requests)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		for offset := range p.Offsets {
			if offset >= 0 {
				offsets[p.Partition] = min(offset, offsets[p.Partition])
			}
		}
	}
	return offsets, nil
}

func (t *Topic) list(ctx context.Context, requests []kafka.OffsetRequest) ([]kafka.PartitionOffsets, error) {
	doing := "offsets of " + t.Name
	resp, err := t.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{t.Name: requests},
	})
	if err != nil {
		return nil, unavailable(doing, err)
	}
	all := resp.Topics[t.Name]
	for _, p := range all {
		if p.Error != nil {
			return nil, unavailable(fmt.Sprintf("%s, partition %d", doing, p.Partition), p.Error)
		}
	}
	if len(all) == 0 {
		return nil, unavailable(doing, errors.New("no partition answered"))
	}
	return all, nil
}
