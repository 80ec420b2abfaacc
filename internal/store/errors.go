package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// ErrNotFound is returned for an event that the ledger does not hold, or that is not the asking partner's.
var ErrNotFound = errors.New("store: no such event")

// refusals are the codes by which ClickHouse refuses the values of a row. They are named one by one: under any other
// code nothing is known of the rows, and they must not be given up. CANNOT_READ_ALL_DATA (33) is not among them: a
// Distributed table answers so when a shard dies in the middle of its answer.
var refusals = map[int32]string{
	6:   "CANNOT_PARSE_TEXT",
	53:  "TYPE_MISMATCH",
	69:  "ARGUMENT_OUT_OF_BOUND",
	70:  "CANNOT_CONVERT_TYPE",
	117: "INCORRECT_DATA",
	131: "TOO_LARGE_STRING_SIZE",
	321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
	349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
	469: "VIOLATED_CONSTRAINT",
	691: "UNKNOWN_ELEMENT_OF_ENUM",
}

// classify turns a failure of ClickHouse into one of the two kinds that callers tell apart. The message of a refusal is
// left out: it may quote the row.
func classify(what string, err error) error {
	if err == nil {
		return nil
	}
	var refused *clickhouse.Exception
	if errors.As(err, &refused) {
		if name := refusals[refused.Code]; name != "" {
			return refuse(what, fmt.Sprintf("ClickHouse refuses a row of it: %s (%d)", name, refused.Code))
		}
	}
	if lacks(err) {
		return withoutRight(what, err)
	}
	return fmt.Errorf("store: %s: %w: %w", what, fraud.ErrUnavailable, err)
}

// failed is classify for statements that are the same each time: what ClickHouse answers to one of them will not pass
// by itself, unless it is busy or cut off.
func failed(what string, err error) error {
	var refused *clickhouse.Exception
	if err == nil || !errors.As(err, &refused) || slices.Contains(passing, refused.Code) {
		return classify(what, err)
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// passing are the codes of a server that is busy, short of something or cut off from its peers.
var passing = []int32{
	57,  // TABLE_ALREADY_EXISTS: another node makes it at this moment
	159, // TIMEOUT_EXCEEDED
	160, // TOO_SLOW
	202, // TOO_MANY_SIMULTANEOUS_QUERIES
	209, // SOCKET_TIMEOUT
	210, // NETWORK_ERROR
	241, // MEMORY_LIMIT_EXCEEDED
	242, // TABLE_IS_READ_ONLY
	252, // TOO_MANY_PARTS
	279, // ALL_CONNECTION_TRIES_FAILED
	999, // KEEPER_EXCEPTION
}

// refuse is a fault of the rows themselves.
func refuse(what, hint string) error {
	return fmt.Errorf("store: %s: %w", what, fraud.Refuse(fraud.ReasonRefusedByLog, "", hint))
}
