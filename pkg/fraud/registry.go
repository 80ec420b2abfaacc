package fraud

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// PartnerRecord is all that the hub holds of a partner. No secret is in it.
type PartnerRecord struct {
	Partner
	// Name is for people.
	Name string
	// Licensed says that it is a platform licensed under the Online Safety Act, and Users how many people use it in
	// Malaysia.
	Licensed bool
	Users    uint64
	// Subject is the subject of the client certificate that proves to be this partner, as [SubjectText] writes it, "" for
	// none; and SubjectScopes what it may do.
	Subject       string
	SubjectScopes Scope
	// Sharing names the sharing groups that it belongs to; Groups follows from it.
	Sharing []string
	// Platforms names the platforms that it runs; Runs follows from it.
	Platforms   []string
	APIKeys     []APIKeyRecord
	SigningKeys []SigningKeyRecord
	// Voided and Released are what Voids and Releases follow from.
	Voided   []VoidRecord
	Released []ReleaseRecord
}

// VoidRecord takes words of a partner out of force, however many there are: see [Void].
type VoidRecord struct {
	// ID names it among the partner's, now and later: "v7".
	ID string
	// Since and Until bound, in whole seconds, when the hub accepted what is void: [Since, Until). A zero Until is open.
	Since, Until time.Time
	// KeyID confines it to what was signed with one of the partner's keys; "" is everything, the gateway's included.
	// Fifteen keys of a partner are told apart: the sixteenth counts as the first.
	KeyID  string
	Reason string
	// At is when it was said.
	At time.Time
}

// ReleaseRecord lets words count that were held, once two people have said so: see [Release].
type ReleaseRecord struct {
	// ID names it among the partner's, now and later: "r7".
	ID string
	// Since and Until bound, in whole seconds, when the hub accepted what is released: [Since, Until).
	Since, Until time.Time
	Reason       string
	// ProposedBy and ConfirmedBy are the ids of two different keys or certificates of operators; ConfirmedBy is "" until
	// somebody has confirmed it, and it has no effect before.
	ProposedBy, ConfirmedBy string
	// At is when it was proposed.
	At time.Time
}

// InForce reports whether a second person has confirmed it.
func (r *ReleaseRecord) InForce() bool { return r.ConfirmedBy != "" }

// MaxVoids is how many voids, and how many releases, a partner may have at a time: each word of its is held against all.
const MaxVoids = 64

// HeldFor is how long held words can be released. What nobody has released by then never counts.
const HeldFor = 30 * 24 * time.Hour

// APIKeyRecord is what the hub keeps of an API key.
type APIKeyRecord struct {
	ID string
	// SHA256 is of the secret's 43 characters.
	SHA256 [32]byte
	Scopes Scope
	// Expires is zero for a key that does not expire.
	Expires time.Time
}

// SigningKeyRecord is a partner's signing key.
type SigningKeyRecord struct {
	SigningKey
	// Reason says why NotAfter was set: the key is bad since then. "" is a planned end, or none.
	Reason string
}

// PartnerRevision is one version of a partner's record. Revisions are only ever added: they are its history too.
type PartnerRevision struct {
	PartnerRecord
	// Revision counts from 1; it is 0 in a hub whose registry is a file.
	Revision uint64
	// Act is the act that made it.
	Act uuid.UUID
	At  time.Time
}

// Act is something that an operator did, as the audit table tells it. It never holds a secret.
type Act struct {
	ID uuid.UUID
	At time.Time
	// By is the partner whose key or certificate it was done with, and Key the id of that. Both are "" for the hub's
	// daemon itself.
	By, Key string
	What    Deed
	// Whom is the id of the partner to whom it was done, and Object that of the key that it is about, "" for none.
	Whom, Object string
	Reason       string
	// Revision is the revision of Whom's record that it made, 0 where it made none.
	Revision uint64
	// Done is false for what was begun and came to nothing: ClickHouse went away in the middle, or another act on the
	// same revision was first.
	Done bool
}

// Deed is what an act does.
type Deed string

// The deeds.
const (
	PartnerImported   Deed = "import_partner" // from the partner file, once
	PartnerAdded      Deed = "add_partner"
	PartnerChanged    Deed = "change_partner"
	PartnerStateSet   Deed = "set_state"
	APIKeyIssued      Deed = "issue_api_key"
	APIKeyRevoked     Deed = "revoke_api_key"
	SigningKeyAdded   Deed = "add_signing_key"
	SigningKeyRevoked Deed = "revoke_signing_key"
	WordsVoided       Deed = "void"             // what a partner said in a span of time does not count
	VoidEnded         Deed = "end_void"         // a void that was open, or longer, ends
	VoidUndone        Deed = "undo_void"        // it never was
	HoldBegun         Deed = "begin_hold"       // by the hub: a partner said more than its allowance of the day
	ReleaseProposed   Deed = "propose_release"  // by one operator
	ReleaseConfirmed  Deed = "confirm_release"  // by another: from now on what was held counts
	ReleaseWithdrawn  Deed = "withdraw_release" // what was released is held again, or was never released
	WordsRestored     Deed = "restore"          // words that void ones had replaced were said anew
	MessageReplayed   Deed = "replay_message"   // a refused one was sent again; stands among the audit's acts alone
	DisputeReviewed   Deed = "review_dispute"   // an authority acknowledged it; stands among the audit's acts alone
	DisputeDecided    Deed = "decide_dispute"   // the same
	AuditExported     Deed = "export_audit"     // somebody took a copy of a part of the audit
	EvidenceExported  Deed = "export_evidence"  // somebody took the evidence of a month
	TrendsExported    Deed = "export_trends"    // somebody took a copy of trends
	IndicatorAudited  Deed = "audit_indicator"  // somebody asked what was said of one indicator; not told of which
	IndicatorErased   Deed = "erase"            // a person's right; not told of which
	// What partners did. Of a canary the object is its label; a sweep was noticed by the hub itself.
	CanaryTouched Deed = "touch_canary"
	SweepNoticed  Deed = "sweep"
)

// Deeds lists them all.
func Deeds() []Deed {
	return []Deed{PartnerImported, PartnerAdded, PartnerChanged, PartnerStateSet, APIKeyIssued, APIKeyRevoked,
		SigningKeyAdded, SigningKeyRevoked, WordsVoided, VoidEnded, VoidUndone, HoldBegun, ReleaseProposed,
		ReleaseConfirmed, ReleaseWithdrawn, WordsRestored,
		MessageReplayed, DisputeReviewed, DisputeDecided, AuditExported, EvidenceExported, TrendsExported,
		IndicatorAudited, IndicatorErased,
		CanaryTouched, SweepNoticed}
}

// ActPlace is where an act stands in the order of time; the newest act comes last.
type ActPlace struct {
	At time.Time
	ID uuid.UUID
}

// Why a change of the registry is refused.
var (
	ErrNoSuchPartner   = errors.New("there is no such partner")
	ErrNoSuchKey       = errors.New("the partner has no such key")
	ErrNoSuchVoid      = errors.New("the partner has no such void or release")
	ErrRevisionPassed  = errors.New("the partner was changed meanwhile")
	ErrRegistryIsAFile = errors.New("the registry of this hub is the partner file")
)
