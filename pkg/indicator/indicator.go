// Package indicator turns what a person typed into what the hub may know.
//
//	raw value ──Parse──▶ canonical form ──▶ expressions ──KeyRing──▶ keyed digests
//	"012-345 6789"       +60123456789       exact                    32 bytes
//
// Two functions are all that most callers need: [Parse] and [KeyRing.Digest].
//
// A raw value never leaves the process that was given it: errors name the rule that was broken and never the
// value, and [Raw] prints as "redacted".
package indicator

import (
	"fmt"
	"io"
	"log/slog"
)

// Type says what kind of thing an indicator is. The zero value is no type. The numbers are stored and sent: they
// are never reused.
type Type uint8

// The eight types. The canonical form of each is described at its parser.
const (
	BankAccount   Type = 1
	PaymentID     Type = 2
	Phone         Type = 3
	URL           Type = 4
	Domain        Type = 5
	Email         Type = 6
	CryptoAddress Type = 7
	SocialAccount Type = 8
)

var typeNames = [...]string{
	BankAccount: "bank_account", PaymentID: "payment_id", Phone: "phone", URL: "url", Domain: "domain",
	Email: "email", CryptoAddress: "crypto_address", SocialAccount: "social_account",
}

// Types lists every type in the order of its number.
func Types() []Type {
	return []Type{BankAccount, PaymentID, Phone, URL, Domain, Email, CryptoAddress, SocialAccount}
}

// ParseType reads a type's name as it stands in events and requests.
func ParseType(name string) (Type, error) {
	for t, n := range typeNames {
		if n != "" && n == name {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("unknown indicator type; one of %v", typeNames[1:])
}

// Valid reports whether t is one of the eight types.
func (t Type) Valid() bool { return t >= BankAccount && t <= SocialAccount }

// String is the name used on every wire, "unknown" for an invalid type.
func (t Type) String() string {
	if !t.Valid() {
		return "unknown"
	}
	return typeNames[t]
}

// MarshalText writes the name.
func (t Type) MarshalText() ([]byte, error) {
	if !t.Valid() {
		return nil, fmt.Errorf("indicator type %d is unknown", uint8(t))
	}
	return []byte(typeNames[t]), nil
}

// UnmarshalText reads the name.
func (t *Type) UnmarshalText(text []byte) (err error) {
	*t, err = ParseType(string(text))
	return err
}

// Grade says how precisely an expression stands for the indicator it came from.
type Grade uint8

const (
	// Exact is the indicator itself.
	Exact Grade = 1
	// Prefix covers the indicator by being broader on purpose: a URL's host suffix or path prefix, a domain's
	// parent. A listing on it counts in full.
	Prefix Grade = 2
	// Weak may stand for somebody else too: an account number without its bank, an e-mail address without its tag.
	// It is enough to suspect, never to confirm.
	Weak Grade = 3
)

var gradeNames = [...]string{Exact: "exact", Prefix: "prefix", Weak: "weak"}

// ParseGrade reads a grade's name.
func ParseGrade(name string) (Grade, error) {
	for g, n := range gradeNames {
		if n != "" && n == name {
			return Grade(g), nil
		}
	}
	return 0, fmt.Errorf("unknown grade; one of %v", gradeNames[1:])
}

// Valid reports whether g is one of the three grades.
func (g Grade) Valid() bool { return g >= Exact && g <= Weak }

// String is the name used on every wire, "unknown" for an invalid grade.
func (g Grade) String() string {
	if !g.Valid() {
		return "unknown"
	}
	return gradeNames[g]
}

// MarshalText writes the name.
func (g Grade) MarshalText() ([]byte, error) {
	if !g.Valid() {
		return nil, fmt.Errorf("grade %d is unknown", uint8(g))
	}
	return []byte(gradeNames[g]), nil
}

// UnmarshalText reads the name.
func (g *Grade) UnmarshalText(text []byte) (err error) {
	*g, err = ParseGrade(string(text))
	return err
}

// Expression is one form under which an indicator may be listed or looked up.
type Expression struct {
	// Type is the type the digest is made under. It differs from the indicator's own where one type speaks of
	// another: reporting a domain also lists the URL "domain/", so that every URL below it is found.
	Type Type
	// Grade tells how precisely this form stands for the indicator.
	Grade Grade
	// Canonical is the canonical form. It is as sensitive as the raw value.
	Canonical string
}

// Indicator is a parsed value.
type Indicator struct {
	Type Type
	// Canonical is the one spelling of this value. It is as sensitive as the raw value.
	Canonical string
	// Lookup holds every expression that a question about this value must test, the most specific first. The first
	// is the indicator itself, with grade Exact, or Weak where only a weaker form was given (an account number
	// without its bank).
	Lookup []Expression
	// Report holds every expression that a report of this value lists: first the indicator itself, graded as in
	// Lookup, then the broader or weaker forms that it also speaks for ("also" in an event). It is empty for a
	// value that may be asked about and not be reported: see [Indicator.Reportable].
	Report []Expression
	// Warnings name what is unusual and yet accepted, such as an account number of an unusual length. They never
	// hold the value.
	Warnings []string
}

// Raw is a value as somebody typed it. It prints as "redacted" wherever it is formatted or logged.
type Raw string

// String hides the value.
func (Raw) String() string { return "redacted" }

// GoString hides the value.
func (Raw) GoString() string { return "redacted" }

// Format hides the value from every verb, also the wrong ones.
func (Raw) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "redacted") }

// LogValue hides the value.
func (Raw) LogValue() slog.Value { return slog.StringValue("redacted") }

// Error is a value that breaks a rule of its type. It names the rule and never the value.
type Error struct {
	Type Type
	// Rule is a stable code: "phone/not_a_number", "url/no_host".
	Rule string
	// Hint says in words what is wrong and what would be right.
	Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%s)", e.Type, e.Hint, e.Rule) }
