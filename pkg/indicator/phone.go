package indicator

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

var extension = regexp.MustCompile(`(?i)[\s,;]*(?:ext(?:ension)?|samb(?:ungan)?|x|#)[.:\s]*\d{1,6}$`)

// shortCodeLen is the longest number that is dialled as it is: emergency numbers, 15999, 15888, SMS short codes.
const shortCodeLen = 6

// parsePhone reads a telephone number as people write it; without a country code it is a Malaysian one.
//
// Canonical form: E.164. An extension is dropped. Numbers that no subscriber has (short codes, toll-free and
// shared-cost hotlines) are refused, since listing one would block a helpline; so are the alphanumeric senders of
// text messages, which are no numbers at all.
func parsePhone(text string) (Indicator, *Error) {
	number, fault := dialable(Phone, text)
	if fault != nil {
		return Indicator{}, fault
	}
	return exactly(Phone, number), nil
}

// dialable brings a telephone number to E.164, on behalf of type t.
func dialable(t Type, text string) (string, *Error) {
	text = foldDigits(text)
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		text = text[4:]
	}
	text = extension.ReplaceAllString(text, "")
	number, fault := dialled(t, text)
	if fault != nil {
		return "", fault
	}
	if len(strings.TrimPrefix(number, "+")) <= shortCodeLen {
		return "", refuse(t, "short_code", "short codes and hotlines are no subscriber's number")
	}
	parsed, err := phonenumbers.Parse(number, "MY")
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return "", refuse(t, "not_a_number",
			"this is no valid telephone number; foreign numbers need + and their country code")
	}
	if parsed.GetCountryCode() == 60 {
		switch phonenumbers.GetNumberType(parsed) {
		case phonenumbers.TOLL_FREE, phonenumbers.SHARED_COST, phonenumbers.PREMIUM_RATE, phonenumbers.UAN:
			return "", refuse(t, "hotline", "toll-free, shared-cost and premium numbers are no subscriber's number")
		}
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), nil
}

// dialled reduces text to the digits, with a leading + where there is one.
func dialled(t Type, text string) (string, *Error) {
	var number strings.Builder
	letters := false
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			number.WriteRune(r)
		case (r == '+' || r == '＋') && number.Len() == 0:
			number.WriteByte('+')
		case r == '(' || r == ')' || r == '（' || r == '）' || r == '.' || unicode.Is(unicode.Pd, r) || invisible(r):
		case unicode.IsLetter(r):
			letters = true
		default:
			return "", refuse(t, "not_a_number",
				"a telephone number has digits, and may have +, spaces, hyphens, dots and brackets")
		}
	}
	if letters {
		return "", refuse(t, "alphanumeric", "a sender's name is not a telephone number")
	}
	return number.String(), nil
}
