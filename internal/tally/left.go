package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// leave keeps what could not be written for the next run of this node.
func (c *Counter) leave(why error) {
	rows, _ := c.unwritten()
	err := errors.New("there is no folder for it: set index.snapshot_dir")
	if c.file != "" {
		err = writeLeft(c.file, rows)
	}
	if err == nil {
		c.log.Warn("what partners asked waits in a file for the next start", "rows", len(rows), "error", why)
		return
	}
	calls := uint64(0)
	for i := range rows {
		calls += rows[i].Calls
	}
	c.log.Error("what partners asked is lost to the audit", "calls", calls, "error", errors.Join(why, err))
}

func writeLeft(file string, rows []fraud.Usage) error {
	data, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	return os.Rename(file+".new", file)
}

// readLeft reads what an earlier run left, nil if nothing. The file stays until the ledger has it.
func readLeft(file string) (rows []fraud.Usage, err error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &rows)
	}
	if err != nil {
		return nil, fmt.Errorf("tally: %s: %w", file, err)
	}
	return rows, nil
}
