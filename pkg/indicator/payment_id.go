package indicator

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// parsePaymentID reads `<kind>:<value>` for a DuitNow proxy (mobile, nric, passport, army, business) and
// `<issuer>:<number>` for an e-wallet, or the canonical form of either.
//
// Canonical form: `duitnow/<kind>/<value>` with mobile numbers in E.164 and the others in upper-case letters and
// digits; `<issuer>/<number>` for wallets. A proxy can be pointed at another account within minutes, so that its
// listings should be short.
func parsePaymentID(text string) (Indicator, *Error) {
	name, value, ok := cutName(text)
	if kind, isDuitNow := proxyKinds[nameKey(name)]; ok && isDuitNow {
		return parseProxy(kind, value)
	}
	if ok && nameKey(name) == "duitnow" {
		kind, value, ok := cutName(value)
		if known := proxyKinds[nameKey(kind)]; ok && known != "" {
			return parseProxy(known, value)
		}
	}
	if issuer := walletOf(name); ok && issuer != "" {
		return parseWallet(issuer, value)
	}
	return Indicator{}, refuse(PaymentID, "kind", "write <kind>:<value> with a kind of mobile, nric, passport, army, "+
		"business, or an e-wallet such as tng")
}

// cutName separates a name from the value at the first colon or slash.
func cutName(text string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.Replace(text, "：", ":", 1), ":")
	if before, after, slash := strings.Cut(text, "/"); slash && (!ok || len(before) < len(name)) {
		name, value, ok = before, after, true
	}
	return strings.TrimSpace(name), strings.TrimSpace(value), ok
}

// nameKey folds the name of a kind, issuer, chain or platform for look-up.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_.'’&", r) {
			return -1
		}
		return r
	}, strings.ToLower(norm.NFKC.String(name)))
}

// proxyKinds maps nameKey of a DuitNow proxy's kind to the kind.
var proxyKinds = map[string]string{
	"mobile": "mobile", "phone": "mobile", "hp": "mobile", "handphone": "mobile",
	"nric": "nric", "ic": "nric", "mykad": "nric",
	"passport": "passport", "pasport": "passport",
	"army": "army", "police": "army", "military": "army",
	"business": "business", "brn": "business", "ssm": "business", "roc": "business", "rob": "business",
}

// wallets maps nameKey of an e-wallet's names to its issuer. The BICs are DuitNow's.
var wallets = map[string]string{
	"tng": "tng", "touchngo": "tng", "touchngoewallet": "tng", "tngewallet": "tng", "tngdigital": "tng",
	"tngd": "tng", "tngdmynb": "tng",
	"boost": "boost", "boostewallet": "boost", "bostmynb": "boost",
	"grabpay": "grabpay", "grab": "grabpay",
	"shopeepay": "shopeepay", "spay": "shopeepay", "arpymynb": "shopeepay",
	"bigpay": "bigpay", "bgpymynb": "bigpay",
	"setel": "setel", "setelpay": "setel", "svsbmynb": "setel",
	"merchantrade": "merchantrade", "merchantrademoney": "merchantrade", "masbmynb": "merchantrade",
	"fasspay": "fasspay", "fspymynb": "fasspay",
	"finexus": "finexus", "fnxsmynb": "finexus",
	"lazadawallet": "lazada", "lazada": "lazada",
	"kiplepay": "kiplepay", "kiple": "kiplepay",
	"unipin": "unipin", "wavpay": "wavpay", "wechatpay": "wechatpay", "alipay": "alipay",
}

// walletOf is the e-wallet that a name means, "" if none.
func walletOf(name string) string { return wallets[nameKey(name)] }

func parseProxy(kind, value string) (Indicator, *Error) {
	var canonical string
	var fault *Error
	switch kind {
	case "mobile":
		canonical, fault = dialable(PaymentID, value)
	case "nric":
		canonical, fault = nric(value)
	case "business":
		canonical, fault = registrationNumber(value)
	default:
		canonical, fault = documentNumber(value)
	}
	if fault != nil {
		return Indicator{}, fault
	}
	return exactly(PaymentID, "duitnow/"+kind+"/"+canonical), nil
}

// nric reads the number of a Malaysian identity card: YYMMDD-PB-###G. The century is not part of it.
func nric(text string) (string, *Error) {
	digits := stripSeparators(foldDigits(text))
	if !allDigits(digits) || len(digits) != 12 {
		return "", refuse(PaymentID, "nric", "an identity card number has 12 digits")
	}
	year, month, day := twoDigits(digits[0:]), twoDigits(digits[2:]), twoDigits(digits[4:])
	if month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return "", refuse(PaymentID, "nric", "an identity card number begins with a date of birth, YYMMDD")
	}
	return digits, nil
}

func twoDigits(text string) int { return int(text[0]-'0')*10 + int(text[1]-'0') }

// daysIn is the number of days of a month. A year of two digits leaps when either century's does.
func daysIn(month, year int) int {
	switch month {
	case 2:
		if year%4 == 0 {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

var (
	newRegistration = regexp.MustCompile(`^(?:19|20)\d{2}0[1-6]\d{6}$`)
	oldRegistration = regexp.MustCompile(`^[A-Z]{0,3}\d{4,9}[A-Z]{0,3}$`)
)

// registrationNumber reads a company's number of the Companies Commission, in the form of 2019 (201901000005) or
// before (1312525-A). Where both are given, "201901000005 (1312525-A)", the new one counts.
func registrationNumber(text string) (string, *Error) {
	before, _, _ := strings.Cut(text, "(")
	if number := letterDigits(before); newRegistration.MatchString(number) {
		return number, nil
	}
	number := letterDigits(strings.NewReplacer("(", "", ")", "").Replace(text))
	if !newRegistration.MatchString(number) && !oldRegistration.MatchString(number) {
		return "", refuse(PaymentID, "business", "a registration number looks like 201901000005 or 1312525-A")
	}
	return number, nil
}

var document = regexp.MustCompile(`^[A-Z0-9]{4,20}$`)

// documentNumber reads the number of a passport or of an army or police card.
func documentNumber(text string) (string, *Error) {
	number := letterDigits(text)
	if !document.MatchString(number) || !strings.ContainsAny(number, "0123456789") {
		return "", refuse(PaymentID, "document", "a document number has 4 to 20 letters and digits")
	}
	return number, nil
}

// letterDigits folds a number that may have letters: upper case, without separators.
func letterDigits(text string) string {
	return strings.ToUpper(norm.NFKC.String(stripSeparators(foldDigits(text))))
}

// parseWallet reads the number of an e-wallet account, which is often the holder's mobile number.
func parseWallet(issuer, value string) (Indicator, *Error) {
	number := stripSeparators(foldDigits(value))
	mobile := strings.HasPrefix(number, "+") || strings.HasPrefix(number, "0") ||
		strings.HasPrefix(number, "601") && len(number) == 11
	if mobile {
		phone, fault := dialable(PaymentID, number)
		if fault != nil {
			return Indicator{}, fault
		}
		return exactly(PaymentID, issuer+"/"+phone), nil
	}
	if !allDigits(number) || len(number) < minAccountDigits || len(number) > maxAccountDigits {
		return Indicator{}, refuse(PaymentID, "wallet_number", "a wallet's number has 5 to 20 digits or is a mobile number")
	}
	return exactly(PaymentID, issuer+"/"+number), nil
}
