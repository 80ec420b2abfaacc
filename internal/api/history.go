package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The bounds of a history.
const (
	maxHistoryBytes = 16 << 10
	defaultSayings  = 50
	maxSayings      = 200
	maxHistoryAlso  = 8
	// historyLimit is how long ClickHouse may take.
	historyLimit = 8 * time.Second
)

// Historian tells what was said of an indicator, to each asker what it may see.
type Historian interface {
	History(ctx context.Context, q fraud.HistoryQuestion) (fraud.History, error)
}

type historyAnswer struct {
	Type    indicator.Type `json:"type"`
	Epoch   uint16         `json:"epoch"`
	Verdict jsontext.Value `json:"verdict"`
	// Then is the answer to at.
	Then   *thenAnswer    `json:"then,omitempty"`
	Events []sayingAnswer `json:"events"`
	Next   string         `json:"next,omitempty"`
}

type thenAnswer struct {
	At string `json:"at"`
	// Partners says as of when the partners were taken: "then" or "now".
	Partners string         `json:"partners"`
	Verdict  jsontext.Value `json:"verdict"`
}

type sayingAnswer struct {
	AcceptedAt  string     `json:"accepted_at"`
	IssuedAt    string     `json:"issued_at"`
	Kind        string     `json:"kind"`
	Grade       string     `json:"grade"`
	Category    string     `json:"category,omitempty"`
	Evidence    []string   `json:"evidence,omitempty"`
	Confidence  uint8      `json:"confidence,omitzero"`
	Advice      string     `json:"advice,omitempty"`
	Action      string     `json:"action,omitempty"`
	ExpiresAt   string     `json:"expires_at,omitempty"`
	TLP         string     `json:"tlp,omitempty"`
	Group       string     `json:"group,omitempty"`
	Mine        bool       `json:"mine,omitzero"`
	EventID     *uuid.UUID `json:"event_id,omitempty"`
	Reporter    int        `json:"reporter,omitzero"`
	PartnerKind string     `json:"partner_kind,omitempty"`
	Partner     string     `json:"partner,omitempty"`
	NotCounted  string     `json:"not_counted,omitempty"`
}

// history answers GET /v1/indicators/{type}/{digest}. It counts as a look-up of each digest that it names.
func (s *Server) history(r *request) error {
	of, err := indicator.ParseType(r.Param("type"))
	if err != nil {
		return refuseParameter("type", "is one of the eight types of indicator; see /openapi.yaml")
	}
	digest, err := indicator.ParseDigest(r.Param("digest"))
	if err != nil {
		return refuseParameter("digest", indicator.ErrDigest.Error())
	}
	q := fraud.HistoryQuestion{Asker: r.who.Partner, Limit: defaultSayings}
	also := []fraud.Also{{Grade: indicator.Exact, Digest: digest}}
	k := keyed{grade: indicator.Exact}
	err = r.query(func(name, value string) (known bool, err error) {
		switch name {
		case "at":
			if err := timeParameter(&q.At, name, value); err != nil {
				return true, err
			}
			if q.At.Year() < 2000 || q.At.After(s.now()) {
				return true, refuseParameter("at", "is a time that has passed")
			}
		case "also":
			also, err = appendAlso(also, value)
		case "cursor":
			place, ok := s.cursors.open(historyList, r.who.Partner, value)
			if ok {
				q.Before, ok = unpackArrival(place)
			}
			if !ok {
				return true, errCursor
			}
		case "limit":
			err = limitParameter(&q.Limit, maxSayings, value)
		default:
			return s.keyedParameter(&k, true, name, value)
		}
		return true, err
	})
	if err == nil {
		err = s.checkKeyed(k)
	}
	if err != nil {
		return err
	}
	also[0].Grade = k.grade
	for _, a := range also {
		if err := s.historyForms(&q, a, k.epoch); err != nil {
			return err
		}
	}
	return s.tellHistory(r, of, &q)
}

// historyForms adds an expression to what is asked about: as it was said at any epoch, and as it is looked up.
func (s *Server) historyForms(q *fraud.HistoryQuestion, a fraud.Also, epoch uint16) error {
	forms, err := s.keys.Forms(a.Digest, epoch)
	if err != nil {
		return refuse("unknown_epoch", s.epochHint())
	}
	q.Forms = append(q.Forms, forms...)
	q.Probes = append(q.Probes, fraud.Probe{Digest: forms[len(forms)-1], Grade: a.Grade})
	return nil
}

// historyQuestion is the body of POST /v1/indicators.
type historyQuestion struct {
	Indicator question  `json:"indicator"`
	At        time.Time `json:"at"`
	Cursor    string    `json:"cursor"`
	Limit     *int      `json:"limit"`
}

// historyOf answers POST /v1/indicators: the same, also for a value. That stands in the body, because addresses are
// written down on their way.
func (s *Server) historyOf(r *request) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	body, release, err := r.body(maxHistoryBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	var in historyQuestion
	if err := decodeStrict(body, &in, ""); err != nil {
		return err
	}
	q := fraud.HistoryQuestion{Asker: r.who.Partner, Limit: defaultSayings, At: in.At}
	switch about := &in.Indicator; {
	case !in.At.IsZero() && (in.At.Year() < 2000 || in.At.After(s.now())):
		return refuse("schema", "is a time that has passed").at("/at")
	case in.Limit != nil && (*in.Limit < 1 || *in.Limit > maxSayings):
		return refuse("schema", "is 1 to "+strconv.Itoa(maxSayings)).at("/limit")
	case about.Value != "" && s.cfg.RefuseValues:
		return refuse("value_refused", "this hub takes digests only: hash the value where it is").at("/indicator/value")
	case len(about.Also) > maxHistoryAlso:
		return refuse("schema", "may hold "+strconv.Itoa(maxHistoryAlso)+" entries at most").at("/indicator/also")
	}
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	if in.Cursor != "" {
		place, ok := s.cursors.open(historyList, r.who.Partner, in.Cursor)
		if ok {
			q.Before, ok = unpackArrival(place)
		}
		if !ok {
			return refuse("schema", errCursor.Detail).at("/cursor")
		}
	}
	if err := s.historyAbout(&q, &in.Indicator); err != nil {
		return err
	}
	return s.tellHistory(r, in.Indicator.Type, &q)
}

