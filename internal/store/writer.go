package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Writer adds to the store. Its methods may be called at once from several goroutines, but Insert for one partition by
// one at a time.
type Writer struct {
	conn driver.Conn

	mu   sync.Mutex
	next map[int32]int64 // the offset after what this writer last stored, by partition
}

// NewWriter makes a Writer. It reaches nobody yet.
func NewWriter(cfg Config) (*Writer, error) {
	conn, err := cfg.open(cfg.Database, writeConns, writeTimeout, cfg.writeSettings())
	if err != nil {
		return nil, err
	}
	return &Writer{conn: conn, next: map[int32]int64{}}, nil
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
// Every event of its messages is in the segment, stored or refused, because the messages then count as stored whole;
// unless it is Partial.
//
// A fault of rows is a [fraud.Fault]. [fraud.ErrForgotten] says that the ledger has lost what this writer stored before:
// begin again at StoredOffset. Everything else wraps [fraud.ErrUnavailable].
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
	for i := range seg.TakenBack {
		opinions = append(opinions, &seg.TakenBack[i])
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
	if seg.Partial {
		return nil
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

// check refuses a segment whose rows lie outside of it, a mistake of the caller that would make stored ranges lie, and
// one with a row that does not fit the tables, before anything of it is written.
func check(seg *fraud.Segment) error {
	what := fmt.Sprintf("insert messages %d to %d of partition %d", seg.First, seg.Last, seg.Partition)
	if seg.Partition < 0 || seg.First < 0 || seg.Last < seg.First {
		return fmt.Errorf("store: %s: that is no run of messages", what)
	}
	inside := func(p fraud.Position) bool {
		return p.Partition == seg.Partition && p.Offset >= seg.First && p.Offset <= seg.Last
	}
	for i := range seg.Entries {
		e := &seg.Entries[i]
		if !inside(e.Position) {
			return fmt.Errorf("store: %s: the event at %+v lies outside", what, e.Position)
		}
		if field := unfit(e); field != "" {
			return refuse(what, fmt.Sprintf("the event at %+v has no storable %s", e.Position, field))
		}
	}
	for i := range seg.DeadLetters {
		d := &seg.DeadLetters[i]
		if !inside(d.Position) {
			return fmt.Errorf("store: %s: the dead letter at %+v lies outside", what, d.Position)
		}
		if !storable(d.Appended) {
			return refuse(what, fmt.Sprintf("the dead letter at %+v has no storable append time", d.Position))
		}
	}
	return nil
}

// unfit names a field whose value the tables cannot hold, "" for none. A verified event has no such field.
func unfit(e *fraud.Entry) string {
	ev := &e.Event
	switch {
	case !storable(e.Appended):
		return "append time"
	case !storable(ev.IssuedAt):
		return "issued_at"
	case !ev.ObservedAt.IsZero() && !storable(ev.ObservedAt):
		return "observed_at"
	case !ev.ExpiresAt.IsZero() && !storable(ev.ExpiresAt):
		return "expires_at"
	case !ev.Kind.Valid():
		return "kind"
	case !ev.Indicator.Type.Valid():
		return "type"
	case ev.Role > fraud.Impersonated, ev.TLP > fraud.TLPRed, ev.Advice > fraud.Block, ev.Action > fraud.Disagreed,
		ev.LossBand > fraud.LossOver1M:
		return "role, tlp, advice, action or loss_band"
	}
	for _, a := range ev.Indicator.Also {
		if !a.Grade.Valid() {
			return "grade"
		}
	}
	for i := range e.Opinions {
		o := &e.Opinions[i]
		if !o.Type.Valid() || !o.Grade.Valid() || !o.Stance.Valid() || o.Advice > fraud.Block || o.TLP > fraud.TLPRed {
			return "opinion"
		}
	}
	return ""
}

// storable reports whether a time fits DateTime, the narrowest of the columns.
func storable(t time.Time) bool { return t.Unix() >= 0 && t.Unix() < 1<<32 }

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
