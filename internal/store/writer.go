package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Writer adds to the store. Its methods may be called at once from several goroutines, but Insert for one partition by
// one at a time.
type Writer struct {
	conn driver.Conn

	mu     sync.Mutex
	ranges map[int32]span // the stored range that this writer last extended, by partition
}

// NewWriter makes a Writer. It reaches nobody yet.
func NewWriter(cfg Config) (*Writer, error) {
	conn, err := cfg.open(cfg.Database, writeConns, writeTimeout, cfg.writeSettings())
	if err != nil {
		return nil, err
	}
	return &Writer{conn: conn, ranges: map[int32]span{}}, nil
}

// Close ends the connections.
func (w *Writer) Close() error { return w.conn.Close() }

// Ping reaches ClickHouse or says why not.
func (w *Writer) Ping(ctx context.Context) error { return classify("ping", w.conn.Ping(ctx)) }

// Insert stores a segment and returns when it is on disk. It may be repeated, whole or cut differently, without effect.
//
// First is the offset after the Last of the segment before, or where reading of the partition began; offsets that Kafka
// uses for itself then make no hole. A failed Insert may have stored some of the segment.
//
// A fault of rows is a [fraud.Fault]; everything else wraps [fraud.ErrUnavailable].
func (w *Writer) Insert(ctx context.Context, seg fraud.Segment) error {
	if err := check(&seg); err != nil {
		return err
	}
	// 1. Opinions, so that a stored event means that its opinions are stored.
	var opinions []*fraud.Opinion
	for i := range seg.Entries {
		for j := range seg.Entries[i].Opinions {
			opinions = append(opinions, &seg.Entries[i].Opinions[j])
		}
	}
	if err := insert(ctx, w.conn, "opinions", opinionColumns, opinions); err != nil {
		return err
	}
	// 2. Dead letters and 3. events, each as one block into one partition: the only insert that is whole or not at all.
	letters := byMonth(seg.DeadLetters, func(d *fraud.DeadLetter) month { return monthOf(d.Appended) })
	for _, block := range letters {
		if err := insert(ctx, w.conn, "dead_letters", deadLetterColumns, block); err != nil {
			return err
		}
	}
	events := byMonth(seg.Entries, func(e *fraud.Entry) month { return monthOf(e.Appended) })
	for _, block := range events {
		if err := insert(ctx, w.conn, "events", eventColumns, block); err != nil {
			return err
		}
	}
	// 4. Only now the word that all of it is stored. Up to here a failure repeats the whole segment, harmlessly.
	return w.extend(ctx, &seg)
}

// PutPartners records who the numbers are. It may be repeated; the last word on a number stands.
func (w *Writer) PutPartners(ctx context.Context, partners []fraud.Partner) error {
	rows := make([]*fraud.Partner, len(partners))
	for i := range partners {
		rows[i] = &partners[i]
	}
	return insert(ctx, w.conn, "partners", partnerColumns, rows)
}

// check refuses a segment whose rows lie outside of it: a mistake of the caller that would make stored ranges lie.
func check(seg *fraud.Segment) error {
	inside := func(p fraud.Position) bool {
		return p.Partition == seg.Partition && p.Offset >= seg.First && p.Offset <= seg.Last
	}
	if seg.Partition < 0 || seg.First < 0 || seg.Last < seg.First {
		return fmt.Errorf("store: insert: segment %d..%d of partition %d is no run of messages",
			seg.First, seg.Last, seg.Partition)
	}
	for i := range seg.Entries {
		if p := seg.Entries[i].Position; !inside(p) {
			return fmt.Errorf("store: insert: event at %+v is outside of its segment %d..%d", p, seg.First, seg.Last)
		}
	}
	for i := range seg.DeadLetters {
		if p := seg.DeadLetters[i].Position; !inside(p) {
			return fmt.Errorf("store: insert: dead letter at %+v is outside of its segment %d..%d", p, seg.First, seg.Last)
		}
	}
	return nil
}

// insert sends rows as one block.
func insert[R any](ctx context.Context, conn driver.Conn, table string, columns []column[R], rows []*R) error {
	if len(rows) == 0 {
		return nil
	}
	what := fmt.Sprintf("insert %d rows into %s", len(rows), table)
	batch, err := conn.PrepareBatch(ctx, insertInto(table, columns))
	if err != nil {
		return classify(what, err)
	}
	for i, c := range columns {
		if err := c.fill(batch.Column(i), rows); err != nil {
			// The driver refuses the value before it is sent. Its message would quote the value.
			_ = batch.Abort()
			return refuse(what, "a value does not fit column "+c.name)
		}
	}
	return classify(what, batch.Send())
}
