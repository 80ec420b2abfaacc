package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// deadLetters writes pointers to what was refused. None of a refused message's own bytes are copied: they may hold
// what must not be kept.
type deadLetters struct{ writer *topic.Writer }

// pointer is the message on the dead-letter topic (schemas/asyncapi.v1.yaml, message DeadLetter).
type pointer struct {
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Index     uint16    `json:"index"`
	Whole     bool      `json:"whole"`
	Appended  time.Time `json:"appended"`
	// Partner is 0 when the signature did not prove one.
	Partner fraud.PartnerNumber `json:"partner"`
	Reason  fraud.Reason        `json:"reason"`
	Pointer string              `json:"pointer"`
	Hint    string              `json:"hint"`
	Size    int                 `json:"size"`
}

// write returns when the pointers are durable. They are keyed by partition and offset.
func (d *deadLetters) write(ctx context.Context, letters []fraud.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	messages := make([]topic.Outgoing, len(letters))
	for i := range letters {
		l := &letters[i]
		value, err := json.Marshal(pointer{
			l.Partition, l.Offset, l.Index, l.Whole, l.Appended.UTC(), l.Partner,
			l.Fault.Reason, l.Fault.Pointer, l.Fault.Hint, l.Size,
		})
		if err != nil {
			return fmt.Errorf("dead letter: %w", err)
		}
		key := fmt.Appendf(nil, "%d-%d", l.Partition, l.Offset)
		messages[i] = topic.Outgoing{Key: key, Value: value}
	}
	return d.writer.Write(ctx, messages...)
}
