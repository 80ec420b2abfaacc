package fraud

import "errors"

// Reason is why something was refused for good: a stable code that stands in dead letters, metrics and answers.
type Reason string

// The reasons. A refused bundle or event is kept as a dead letter under one of them.
const (
	ReasonTooLarge     Reason = "too_large"     // over 1 MiB or 500 events
	ReasonHeaders      Reason = "bad_headers"   // a CloudEvents or signature header is missing or wrong
	ReasonUnknownKey   Reason = "unknown_key"   // no such signing key
	ReasonKeyNotValid  Reason = "key_not_valid" // outside its validity, revoked, or its partner is suspended
	ReasonSource       Reason = "wrong_source"  // the key does not speak for this partner
	ReasonSignature    Reason = "bad_signature" // the signature does not fit the bytes
	ReasonMalformed    Reason = "malformed"     // not one JSON value: syntax, UTF-8, duplicate keys, trailing bytes
	ReasonSchema       Reason = "schema"        // unknown, missing or wrong fields
	ReasonNotKeyed     Reason = "not_keyed"     // a plain hash
	ReasonEpoch        Reason = "unknown_epoch" // a key epoch that the hub does not have
	ReasonFuture       Reason = "issued_in_future"
	ReasonTooOld       Reason = "issued_too_old"
	ReasonUnknownTerm  Reason = "unknown_term" // not in the taxonomy
	ReasonProtected    Reason = "protected"    // on the protected list
	ReasonNotEntitled  Reason = "not_entitled" // this partner may not say this
	ReasonRefusedByLog Reason = "not_storable" // the ledger refuses this very row
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{ReasonTooLarge, ReasonHeaders, ReasonUnknownKey, ReasonKeyNotValid, ReasonSource, ReasonSignature,
		ReasonMalformed, ReasonSchema, ReasonNotKeyed, ReasonEpoch, ReasonFuture, ReasonTooOld, ReasonUnknownTerm,
		ReasonProtected, ReasonNotEntitled, ReasonRefusedByLog}
}

// Fault is a permanent refusal. It never holds the value that was refused.
type Fault struct {
	Reason Reason
	// Pointer is the JSON Pointer (RFC 6901) of the field at fault, "" for the whole.
	Pointer string
	// Hint says what is wrong and what would be right.
	Hint string
}

// Refuse makes a Fault.
func Refuse(reason Reason, pointer, hint string) *Fault { return &Fault{reason, pointer, hint} }

func (f *Fault) Error() string {
	if f.Pointer == "" {
		return string(f.Reason) + ": " + f.Hint
	}
	return string(f.Reason) + " at " + f.Pointer + ": " + f.Hint
}

// ErrUnavailable marks a transient failure of something the hub needs (Kafka, ClickHouse): nothing was decided,
// and the same call may be repeated.
var ErrUnavailable = errors.New("temporarily unavailable")

// ErrMisconfigured says that the hub lacks a right that it was to be given: nothing was decided, and the same call will
// fail until somebody grants it.
var ErrMisconfigured = errors.New("the hub is not set up for it")

// ErrForgotten says that the ledger no longer holds what it once said it stored: its machine lost power with a disk that
// lies, or it was restored from a backup. What it lacks has to be stored again.
var ErrForgotten = errors.New("the ledger has lost what it had stored")

// ErrPassed says that the change log no longer holds what comes next: it has been kept for its time, or was made anew.
var ErrPassed = errors.New("the change log no longer holds what comes next")
