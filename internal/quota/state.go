package quota

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// stateName is the file that keeps what was used of the day. It holds no digest, and none can be told from it.
const stateName = "quotas.json"

// stateVersion is that of the file and of what its registers mean.
const stateVersion = 2

type savedState struct {
	Version  int        `json:"version"`
	Partners []savedDay `json:"partners"`
}

type savedDay struct {
	Partner     fraud.PartnerNumber `json:"partner"`
	Day         int64               `json:"day"`
	Listed      int                 `json:"listed"`
	Retractions int                 `json:"retractions"`
	Secret      [2]uint64           `json:"secret"`
	Asked       savedDistinct       `json:"asked"`
	Known       savedDistinct       `json:"known"`
}

type savedDistinct struct {
	N         float64 `json:"n"`
	Registers []byte  `json:"registers"`
}

// writeDays replaces the file in one step.
func writeDays(dir string, days map[fraud.PartnerNumber]day) error {
	state := savedState{Version: stateVersion, Partners: make([]savedDay, 0, len(days))}
	for number, d := range days {
		state.Partners = append(state.Partners, savedDay{number, d.number, d.listed, d.retractions, d.asked.secret,
			savedDistinct{d.asked.n, d.asked.registers}, savedDistinct{d.known.n, d.known.registers}})
	}
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	path := filepath.Join(dir, stateName)
	if err = os.WriteFile(path+".tmp", data, 0o600); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	return nil
}

// readDays reads what was used of one day.
func readDays(dir string, number int64) (map[fraud.PartnerNumber]day, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("quota: %w", err)
	}
	var state savedState
	if err := json.Unmarshal(data, &state, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("quota: %s: %w", stateName, err)
	}
	if state.Version != stateVersion {
		return nil, fmt.Errorf("quota: %s is of version %d, and this is version %d", stateName, state.Version, stateVersion)
	}
	days := map[fraud.PartnerNumber]day{}
	for i, s := range state.Partners {
		if s.Day != number {
			continue
		}
		d := day{number: s.Day, listed: s.Listed, retractions: s.Retractions, unknown: distinct{secret: s.Secret}}
		if d.asked, err = s.Asked.restored(s.Secret); err == nil {
			d.known, err = s.Known.restored(s.Secret)
		}
		if err != nil {
			return nil, fmt.Errorf("quota: %s: partners[%d]: %w", stateName, i, err)
		}
		days[s.Partner] = d
	}
	return days, nil
}

func (s savedDistinct) restored(secret [2]uint64) (distinct, error) {
	d := distinct{secret: secret, registers: s.Registers, n: s.N}
	if len(s.Registers) == 0 {
		return distinct{secret: secret}, nil
	}
	if len(s.Registers) != m || !(s.N >= 0) {
		return distinct{}, errors.New("the registers are damaged")
	}
	for _, r := range s.Registers {
		if r > 64-registerBits+1 {
			return distinct{}, errors.New("the registers are damaged")
		}
		d.sum += power(r)
	}
	return d, nil
}
