package fraud

import (
	"fmt"
	"strings"
)

// Scope is the set of things that an API key may do.
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

// Identity is who asks, proven by an API key.
type Identity struct {
	Partner *Partner
	// KeyID names the key and is no secret.
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
	DeniedNoKey     = "missing_api_key"
	DeniedBadKey    = "malformed_api_key" // mistyped, or no API key at all
	DeniedUnknown   = "unknown_api_key"   // revoked, of another hub, or its secret is wrong: it is not told which
	DeniedExpired   = "expired_api_key"
	DeniedSuspended = "partner_suspended"
)

func (d *Denial) Error() string { return fmt.Sprintf("%s: %s", d.Code, d.Hint) }
