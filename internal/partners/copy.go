package partners

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// copied is a revision in a node's copy of the registry.
type copied struct {
	Revision uint64               `json:"revision"`
	Act      uuid.UUID            `json:"act"`
	At       time.Time            `json:"at"`
	Record   *fraud.PartnerRecord `json:"record"`
}

// readCopy reads what writeCopy wrote; nothing where there is no copy.
func readCopy(path string) ([]fraud.PartnerRevision, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("partners: %w", err)
	}
	var rows []copied
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("partners: %s: %w", path, err)
	}
	heads := make([]fraud.PartnerRevision, len(rows))
	for i, r := range rows {
		if r.Record == nil {
			return nil, fmt.Errorf("partners: %s: row %d has no record", path, i)
		}
		heads[i] = fraud.PartnerRevision{PartnerRecord: *r.Record, Revision: r.Revision, Act: r.Act, At: r.At}
	}
	return heads, nil
}

// writeCopy replaces the copy in one step.
func writeCopy(path string, heads []fraud.PartnerRevision) error {
	if path == "" {
		return nil
	}
	rows := make([]copied, 0, len(heads))
	for i := range heads {
		if h := &heads[i]; h.ID != "" { // one that could not be read is no record
			rows = append(rows, copied{h.Revision, h.Act, h.At, &h.PartnerRecord})
		}
	}
	data, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("partners: %w", err)
	}
	temporary, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("partners: %w", err)
	}
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("partners: %w", err)
	}
	return nil
}
