package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/topic"
)

// Ledger is what the oracle asks of the store.
type Ledger interface {
	// Audit looks into the ledger itself.
	Audit(ctx context.Context, committed map[int32]int64) (store.AuditReport, error)
	// AppendTime tells when Kafka appended a message of the ledger; false when the ledger does not hold it.
	AppendTime(ctx context.Context, partition int32, offset int64) (time.Time, bool, error)
}

// Oracle asks the ledger and Kafka.
type Oracle struct {
	ledger    Ledger
	reports   *topic.Topic
	committed func(context.Context) (map[int32]int64, error)
	patience  time.Duration
}

// NewOracle makes an Oracle; committed tells, for each partition of the reports topic, the offset that the consumer
// group has committed.
func NewOracle(
	ledger Ledger, reports *topic.Topic, committed func(context.Context) (map[int32]int64, error),
) *Oracle {
	return &Oracle{ledger, reports, committed, kafkaPatience}
}

// kafkaPatience is longer than it takes to elect a new leader for what a dead broker led. A Kafka that is well answers
// in milliseconds.
const kafkaPatience = 12 * time.Second

// patiently asks Kafka until it answers or the patience is at an end. Who has waited in vain before asks once.
func (o *Oracle) patiently(ctx context.Context, r *Report, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, o.patience)
	defer cancel()
	var pause topic.Pause
	for {
		err := ask(ctx)
		if err == nil || !topic.Passing(err) || len(r.Unchecked) > 0 || !pause.Wait(ctx) {
			return err
		}
	}
}

// Run audits once. It takes seconds for a million events, and reads all of them. Where Kafka does not answer, the
// report says what is unchecked; an error means that the ledger could not be read.
func (o *Oracle) Run(ctx context.Context) (Report, error) {
	defer o.reports.Close() // until the next night
	var r Report
	var committed map[int32]int64
	err := o.patiently(ctx, &r, func(ctx context.Context) (err error) {
		committed, err = o.committed(ctx)
		return err
	})
	if err != nil {
		r.unchecked("whether everything that the consumer group has committed is stored: %v", err)
	}
	if r.AuditReport, err = o.ledger.Audit(ctx, committed); err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	r.Findings = r.AuditReport.Findings()
	if err := o.askKafka(ctx, &r); err != nil {
		r.unchecked("whether Kafka holds the messages that the ledger was filled from, and what comes next: %v", err)
	}
	if ctx.Err() != nil {
		return Report{}, fmt.Errorf("audit: %w", context.Cause(ctx))
	}
	r.OK, r.Complete = len(r.Findings) == 0, len(r.Unchecked) == 0
	return r, nil
}

// askKafka compares each partition of the ledger with Kafka's.
func (o *Oracle) askKafka(ctx context.Context, r *Report) error {
	var held map[int]topic.Range
	err := o.patiently(ctx, r, func(ctx context.Context) (err error) {
		held, err = o.reports.Ranges(ctx)
		return err
	})
	if err != nil {
		return err
	}
	known := map[int]int64{}
	r.Kafka = &KafkaReport{Partitions: len(held)}
	for _, p := range r.Partitions {
		known[int(p.Partition)] = p.Next
		here, ok := held[int(p.Partition)]
		if !ok {
			r.found(OtherTopic, uint64(p.Next-p.First), "partition %d: Kafka does not have it, and the ledger holds messages "+
				"of it: the topic was made anew", p.Partition)
			continue
		}
		if end := max(p.Next, p.Stored, p.Committed); here.End < end {
			r.found(OtherTopic, uint64(end-here.End), "partition %d: Kafka has only messages before %d, and those before %d "+
				"are stored or committed: the topic was made anew or put back, or brokers have lost messages",
				p.Partition, here.End, end)
		}
		if here.First < p.First {
			r.found(store.MissingMessages, uint64(p.First-here.First), "partition %d: Kafka holds the messages %d-%d, and the "+
				"ledger begins after them", p.Partition, here.First, p.First-1)
		}
		if here.First > p.Next {
			r.found(DeletedUnstored, uint64(here.First-p.Next), "partition %d: Kafka has deleted the messages %d-%d, and the "+
				"ledger does not hold them: retention was shorter than ingest was down", p.Partition, p.Next, here.First-1)
		}
		if err := o.compareEnds(ctx, r, p, here); err != nil {
			return err
		}
	}
	for partition, here := range held {
		r.Kafka.Messages += uint64(here.End - here.First)
		r.Kafka.Waiting += uint64(max(0, here.End-max(here.First, known[partition])))
	}
	return nil
}

// compareEnds compares the oldest and the newest message that both hold.
func (o *Oracle) compareEnds(ctx context.Context, r *Report, p store.PartitionAudit, here topic.Range) error {
	oldest, newest := max(p.First, here.First), min(p.Next, here.End)-1
	if oldest > newest {
		return nil
	}
	offsets := []int64{oldest, newest}
	if oldest == newest {
		offsets = offsets[:1]
	}
	for _, offset := range offsets {
		stored, ok, err := o.ledger.AppendTime(ctx, p.Partition, offset)
		if err != nil {
			return err
		}
		if !ok {
			continue // it is among the gaps
		}
		err = o.patiently(ctx, r, func(ctx context.Context) error {
			return o.reports.Same(ctx, int(p.Partition), offset, stored)
		})
		var other *topic.OtherMessageError
		switch {
		case errors.As(err, &other):
			r.found(OtherTopic, 1, "%v", other)
		case err != nil:
			return err
		default:
			r.Kafka.Compared++
		}
	}
	return nil
}
