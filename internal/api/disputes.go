package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// DisputeDesk is where disputes are looked at and worked through. Its errors are fraud.ErrNoSuchDispute, also for what
// does not concern who asks, fraud.ErrNotAuthority, fraud.ErrDisputePassed, a *fraud.Fault that points into the request,
// and what wraps fraud.ErrUnavailable.
type DisputeDesk interface {
	DisputeReader
	DisputeTaker
}

// DisputeReader shows disputes to those whom they concern, each as much as it may see.
type DisputeReader interface {
	Dispute(ctx context.Context, asker *fraud.Partner, id uuid.UUID) (fraud.SeenDispute, error)
	Disputes(ctx context.Context, asker *fraud.Partner, q fraud.DisputeQuery) (
		page []fraud.SeenDispute, more bool, err error)
}

// DisputeTaker takes disputes on for authorities. What is asked for again is finished and not done twice.
type DisputeTaker interface {
	Review(ctx context.Context, who *fraud.Identity, id uuid.UUID) (fraud.SeenDispute, error)
	Decide(ctx context.Context, who *fraud.Identity, id uuid.UUID, decision fraud.DisputeDecision) (fraud.SeenDispute, error)
}

// Limits of the routes for disputes.
const (
	maxDisputeBytes = 16 << 10
	maxDisputes     = 200
	defaultDisputes = 50
	disputeLimit    = 8 * time.Second
)

// disputeAnswer has what everybody may see whom the dispute concerns, and then what authorities alone are shown.
type disputeAnswer struct {
	ID        uuid.UUID        `json:"id"`
	As        string           `json:"as"`
	State     string           `json:"state"`
	Effect    string           `json:"effect"`
	Indicator disputeIndicator `json:"indicator"`

	OpenedAt      string   `json:"opened_at"`
	AcknowledgeBy string   `json:"acknowledge_by,omitempty"`
	DecideBy      string   `json:"decide_by,omitempty"`
	ReaffirmBy    string   `json:"reaffirm_by,omitempty"`
	Overdue       []string `json:"overdue,omitempty"`
	ReviewedAt    string   `json:"reviewed_at,omitempty"`
	DecidedAt     string   `json:"decided_at,omitempty"`

	Reason *reasonAnswer `json:"reason,omitempty"`

	Authority *authorityAnswer `json:"authority,omitempty"`
}

type disputeIndicator struct {
	Type   indicator.Type   `json:"type"`
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
	Also   []fraud.Also     `json:"also,omitempty"`
}

// reasonAnswer is a reason that the subject may read.
type reasonAnswer struct {
	Code    string `json:"code"`
	English string `json:"en"`
	Malay   string `json:"ms"`
}

// authorityAnswer is what authorities alone are shown.
type authorityAnswer struct {
	OpenedBy           string       `json:"opened_by"`
	Reporters          []string     `json:"reporters"`
	ReviewedBy         string       `json:"reviewed_by,omitempty"`
	DecidedBy          string       `json:"decided_by,omitempty"`
	InvestigatorReason string       `json:"investigator_reason,omitempty"`
	Steps              []stepAnswer `json:"steps"`
}

type stepAnswer struct {
	At                 string     `json:"at"`
	To                 string     `json:"to"`
	By                 string     `json:"by"`
	Key                string     `json:"key"`
	Reason             string     `json:"reason,omitempty"`
	InvestigatorReason string     `json:"investigator_reason,omitempty"`
	EventID            *uuid.UUID `json:"event_id,omitempty"`
}

// What a dispute does to look-ups at present.
const (
	effectNone    = "none"     // the opener's word does not count
	effectPending = "pending"  // what was decided, or opened, is on its way into the ledger
	effectInForce = "in_force" // look-ups answer as the state says
)

