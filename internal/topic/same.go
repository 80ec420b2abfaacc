package topic

import (
	"context"
	"fmt"
	"time"
)

// AppendedAt tells when the broker took the message at an offset. The partition must hold it, or this waits for it.
func (t *Topic) AppendedAt(ctx context.Context, partition int, offset int64) (time.Time, error) {
	reader := t.NewReader(partition, offset)
	defer reader.Close()
	var pause Pause
	for {
		got, err := reader.Fetch(ctx)
		switch {
		case err == nil && len(got.Messages) > 0:
			return got.Messages[0].Appended, nil
		case err != nil && !Passing(err):
			return time.Time{}, err
		}
		if !pause.Wait(ctx) {
			return time.Time{}, context.Cause(ctx)
		}
	}
}

// OtherMessageError says that a partition holds another message at an offset than the one that was read there before.
type OtherMessageError struct {
	Topic     string
	Partition int
	Offset    int64
	// Appended is when the broker took its message, and Known when it took the one that was read before.
	Appended, Known time.Time
}

func (e *OtherMessageError) Error() string {
	return fmt.Sprintf("%s, partition %d: the message at offset %d was appended at %s, but the one known from there at %s: "+
		"the topic was made anew, or put back to an earlier state and written to again",
		e.Topic, e.Partition, e.Offset, e.Appended.UTC().Format(time.RFC3339Nano), e.Known.UTC().Format(time.RFC3339Nano))
}

// Same finds out whether the message at an offset is still the one that was appended at a known time, to the
// millisecond: if not, it returns an *[OtherMessageError]. Offsets say nothing about that, as a topic that was deleted
// and made anew gives them a second time. The partition must hold the offset.
func (t *Topic) Same(ctx context.Context, partition int, offset int64, known time.Time) error {
	appended, err := t.AppendedAt(ctx, partition, offset)
	if err == nil && !appended.Equal(known) {
		return &OtherMessageError{t.Name, partition, offset, appended, known}
	}
	return err
}
