package wire

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// decoder reads the events of a bundle by schemas/bundle.v1.json.
//
// The library first judges the whole value: one well-formed JSON value, in UTF-8, without duplicate keys. A cursor then
// walks over it once. That takes little more than half the time of two decodes by reflection, refuses null, and names
// the field at fault without quoting the input. Pointers are those of the event.
type decoder struct {
	cursor
	// also backs the lists of all events, and terms holds each term once: both spare allocations, nothing else.
	also  []fraud.Also
	terms map[string]string
}

// decode reads the events of a bundle, each with its own fault. Its error is a *fraud.Fault for the whole bundle.
func decode(value []byte) ([]Item, error) {
	if !jsontext.Value(value).IsValid() {
		return nil, malformed(value)
	}
	d := decoder{cursor: cursor{json: value}, terms: map[string]string{}}
	items, fault := d.bundle()
	if fault != nil {
		return nil, fault
	}
	return items, nil
}

// malformed says where JSON goes wrong and never what stands there: the reader's own message may quote it.
func malformed(value []byte) *fraud.Fault {
	reader := jsontext.NewDecoder(bytes.NewReader(value))
	err := reader.SkipValue()
	if err == nil {
		if _, err = reader.ReadToken(); err == nil {
			return fraud.Refuse(fraud.ReasonMalformed, "", "more than one JSON value")
		}
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fraud.Refuse(fraud.ReasonMalformed, "", "a key stands twice in one object")
	case errors.Is(err, io.EOF), !errors.As(err, &syntax):
		return fraud.Refuse(fraud.ReasonMalformed, "", "not a JSON value")
	}
	return fraud.Refuse(fraud.ReasonMalformed, "",
		fmt.Sprintf("not one well-formed JSON value in UTF-8: see byte %d", syntax.ByteOffset))
}

func (d *decoder) bundle() (items []Item, fault *fraud.Fault) {
	if !d.enter('{') {
		return nil, fraud.Refuse(fraud.ReasonSchema, "", "a bundle is a JSON object with the field events")
	}
	for d.more('}') {
		if string(d.name()) != "events" {
			return nil, unknownField("")
		}
		if items, fault = d.events(); fault != nil {
			return nil, fault
		}
	}
	if len(items) == 0 {
		return nil, fraud.Refuse(fraud.ReasonSchema, "/events", "a bundle has at least one event")
	}
	return items, nil
}

// leastEvent is about the length of the shortest event in bytes: it sizes a bundle's items without a second look.
const leastEvent = 220

func (d *decoder) events() ([]Item, *fraud.Fault) {
	if !d.enter('[') {
		return nil, fraud.Refuse(fraud.ReasonSchema, "/events", "must be an array of events")
	}
	items := make([]Item, 0, min(MaxEvents, 1+len(d.json)/leastEvent))
	for d.more(']') {
		if len(items) == MaxEvents {
			return nil, fraud.Refuse(fraud.ReasonTooLarge, "/events", "a bundle has at most 500 events")
		}
		items = append(items, Item{})
		item := &items[len(items)-1]
		start := d.at
		if item.Fault = d.event(&item.Event); item.Fault != nil {
			d.at = start
			d.skip()
		}
	}
	return items, nil
}

func (d *decoder) event(e *fraud.Event) (fault *fraud.Fault) {
	if !d.enter('{') {
		return fraud.Refuse(fraud.ReasonSchema, "", "an event is a JSON object")
	}
	for fault == nil && d.more('}') {
		switch string(d.name()) {
		case "event_id":
			fault = d.id(&e.ID, "/event_id")
		case "kind":
			fault = d.word(&e.Kind, "/kind")
		case "issued_at":
			fault = d.time(&e.IssuedAt, "/issued_at")
		case "indicator":
			fault = d.indicator(&e.Indicator)
		case "category":
			fault = d.term(&e.Category, "/category")
		case "role":
			fault = d.word(&e.Role, "/role")
		case "confidence":
			var n uint16
			fault = d.number(&n, 1, 100, "/confidence")
			e.Confidence = uint8(n)
		case "evidence":
			fault = d.evidence(&e.Evidence)
		case "observed_at":
			fault = d.time(&e.ObservedAt, "/observed_at")
		case "expires_at":
			fault = d.time(&e.ExpiresAt, "/expires_at")
		case "tlp":
			fault = d.word(&e.TLP, "/tlp")
		case "group":
			fault = d.term(&e.Group, "/group")
		case "advice":
			fault = d.word(&e.Advice, "/advice")
		case "action":
			fault = d.word(&e.Action, "/action")
		case "platform":
			fault = d.term(&e.Platform, "/platform")
		case "institution":
			fault = d.term(&e.Institution, "/institution")
		case "region":
			fault = d.term(&e.Region, "/region")
		case "loss_band":
			fault = d.word(&e.LossBand, "/loss_band")
		case "case":
			var text []byte
			text, fault = d.token("/case")
			e.Case = string(text)
		default:
			fault = unknownField("")
		}
	}
	return fault
}

