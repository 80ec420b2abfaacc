package fraud

import (
	"time"

	"github.com/google/uuid"
)

// Fate is what became of one event.
type Fate struct {
	EventID uuid.UUID
	Partner PartnerNumber
	// Appended is when Kafka took it.
	Appended time.Time
	// Fault says why it was refused; nil for an event that is stored.
	Fault *Fault
	// OnHold says that it was stored and held; whether it was released since stands in its partner's record.
	OnHold bool
}
