package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
)

// Reader reads one partition from an offset on, every offset in turn. It is for one goroutine.
type Reader struct {
	topic     *Topic
	partition int
	next      int64
	limit     uint32 // bytes of one fetch
	conn      net.Conn
	sent      int32
	request   []byte
	buffer    []byte
	messages  []Message
}

// The limits of one fetch.
const (
	// MaxWait is how long the broker holds a fetch when it has nothing: it answers at once when there is something.
	MaxWait = 200 * time.Millisecond
	// fetchBytes is about 10,000 events: enough for large blocks, little enough for one buffer a partition.
	fetchBytes = 4 << 20
	// maxResponse refuses an answer that no broker would give.
	maxResponse = 256 << 20
)

// NewReader makes a reader that begins at an offset. It connects when it first fetches.
func (t *Topic) NewReader(partition int, from int64) *Reader {
	return &Reader{topic: t, partition: partition, next: from, limit: fetchBytes}
}

// Limit bounds one fetch to about so many bytes, in place of 4 MiB; a first batch that is larger comes whole.
func (r *Reader) Limit(bytes int) { r.limit = uint32(bytes) }

// RangeError says that a partition does not hold the offset that was asked for.
type RangeError struct {
	Topic     string
	Partition int
	Offset    int64
	Range
}

func (e *RangeError) Error() string {
	why := "the topic was made anew or cut, for it has never had this offset"
	if e.Offset < e.First {
		why = "retention has deleted what was not read yet"
	}
	return fmt.Sprintf("%s, partition %d: offset %d is not within %d to %d: %s",
		e.Topic, e.Partition, e.Offset, e.First, e.End, why)
}

// Check finds fault with an offset outside of what the partition holds.
func (r Range) Check(topic string, partition int, offset int64) error {
	if offset < r.First || offset > r.End {
		return &RangeError{topic, partition, offset, r}
	}
	return nil
}

// Fetched is the answer to one fetch.
type Fetched struct {
	// Messages are the next ones. None means that there was none for MaxWait.
	Messages []Message
	// Next is the offset after them, and End that after the last message which the partition then held.
	Next, End int64
	// SentAt is when the fetch was sent: Messages are all that was acknowledged before, where Next is End.
	SentAt time.Time
}

// Fetch waits up to MaxWait for the next messages. An error that wraps [fraud.ErrUnavailable] may pass: fetch again
// after a pause. A *[RangeError] or *[GapError] will not.
func (r *Reader) Fetch(ctx context.Context) (Fetched, error) {
	got, err := r.fetch(ctx)
	if err == nil {
		return got, nil
	}
	r.Close()
	doing := fmt.Sprintf("fetch from %s, partition %d, offset %d", r.topic.Name, r.partition, r.next)
	if ctx.Err() != nil {
		return Fetched{}, fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	var gap *GapError
	if errors.As(err, &gap) {
		return Fetched{}, fmt.Errorf("%s: %w", doing, err)
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		// A leader that has just been elected may not know all yet: believe it only if it can say why.
		ranges, listErr := r.topic.Ranges(ctx)
		if listErr != nil {
			return Fetched{}, listErr
		}
		if err := ranges[r.partition].Check(r.topic.Name, r.partition, r.next); err != nil {
			return Fetched{}, err
		}
	}
	return Fetched{}, unavailable(doing, err)
}

func (r *Reader) fetch(ctx context.Context) (Fetched, error) {
	if r.conn == nil {
		if err := r.connect(ctx); err != nil {
			return Fetched{}, err
		}
	}
	sentAt := time.Now()
	if err := r.conn.SetDeadline(sentAt.Add(MaxWait + callTimeout)); err != nil {
		return Fetched{}, err
	}
	conn := r.conn // r.conn may be nil by the time that the context ends
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	r.sent++
	r.request = appendFetch(r.request[:0], r.sent, r.topic.cluster.ClientID, r.topic.Name, r.partition, r.next, r.limit)
	if _, err := r.conn.Write(r.request); err != nil {
		return Fetched{}, err
	}
	body, err := r.response()
	if err != nil {
		return Fetched{}, err
	}
	end, records, err := readFetch(body)
	if err != nil {
		return Fetched{}, err
	}
	next := r.next
	r.messages, next, err = appendRecords(r.messages[:0], records, next)
	if err != nil && (len(r.messages) == 0 || errors.Is(err, errChecksum)) {
		return Fetched{}, err
	}
	// What came before a fault is good; the fault comes again with the next fetch.
	r.next = next
	return Fetched{Messages: r.messages, Next: next, End: max(end, next), SentAt: sentAt}, nil
}

// response reads one answer into the buffer and checks that it is to our last request.
func (r *Reader) response() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return nil, err
	}
	size := int64(int32(binary.BigEndian.Uint32(head[:]))) - 4
	if size < 0 || size > maxResponse || int32(binary.BigEndian.Uint32(head[4:])) != r.sent {
		return nil, errors.New("an answer that belongs to no request")
	}
	if int64(cap(r.buffer)) < size {
		r.buffer = make([]byte, size+size/4)
	}
	r.buffer = r.buffer[:size]
	_, err := io.ReadFull(r.conn, r.buffer)
	return r.buffer, err
}