// historyAbout adds what the body asks about. Of a value's expressions the most specific are asked about.
func (s *Server) historyAbout(q *fraud.HistoryQuestion, about *question) error {
	if err := about.check(onlyOne); err != nil {
		return err
	}
	if about.Value == "" {
		grade := about.Grade
		if grade == 0 {
			grade = indicator.Exact
		}
		for _, a := range append([]fraud.Also{{Grade: grade, Digest: about.Digest}}, about.Also...) {
			if err := s.historyForms(q, a, about.Epoch); err != nil {
				return err
			}
		}
		return nil
	}
	in, err := indicator.Parse(about.Type, about.Value)
	if err != nil {
		return refuse("schema", hintOf(err)).at(onlyOne.of("/value"))
	}
	for _, e := range in.Lookup[:min(len(in.Lookup), 1+maxHistoryAlso)] {
		forms := s.keys.FormsOf(e)
		q.Forms = append(q.Forms, forms...)
		q.Probes = append(q.Probes, fraud.Probe{Digest: forms[len(forms)-1], Grade: e.Grade})
	}
	return nil
}

// tellHistory charges for the question and answers it.
func (s *Server) tellHistory(r *request, of indicator.Type, q *fraud.HistoryQuestion) error {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.probes, w.asked = append(w.probes[:0], q.Probes...), w.asked[:0]
	for _, p := range q.Probes {
		w.asked = append(w.asked, p.Digest)
	}
	if err := r.charge(len(w.asked), w.asked); err != nil {
		return err
	}
	v := s.look(r.who.Partner, w.probes, &verdictEncoder{categories: s.categories, b: w.answer[:0]})
	r.verdicts[v.Status]++
	r.found(w.asked[:1], known(v.Status))
	ctx, cancel := context.WithTimeout(r.Request.Context(), historyLimit)
	defer cancel()
	h, err := s.historian.History(ctx, *q)
	if err != nil {
		return err
	}
	answer := historyAnswer{Type: of, Epoch: s.keys.Epoch(), Verdict: s.verdictJSON(&v),
		Events: make([]sayingAnswer, len(h.Sayings))}
	for i := range h.Sayings {
		answer.Events[i] = s.sayingAnswer(&h.Sayings[i])
	}
	if h.Then != nil {
		answer.Then = &thenAnswer{q.At.UTC().Format(timeFormat), "now", s.verdictJSON(h.Then)}
		if h.PartnersOfThen {
			answer.Then.Partners = "then"
		}
	}
	if h.More {
		answer.Next = s.cursors.seal(historyList, r.who.Partner, packArrival(h.Sayings[len(h.Sayings)-1].Place))
	}
	return r.json(answer)
}

// historyList names the list in its cursors. A cursor is a place in time, good for any indicator.
const historyList = "indicators"

// appendAlso reads "weak:<digest>,prefix:<digest>".
func appendAlso(also []fraud.Also, value string) ([]fraud.Also, error) {
	for part := range strings.SplitSeq(value, ",") {
		word, text, _ := strings.Cut(part, ":")
		grade, err1 := indicator.ParseGrade(word)
		digest, err2 := indicator.ParseDigest(text)
		if err1 != nil || err2 != nil || len(also) > maxHistoryAlso {
			return also, refuseParameter("also", "is up to 8 further expressions with commas between: weak:<digest>")
		}
		also = append(also, fraud.Also{Grade: grade, Digest: digest})
	}
	return also, nil
}

// verdictJSON is a verdict as look-ups tell it.
func (s *Server) verdictJSON(v *fraud.Verdict) jsontext.Value {
	e := verdictEncoder{categories: s.categories}
	e.verdict(v)
	return e.b
}

func (s *Server) sayingAnswer(t *fraud.Saying) sayingAnswer {
	a := sayingAnswer{
		AcceptedAt: t.Place.Appended.UTC().Format(timeFormat), IssuedAt: t.IssuedAt.UTC().Format(timeFormat),
		Kind: t.Kind.String(), Grade: t.Grade.String(), Category: s.screen.Taxonomy.Category.Name(t.Category),
		Evidence: t.Evidence.Names(), Confidence: t.Confidence, Advice: t.Advice.String(), Action: t.Action.String(),
		TLP: t.TLP.String(), Group: s.screen.Taxonomy.Group.Name(fraud.Code(t.Group)), Mine: t.Mine, Reporter: t.Reporter,
		PartnerKind: t.PartnerKind.String(), Partner: t.Partner, NotCounted: t.Disregard.String(),
	}
	if !t.ExpiresAt.IsZero() {
		a.ExpiresAt = t.ExpiresAt.UTC().Format(timeFormat)
	}
	if t.Mine {
		id := t.EventID
		a.EventID = &id
	}
	return a
}
