package deadletters

import (
	"errors"
	"fmt"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Opener verifies and decodes a message. Its error is a *[fraud.Fault].
type Opener interface {
	Open(headers []wire.Header, value []byte, appended time.Time) (*wire.Bundle, error)
}

// Judge says what ingest would make of a message, by the same rules.
type Judge struct {
	Opener Opener
	Screen *fraud.Screen
}

// Judgement is what would become of a message.
type Judgement struct {
	// Whole is the fault that refuses all of it.
	Whole *fraud.Fault
	// Events are those of the bundle: nil for one that would be accepted.
	Events []*fraud.Fault
}

// Counts are how many events would be accepted and how many refused. A bundle that is refused as a whole has none.
func (j *Judgement) Counts() (accepted, refused int) {
	for _, fault := range j.Events {
		if fault == nil {
			accepted++
		} else {
			refused++
		}
	}
	return accepted, refused
}

// Heals reports whether something that a dead letter refused would be accepted.
func (j *Judgement) Heals(l *fraud.DeadLetter) bool {
	if l.Whole {
		accepted, _ := j.Counts()
		return accepted > 0
	}
	return j.Whole == nil && int(l.Index) < len(j.Events) && j.Events[l.Index] == nil
}

// On says what would become of what a dead letter refused.
func (j *Judgement) On(l *fraud.DeadLetter) string {
	if !j.Heals(l) {
		return "would be refused again: " + j.fault(l).Error()
	}
	if accepted, refused := j.Counts(); l.Whole && refused > 0 {
		return fmt.Sprintf("would be accepted, but for %d of its %d events", refused, accepted+refused)
	}
	return "would be accepted"
}

// fault is why a dead letter would not heal.
func (j *Judgement) fault(l *fraud.DeadLetter) *fraud.Fault {
	switch {
	case j.Whole != nil:
		return j.Whole
	case int(l.Index) < len(j.Events) && j.Events[l.Index] != nil: // the first one, if all were refused together
		return j.Events[l.Index]
	}
	return &l.Fault
}

// At judges a message as if Kafka had appended it at a time.
func (j *Judge) At(m *topic.Message, at time.Time) Judgement {
	bundle, err := j.Opener.Open(headers(m), m.Value, at)
	if err != nil {
		return Judgement{Whole: asFault(err)}
	}
	judged := Judgement{Events: make([]*fraud.Fault, len(bundle.Items))}
	for i := range bundle.Items {
		item := &bundle.Items[i]
		fault := item.Fault
		if fault == nil {
			entry := fraud.Entry{Appended: at, Partner: bundle.Partner.Number, Event: item.Event}
			fault = j.Screen.Check(&entry, bundle.Partner)
		}
		judged.Events[i] = fault
	}
	return judged
}

// KeyFault is why a message's signing key was not good when Kafka first took the message, by what is known of the key
// today; nil when it was.
func (j *Judge) KeyFault(m *topic.Message) *fraud.Fault {
	if _, err := j.Opener.Open(headers(m), m.Value, m.Appended); err != nil {
		if fault := asFault(err); fault.Reason == fraud.ReasonKeyNotValid {
			return fault
		}
	}
	return nil
}

func headers(m *topic.Message) []wire.Header {
	all := make([]wire.Header, len(m.Headers))
	for i, h := range m.Headers {
		all[i] = wire.Header{Name: h.Name, Value: h.Value}
	}
	return all
}

// asFault is the fault that refuses a bundle, as ingest sees it.
func asFault(err error) *fraud.Fault {
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return fault
	}
	return fraud.Refuse(fraud.ReasonMalformed, "", "not a bundle")
}
