package store

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// turnLimit is after how many seconds a turn that did not end is no turn any more: its node is dead.
const turnLimit = 120

// turns are those of the last while, each with its beginning by the clock of the server.
const turns = "(SELECT turn, min(at) AS began, max(ended) AS over FROM campaign_turns GROUP BY turn) WHERE NOT over AND " +
	"began > now64(3) - INTERVAL %d SECOND"

// BeginCampaignTurn asks for the turn to work at campaigns; false while another has it. The first who asks has it.
func (w *Writer) BeginCampaignTurn(ctx context.Context, turn uuid.UUID) (bool, error) {
	if err := w.putTurn(ctx, turn, false); err != nil {
		return false, err
	}
	held, err := w.turn(ctx, fmt.Sprintf("SELECT argMin(turn, (began, turn)) = '%s' FROM "+turns, turn, turnLimit))
	if err == nil && !held {
		err = w.putTurn(ctx, turn, true)
	}
	return held, err
}

// HoldsCampaignTurn reports whether a turn still is one, and nobody else asks for one at this moment. Where it is false,
// what was worked out since may rest on what another has changed: do not note that it is done.
func (w *Writer) HoldsCampaignTurn(ctx context.Context, turn uuid.UUID) (bool, error) {
	return w.turn(ctx, fmt.Sprintf("SELECT count() = 1 AND any(turn) = '%s' FROM "+turns, turn, turnLimit))
}

// EndCampaignTurn gives a turn up.
func (w *Writer) EndCampaignTurn(ctx context.Context, turn uuid.UUID) error {
	return w.putTurn(ctx, turn, true)
}

func (w *Writer) turn(ctx context.Context, query string) (held bool, err error) {
	err = each(ctx, w.conn, "look whose turn it is", query, func(rows driver.Rows) error {
		var mine uint8
		err := rows.Scan(&mine)
		held = mine == 1
		return err
	})
	return held, unmigrated(err)
}

func (w *Writer) putTurn(ctx context.Context, turn uuid.UUID, over bool) error {
	query := fmt.Sprintf("INSERT INTO campaign_turns (turn, at, ended) SELECT '%s', now64(3), %t", turn, over)
	return unmigrated(classify("take a turn", w.conn.Exec(ctx, query)))
}
