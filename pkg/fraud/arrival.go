package fraud

import (
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Arrival is one event of a partner as it reached the hub, and what became of it. An event that was sent twice arrived
// twice, and counts once.
type Arrival struct {
	Position
	Fate
	// Whole is true when its bundle was refused as a whole. Of what was refused only the Fate is known, of this not even
	// the id.
	Whole bool
	Provenance
	Kind     Kind
	IssuedAt time.Time
	Type     indicator.Type
	Epoch    uint16
	Digest   indicator.Digest
	Category Code
	TLP      TLP
}

// ArrivalState is what became of an event.
type ArrivalState uint8

// The states.
const (
	ArrivedStored  ArrivalState = 1 // it is in the ledger, and was not held
	ArrivedHeld    ArrivalState = 2 // it is in the ledger, and was held when it was accepted
	ArrivedRefused ArrivalState = 3 // for good
)

var arrivalStates = []string{"", "stored", "held", "refused"}

func (s ArrivalState) String() string               { return name(arrivalStates, s) }
func (s ArrivalState) MarshalText() ([]byte, error) { return text("state", arrivalStates, s) }
func (s *ArrivalState) UnmarshalText(b []byte) (err error) {
	*s, err = parse[ArrivalState]("state", arrivalStates, string(b))
	return err
}

// State is what became of it.
func (a *Arrival) State() ArrivalState {
	switch {
	case a.Fault != nil:
		return ArrivedRefused
	case a.Held:
		return ArrivedHeld
	}
	return ArrivedStored
}

// ArrivalPlace is where an arrival stands among a partner's, by time and position.
type ArrivalPlace struct {
	Appended time.Time
	Position
}

// Place is where a stands.
func (a *Arrival) Place() ArrivalPlace { return ArrivalPlace{a.Appended, a.Position} }

// ArrivalQuestion asks for a partner's arrivals, the newest first.
type ArrivalQuestion struct {
	Partner PartnerNumber
	// From is included, To is not.
	From, To time.Time
	// Kind and State are 0 for all. What was refused has no kind.
	Kind  Kind
	State ArrivalState
	// Before is the place of the last one that was told, zero to begin.
	Before ArrivalPlace
	Limit  int
}

// ID is the event's id, nil where it could not be read.
func (a *Arrival) ID() *uuid.UUID {
	if a.EventID == uuid.Nil {
		return nil
	}
	id := a.EventID
	return &id
}
