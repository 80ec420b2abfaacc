package indicator

import "strings"

// Recognise lists the types that a bare value can be, the most likely first, for people who type a value without
// saying what it is. It lists nothing where it can't tell.
func Recognise(raw Raw) []Type {
	text, fault := clean(URL, raw)
	if fault != nil {
		return nil
	}
	var types []Type
	for _, t := range candidates(text) {
		if _, err := Parse(t, raw); err == nil {
			types = append(types, t)
		}
	}
	return types
}

// candidates orders the types by what the text looks like.
func candidates(text string) []Type {
	name := strings.Contains(refang.Replace(text), ".")
	switch {
	case strings.Contains(text, "://") || schemePattern.MatchString(text) && name && !strings.Contains(text, "@"):
		return []Type{SocialAccount, URL}
	case strings.Contains(refang.Replace(text), "@") && name:
		return []Type{Email, SocialAccount, URL}
	case name && strings.ContainsAny(text, "/?"):
		return []Type{SocialAccount, CryptoAddress, URL}
	case name:
		return []Type{Phone, BankAccount, Domain, URL}
	default:
		return []Type{CryptoAddress, Phone, PaymentID, BankAccount, SocialAccount}
	}
}