func (d *decoder) indicator(r *fraud.Ref) (fault *fraud.Fault) {
	if !d.enter('{') {
		return fraud.Refuse(fraud.ReasonSchema, "/indicator", "must be an object with type, epoch and digest")
	}
	for fault == nil && d.more('}') {
		switch string(d.name()) {
		case "type":
			fault = d.word(&r.Type, "/indicator/type")
		case "epoch":
			fault = d.number(&r.Epoch, 0, 1<<16-1, "/indicator/epoch")
		case "digest":
			fault = d.digest(&r.Digest, "/indicator/digest")
		case "also":
			r.Also, fault = d.alsoList("/indicator/also")
		default:
			fault = unknownField("/indicator")
		}
	}
	return fault
}

func (d *decoder) alsoList(pointer string) ([]fraud.Also, *fraud.Fault) {
	if !d.enter('[') {
		return nil, fraud.Refuse(fraud.ReasonSchema, pointer, "must be an array of objects with grade and digest")
	}
	first := len(d.also)
	for d.more(']') {
		n := len(d.also) - first
		if n == fraud.MaxAlso {
			return nil, fraud.Refuse(fraud.ReasonSchema, pointer, "may hold 8 entries at most")
		}
		d.also = append(d.also, fraud.Also{})
		if fault := d.alsoEntry(&d.also[first+n]); fault != nil {
			fault.Pointer = fmt.Sprintf("%s/%d%s", pointer, n, fault.Pointer)
			return nil, fault
		}
	}
	return d.also[first:len(d.also):len(d.also)], nil
}

// alsoEntry reads one entry of also. The pointers of its faults start at the entry.
func (d *decoder) alsoEntry(a *fraud.Also) (fault *fraud.Fault) {
	if !d.enter('{') {
		return fraud.Refuse(fraud.ReasonSchema, "", "must be an object with grade and digest")
	}
	for fault == nil && d.more('}') {
		switch string(d.name()) {
		case "grade":
			fault = d.word(&a.Grade, "/grade")
		case "digest":
			fault = d.digest(&a.Digest, "/digest")
		default:
			fault = unknownField("")
		}
	}
	return fault
}

// evidence holds the bit of each ground by its name.
var evidence = func() map[string]fraud.Evidence {
	bits := map[string]fraud.Evidence{}
	for bit := fraud.Evidence(1); bit != 0; bit <<= 1 {
		for _, name := range bit.Names() {
			bits[name] = bit
		}
	}
	return bits
}()

func (d *decoder) evidence(set *fraud.Evidence) *fraud.Fault {
	const pointer = "/evidence"
	if !d.enter('[') {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "must be an array of words")
	}
	for d.more(']') {
		text, _ := d.text()
		one, known := evidence[string(text)]
		if !known || *set&one != 0 {
			return fraud.Refuse(fraud.ReasonSchema, pointer, "each entry is one of the schema's words and stands once")
		}
		*set |= one
	}
	return nil
}

// word reads one of a closed list of words.
func (d *decoder) word(into encoding.TextUnmarshaler, pointer string) *fraud.Fault {
	if text, ok := d.text(); !ok || into.UnmarshalText(text) != nil {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "not one of the words that the schema lists")
	}
	return nil
}

