package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// originals reads refused messages from the reports topic. It is for one goroutine.
type originals struct {
	reports *topic.Topic
	// held is what each partition held at the beginning, and latest what it held after page asked had been read.
	held, latest map[int]topic.Range
	asked        int

	picker *topic.Picker
	picked int // the partition that picker reads
}

func openOriginals(ctx context.Context, reports *topic.Topic) (*originals, error) {
	held, err := reports.Ranges(ctx)
	if err != nil {
		return nil, err
	}
	return &originals{reports: reports, held: held, latest: held}, nil
}

func (o *originals) close() {
	if o.picker != nil {
		o.picker.Close()
	}
}

// from is the picker of a partition.
func (o *originals) from(partition int) *topic.Picker {
	if o.picker == nil || o.picked != partition {
		o.close()
		o.picker, o.picked = o.reports.NewPicker(partition), partition
	}
	return o.picker
}

// came reports whether a refused message came after the beginning. One that was not there then, and is not there after
// it was known to be refused, is of a topic of the same name that this one has replaced.
func (o *originals) came(ctx context.Context, place fraud.Place, page int) (bool, error) {
	partition := int(place.Partition)
	if place.Offset < o.held[partition].End {
		return false, nil
	}
	if place.Offset >= o.latest[partition].End && o.asked < page {
		latest, err := o.reports.Ranges(ctx)
		if err != nil {
			return false, err
		}
		o.latest, o.asked = latest, page
	}
	return place.Offset < o.latest[partition].End, nil
}

// obstacle is why a message is not sent again.
type obstacle struct {
	result Result
	why    string
}

// read gives the message that a dead letter points to, or why it cannot be had. Its error may pass.
func (o *originals) read(ctx context.Context, l *fraud.DeadLetter) (topic.Message, *obstacle, error) {
	held, ok := o.held[int(l.Partition)]
	switch {
	case !ok:
		why := fmt.Sprintf("the topic has no partition %d: it was made anew", l.Partition)
		return topic.Message{}, &obstacle{Another, why}, nil
	case l.Offset < held.First: // Pick would find out too, at the price of a connection
		return o.gone(ctx, l, held)
	}
	m, err := o.from(int(l.Partition)).Pick(ctx, l.Offset)
	var (
		outside *topic.RangeError
		gap     *topic.GapError
	)
	switch {
	case errors.As(err, &outside) && l.Offset < outside.First:
		return o.gone(ctx, l, outside.Range)
	case errors.As(err, &outside):
		why := fmt.Sprintf("partition %d ends at offset %d: the topic was made anew, or cut", l.Partition, outside.End)
		return m, &obstacle{Another, why}, nil
	case errors.As(err, &gap):
		return m, &obstacle{Gone, "the topic holds messages before and after it, and not this one"}, nil
	case err != nil:
		return m, nil, err
	case !m.Appended.Equal(l.Appended) || l.Size > 0 && len(m.Value) != l.Size:
		why := fmt.Sprintf("what stands there came at %s, and what was refused came at %s: the topic was made anew",
			stamp(m.Appended), stamp(l.Appended))
		return m, &obstacle{Another, why}, nil
	case m.Unreadable:
		return m, &obstacle{Unreadable, "the record batch that holds it cannot be unpacked"}, nil
	}
	return m, nil, nil
}

// gone says since when a message is gone.
func (o *originals) gone(ctx context.Context, l *fraud.DeadLetter, held topic.Range) (
	topic.Message, *obstacle, error,
) {
	why := fmt.Sprintf("it came at %s, and Kafka holds nothing of partition %d any more", stamp(l.Appended), l.Partition)
	if held.First < held.End {
		oldest, err := o.from(int(l.Partition)).Pick(ctx, held.First)
		if topic.Passing(err) {
			return oldest, nil, err
		}
		since := ""
		if err == nil {
			since = ", which came at " + stamp(oldest.Appended)
		}
		why = fmt.Sprintf("it came at %s, and Kafka has deleted all of partition %d before offset %d%s",
			stamp(l.Appended), l.Partition, held.First, since)
	}
	return topic.Message{}, &obstacle{Gone, why}, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
