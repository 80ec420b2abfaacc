package indicator

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// dotless maps the domains of providers that ignore dots in the local part to the domain that they share.
var dotless = map[string]string{"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}

// parseEmail reads an e-mail address, also as mailto:, in angle brackets or defanged.
//
// Canonical form: local part in NFC and lower case, domain as in parseDomain. Beside it stands the weaker form
// without "+tag" and, for providers that ignore them, without dots.
func parseEmail(text string) (Indicator, *Error) {
	if len(text) > 7 && strings.EqualFold(text[:7], "mailto:") {
		text, _, _ = strings.Cut(text[7:], "?")
	}
	text = refang.Replace(strings.TrimSuffix(strings.TrimPrefix(text, "<"), ">"))
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return Indicator{}, refuse(Email, "no_at", "an e-mail address has an @")
	}
	local, fault := localPart(text[:at])
	if fault != nil {
		return Indicator{}, fault
	}
	host, fault := hostname(Email, text[at+1:])
	if fault != nil {
		return Indicator{}, fault
	}
	if fault := domainName(Email, host); fault != nil {
		return Indicator{}, fault
	}
	if !strings.Contains(host, ".") {
		return Indicator{}, refuse(Email, "bad_host", "the domain of an e-mail address has a dot")
	}
	in := exactly(Email, local+"@"+host)
	if base := baseAddress(local, host); base != in.Canonical {
		in.Lookup = append(in.Lookup, Expression{Email, Weak, base})
		in.Report = in.Lookup
	}
	return in, nil
}

func localPart(text string) (string, *Error) {
	local := norm.NFC.String(strings.ToLower(norm.NFC.String(text)))
	switch {
	case local == "" || len(local) > 64:
		return "", refuse(Email, "local_part", "the part before the @ has 1 to 64 bytes")
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "", refuse(Email, "local_part", "dots in the part before the @ stand between other characters")
	case strings.ContainsAny(local, `"(),:;<>@[\]{}`) || strings.ContainsFunc(local, notPrinted):
		return "", refuse(Email, "local_part", "the part before the @ holds a character that is not allowed there")
	}
	return local, nil
}

// notPrinted reports characters that no identifier holds: white space, controls, invisible ones.
func notPrinted(r rune) bool { return unicode.IsControl(r) || invisible(r) }

// baseAddress is the mailbox that an address most likely ends up in.
func baseAddress(local, host string) string {
	if plain, _, tagged := strings.Cut(local, "+"); tagged && plain != "" {
		local = plain
	}
	if shared := dotless[host]; shared != "" {
		local, host = strings.ReplaceAll(local, ".", ""), shared
	}
	return local + "@" + host
}
