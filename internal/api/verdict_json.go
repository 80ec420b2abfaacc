package api

import (
	"bytes"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// timeFormat is RFC 3339 with milliseconds; times are in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// verdictEncoder writes the answer of a lookup by appending: answers are many and small, and encoding is most of what
// they cost. The contract test holds it to the schema.
type verdictEncoder struct {
	categories []string
	b          []byte
	results    int
	asOf       time.Time // the oldest of the results
	unknown    bool      // some result does not know how old it is
	lastAsOf   time.Time // and how it is written, since neighbours share it
	lastText   []byte
	blank      blank
}

// blank is the last verdict that knows nothing, which is what most are: the next is the same text.
type blank struct {
	status fraud.Status
	asOf   time.Time
	at     int // where it begins
}

func (e *verdictEncoder) begin(epoch uint16) {
	e.b = append(e.b, `{"epoch":`...)
	e.b = strconv.AppendUint(e.b, uint64(epoch), 10)
	e.b = append(e.b, `,"results":[`...)
}

func (e *verdictEncoder) next() {
	if e.results > 0 {
		e.b = append(e.b, ',')
	}
	e.results++
}

func (e *verdictEncoder) result(v *fraud.Verdict) {
	e.next()
	if e.unknown = e.unknown || v.AsOf.IsZero(); e.asOf.IsZero() || v.AsOf.Before(e.asOf) {
		e.asOf = v.AsOf
	}
	e.verdict(v)
}

// again writes the result before, which is no wider than others, n times more.
func (e *verdictEncoder) again(n int) {
	last := e.b[len(e.b)-resultWidth:]
	for range n {
		e.b = append(append(e.b, ','), last...)
	}
	e.results += n
}

// aside writes a verdict and takes it back.
func (e *verdictEncoder) aside(v *fraud.Verdict) {
	end, blank := len(e.b), e.blank
	e.verdict(v)
	e.b, e.blank = e.b[:end], blank
}

func (e *verdictEncoder) refused(r *itemError) {
	e.next()
	// Codes and pointers need no escaping; the detail is text for people.
	e.b = append(e.b, `{"error":{"code":"`...)
	e.b = append(e.b, r.code...)
	e.b = append(e.b, `","pointer":"`...)
	e.b = append(e.b, r.pointer...)
	e.b = append(e.b, `","detail":`...)
	e.b = append(e.b, quoted(r.detail)...)
	e.b = append(e.b, `}}`...)
}

func (e *verdictEncoder) end() []byte {
	e.b = append(e.b, ']')
	if !e.unknown && !e.asOf.IsZero() {
		e.b = e.time(append(e.b, `,"as_of":`...), e.asOf)
	}
	return append(e.b, '}')
}

// resultWidth is what every verdict is filled up to with spaces before its last brace, so that the length of an answer
// does not tell what is in it. Any verdict fits with the three longest categories; one with more takes the next multiple.
const resultWidth = 384

var spaces = bytes.Repeat([]byte{' '}, resultWidth)

func (e *verdictEncoder) verdict(v *fraud.Verdict) {
	if e.blank.status != 0 && e.blank.status == v.Status && e.blank.asOf.Equal(v.AsOf) {
		e.b = append(e.b, e.b[e.blank.at:e.blank.at+resultWidth]...)
		return
	}
	begin := len(e.b)
	b := append(e.b, `{"verdict":"`...)
	b = append(b, v.Status.String()...)
	b = append(b, `","known_fraud":`...)
	b = strconv.AppendBool(b, v.KnownFraud())
	b = append(b, `,"score":`...)
	b = strconv.AppendUint(b, uint64(v.Score), 10)
	b = append(b, `,"categories":[`...)
	first := true
	for _, c := range v.Categories {
		if int(c) >= len(e.categories) || e.categories[c] == "" {
			continue // a term that a newer node of the hub knows
		}
		if !first {
			b = append(b, ',')
		}
		b, first = append(b, e.categories[c]...), false
	}
	b = append(b, `],"reporters":`...)
	b = strconv.AppendInt(b, int64(v.Reporters), 10)
	if !v.FirstReported.IsZero() {
		b = e.time(append(b, `,"first_reported":`...), v.FirstReported)
	}
	if !v.LastReported.IsZero() {
		b = e.time(append(b, `,"last_reported":`...), v.LastReported)
	}
	b = word(b, `,"advice":"`, v.Advice.String())
	if v.Matched.Valid() {
		b = word(b, `,"matched":"`, v.Matched.String())
	}
	stage := v.AnsweredBy
	if !known(v.Status) {
		stage = fraud.ByFilter // who may not be told of a listing must not see that the index was asked
		e.blank = blank{v.Status, v.AsOf, begin}
	}
	b = word(b, `,"answered_by":"`, stage.String())
	if !v.AsOf.IsZero() {
		if !v.AsOf.Equal(e.lastAsOf) {
			e.lastAsOf, e.lastText = v.AsOf, e.time(e.lastText[:0], v.AsOf)
		}
		b = append(append(b, `,"as_of":`...), e.lastText...)
	}
	b = append(b, spaces[:resultWidth-1-(len(b)-begin)%resultWidth]...)
	e.b = append(b, '}')
}

// word appends a member whose value is one of a closed vocabulary, or nothing where there is none.
func word(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(append(b, name...), value...), '"')
}

func (e *verdictEncoder) time(b []byte, t time.Time) []byte {
	// As timeFormat has it, of which the package time has a quick form for whole seconds only.
	t = t.UTC()
	b = t.AppendFormat(append(b, '"'), time.RFC3339)
	ms := t.Nanosecond() / 1e6
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}

// quoted is a JSON string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil { // text of ours is valid UTF-8
		panic(err)
	}
	return string(b)
}

// quotedCategories lists the JSON string of each category by its code.
func quotedCategories(t *fraud.Taxonomy) []string {
	var all []string
	for _, term := range t.Category.Terms {
		for int(term.Code) >= len(all) {
			all = append(all, "")
		}
		all[term.Code] = quoted(term.Name)
	}
	return all
}