// connect dials the partition's leader. kafka-go does what comes before the first fetch: finding and authentication.
func (r *Reader) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	dialer := r.topic.cluster.Dialer()
	var leader kafka.Partition
	var err error
	for _, broker := range r.topic.cluster.Brokers {
		if leader, err = dialer.LookupPartition(ctx, "tcp", broker, r.topic.Name, r.partition); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	var conn net.Conn
	dialer.DialFunc = func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		conn, err = r.topic.cluster.dial(ctx, network, address)
		return conn, err
	}
	if _, err := dialer.DialPartition(ctx, "tcp", "", leader); err != nil {
		return err
	}
	r.conn = conn
	return nil
}

// Close lets go of the connection. A later Fetch makes a new one.
func (r *Reader) Close() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

const (
	keyFetch     = 1
	versionFetch = 10
)

// appendFetch writes a Fetch request of one partition, without a fetch session.
func appendFetch(
	b []byte, id int32, client, topic string, partition int, offset int64, limit uint32,
) []byte {
	be := binary.BigEndian
	b = append(b, 0, 0, 0, 0) // the length, below
	b = be.AppendUint16(b, keyFetch)
	b = be.AppendUint16(b, versionFetch)
	b = be.AppendUint32(b, uint32(id))
	b = be.AppendUint16(b, uint16(len(client)))
	b = append(b, client...)
	b = be.AppendUint32(b, 1<<32-1) // replica: none, a consumer
	b = be.AppendUint32(b, uint32(MaxWait.Milliseconds()))
	b = be.AppendUint32(b, 1) // least bytes: answer as soon as there is something
	b = be.AppendUint32(b, limit)
	b = append(b, 0)                // isolation: uncommitted; transactions mean nothing here
	b = be.AppendUint32(b, 0)       // session
	b = be.AppendUint32(b, 1<<32-1) // session epoch: none
	b = be.AppendUint32(b, 1)       // topics
	b = be.AppendUint16(b, uint16(len(topic)))
	b = append(b, topic...)
	b = be.AppendUint32(b, 1) // partitions
	b = be.AppendUint32(b, uint32(partition))
	b = be.AppendUint32(b, 1<<32-1) // leader epoch: any
	b = be.AppendUint64(b, uint64(offset))
	b = be.AppendUint64(b, 1<<64-1) // log start: for replicas only
	b = be.AppendUint32(b, limit)
	b = be.AppendUint32(b, 0) // topics to forget
	be.PutUint32(b, uint32(len(b)-4))
	return b
}

// readFetch takes the end of the partition and its records from an answer of one partition.
func readFetch(body []byte) (end int64, records []byte, err error) {
	c := cursor{rest: body}
	c.int32() // throttled for so long
	if code := c.int16(); code != 0 {
		return 0, nil, kafka.Error(code)
	}
	c.int32() // session
	if topics := c.int32(); topics != 1 {
		return 0, nil, fmt.Errorf("an answer about %d topics", topics)
	}
	c.take(int(c.int16()))
	if partitions := c.int32(); partitions != 1 {
		return 0, nil, fmt.Errorf("an answer about %d partitions", partitions)
	}
	c.int32()
	if code := c.int16(); code != 0 {
		return 0, nil, kafka.Error(code)
	}
	end = c.int64()
	c.int64() // last stable offset
	c.int64() // log start
	for range c.int32() {
		c.take(16) // an aborted transaction
		if c.bad {
			break
		}
	}
	if n := c.int32(); n > 0 {
		records = c.take(int(n))
	}
	if c.bad {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return end, records, nil
}