func (s *Server) disputeAnswerOf(seen *fraud.SeenDispute) disputeAnswer {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(timeFormat)
	}
	a := disputeAnswer{
		ID: seen.ID, As: seen.As.String(), State: seen.State.String(), Effect: effectInForce,
		Indicator: disputeIndicator{seen.Indicator.Type, seen.Indicator.Epoch, seen.Indicator.Digest, seen.Indicator.Also},
		OpenedAt:  at(seen.OpenedAt), AcknowledgeBy: at(seen.AcknowledgeBy), DecideBy: at(seen.DecideBy),
		ReaffirmBy: at(seen.ReaffirmBy), Overdue: seen.Overdue.Names(), ReviewedAt: at(seen.ReviewedAt),
		DecidedAt: at(seen.DecidedAt),
	}
	switch {
	case seen.Pending:
		a.Effect = effectPending
	case !seen.InForce:
		a.Effect = effectNone
	}
	if code := seen.Reason; code != "" {
		a.Reason = &reasonAnswer{code, s.screen.Taxonomy.Reason.Title(code, "en"), s.screen.Taxonomy.Reason.Title(code, "ms")}
	}
	if seen.As != fraud.AsAuthority {
		return a
	}
	a.Authority = &authorityAnswer{OpenedBy: seen.OpenedBy, Reporters: append([]string{}, seen.Reporters...),
		ReviewedBy: seen.ReviewedBy, DecidedBy: seen.DecidedBy, InvestigatorReason: seen.Investigator,
		Steps: make([]stepAnswer, len(seen.Steps))}
	for i := range seen.Steps {
		step := &seen.Steps[i]
		told := stepAnswer{At: at(step.At), To: step.To.String(), By: step.By, Key: step.Key, Reason: step.Reason,
			InvestigatorReason: step.Investigator}
		if step.Event != uuid.Nil {
			told.EventID = &step.Event
		}
		a.Authority.Steps[i] = told
	}
	return a
}

// openDispute answers POST /v1/disputes: it sends an event of kind dispute, as POST /v1/events does.
func (s *Server) openDispute(r *request) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	body, release, err := r.body(maxDisputeBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	var mine *repeat
	if key != "" {
		key = "disputes\x00" + key // the same key on another route is another request
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
	var in struct {
		ID        uuid.UUID     `json:"event_id"`
		IssuedAt  time.Time     `json:"issued_at"`
		ExpiresAt time.Time     `json:"expires_at"`
		Indicator sentIndicator `json:"indicator"`
		TLP       fraud.TLP     `json:"tlp"`
		Group     string        `json:"group"`
		Case      string        `json:"case"`
	}
	if err := decodeStrict(body, &in, ""); err != nil {
		return err
	}
	ids := idSource{partner: r.who.Partner.ID, key: key}
	if in.ID == uuid.Nil {
		if in.ID, err = ids.event(0); err != nil {
			return err
		}
	}
	bundle, err := ids.bundle()
	if err != nil {
		return err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	event, fault := s.fill(&sentEvent{Indicator: in.Indicator, Event: fraud.Event{ID: in.ID, Kind: fraud.Dispute,
		IssuedAt: in.IssuedAt, ExpiresAt: in.ExpiresAt, TLP: in.TLP, Group: in.Group, Case: in.Case}}, now)
	if fault == nil {
		fault = s.admit(r.who.Partner, event, now)
	}
	if fault != nil {
		s.metrics.refused.WithLabelValues(string(fault.Reason)).Inc()
		return disputeRefused(fault)
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), publishLimit)
	defer cancel()
	if err := s.publisher.PublishAs(ctx, r.who.Partner.ID, bundle, []fraud.Event{event}); err != nil {
		return err
	}
	answer, err := json.Marshal(struct {
		ID     uuid.UUID `json:"id"`
		State  string    `json:"state"`
		Effect string    `json:"effect"`
	}{event.ID, fraud.DisputeOpen.String(), effectPending})
	if err != nil {
		return err
	}
	if mine != nil {
		mine.keep(answer)
	}
	r.answer(http.StatusAccepted, jsonMedia, answer)
	return nil
}

// disputeID reads the path.
func (r *request) disputeID() (uuid.UUID, error) {
	text := r.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != strings.ToLower(text) {
		return id, refuseParameter("id", "is a dispute's id: the UUID of the event that opened it")
	}
	return id, r.noQuery()
}

// getDispute answers GET /v1/disputes/{id}.
func (s *Server) getDispute(r *request) error {
	id, err := r.disputeID()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), disputeLimit)
	defer cancel()
	seen, err := s.disputes.Dispute(ctx, r.who.Partner, id)
	if err != nil {
		return err
	}
	return r.json(s.disputeAnswerOf(&seen))
}

