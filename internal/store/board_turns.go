package store

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// boardTurn is the right of one node to count for the boards. It lasts as long as it is renewed, and its version is above
// those of all turns before it: what a node still writes that has lost its turn never stands against what was counted
// after.
type boardTurn struct {
	conn    driver.Conn
	id      uuid.UUID
	version uint64
}

// boardTurnLimit is after how many seconds without a word a turn is no turn any more: its node is dead.
const boardTurnLimit = 120

// boardTurns are those that have not ended.
var boardTurns = fmt.Sprintf("(SELECT turn, min(began) AS since FROM board_turns GROUP BY turn "+
	"HAVING max(ended) = 0 AND max(seen) > now64(3) - INTERVAL %d SECOND)", boardTurnLimit)

// beginBoardTurn asks for the turn; nil while another has it. The first who asks has it.
func beginBoardTurn(ctx context.Context, conn driver.Conn) (*boardTurn, error) {
	t := &boardTurn{conn: conn, id: uuid.New()}
	if err := t.renew(ctx); err != nil {
		return nil, err
	}
	mine, err := t.ask(ctx, fmt.Sprintf("SELECT toUInt64(argMin(turn, (since, turn)) = '%s') FROM ", t.id)+boardTurns)
	if err != nil {
		return nil, err
	}
	if mine == 0 {
		return nil, t.end(ctx)
	}
	t.version, err = t.ask(ctx, "SELECT greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), max(version) + 1) FROM board_turns")
	if err != nil {
		return nil, err
	}
	return t, t.renew(ctx)
}

// held reports whether it still is a turn and nobody else asks for one at this moment. Where it is false, do not note what
// was done since.
func (t *boardTurn) held(ctx context.Context) (bool, error) {
	alone, err := t.ask(ctx, fmt.Sprintf("SELECT toUInt64(count() = 1 AND any(turn) = '%s') FROM ", t.id)+boardTurns)
	return alone == 1, err
}

func (t *boardTurn) renew(ctx context.Context) error { return t.put(ctx, 0) }
func (t *boardTurn) end(ctx context.Context) error   { return t.put(ctx, 1) }

func (t *boardTurn) put(ctx context.Context, ended int) error {
	query := fmt.Sprintf("INSERT INTO board_turns (turn, began, seen, ended, version) SELECT '%s', now64(3), now64(3), %d, %d",
		t.id, ended, t.version)
	return unmigrated(classify("take a turn at the boards", t.conn.Exec(ctx, query)))
}

func (t *boardTurn) ask(ctx context.Context, query string) (answer uint64, err error) {
	err = each(ctx, t.conn, "look whose turn at the boards it is", query, func(rows driver.Rows) error {
		return rows.Scan(&answer)
	})
	return answer, unmigrated(err)
}
