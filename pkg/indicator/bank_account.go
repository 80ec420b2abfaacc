package indicator

import (
	"regexp"
	"strings"
)

// Account numbers of Malaysia have 5 to 20 digits. The usual lengths of a bank are only warned about: they change
// with its products. Fewer than 7 digits say nothing without their bank.
const minAccountDigits, maxAccountDigits, minBareDigits = 5, 20, 7

// anyBankPrefix begins the canonical form of a number whose bank is not known.
const anyBankPrefix = "MY/*/"

var (
	bicPattern   = regexp.MustCompile(`^([A-Z]{4}[A-Z]{2}[A-Z0-9]{2})([A-Z0-9]{3})?$`)
	spacedNumber = regexp.MustCompile(`^(.*\pL.*?)\s+(\p{Nd}[\p{Nd}\p{Pd}\s.]*)$`)
)

// parseBankAccount reads `<bank>:<number>`, `<bank> <number>`, the canonical form, or a number alone. The bank is a
// BIC of 8 or 11 characters, an FPX code, or one of its usual names.
//
// Canonical form: `MY/<BIC8>/<digits>`, leading zeros kept; Malaysia has no IBAN. The number alone,
// `MY/*/<digits>`, is listed and tested beside it as a weaker form, since victims often don't know the bank; where no
// bank was given it is the only form, and can be looked up and not reported.
func parseBankAccount(text string) (Indicator, *Error) {
	name, number := splitBank(text)
	digits := stripSeparators(foldDigits(number))
	switch {
	case !allDigits(digits):
		return Indicator{}, refuse(BankAccount, "not_digits",
			"an account number has digits only; write <bank>:<number>, such as maybank:1234 5678 9012")
	case len(digits) < minAccountDigits || len(digits) > maxAccountDigits:
		return Indicator{}, refuse(BankAccount, "length", "an account number has 5 to 20 digits")
	}
	anyBank := Expression{BankAccount, Weak, anyBankPrefix + digits}
	if name == "" {
		if len(digits) < minBareDigits {
			return Indicator{}, refuse(BankAccount, "length", "without its bank an account number has at least 7 digits")
		}
		return Indicator{Type: BankAccount, Canonical: anyBank.Canonical, Lookup: []Expression{anyBank},
			Warnings: []string{"no bank was given: the number alone may belong to somebody else at another bank"},
		}, nil
	}
	bic, warning, fault := bicOf(name, len(digits))
	if fault != nil {
		return Indicator{}, fault
	}
	in := Indicator{Type: BankAccount, Canonical: "MY/" + bic + "/" + digits}
	in.Lookup = []Expression{{BankAccount, Exact, in.Canonical}}
	if len(digits) >= minBareDigits {
		in.Lookup = append(in.Lookup, anyBank)
	}
	in.Report = in.Lookup
	if warning != "" {
		in.Warnings = []string{warning}
	}
	return in, nil
}

// reportableAccount refuses a number without its bank: a listing of it would accuse whoever has that number anywhere.
func reportableAccount(canonical string) *Error {
	if strings.HasPrefix(canonical, anyBankPrefix) {
		return refuse(BankAccount, "no_bank", "the number alone may be somebody else's at another bank: name the bank to report it")
	}
	return nil
}

// splitBank separates the bank, "" if none is given, from the number.
func splitBank(text string) (name, number string) {
	if rest, ok := strings.CutPrefix(text, "MY/"); ok {
		if name, number, ok = strings.Cut(rest, "/"); ok {
			return strings.TrimPrefix(name, "*"), number
		}
	}
	if at := strings.LastIndexAny(text, ":："); at >= 0 {
		return strings.TrimSpace(text[:at]), strings.TrimLeft(text[at:], ":：")
	}
	if m := spacedNumber.FindStringSubmatch(text); m != nil {
		return m[1], m[2]
	}
	return "", text
}

// bicOf resolves a bank's name or code to the BIC that stands for it on DuitNow, and warns of what is unusual
// about a number of so many digits there.
func bicOf(name string, digits int) (bic, warning string, fault *Error) {
	if wallet := walletOf(name); wallet != "" && banks[bankKey(name)].bic == "" {
		return "", "", refuse(BankAccount, "e_wallet", "an e-wallet is not a bank: use the type payment_id")
	}
	known, ok := banks[bankKey(name)]
	code := bicPattern.FindStringSubmatch(strings.ToUpper(name))
	if !ok && code != nil {
		known, ok = banks[bankKey(code[1])]
	}
	switch {
	case ok && known.usual(digits):
		return known.bic, "", nil
	case ok:
		return known.bic, "the number of digits is unusual for this bank", nil
	case code == nil:
		return "", "", refuse(BankAccount, "unknown_bank", "the bank is not known: give its BIC, FPX code or usual name")
	case code[1][4:6] != "MY":
		return "", "", refuse(BankAccount, "not_malaysian", "the BIC is of a bank outside Malaysia")
	default:
		return code[1], "the BIC is not one of a known bank", nil
	}
}