// getDisputes answers GET /v1/disputes.
func (s *Server) getDisputes(r *request) error {
	q, err := queryDisputes(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), disputeLimit)
	defer cancel()
	page, more, err := s.disputes.Disputes(ctx, r.who.Partner, q)
	if err != nil {
		return err
	}
	answer := struct {
		Disputes []disputeAnswer `json:"disputes"`
		Next     string          `json:"next,omitempty"`
	}{Disputes: make([]disputeAnswer, len(page))}
	for i := range page {
		answer.Disputes[i] = s.disputeAnswerOf(&page[i])
	}
	if more && len(page) > 0 {
		answer.Next = disputeCursor(page[len(page)-1].Place())
	}
	return r.json(answer)
}

func queryDisputes(r *request) (fraud.DisputeQuery, error) {
	q := fraud.DisputeQuery{Limit: defaultDisputes}
	err := r.query(func(name, value string) (known bool, err error) {
		switch name {
		case "state":
			for word := range strings.SplitSeq(value, ",") {
				var state fraud.DisputeState
				if state.UnmarshalText([]byte(word)) != nil || slices.Contains(q.States, state) {
					return true, refuseParameter("state", "is one of "+strings.Join(fraud.DisputeStates(), ", ")+
						", or several with commas between")
				}
				q.States = append(q.States, state)
			}
		case "overdue", "mine":
			if value != "true" && value != "false" {
				return true, refuseParameter(name, "is true or false")
			}
			if name == "mine" {
				q.Mine = value == "true"
			} else {
				q.Overdue = value == "true"
			}
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > maxDisputes {
				return true, refuseParameter("limit", "is 1 to "+strconv.Itoa(maxDisputes))
			}
		case "cursor":
			var good bool
			if q.After, good = parseDisputeCursor(value); !good {
				return true, refuseParameter("cursor", "is what next was in the answer before")
			}
		default:
			return false, nil
		}
		return true, nil
	})
	return q, err
}

func disputeCursor(p fraud.DisputePlace) string {
	rank := "1."
	if p.Overdue {
		rank = "0."
	}
	return rank + strconv.FormatInt(p.OpenedAt.UnixMilli(), 10) + "." + p.ID.String()
}

func parseDisputeCursor(text string) (p fraud.DisputePlace, good bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != "0" && parts[0] != "1" {
		return p, false
	}
	at, err1 := strconv.ParseUint(parts[1], 10, 43)
	id, err2 := uuid.Parse(parts[2])
	p = fraud.DisputePlace{Overdue: parts[0] == "0", OpenedAt: time.UnixMilli(int64(at)).UTC(), ID: id}
	return p, err1 == nil && err2 == nil && id.String() == parts[2]
}

// reviewDispute answers POST /v1/disputes/{id}/review. Its body says nothing yet.
func (s *Server) reviewDispute(r *request) error {
	id, err := r.disputeID()
	if err != nil {
		return err
	}
	body, release, err := r.body(maxDisputeBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	if err := decodeStrict(body, &struct{}{}, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), disputeLimit)
	defer cancel()
	seen, err := s.disputes.Review(ctx, &r.who, id)
	if err != nil {
		return err
	}
	return r.json(s.disputeAnswerOf(&seen))
}

// decideDispute answers POST /v1/disputes/{id}/decision.
func (s *Server) decideDispute(r *request) error {
	id, err := r.disputeID()
	if err != nil {
		return err
	}
	body, release, err := r.body(maxDisputeBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	var in struct {
		Outcome      fraud.DisputeState `json:"outcome"`
		Reason       string             `json:"reason"`
		Investigator string             `json:"investigator_reason"`
		Category     string             `json:"category"`
		Confidence   uint8              `json:"confidence"`
	}
	if err := decodeStrict(body, &in, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), disputeLimit)
	defer cancel()
	seen, err := s.disputes.Decide(ctx, &r.who, id, fraud.DisputeDecision{To: in.Outcome, Reason: in.Reason,
		Investigator: in.Investigator, Category: in.Category, Confidence: in.Confidence})
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return disputeRefused(fault)
	}
	if err != nil {
		return err
	}
	return r.json(s.disputeAnswerOf(&seen))
}

func disputeRefused(fault *fraud.Fault) *problem {
	return refuse("dispute_refused", fault.Hint).at(fault.Pointer)
}
