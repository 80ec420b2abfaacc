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
	Sharing     []string
	APIKeys     []APIKeyRecord
	SigningKeys []SigningKeyRecord
}

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
	MessageReplayed   Deed = "replay_message"  // a refused one was sent again; stands among the audit's acts alone
	DisputeReviewed   Deed = "review_dispute"  // an authority acknowledged it; stands among the audit's acts alone
	DisputeDecided    Deed = "decide_dispute"  // the same
	AuditExported     Deed = "export_audit"    // somebody took a copy of a part of the audit
	IndicatorAudited  Deed = "audit_indicator" // somebody asked what was said of one indicator; not told of which
	IndicatorErased   Deed = "erase"           // a person's right; not told of which
	// What partners did. Of a canary the object is its label; a sweep was noticed by the hub itself.
	CanaryTouched Deed = "touch_canary"
	SweepNoticed  Deed = "sweep"
)

// Deeds lists them all.
func Deeds() []Deed {
	return []Deed{PartnerImported, PartnerAdded, PartnerChanged, PartnerStateSet, APIKeyIssued, APIKeyRevoked,
		SigningKeyAdded, SigningKeyRevoked,
		MessageReplayed, DisputeReviewed, DisputeDecided, AuditExported, IndicatorAudited, IndicatorErased,
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
	ErrRevisionPassed  = errors.New("the partner was changed meanwhile")
	ErrRegistryIsAFile = errors.New("the registry of this hub is the partner file")
)
