package fraud

import (
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// HistoryQuestion asks what was said of one indicator.
type HistoryQuestion struct {
	Asker *Partner
	// Probes are its expressions at the hub's epoch, the most specific first; and Forms their digests at every epoch that
	// is known of them.
	Probes []Probe
	Forms  []indicator.Digest
	// At asks for the verdict of that moment too; zero does not.
	At time.Time
	// Before is the place of the last one that was told, zero to begin.
	Before ArrivalPlace
	Limit  int
}

// History is what an asker may see of what was said of an indicator.
type History struct {
	// Sayings are the newest first. More says that older ones are to come.
	Sayings []Saying
	More    bool
	// Then is the verdict that the asker would have got at the time that it asked about, if it asked about one.
	Then *Verdict
	// PartnersOfThen says that it was made with the partners as they were then, and not as they are.
	PartnersOfThen bool
}

// Saying is one event of an indicator's history. What may not be told is zero.
type Saying struct {
	Place    ArrivalPlace
	IssuedAt time.Time
	Kind     Kind
	// Grade is how precisely the event stands for what was asked about.
	Grade indicator.Grade

	Category   Code
	Evidence   Evidence
	Confidence uint8
	Advice     Advice
	Action     Action
	ExpiresAt  time.Time
	TLP        TLP
	Group      Group

	// EventID is told of one's own.
	Mine    bool
	EventID uuid.UUID
	// Reporter numbers the organisations of this history, from 1: the same number, the same organisation. It means nothing
	// elsewhere.
	Reporter    int
	PartnerKind PartnerKind
	Partner     string
	// Disregard says why it does not count.
	Disregard Disregard
}
