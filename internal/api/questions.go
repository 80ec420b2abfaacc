package api

import (
	"bytes"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// questions reads the body of POST /v1/lookup as nearly everybody writes it, in one pass and without reflection, which
// was two thirds of what 1,000 digests cost.
//
// It takes what it is sure of: the contract's names, each once and with a value that is not empty; strings of ASCII
// without escapes; whole numbers. At anything else, right or wrong, it gives up, and decodeStrict reads the body from
// the start: what is allowed, and what a caller is told otherwise, is said in one place. A fuzz test holds the two
// against each other.
//
// In a body of many, nearly every question is the text of the one before it but for the digest, whoever wrote it and in
// whatever order: then that text is compared, and only the digest is read.
type questions struct {
	rest []byte
	// last is the question before, in which the digest stands at hole; empty where it has none.
	last []byte
	hole int
}

// readQuestions appends the questions of a body; false says that somebody else must read it.
func readQuestions(body []byte, to []question) (all []question, ok bool) {
	in, all := questions{rest: body}, to
	ok = in.object(func(name []byte) bool {
		return string(name) == "indicators" && len(all) == 0 && in.array(func() bool {
			if len(all) == maxIndicators {
				return false
			}
			if digest, ok := in.alike(); ok {
				all = append(all, all[len(all)-1])
				all[len(all)-1].Digest = digest
				return true
			}
			all = append(all, question{})
			return in.question(&all[len(all)-1])
		}) && len(all) > 0
	})
	in.space()
	return all, ok && len(all) > 0 && len(in.rest) == 0
}

// alike reads the digest of a question that is otherwise the one before.
func (in *questions) alike() (digest indicator.Digest, ok bool) {
	in.space()
	n, end := len(in.last), in.hole+digestText
	if n == 0 || len(in.rest) < n || !bytes.Equal(in.rest[:in.hole], in.last[:in.hole]) ||
		!bytes.Equal(in.rest[end:n], in.last[end:]) ||
		digest.UnmarshalText(in.rest[in.hole:end]) != nil || digest.IsZero() {
		return digest, false
	}
	in.rest = in.rest[n:]
	return digest, true
}

// digestText is how long a digest is as text.
const digestText = 2 * len(indicator.Digest{})

// question reads one. A member that stands twice is seen by what is there already.
func (in *questions) question(q *question) bool {
	in.space()
	in.last, in.hole = nil, 0
	whole := in.rest
	ok := in.object(func(name []byte) bool {
		switch string(name) {
		case "type":
			return q.Type == 0 && in.word(q.Type.UnmarshalText)
		case "digest":
			ok := q.Digest.IsZero() && in.word(q.Digest.UnmarshalText) && !q.Digest.IsZero()
			in.hole = len(whole) - len(in.rest) - len(`"`) - digestText
			return ok
		case "epoch":
			return in.number(&q.Epoch)
		case "value":
			return in.value(&q.Value)
		case "grade":
			return q.Grade == 0 && in.word(q.Grade.UnmarshalText)
		case "also":
			return q.Also == nil && in.array(func() bool {
				q.Also = append(q.Also, fraud.Also{})
				return in.also(&q.Also[len(q.Also)-1])
			}) && q.Also != nil
		}
		return false
	})
	if ok && in.hole > 0 {
		in.last = whole[:len(whole)-len(in.rest)]
	}
	return ok
}

func (in *questions) also(a *fraud.Also) bool {
	return in.object(func(name []byte) bool {
		switch string(name) {
		case "grade":
			return a.Grade == 0 && in.word(a.Grade.UnmarshalText)
		case "digest":
			return a.Digest.IsZero() && in.word(a.Digest.UnmarshalText) && !a.Digest.IsZero()
		}
		return false
	})
}

// object reads an object; member reads what follows a name.
func (in *questions) object(member func(name []byte) bool) bool {
	return in.list('{', '}', func() bool {
		name, ok := in.text()
		return ok && in.take(':') && member(name)
	})
}

func (in *questions) array(element func() bool) bool { return in.list('[', ']', element) }

func (in *questions) list(begin, end byte, one func() bool) bool {
	if !in.take(begin) {
		return false
	}
	if in.take(end) {
		return true
	}
	for one() {
		if in.take(end) {
			return true
		}
		if !in.take(',') {
			return false
		}
	}
	return false
}

// take reads one character that has to come, and the space before it.
func (in *questions) take(c byte) bool {
	in.space()
	if len(in.rest) == 0 || in.rest[0] != c {
		return false
	}
	in.rest = in.rest[1:]
	return true
}

func (in *questions) space() {
	for len(in.rest) > 0 && (in.rest[0] == ' ' || in.rest[0] == '\n' || in.rest[0] == '\r' || in.rest[0] == '\t') {
		in.rest = in.rest[1:]
	}
}

// text reads a string up to the next quote. Whoever takes it must refuse what is not plain.
func (in *questions) text() (text []byte, ok bool) {
	if !in.take('"') {
		return nil, false
	}
	end := bytes.IndexByte(in.rest, '"')
	if end < 0 {
		return nil, false
	}
	text, in.rest = in.rest[:end], in.rest[end+1:]
	return text, true
}

// word reads a digest, or one of a closed vocabulary.
func (in *questions) word(unmarshal func(text []byte) error) bool {
	text, ok := in.text()
	return ok && unmarshal(text) == nil
}

func (in *questions) value(to *indicator.Raw) bool {
	text, ok := in.text()
	if !ok || *to != "" || len(text) == 0 {
		return false
	}
	for _, c := range text {
		if c < ' ' || c >= 0x80 || c == '\\' {
			return false
		}
	}
	*to = indicator.Raw(text)
	return true
}

// number reads a whole number from 1 to 65535.
func (in *questions) number(to *uint16) bool {
	in.space()
	n, i := 0, 0
	for i < len(in.rest) && i < 5 && '0' <= in.rest[i] && in.rest[i] <= '9' {
		n = 10*n + int(in.rest[i]-'0')
		i++
	}
	if *to != 0 || i == 0 || in.rest[0] == '0' || n > 1<<16-1 {
		return false
	}
	in.rest, *to = in.rest[i:], uint16(n)
	return true
}
