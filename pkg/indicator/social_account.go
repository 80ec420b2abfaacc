package indicator

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxNameLen is the longest account name, in characters.
const maxNameLen = 100

// channelID is how YouTube numbers its channels.
var channelID = regexp.MustCompile(`^UC[A-Za-z0-9_-]{22}$`)

// parseSocialAccount reads `<platform>:<number>`, `<platform>:@name`, the canonical form, or the address of a
// profile on a platform that is known.
//
// Canonical form: `<platform>/<id>` when the platform's own number is known, otherwise `<platform>/@<name>` with the
// name in NFKC and case-folded. Where the platform knows people by telephone number, that is the id, without +.
// Names are given to others after a while; numbers are not.
func parseSocialAccount(text string) (Indicator, *Error) {
	name, account, named := cutName(text)
	p, known := platformsByName[nameKey(name)]
	switch {
	case named && known && !strings.Contains(account, "/"):
	case named && known:
		return fromProfile(account)
	case strings.Contains(refang.Replace(text), "."):
		return fromProfile(text)
	case named:
		return Indicator{}, refuse(SocialAccount, "unknown_platform", "the platform is not known")
	default:
		return Indicator{}, refuse(SocialAccount, "platform_needed",
			"write <platform>:@name or <platform>:<number>, such as facebook:@name, or the profile's address")
	}
	return onPlatform(p, account)
}

// fromProfile reads the address of a profile.
func fromProfile(text string) (Indicator, *Error) {
	u, fault := canonicalURL(text)
	if fault != nil {
		return Indicator{}, refuse(SocialAccount, "not_a_profile", "this is neither an account nor the address of a profile")
	}
	p, known := platformAt(u.host)
	if !known {
		return Indicator{}, refuse(SocialAccount, "unknown_platform", "the address is not one of a platform that is known")
	}
	account, ok := p.account(u.path)
	if !ok {
		return Indicator{}, refuse(SocialAccount, "not_a_profile", "the address is not the one of an account's profile")
	}
	return onPlatform(p, account)
}

func onPlatform(p platform, account string) (Indicator, *Error) {
	id, fault := accountID(p, account)
	if fault != nil {
		return Indicator{}, fault
	}
	return exactly(SocialAccount, p.name+"/"+id), nil
}

// accountID is a number, or a folded name with @ before it.
func accountID(p platform, account string) (string, *Error) {
	if !utf8.ValidString(account) {
		return "", badName()
	}
	account = strings.TrimFunc(account, invisible)
	digits := foldDigits(account)
	switch {
	case p.byPhone && strings.Trim(stripSeparators(digits), "+()0123456789") == "":
		if bare := stripSeparators(digits); !strings.HasPrefix(bare, "+") && !strings.HasPrefix(bare, "0") {
			digits = "+" + bare // these platforms write numbers with the country code and without +
		}
		number, fault := dialable(SocialAccount, digits)
		return strings.TrimPrefix(number, "+"), fault
	case allDigits(digits):
		if len(digits) > 20 {
			return "", refuse(SocialAccount, "number", "the number of an account has at most 20 digits")
		}
		return digits, nil
	case p.name == "youtube" && channelID.MatchString(account):
		return account, nil
	}
	name, ok := foldName(account)
	name = strings.TrimLeft(name, "@")
	if p.name == "facebook" {
		name = strings.ReplaceAll(name, ".", "") // j.smith and jsmith are one account there
	}
	if !ok || name == "" || utf8.RuneCountInString(name) > maxNameLen ||
		strings.ContainsAny(name, "@/\\:?#&=%+,;\"'<>()[]{}|") || strings.ContainsFunc(name, notPrinted) {
		return "", badName()
	}
	return "@" + name, nil
}

func badName() *Error {
	return refuse(SocialAccount, "name", "an account's name has no spaces or signs: give the @name, not the display name")
}

// foldName brings a name to NFKC and folds its case, until that changes nothing.
func foldName(name string) (string, bool) {
	for range 4 {
		folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
		if folded == name {
			return name, true
		}
		name = folded
	}
	return "", false
}
