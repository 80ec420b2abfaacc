package indicator

import (
	"regexp"
	"slices"
	"strings"
)

// This file brings a URL to the canonical form that Google's Safe Browsing publishes
// (https://developers.google.com/safe-browsing/reference/URLs.and.Hashing), and is the only one that knows how.
//
//	text ──▶ scheme │ authority │ path?query      the fragment is gone
//	             │         │           └─ unescape until stable, resolve . and .., join slashes, escape
//	             │         └─ drop user and port ─▶ hostname
//	             └─ http, https or ftp; no part of the canonical form
//
// It is our own because a library built on the WHATWG URL parser gave other results than the published rules, and
// partners who implement the rules in another language would have missed matches: it re-encoded queries as forms
// ("a+b" and "a%20b" became one, "a=" lost its "="), escaped characters that the rules leave alone, and read
// `bank.example%2f.evil.example` as the host `bank.example`.

// webURL is a URL in parts. The path has a leading slash and, after a question mark, the query.
type webURL struct {
	scheme, host, path string
}

var stripControls = strings.NewReplacer("\t", "", "\r", "", "\n", "")

// canonicalURL reads text, which may lack its scheme and may be defanged. What it returns is stable:
// canonicalURL(host + path) gives the same host and path.
func canonicalURL(text string) (webURL, *Error) {
	text, _, _ = strings.Cut(strings.Trim(stripControls.Replace(text), " "), "#")
	scheme, rest, fault := cutScheme(text)
	if fault != nil {
		return webURL{}, fault
	}
	rest = strings.TrimLeft(rest, `/\`)
	authority, path := rest, ""
	if at := strings.IndexAny(rest, `/\?`); at >= 0 {
		authority, path = rest[:at], rest[at:]
	}
	authority = refang.Replace(authority)
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, fault := hostname(URL, port.ReplaceAllString(authority, ""))
	if fault != nil {
		return webURL{}, fault
	}
	return webURL{scheme, host, canonicalPath(path)}, nil
}

var (
	// refang undoes what analysts do to a host so that nobody follows it by accident.
	refang = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "{dot}", ".",
		"[DOT]", ".", "(DOT)", ".", "[:]", ":", "(:)", ":", "[@]", "@", "(@)", "@", "[at]", "@", "(at)", "@")

	schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+*-]*)(?:\[:\]|\(:\)|\[:?//\]|:)`)
	portNext      = regexp.MustCompile(`^\d{1,5}(?:[/\\?]|$)`)
	port          = regexp.MustCompile(`:\d*$`)
)

// webSchemes maps the schemes that are read, and their defanged spellings, to what they mean.
var webSchemes = map[string]string{
	"http": "http", "https": "https", "ftp": "ftp",
	"hxxp": "http", "hxxps": "https", "fxp": "ftp", "h**p": "http", "h**ps": "https", "htxp": "http", "hxtp": "http",
}

// otherSchemes could be taken for a host and its port: tel:15999.
var otherSchemes = []string{"about", "blob", "data", "file", "geo", "javascript", "mailto", "sms", "tel", "urn"}

// cutScheme separates the scheme, http where there is none, from the rest.
func cutScheme(text string) (scheme, rest string, fault *Error) {
	m := schemePattern.FindStringSubmatch(text)
	if m == nil {
		return "http", text, nil
	}
	name, rest := strings.ToLower(m[1]), text[len(m[0]):]
	switch {
	case webSchemes[name] != "":
		return webSchemes[name], rest, nil
	case portNext.MatchString(rest) && !slices.Contains(otherSchemes, name):
		return "http", text, nil
	default:
		return "", "", refuse(URL, "scheme", "only http, https and ftp addresses can be listed")
	}
}

// canonicalPath normalises path and query together: they are unescaped before they are told apart, so that a
// question mark means the same whether it was escaped or not.
func canonicalPath(text string) string {
	path, query, hasQuery := strings.Cut(unescape(text), "?")
	var segments []string
	closed := true // ends with a slash
	for _, segment := range strings.Split(strings.ReplaceAll(path, `\`, "/"), "/") {
		closed = segment == "" || segment == "." || segment == ".."
		switch {
		case segment == ".." && len(segments) > 0:
			segments = segments[:len(segments)-1]
		case !closed:
			segments = append(segments, segment)
		}
	}
	var b strings.Builder
	for _, segment := range segments {
		b.WriteByte('/')
		b.WriteString(segment)
	}
	if closed || b.Len() == 0 {
		b.WriteByte('/')
	}
	if hasQuery {
		b.WriteByte('?')
		b.WriteString(query)
	}
	return escape(b.String())
}

// unescape undoes percent-escapes until there are none.
func unescape(text string) string {
	for {
		plain := unescapeOnce(text)
		if plain == text {
			return plain
		}
		text = plain
	}
}

func unescapeOnce(text string) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := hexValue(text[i+1]), hexValue(text[i+2])
			if high >= 0 && low >= 0 {
				plain = append(plain, byte(high<<4|low))
				i += 2
				continue
			}
		}
		plain = append(plain, text[i])
	}
	return string(plain)
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// mustEscape reports the bytes that a canonical URL holds escaped only.
func mustEscape(c byte) bool { return c <= 0x20 || c >= 0x7f || c == '#' || c == '%' }

func escape(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		if c := text[i]; mustEscape(c) {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
