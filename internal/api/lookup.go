package api

import (
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Limits of a lookup.
const (
	maxLookupBytes = 256 << 10
	maxIndicators  = 1000
	// maxAlso allows the 30 host and path forms of a URL and those that its host has as a domain.
	maxAlso = 48
)

// lookupRequest is the body of POST /v1/lookup.
type lookupRequest struct {
	Indicators []question `json:"indicators"`
}

// question asks about one indicator: by its value, or by its digests.
type question struct {
	Type   indicator.Type   `json:"type"`
	Value  indicator.Raw    `json:"value"`
	Epoch  uint16           `json:"epoch"`
	Digest indicator.Digest `json:"digest"`
	// Grade is how precisely Digest stands for what is meant; exact if absent.
	Grade indicator.Grade `json:"grade"`
	Also  []fraud.Also    `json:"also"`
}

// check refuses what does not fit the schema, which is the whole request's fault.
func (q *question) check(at place) error {
	byValue := q.Value != ""
	switch {
	case !q.Type.Valid():
		return refuse("schema", "is required").at(at.of("/type"))
	case byValue && (q.Epoch != 0 || !q.Digest.IsZero() || q.Grade != 0 || len(q.Also) > 0):
		return refuse("schema", "an indicator is given by its value or by its digest, not by both").at(at.of(""))
	case byValue:
		return nil
	case q.Digest.IsZero():
		return refuse("schema", "an indicator needs a value or a digest").at(at.of(""))
	case q.Epoch == 0:
		return refuse("schema", "a digest must be keyed: epoch counts from 1, and plain hashes are refused").at(at.of("/epoch"))
	case len(q.Also) > maxAlso:
		return refuse("schema", "may hold "+strconv.Itoa(maxAlso)+" entries at most").at(at.of("/also"))
	}
	for i := range q.Also {
		if !q.Also[i].Grade.Valid() || q.Also[i].Digest.IsZero() {
			return refuse("schema", "each entry has a grade and a digest").at(at.of("/also/" + strconv.Itoa(i)))
		}
	}
	return nil
}

// itemError refuses one indicator of a lookup.
type itemError struct{ code, pointer, detail string }

// probes appends the digests to test for one question, at the hub's epoch and the most specific first.
func (s *Server) probes(to []fraud.Probe, q *question, at place) ([]fraud.Probe, *itemError) {
	if q.Value != "" {
		in, err := indicator.Parse(q.Type, q.Value)
		if err != nil {
			return to, &itemError{"bad_value", at.of("/value"), hintOf(err)}
		}
		for _, e := range in.Lookup {
			to = append(to, fraud.Probe{Digest: s.keys.Digest(e.Type, e.Canonical), Grade: e.Grade})
		}
		return to, nil
	}
	digest, err := s.keys.Lift(q.Digest, q.Epoch)
	if err != nil {
		return to, &itemError{"unknown_epoch", at.of("/epoch"), s.epochHint()}
	}
	grade := q.Grade
	if grade == 0 {
		grade = indicator.Exact
	}
	to = append(to, fraud.Probe{Digest: digest, Grade: grade})
	for i := range q.Also {
		if digest, err = s.keys.Lift(q.Also[i].Digest, q.Epoch); err != nil {
			return to, &itemError{"unknown_epoch", at.of("/epoch"), s.epochHint()}
		}
		to = append(to, fraud.Probe{Digest: digest, Grade: q.Also[i].Grade})
	}
	return to, nil
}

// hintOf is what may be told of a value that breaks a rule of its type: the rule, and never the value.
func hintOf(err error) string {
	var bad *indicator.Error
	if errors.As(err, &bad) {
		return bad.Hint + " (" + bad.Rule + ")"
	}
	return "the value breaks a rule of its type"
}

// workspace is the memory of one lookup, reused by the next.
type workspace struct {
	bulk
	request lookupRequest
	probes  []fraud.Probe
	answer  []byte
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// release forgets the values that were asked about and gives the memory back.
func (w *workspace) release() {
	clear(w.request.Indicators)
	w.request.Indicators = w.request.Indicators[:0]
	workspaces.Put(w)
}

// lookup answers POST /v1/lookup.
func (s *Server) lookup(r *request) error {
	body, release, err := r.body(maxLookupBytes, "application/json")
	if err != nil {
		return err
	}
	defer release()
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.asked, w.known = w.asked[:0], w.known[:0]
	if err := decodeLookup(body, &w.request, s.cfg.RefuseValues); err != nil {
		return err
	}
	e := verdictEncoder{categories: s.categories, b: w.answer[:0]}
	e.begin(s.keys.Epoch())
	alone := len(w.request.Indicators) == 1
	if !alone && w.inBulk(s.keys) {
		s.answerBulk(r, w, &e)
	} else {
		s.answerEach(r, w, &e)
	}
	w.answer = e.end()
	if err := r.charge(len(w.request.Indicators), w.asked); err != nil {
		return err // and what was found out is told to nobody
	}
	if alone {
		r.found(w.asked[:min(1, len(w.asked))], len(w.known) > 0)
	} else {
		r.found(w.known, true)
	}
	r.answer(http.StatusOK, jsonMedia, w.answer)
	return nil
}

// answerEach answers about one indicator after the other.
func (s *Server) answerEach(r *request, w *workspace, e *verdictEncoder) {
	alone, answer := len(w.request.Indicators) == 1, s.index.Lookups(r.who.Partner)
	for i := range w.request.Indicators {
		var refused *itemError
		if w.probes, refused = s.probes(w.probes[:0], &w.request.Indicators[i], place(i)); refused != nil {
			e.refused(refused)
			continue
		}
		w.ask(&w.request.Indicators[i])
		var v fraud.Verdict
		if alone {
			v = s.look(r.who.Partner, w.probes, e)
		} else {
			v = answer(w.probes)
			s.metrics.count(&v)
		}
		r.verdicts[v.Status]++
		e.result(&v)
		if known(v.Status) {
			w.known = append(w.known, w.probes[0].Digest)
		}
	}
}

// inBulk notes what is asked about where that is exact digests and nothing else, as of those who ask about many.
func (w *workspace) inBulk(keys *indicator.KeyRing) bool {
	for i := range w.request.Indicators {
		q := &w.request.Indicators[i]
		digest, err := keys.Lift(q.Digest, q.Epoch)
		if err != nil || q.Value != "" || q.Grade > indicator.Exact || len(q.Also) > 0 {
			w.asked = w.asked[:0]
			return false
		}
		w.asked = append(w.asked, digest)
	}
	return true
}

// answerBulk answers about what inBulk has noted.
func (s *Server) answerBulk(r *request, w *workspace, e *verdictEncoder) {
	w.lookUp(s.index, r.who.Partner)
	s.countBulk(r, &w.bulk)
	hits := w.hits
	for statuses := w.statuses; len(statuses) > 0; {
		status := statuses[0]
		if known(status) {
			e.result(&hits[0].verdict)
			hits, statuses = hits[1:], statuses[1:]
			continue
		}
		e.result(&fraud.Verdict{Status: status, AnsweredBy: fraud.ByFilter, AsOf: w.asOf})
		alike := 1
		for alike < len(statuses) && statuses[alike] == status {
			alike++
		}
		e.again(alike - 1)
		statuses = statuses[alike:]
	}
}

// look answers asker about one indicator alone, to be written with e. A miss takes as long as a hit: what the index adds
// to make it so is written, too, and told to nobody.
func (s *Server) look(asker *fraud.Partner, probes []fraud.Probe, e *verdictEncoder) fraud.Verdict {
	v, other := s.index.LookupEvenly(asker, probes)
	e.aside(&other)
	s.metrics.count(&v)
	return v
}

// known reports whether partners' words, or the protected list, speak of what was asked about.
func known(s fraud.Status) bool { return s != fraud.NotListed && s != fraud.Unsure }

// ask notes the digests that w.probes tests for a question. A value is one indicator, whatever its expressions; of what
// comes as digests nobody knows that they belong together, and each could be another number of a sweep.
func (w *workspace) ask(q *question) {
	probes := w.probes
	if q.Value != "" {
		probes = probes[:min(1, len(probes))]
	}
	for i := range probes {
		w.asked = append(w.asked, probes[i].Digest)
	}
}

// place is that of an indicator in its request.
type place int

// onlyOne is the place of an indicator that its request is about.
const onlyOne place = -1

// of is the JSON Pointer of a field of it.
func (p place) of(field string) string {
	if p == onlyOne {
		return "/indicator" + field
	}
	return "/indicators/" + strconv.Itoa(int(p)) + field
}

// decodeLookup reads and checks the body of POST /v1/lookup.
func decodeLookup(body []byte, into *lookupRequest, refuseValues bool) error {
	var usual bool
	if into.Indicators, usual = readQuestions(body, into.Indicators[:0]); !usual {
		clear(into.Indicators)
		var strict lookupRequest
		if err := decodeStrict(body, &strict, ""); err != nil {
			return err
		}
		*into = strict
	}
	switch n := len(into.Indicators); {
	case n == 0:
		return refuse("schema", "needs at least one indicator").at("/indicators")
	case n > maxIndicators:
		return refuse("schema", "may hold "+strconv.Itoa(maxIndicators)+" indicators at most").at("/indicators")
	}
	for i := range into.Indicators {
		q := &into.Indicators[i]
		if refuseValues && q.Value != "" {
			return refuse("value_refused", "this hub takes digests only: hash the value where it is").at(place(i).of("/value"))
		}
		if err := q.check(place(i)); err != nil {
			return err
		}
	}
	return nil
}

// lookupOne answers GET /v1/lookup/{type}/{digest}.
func (s *Server) lookupOne(r *request) error {
	if _, err := indicator.ParseType(r.Param("type")); err != nil {
		return refuseParameter("type", "is one of the eight types of indicator; see /openapi.yaml")
	}
	digest, err := indicator.ParseDigest(r.Param("digest"))
	if err != nil {
		return refuseParameter("digest", indicator.ErrDigest.Error())
	}
	k, err := s.queryKeyed(r, true)
	if err != nil {
		return err
	}
	if digest, err = s.keys.Lift(digest, k.epoch); err != nil {
		return refuse("unknown_epoch", s.epochHint())
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.probes = append(w.probes[:0], fraud.Probe{Digest: digest, Grade: k.grade})
	w.asked = append(w.asked[:0], digest)
	if err := r.charge(1, w.asked); err != nil {
		return err
	}
	e := verdictEncoder{categories: s.categories, b: w.answer[:0]}
	v := s.look(r.who.Partner, w.probes, &e)
	r.verdicts[v.Status]++
	e.verdict(&v)
	w.answer = e.b
	r.found(w.asked, known(v.Status))
	// A second of a caller's cache: a withdrawal must be seen as fast as a report.
	r.Writer.Header()["Cache-Control"] = briefly
	r.answer(http.StatusOK, jsonMedia, w.answer)
	return nil
}

var briefly = []string{"private, max-age=1"}
