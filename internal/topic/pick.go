package topic

import (
	"bytes"
	"context"
	"fmt"
)

// Picker reads single messages of one partition, wherever they stand, over one connection. It is for one goroutine.
type Picker struct {
	reader *Reader
	held   []Message // of the last fetch, in order
}

// pickBytes is little, because the next message that is wanted may stand far away. Kafka gives a first batch that is
// larger as a whole.
const pickBytes = 64 << 10

// NewPicker makes a picker. It connects when it first picks.
func (t *Topic) NewPicker(partition int) *Picker {
	reader := t.NewReader(partition, 0)
	reader.limit = pickBytes
	return &Picker{reader: reader}
}

// Pick reads the message at an offset; its bytes are the caller's. An error that wraps [fraud.ErrUnavailable] may pass:
// pick again after a pause. A *[RangeError] says that the partition does not hold the offset, and a *[GapError] that it
// holds others before and after.
func (p *Picker) Pick(ctx context.Context, offset int64) (Message, error) {
	if m, ok := p.find(offset); ok {
		return m, nil
	}
	p.held, p.reader.next = nil, offset
	got, err := p.reader.Fetch(ctx)
	if err != nil {
		return Message{}, err
	}
	p.held = got.Messages
	if m, ok := p.find(offset); ok {
		return m, nil
	}
	// Kafka waits at the end of a partition for what is to come.
	ranges, err := p.reader.topic.Ranges(ctx)
	if err != nil {
		return Message{}, err
	}
	name, r := p.reader.topic.Name, ranges[p.reader.partition]
	if offset < r.First || offset >= r.End {
		return Message{}, &RangeError{name, p.reader.partition, offset, r}
	}
	return Message{}, unavailable(fmt.Sprintf("read %s, partition %d, offset %d", name, p.reader.partition, offset),
		fmt.Errorf("no answer within %s", MaxWait))
}

// find looks at what is held.
func (p *Picker) find(offset int64) (Message, bool) {
	if len(p.held) == 0 {
		return Message{}, false
	}
	i := offset - p.held[0].Offset
	if i < 0 || i >= int64(len(p.held)) {
		return Message{}, false
	}
	m := p.held[i]
	m.Key, m.Value = bytes.Clone(m.Key), bytes.Clone(m.Value)
	if m.Headers != nil {
		headers := make([]Header, len(m.Headers))
		for i, h := range m.Headers {
			headers[i] = Header{h.Name, bytes.Clone(h.Value)}
		}
		m.Headers = headers
	}
	return m, true
}

// Close lets go of the connection.
func (p *Picker) Close() { p.reader.Close() }
