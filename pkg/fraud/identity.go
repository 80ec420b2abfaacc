package fraud

import (
	"fmt"
	"strings"
)

// Scope is the set of things that an API key, or a partner's certificate, may do.
type Scope uint8

// The scopes.
const (
	MayLookup  Scope = 1 << 0 // ask about indicators
	MayReport  Scope = 1 << 1 // send events, and see what became of its own
	MayAnalyse Scope = 1 << 2 // read trends
	MayAdmin   Scope = 1 << 3 // operate the hub
)

var scopes = []string{"lookup", "report", "analyse", "admin"}

// ParseScopes reads names of scopes.
func ParseScopes(names ...string) (Scope, error) {
	var s Scope
	for _, n := range names {
		one, err := parse[Scope]("scope", append([]string{""}, scopes...), n)
		if err != nil {
			return 0, err
		}
		s |= 1 << (one - 1)
	}
	return s, nil
}

// Has reports whether every scope of want is in s.
func (s Scope) Has(want Scope) bool { return s&want == want }

// Names lists the scopes in the set.
func (s Scope) Names() []string {
	all := []string{}
	for i, n := range scopes {
		if s&(1<<i) != 0 {
			all = append(all, n)
		}
	}
	return all
}

func (s Scope) String() string { return strings.Join(s.Names(), " ") }

// Identity is who asks, proven by an API key or a client certificate.
type Identity struct {
	Partner *Partner
	// KeyID names the key, or the certificate where there was no key, and is no secret.
	KeyID  string
	Scopes Scope
}

// Denial is why it is not known who asks, or why this one is not let in. It never holds a secret.
type Denial struct {
	// Code is stable: one of the constants Denied….
	Code string
	// Hint says what is wrong and what to do.
	Hint string
}

// The codes of a Denial.
const (
	DeniedNoKey     = "missing_api_key"   // and no certificate
	DeniedBadKey    = "malformed_api_key" // mistyped, or no API key at all
	DeniedUnknown   = "unknown_api_key"   // revoked, of another hub, or its secret is wrong: it is not told which
	DeniedExpired   = "expired_api_key"
	DeniedSuspended = "partner_suspended"

	// What is wrong with a certificate is for the log and the metric; callers are told DeniedCertificate.
	DeniedCertExpired   = "expired_certificate" // or not valid yet
	DeniedCertUntrusted = "untrusted_certificate"
	DeniedCertUnknown   = "unknown_certificate"    // a good one, whose subject is no partner's
	DeniedCertOther     = "certificate_of_another" // the API key that came with it is another partner's
)

// DeniedCertificate is the one code that callers are told when their certificate is not taken.
const DeniedCertificate = "certificate_refused"

// DenyCertificate makes a denial with one of the codes DeniedCert…. Its hint is the same for all: who tries certificates
// must not learn whose subjects are registered.
func DenyCertificate(code string) *Denial {
	return &Denial{Code: code, Hint: "the client certificate is not taken: it must be of the authority that the hub's " +
		"operator named, not have expired, and have the subject that is registered for the partner whose API key, if any, " +
		"comes with it"}
}

// Told is the code that the caller is told.
func (d *Denial) Told() string {
	switch d.Code {
	case DeniedCertExpired, DeniedCertUntrusted, DeniedCertUnknown, DeniedCertOther:
		return DeniedCertificate
	}
	return d.Code
}

func (d *Denial) Error() string { return fmt.Sprintf("%s: %s", d.Code, d.Hint) }
