package fraud

import (
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Status is the hub's answer in one word, the mildest first.
type Status uint8

// The statuses.
const (
	// NotListed: no partner's standing word lists it.
	NotListed Status = 1
	// ClearedUp: its holder or an authority says that it is legitimate, or it is on the protected list.
	ClearedUp Status = 2
	// InDispute: listed, but under dispute: observe only.
	InDispute Status = 3
	// Suspected: listed, but not by enough to be sure.
	Suspected Status = 4
	// Confirmed: listed by an authority, or by two independent partners with evidence.
	Confirmed Status = 5
	// Unsure: this node cannot know at present.
	Unsure Status = 6
)

var statuses = []string{"", "not_listed", "cleared", "disputed", "suspected", "confirmed", "unsure"}

// Statuses lists the names in the order of their numbers.
func Statuses() []string { return append([]string(nil), statuses[1:]...) }

func (s Status) String() string               { return name(statuses, s) }
func (s Status) MarshalText() ([]byte, error) { return text("verdict", statuses, s) }
func (s *Status) UnmarshalText(b []byte) (err error) {
	*s, err = parse[Status]("verdict", statuses, string(b))
	return err
}

// Stage is the stage of a lookup that gave the answer.
type Stage uint8

// The stages.
const (
	ByFilter Stage = 1 // the bloom filter said no
	ByIndex  Stage = 2 // the exact opinions were read
)

var stages = []string{"", "filter", "index"}

func (s Stage) String() string               { return name(stages, s) }
func (s Stage) MarshalText() ([]byte, error) { return text("stage", stages, s) }
func (s *Stage) UnmarshalText(b []byte) (err error) {
	*s, err = parse[Stage]("stage", stages, string(b))
	return err
}

// Probe is one expression to look up. A question about an indicator is a list of them, the most specific first.
type Probe struct {
	Digest indicator.Digest
	// Grade is how precisely the expression stands for what is asked about.
	Grade indicator.Grade
}

// Verdict is the answer about one indicator. It never tells who reported.
type Verdict struct {
	Status Status
	// Score is 0 to 100: how strong the standing words are together, after decay.
	Score uint8
	// Categories are those of the standing listings, the best supported first.
	Categories []Code
	// Reporters counts independent organisations.
	Reporters int
	// FirstReported and LastReported span the listings that stand now; zero without any.
	FirstReported, LastReported time.Time
	Advice                      Advice
	// Matched is the grade of the expression that decided; 0 when none did.
	Matched    indicator.Grade
	AnsweredBy Stage
	// AsOf is the time up to which this node knows every change.
	AsOf time.Time
}

// KnownFraud is true for Confirmed alone.
func (v *Verdict) KnownFraud() bool { return v.Status == Confirmed }
