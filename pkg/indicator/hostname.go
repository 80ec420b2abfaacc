package indicator

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// toASCII maps names as browsers do: UTS 46, non-transitional, without the rules of STD 3 (underscores are in use).
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false),
	idna.CheckHyphens(false), idna.VerifyDNSLength(false), idna.BidiRule())

// maxHostLen is the longest name that the DNS can hold, in bytes.
const maxHostLen = 253

// hostname brings a host, without user and port, to its canonical form: a name in lower case and ASCII without
// surplus dots, a dotted IPv4 address, or an IPv6 address in brackets. It is stable: a canonical host stays as it
// is. Errors are of type t.
func hostname(t Type, text string) (string, *Error) {
	host, fault := mapped(t, text)
	if fault != nil {
		return "", fault
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return bracketed(t, strings.TrimSuffix(inner, "]"))
	}
	switch host = collapseDots(host); {
	case host == "":
		return "", refuse(t, "no_host", "there is no host in the address")
	case strings.ContainsAny(host, "/\\:?@[]<>(){}|^`\"*"):
		return "", badHost(t)
	case endsInNumber(host):
		addr, ok := parseIPv4(host)
		if !ok {
			return "", refuse(t, "bad_host", "a host whose last label is a number must be an IPv4 address")
		}
		return addr.String(), nil
	}
	if host = escape(host); len(host) > maxHostLen {
		return "", refuse(t, "bad_host", "the host is longer than 253 characters")
	}
	return host, nil
}

func badHost(t Type) *Error {
	return refuse(t, "bad_host", "the host is no valid name, IPv4 address or bracketed IPv6 address")
}

// mapped unescapes a host and maps it to lower-case ASCII until that changes nothing: a mapped character may
// complete a percent-escape. Bytes that are not UTF-8 pass through and are escaped in the end.
func mapped(t Type, host string) (string, *Error) {
	for range 8 {
		before := host
		host = unescape(host)
		plain := isASCII(host)
		if plain && !strings.Contains(strings.ToLower(host), "xn--") || !utf8.ValidString(host) {
			host = lowerASCII(host)
		} else {
			name, err := toASCII.ToASCII(host)
			if err != nil || strings.ContainsFunc(name, notInName) {
				return "", refuse(t, "bad_host", "the host is not a valid internationalised name (UTS 46)")
			}
			host = name
		}
		if host == before {
			return host, nil
		}
	}
	return "", badHost(t)
}

// notInName reports what a mapped name can't hold. A percent sign may begin an escape: the next round tells.
func notInName(r rune) bool { return r >= 0x80 || r != '%' && mustEscape(byte(r)) }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lowerASCII lowers ASCII letters and leaves other bytes, which may be no UTF-8, alone.
func lowerASCII(text string) string {
	lower := []byte(text)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}

func collapseDots(host string) string {
	host = strings.Trim(host, ".")
	for strings.Contains(host, "..") {
		host = strings.ReplaceAll(host, "..", ".")
	}
	return host
}

// endsInNumber reports whether browsers would read the host as an IPv4 address.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if allDigits(last) {
		return true
	}
	digits, ok := strings.CutPrefix(last, "0x")
	return ok && strings.Trim(digits, "0123456789abcdef") == ""
}

// parseIPv4 reads one to four numbers, each decimal, octal (leading 0) or hexadecimal (leading 0x), the last of
// which fills the bytes that are left.
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var addr uint64
	for i, part := range parts {
		value, ok := parseIPv4Number(part)
		room := 8
		if i == len(parts)-1 {
			room = 8 * (4 - i)
		}
		if !ok || value >= 1<<room {
			return netip.Addr{}, false
		}
		addr = addr<<room | value
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(addr)))), true
}

func parseIPv4Number(part string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(part, "0x"):
		part, base = part[2:], 16
	case len(part) > 1 && part[0] == '0':
		part, base = part[1:], 8
	}
	if part == "" {
		return 0, base == 16
	}
	value, err := strconv.ParseUint(part, base, 64)
	return value, err == nil && part[0] != '+'
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// bracketed reads an IPv6 address. One that stands for an IPv4 address becomes that.
func bracketed(t Type, text string) (string, *Error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || !addr.Is6() {
		return "", badHost(t)
	}
	if nat64.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String(), nil
	}
	return "[" + addr.String() + "]", nil
}

// isIP reports whether a canonical host is an address and not a name.
func isIP(host string) bool { return host[0] == '[' || endsInNumber(host) }

// registrable is the part of a canonical name that somebody registered (the public suffix and one label), or ""
// for an address, a public suffix, or a name of one label.
func registrable(host string) string {
	if isIP(host) {
		return ""
	}
	name, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return name
}

// parents lists the names above a canonical host, the longest first, down to the registrable one.
func parents(host string) []string {
	base := registrable(host)
	if base == "" {
		return nil
	}
	var names []string
	for host != base {
		_, host, _ = strings.Cut(host, ".")
		names = append(names, host)
	}
	return names
}
