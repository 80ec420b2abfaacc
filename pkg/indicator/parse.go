package indicator

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLen is the longest raw value and the longest canonical form that [Parse] accepts, in bytes.
const MaxLen = 4096

// Parse brings a raw value of type t into its canonical form and derives the expressions of it.
//
// Parse is idempotent: for every value that it accepts, Parse(t, canonical) gives the same canonical form. Every
// error is an [*Error] with a stable Rule and a Hint that never holds the value.
func Parse(t Type, raw Raw) (Indicator, error) {
	if !t.Valid() {
		return Indicator{}, &Error{t, "indicator/unknown_type", "the type of the indicator is not one of the eight"}
	}
	text, fault := clean(t, raw)
	if fault != nil {
		return Indicator{}, fault
	}
	in, fault := parserOf(t)(text)
	if fault != nil {
		return Indicator{}, fault
	}
	if len(in.Canonical) > MaxLen {
		return Indicator{}, tooLong(t)
	}
	return in, nil
}

// Reportable tells whether a report may list this value: nil, or an [*Error] where it stands for too much (the
// front page of a link shortener) or for nobody in particular (an address of a private network). Its Report is
// then empty; asking about it stays possible.
func (i Indicator) Reportable() error {
	if fault := reportable(i.Type, i.Canonical); fault != nil {
		return fault
	}
	return nil
}

func reportable(t Type, canonical string) *Error {
	switch t {
	case BankAccount:
		return reportableAccount(canonical)
	case URL:
		return reportableURL(canonical)
	case Domain:
		return reportableDomain(canonical)
	}
	return nil
}

// parser turns cleaned text into an indicator. Its fault is nil or of the parser's own type.
type parser func(text string) (Indicator, *Error)

func parserOf(t Type) parser {
	switch t {
	case BankAccount:
		return parseBankAccount
	case PaymentID:
		return parsePaymentID
	case Phone:
		return parsePhone
	case URL:
		return parseURL
	case Domain:
		return parseDomain
	case Email:
		return parseEmail
	case CryptoAddress:
		return parseCryptoAddress
	default:
		return parseSocialAccount
	}
}

// clean applies the rules that all types share: a bounded length, valid UTF-8, no NUL, and nothing invisible
// around the value.
func clean(t Type, raw Raw) (string, *Error) {
	text := string(raw)
	switch {
	case len(text) > MaxLen:
		return "", tooLong(t)
	case !utf8.ValidString(text):
		return "", refuse(t, "not_utf8", "the value is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return "", refuse(t, "nul", "the value holds a NUL character")
	}
	text = strings.TrimFunc(text, invisible)
	if text == "" {
		return "", refuse(t, "empty", "the value is empty")
	}
	return text, nil
}

// invisible reports white space and the format characters (zero-width, bidirectional marks) that come along when a
// value is copied from a chat or a page.
func invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

func refuse(t Type, rule, hint string) *Error { return &Error{t, t.String() + "/" + rule, hint} }

func tooLong(t Type) *Error {
	return refuse(t, "too_long", "the value is longer than 4096 bytes")
}

// exactly is the indicator whose canonical form is its only expression.
func exactly(t Type, canonical string) Indicator {
	only := []Expression{{t, Exact, canonical}}
	return Indicator{Type: t, Canonical: canonical, Lookup: only, Report: only}
}