func (d *decoder) digest(into *indicator.Digest, pointer string) *fraud.Fault {
	if text, ok := d.text(); !ok || into.UnmarshalText(text) != nil {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "must be 64 lower-case hexadecimal digits")
	}
	return nil
}

// id reads a UUID in its one canonical spelling. The parser itself would take braces, a prefix and upper case.
func (d *decoder) id(into *uuid.UUID, pointer string) *fraud.Fault {
	text, _ := d.text()
	id, err := uuid.ParseBytes(text)
	if err != nil || id.Variant() != uuid.RFC4122 || len(text) != 36 || bytes.ContainsAny(text, "ABCDEF") {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "must be a UUID in 36 lower-case characters")
	}
	*into = id
	return nil
}

// time reads an RFC 3339 time with its zone, shortened to milliseconds: the precision with which the hub stores and
// compares.
func (d *decoder) time(into *time.Time, pointer string) *fraud.Fault {
	var t time.Time
	if text, ok := d.text(); !ok || !timeShaped(text) || t.UnmarshalText(text) != nil {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "must be a time with zone by RFC 3339: 2026-11-20T08:30:00Z")
	}
	if t = t.UTC().Truncate(time.Millisecond); t.Year() < 1970 || t.Year() > 2099 {
		return fraud.Refuse(fraud.ReasonSchema, pointer, "must lie between the years 1970 and 2099")
	}
	*into = t
	return nil
}

// timeShaped reports whether text is spelt as RFC 3339 says. Package time alone would also take hours of one digit, a
// comma before the fraction and any number of digits behind it (go.dev/issue/54580).
func timeShaped(text []byte) bool {
	const seconds = len("2026-11-20T08:30:00")
	if len(text) <= seconds || !shaped(text[:seconds], "0000-00-00T00:00:00") {
		return false
	}
	rest := text[seconds:]
	if rest[0] == '.' {
		digits := 1
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits < 2 || digits > 10 {
			return false
		}
		rest = rest[digits:]
	}
	return shaped(rest, "Z") || (shaped(rest, "+00:00") || shaped(rest, "-00:00")) && string(rest[1:3]) < "24"
}

// shaped reports whether text is pattern with any digits for its zeros.
func shaped(text []byte, pattern string) bool {
	if len(text) != len(pattern) {
		return false
	}
	for i, c := range text {
		if pattern[i] != c && (pattern[i] != '0' || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// number reads a whole number in plain digits: 70, not 70.0 or 7e1.
func (d *decoder) number(into *uint16, least, most int, pointer string) *fraud.Fault {
	n := 0
	text := d.scalar()
	for _, c := range text {
		if c < '0' || c > '9' || n > most {
			n = -1
			break
		}
		n = 10*n + int(c-'0')
	}
	if n < least || n > most {
		return fraud.Refuse(fraud.ReasonSchema, pointer,
			fmt.Sprintf("must be a whole number from %d to %d in plain digits", least, most))
	}
	*into = uint16(n)
	return nil
}

// term reads a word of a taxonomy: of the right form, whether or not the taxonomy has it.
func (d *decoder) term(into *string, pointer string) *fraud.Fault {
	text, fault := d.token(pointer)
	if fault != nil {
		return fault
	}
	known, ok := d.terms[string(text)]
	if !ok {
		known = string(text)
		d.terms[known] = known
	}
	*into = known
	return nil
}

// token reads a short name.
func (d *decoder) token(pointer string) ([]byte, *fraud.Fault) {
	text, _ := d.text()
	ok := len(text) >= 1 && len(text) <= 64
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			ok = false
		}
	}
	if !ok {
		return nil, fraud.Refuse(fraud.ReasonSchema, pointer, "must be a string of 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	return text, nil
}

// unknownField points at the object that has a field too many: the field's name is the sender's own text.
func unknownField(pointer string) *fraud.Fault {
	return fraud.Refuse(fraud.ReasonSchema, pointer, "a field here is not part of the schema")
}

// ReadEvents reads the events of a bundle's value, each with its own fault, without a word on whose they are or whether
// they are valid: [Verifier.Open] is what says both. Its error is a *fraud.Fault for the whole bundle.
func ReadEvents(value []byte) ([]Item, error) { return decode(value) }
