package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Limits of POST /v1/events. 500 events with every field filled come to about 0.8 MB as a bundle, which may have 1 MiB.
const (
	maxEventsBytes = 1 << 20
	maxEvents      = 500
)

// publishLimit is how long Kafka may take, below the server's WriteTimeout.
const publishLimit = 8 * time.Second

// defaultConfidence is that of a report which names none: more than an even chance, less than a bank's certainty.
const defaultConfidence = 70

// sentEvent is an event as a partner sends it over HTTP: what the hub can fill in may be absent, and the indicator may
// be given by its value.
type sentEvent struct {
	fraud.Event
	Indicator sentIndicator `json:"indicator"` // in place of the event's own
}

type sentIndicator struct {
	Type   indicator.Type   `json:"type"`
	Value  indicator.Raw    `json:"value"`
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
	Also   []fraud.Also     `json:"also"`
}

// eventResult is what is told of one event.
type eventResult struct {
	EventID *uuid.UUID `json:"event_id,omitempty"`
	Status  string     `json:"status"`
	// Reason, Pointer (into the request's body) and Detail say why it was refused.
	Reason  fraud.Reason `json:"reason,omitempty"`
	Pointer string       `json:"pointer,omitempty"`
	Detail  string       `json:"detail,omitempty"`
}

// eventsAnswer is the answer to POST /v1/events.
type eventsAnswer struct {
	BundleID *uuid.UUID    `json:"bundle_id,omitempty"`
	DryRun   bool          `json:"dry_run,omitzero"`
	Results  []eventResult `json:"results"`
}

// postEvents answers POST /v1/events. In this order, so that a 202 means what it says:
//
//  1. each event is read, filled and checked by itself; a refused one does not hold up the others
//  2. new listings and retractions are counted against the partner's quotas: all of the request, or nothing is sent
//  3. the accepted ones go to Kafka as one bundle and are acknowledged by all replicas
//  4. the answer is kept for the caller who repeats the request with the same Idempotency-Key
//  5. 202
//
// A failure in 3 leaves open whether Kafka has them. The caller repeats; with an Idempotency-Key the events have the
// same ids then and count once.
func (s *Server) postEvents(r *request) error {
	dryRun, err := queryDryRun(r)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	body, release, err := r.body(maxEventsBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	var mine *repeat
	if key != "" && !dryRun {
		var before []byte
		if before, mine, err = s.repeats.begin(r.who.Partner.Number, key, sha256.Sum256(body)); err != nil {
			return err
		}
		if before != nil {
			r.Writer.Header().Set("Idempotency-Replayed", "true")
			r.answer(http.StatusAccepted, jsonMedia, before)
			return nil
		}
		defer mine.end()
	}
	ids := idSource{partner: r.who.Partner.ID, key: key}
	events, results, err := s.readEvents(r, body, ids)
	if err != nil {
		return err
	}
	if dryRun {
		return s.answerEvents(r, http.StatusOK, eventsAnswer{DryRun: true, Results: results}, nil)
	}
	if len(events) == 0 {
		p := refuse("no_acceptable_event", "every event was refused; results tells why")
		p.Results = results
		return p
	}
	bundle, err := ids.bundle()
	if err != nil {
		return err
	}
	giveBack, err := r.chargeEvents(events)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), publishLimit)
	defer cancel()
	if err := s.publisher.PublishAs(ctx, r.who.Partner.ID, bundle, events); err != nil {
		giveBack() // it will be repeated
		return err
	}
	return s.answerEvents(r, http.StatusAccepted, eventsAnswer{BundleID: &bundle, Results: results}, mine)
}

func (s *Server) answerEvents(r *request, status int, answer eventsAnswer, mine *repeat) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if mine != nil {
		mine.keep(body)
	}
	r.answer(status, jsonMedia, body)
	return nil
}

