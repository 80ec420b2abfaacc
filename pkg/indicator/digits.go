package indicator

import (
	"strings"
	"unicode"
)

// foldDigits replaces every decimal digit of any script (full-width, Arabic-Indic, …) by its ASCII digit.
func foldDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.IsDigit(r) {
			return r
		}
		return '0' + digitValue(r)
	}, text)
}

// digitValue is the value of a decimal digit outside ASCII. Unicode assigns the digits of a script in runs of ten
// from zero to nine, so that the distance to the start of its range tells the value.
func digitValue(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	return 0
}

// stripSeparators removes what people put between the digits of a number: spaces, dashes of any kind, dots, and
// invisible characters.
func stripSeparators(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || unicode.Is(unicode.Pd, r) || invisible(r) {
			return -1
		}
		return r
	}, text)
}

// allDigits reports whether text is one or more ASCII digits.
func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
