package indicator

import (
	"net/netip"
	"strings"
)

// Recognise lists the types that a bare value can be, the most likely first, for people who type a value without
// saying what it is. It lists nothing where it can't tell.
func Recognise(raw Raw) []Type {
	text, fault := clean(URL, raw)
	if fault != nil {
		return nil
	}
	var types []Type
	for _, t := range candidates(refang.Replace(text)) {
		if _, err := Parse(t, raw); err == nil {
			types = append(types, t)
		}
	}
	return types
}

// candidates orders the types by how surely a value of theirs is told from others: an address with a checksum
// comes first. URL is last and needs a dot, since nearly any word could be the name of a host.
func candidates(text string) []Type {
	if _, err := netip.ParseAddr(text); err == nil {
		return []Type{URL}
	}
	types := []Type{CryptoAddress, Phone, PaymentID, BankAccount, Email, SocialAccount, Domain}
	if strings.ContainsAny(text, ".[。．｡") {
		types = append(types, URL)
	}
	return types
}