func queryDryRun(r *request) (dryRun bool, err error) {
	err = r.query(func(name, value string) (bool, error) {
		if name != "dry_run" {
			return false, nil
		}
		switch value {
		case "true":
			dryRun = true
		case "false":
		default:
			return true, refuseParameter("dry_run", "is true or false")
		}
		return true, nil
	})
	return dryRun, err
}

// readEvents reads the body. Its error refuses the whole; what refuses one event stands in its result.
func (s *Server) readEvents(r *request, body []byte, ids idSource) ([]fraud.Event, []eventResult, error) {
	var outer struct {
		Events []jsontext.Value `json:"events"`
	}
	if err := decodeStrict(body, &outer, ""); err != nil {
		return nil, nil, err
	}
	switch n := len(outer.Events); {
	case n == 0:
		return nil, nil, refuse("schema", "needs at least one event").at("/events")
	case n > maxEvents:
		return nil, nil, refuse("schema", "may hold "+strconv.Itoa(maxEvents)+" events at most").at("/events")
	}
	var (
		now     = s.now().UTC().Truncate(time.Millisecond)
		events  = make([]fraud.Event, 0, len(outer.Events))
		results = make([]eventResult, len(outer.Events))
		seen    = make(map[uuid.UUID]bool, len(outer.Events))
	)
	for i, raw := range outer.Events {
		event, fault := s.readEvent(raw, now)
		if fault == nil && event.ID == uuid.Nil {
			var err error
			if event.ID, err = ids.event(i); err != nil {
				return nil, nil, err
			}
		}
		if fault == nil {
			fault = s.admit(r.who.Partner, event, now)
		}
		if fault == nil && seen[event.ID] {
			fault = fraud.Refuse(fraud.ReasonSchema, "/event_id", "stands twice in this request")
		}
		if event.ID != uuid.Nil {
			id := event.ID
			results[i].EventID = &id
		}
		if fault != nil {
			s.metrics.refused.WithLabelValues(string(fault.Reason)).Inc()
			results[i].Status, results[i].Reason, results[i].Detail = "refused", fault.Reason, fault.Hint
			results[i].Pointer = "/events/" + strconv.Itoa(i) + fault.Pointer
			continue
		}
		seen[event.ID] = true
		results[i].Status = "accepted"
		events = append(events, event)
	}
	return events, results, nil
}

// readEvent reads one event and fills in what may be absent, but for its id.
func (s *Server) readEvent(raw jsontext.Value, now time.Time) (fraud.Event, *fraud.Fault) {
	var sent sentEvent
	if err := decodeStrict(raw, &sent, ""); err != nil {
		var p *problem
		errors.As(err, &p)
		return fraud.Event{}, fraud.Refuse(fraud.ReasonSchema, p.Pointer, p.Detail)
	}
	return s.fill(&sent, now)
}

// fill makes the event that was sent, with what may be absent.
func (s *Server) fill(sent *sentEvent, now time.Time) (fraud.Event, *fraud.Fault) {
	e := sent.Event
	for _, t := range []*time.Time{&e.IssuedAt, &e.ObservedAt, &e.ExpiresAt} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Millisecond)
		}
	}
	if e.IssuedAt.IsZero() {
		e.IssuedAt = now
	}
	if e.Kind == fraud.Report && e.Confidence == 0 {
		e.Confidence = defaultConfidence
	}
	if e.TLP == 0 {
		e.TLP = fraud.TLPAmber
	}
	ref, fault := s.reference(&sent.Indicator)
	e.Indicator = ref
	return e, fault
}

