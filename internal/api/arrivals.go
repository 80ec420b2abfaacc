package api

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The bounds of GET /v1/events.
const (
	defaultArrivals = 100
	maxArrivals     = 500
	usualArrivals   = 7 * 24 * time.Hour
	longestArrivals = 31 * 24 * time.Hour
	// arrivalsLimit is how long ClickHouse may take.
	arrivalsLimit = 8 * time.Second
)

// Arrivals tells what became of a partner's events.
type Arrivals interface {
	Arrivals(ctx context.Context, q fraud.ArrivalQuestion) ([]fraud.Arrival, error)
}

// arrivalAnswer is one event of mine.
type arrivalAnswer struct {
	EventID *uuid.UUID `json:"event_id,omitempty"`
	Status  string     `json:"status"`
	TakenAt string     `json:"taken_at"`
	// Released and Void tell of a word that is stored whether it counts.
	Released  bool             `json:"released,omitzero"`
	Void      bool             `json:"void,omitzero"`
	Kind      string           `json:"kind,omitempty"`
	IssuedAt  string           `json:"issued_at,omitempty"`
	Indicator *indicatorAnswer `json:"indicator,omitempty"`
	Category  string           `json:"category,omitempty"`
	TLP       string           `json:"tlp,omitempty"`
	Group     string           `json:"group,omitempty"`
	Whole     bool             `json:"whole_bundle,omitzero"`
	Reason    fraud.Reason     `json:"reason,omitempty"`
	Pointer   string           `json:"pointer,omitempty"`
	Detail    string           `json:"detail,omitempty"`
}

type indicatorAnswer struct {
	Type   indicator.Type   `json:"type"`
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
}

// getEvents answers GET /v1/events?mine: what became of the caller's events, the newest first.
func (s *Server) getEvents(r *request) error {
	q, err := s.arrivalQuestion(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), arrivalsLimit)
	defer cancel()
	found, err := s.arrivals.Arrivals(ctx, q)
	if err != nil {
		return err
	}
	answer := struct {
		Events []arrivalAnswer `json:"events"`
		Next   string          `json:"next,omitempty"`
	}{Events: make([]arrivalAnswer, len(found))}
	for i := range found {
		answer.Events[i] = s.arrivalAnswer(r.who.Partner, &found[i])
	}
	if n := len(found); n == q.Limit {
		answer.Next = s.cursors.seal(arrivalsList, r.who.Partner, packArrival(found[n-1].Place()))
	}
	return r.json(answer)
}

func (s *Server) arrivalQuestion(r *request) (fraud.ArrivalQuestion, error) {
	q := fraud.ArrivalQuestion{Partner: r.who.Partner.Number, Limit: defaultArrivals}
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "mine":
			if value != "" && value != "true" {
				return true, refuseParameter(name, "is given without a value: there are no events but yours here")
			}
			return true, nil
		case "kind":
			return true, oneOf(name, q.Kind.UnmarshalText([]byte(value)))
		case "state":
			return true, oneOf(name, q.State.UnmarshalText([]byte(value)))
		case "from":
			return true, timeParameter(&q.From, name, value)
		case "to":
			return true, timeParameter(&q.To, name, value)
		case "limit":
			return true, limitParameter(&q.Limit, maxArrivals, value)
		case "cursor":
			place, ok := s.cursors.open(arrivalsList, r.who.Partner, value)
			if ok {
				q.Before, ok = unpackArrival(place)
			}
			if !ok {
				return true, errCursor
			}
			return true, nil
		}
		return false, nil
	})
	if q.To.IsZero() {
		q.To = s.now().Add(fraud.MaxSkew) // the broker's clock may be ahead of this one
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-usualArrivals)
	}
	switch {
	case err != nil:
		return q, err
	case q.From.Year() < 2000 || q.To.Year() > 2100:
		return q, refuseParameter("from", "must be in the years 2000 to 2100, as to")
	case !q.From.Before(q.To):
		return q, refuseParameter("from", "must be before to")
	case q.To.Sub(q.From) > longestArrivals:
		return q, refuseParameter("from", "may lie 31 days before to: ask in parts")
	}
	return q, nil
}

func (s *Server) arrivalAnswer(mine *fraud.Partner, a *fraud.Arrival) arrivalAnswer {
	answer := arrivalAnswer{
		EventID: a.ID(), Status: a.State().String(), TakenAt: a.Appended.UTC().Format(timeFormat), Whole: a.Whole,
	}
	if f := a.Fault; f != nil {
		answer.Reason, answer.Pointer, answer.Detail = f.Reason, f.Pointer, f.Hint
		return answer
	}
	word := fraud.Opinion{Version: fraud.MakeVersion(a.IssuedAt, 0, a.EventID), Provenance: a.Provenance}
	why := mine.Disregards(&word)
	answer.Void, answer.Released = why == fraud.IsVoid, a.Held && why == 0
	answer.Kind, answer.IssuedAt = a.Kind.String(), a.IssuedAt.UTC().Format(timeFormat)
	if !a.Digest.IsZero() { // erased
		answer.Indicator = &indicatorAnswer{a.Type, a.Epoch, a.Digest}
	}
	answer.Category, answer.TLP = s.screen.Taxonomy.Category.Name(a.Category), a.TLP.String()
	answer.Group = s.screen.Taxonomy.Group.Name(fraud.Code(a.Group))
	return answer
}

// arrivalsList names the list in its cursors.
const arrivalsList = "events"

func packArrival(p fraud.ArrivalPlace) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Appended.UnixMilli()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Offset))
	return binary.BigEndian.AppendUint16(b, p.Index)
}

func unpackArrival(b []byte) (p fraud.ArrivalPlace, ok bool) {
	if len(b) != 22 {
		return p, false
	}
	p.Appended = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()
	p.Partition, p.Offset = int32(binary.BigEndian.Uint32(b[8:])), int64(binary.BigEndian.Uint64(b[12:]))
	p.Index = binary.BigEndian.Uint16(b[20:])
	return p, true
}

// errCursor refuses a cursor that is not of this list, partner and hub.
var errCursor = refuseParameter("cursor", "is what next was in an answer of this route to you")

func limitParameter(to *int, most int, value string) error {
	n, err := strconv.Atoi(value)
	if *to = n; err != nil || n < 1 || n > most {
		return refuseParameter("limit", "is 1 to "+strconv.Itoa(most))
	}
	return nil
}
