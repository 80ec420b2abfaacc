package store

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// Reader asks the store. Its methods may be called at once from several goroutines.
type Reader struct {
	conn      driver.Conn
	platforms *fraud.Vocabulary
}

// NewReader makes a Reader. It reaches nobody yet. The user needs SELECT on the database only.
func NewReader(cfg Config) (*Reader, error) {
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	conn, err := cfg.open(cfg.Database, readConns, readTimeout, nil)
	if err != nil {
		return nil, err
	}
	return &Reader{conn, taxonomy.Platform}, nil
}

// Close ends the connections.
func (r *Reader) Close() error { return r.conn.Close() }

// Ping reaches ClickHouse or says why not.
func (r *Reader) Ping(ctx context.Context) error { return classify("ping", r.conn.Ping(ctx)) }

// Opinions calls each with the standing opinions, every one once, in blocks. Withdrawn ones are among them: who merges
// a replay needs to know what was taken back. The slice is good during the call only. An error of each ends the stream
// and is returned as it is.
func (r *Reader) Opinions(ctx context.Context, each func([]fraud.Opinion) error) error {
	return r.opinions(ctx, "", each)
}

func (r *Reader) opinions(ctx context.Context, where string, each func([]fraud.Opinion) error) error {
	rows, err := r.conn.Query(ctx, "SELECT "+packedOpinion+" FROM opinions FINAL "+where)
	if err != nil {
		return classify("read opinions", err)
	}
	defer rows.Close()
	block := make([]fraud.Opinion, 0, streamedBlock)
	for rows.Next() {
		block = block[:len(block)+1]
		if err := rows.Scan(&block[len(block)-1]); err != nil {
			return classify("read opinions", err)
		}
		if len(block) == cap(block) {
			if err := each(block); err != nil {
				return err
			}
			block = block[:0]
		}
	}
	if err := rows.Err(); err != nil { // a stream that broke off looks like one that ended
		return classify("read opinions", err)
	}
	if len(block) == 0 {
		return nil
	}
	return each(block)
}

// packedOpinion is the binary form of [fraud.Opinion.AppendBinary], made by ClickHouse: the driver reads one column
// much faster than fourteen.
const packedOpinion = `toFixedString(concat('\x01',
	reinterpretAsFixedString(CAST(type, 'Int8')), reinterpretAsFixedString(CAST(grade, 'Int8')),
	reinterpretAsFixedString(CAST(stance, 'Int8')), reinterpretAsFixedString(byteSwap(category)),
	reinterpretAsFixedString(evidence), reinterpretAsFixedString(confidence),
	reinterpretAsFixedString(CAST(advice, 'Int8')), reinterpretAsFixedString(CAST(tlp, 'Int8')),
	reinterpretAsFixedString(byteSwap(partner)), reinterpretAsFixedString(byteSwap(toUInt32(expires_at))),
	reinterpretAsFixedString(byteSwap(origin)), reinterpretAsFixedString(byteSwap(issued)), digest,
	reinterpretAsFixedString(byteSwap(provenance))), 64)`

// each runs a query and calls row for each of its rows.
func each(ctx context.Context, conn driver.Conn, what, query string, row func(driver.Rows) error, args ...any) error {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return classify(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return classify(what, err)
		}
	}
	// A query that ran out of time may give no rows and no error: it is only here.
	return classify(what, rows.Err())
}