// reference names the indicator without saying it: a value is hashed here and forgotten.
func (s *Server) reference(in *sentIndicator) (fraud.Ref, *fraud.Fault) {
	ref := fraud.Ref{Type: in.Type, Epoch: in.Epoch, Digest: in.Digest, Also: in.Also}
	if in.Value == "" {
		return ref, nil
	}
	switch {
	case s.cfg.RefuseValues:
		return ref, fraud.Refuse(fraud.ReasonSchema, "/indicator/value",
			"this hub takes digests only: hash the value where it is")
	case in.Epoch != 0 || !in.Digest.IsZero() || len(in.Also) > 0:
		return ref, fraud.Refuse(fraud.ReasonSchema, "/indicator",
			"is given by its value or by its digest, not by both")
	case !in.Type.Valid():
		return ref, fraud.Refuse(fraud.ReasonSchema, "/indicator/type", "is required")
	}
	parsed, err := indicator.Parse(in.Type, in.Value)
	if err == nil {
		err = parsed.Reportable()
	}
	if err != nil {
		return ref, fraud.Refuse(fraud.ReasonSchema, "/indicator/value", hintOf(err))
	}
	ref.Epoch = s.keys.Epoch()
	for i, e := range parsed.Report {
		digest := s.keys.Digest(e.Type, e.Canonical)
		if i == 0 {
			ref.Digest = digest
			continue
		}
		ref.Also = append(ref.Also, fraud.Also{Grade: e.Grade, Digest: digest})
	}
	return ref, nil
}

// idSource makes ids. With an idempotency key they follow from the partner, the key and the place in the request, so
// that a request which is repeated, even after this node was restarted, makes the same events.
type idSource struct{ partner, key string }

func (s idSource) event(i int) (uuid.UUID, error) { return s.id("event", i) }
func (s idSource) bundle() (uuid.UUID, error)     { return s.id("bundle", 0) }

func (s idSource) id(of string, i int) (uuid.UUID, error) {
	if s.key == "" {
		return uuid.NewV7()
	}
	h := sha256.New()
	for _, part := range []string{"waspada/idempotency/1", of, s.partner, s.key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(i)))
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: made by rules of our own
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}

// eventAnswer is the answer to GET /v1/events/{id}.
type eventAnswer struct {
	EventID uuid.UUID    `json:"event_id"`
	Status  string       `json:"status"`
	TakenAt string       `json:"taken_at"`
	Reason  fraud.Reason `json:"reason,omitempty"`
	Pointer string       `json:"pointer,omitempty"`
	Detail  string       `json:"detail,omitempty"`
}

// getEvent answers GET /v1/events/{id}: a partner sees its own events only.
func (s *Server) getEvent(r *request) error {
	text := r.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != strings.ToLower(text) {
		return refuseParameter("id", "is an event's id: a UUID")
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), 5*time.Second)
	defer cancel()
	fate, found, err := s.events.Event(ctx, r.who.Partner.Number, id)
	if err != nil {
		return err
	}
	if !found || fate.Partner != r.who.Partner.Number {
		return refuse("event_not_found",
			"no event of yours has this id, or it is on its way still: it shows about a second after it was accepted")
	}
	answer := eventAnswer{EventID: id, Status: "stored", TakenAt: fate.Appended.UTC().Format(timeFormat)}
	if fate.OnHold && !released(r.who.Partner, fate.Appended) {
		answer.Status = "held"
		answer.Detail = "your organisation said more than its allowance of that day, so that this waits for the hub's " +
			"operators and does not count yet: call them if it was meant; taking back what you said is always at once"
	}
	if f := fate.Fault; f != nil {
		answer.Status, answer.Reason, answer.Pointer, answer.Detail = "refused", f.Reason, f.Pointer, f.Hint
	}
	return r.json(answer)
}

// released reports whether what was held of a partner at a time counts now.
func released(p *fraud.Partner, taken time.Time) bool {
	at := fraud.SecondsOf(taken)
	return slices.ContainsFunc(p.Releases, func(r fraud.Release) bool { return at >= r.Since && at < r.Until })
}

// admit refuses at the door what would only become a dead letter later, so that the caller hears of it at once.
func (s *Server) admit(partner *fraud.Partner, event fraud.Event, now time.Time) *fraud.Fault {
	if err := event.Validate(now); err != nil {
		var fault *fraud.Fault
		errors.As(err, &fault)
		return fault
	}
	event.Indicator.Also = slices.Clone(event.Indicator.Also) // lifted in place
	return s.screen.Check(&fraud.Entry{Event: event}, partner)
}
