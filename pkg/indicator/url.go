package indicator

import (
	"net/netip"
	"slices"
	"strings"
)

// The Safe Browsing rule: a URL is looked up under at most 5 hosts × 6 paths.
const (
	maxHostSuffixes = 4 // beside the exact host
	maxDirectories  = 4 // beside the exact path with and without its query
)

// parseURL reads a web address, with or without its scheme, also in the defanged forms of analysts
// (hxxps://evil[.]example).
//
// Canonical form: `host/path?query` after Safe Browsing's canonicalisation; scheme, user, port and fragment are
// dropped. A report lists the exact form. A lookup also tests up to 29 broader forms, so that a report of
// `evil.example/` is found for every address below it. The front page of a host where everybody can have a page is
// not one of them.
func parseURL(text string) (Indicator, *Error) {
	u, fault := canonicalURL(text)
	if fault != nil {
		return Indicator{}, fault
	}
	in := Indicator{Type: URL, Canonical: u.host + u.path}
	for i, form := range urlExpressions(u.host, u.path) {
		grade := Prefix
		if i == 0 {
			grade = Exact
		}
		in.Lookup = append(in.Lookup, Expression{URL, grade, form})
	}
	if reportableURL(in.Canonical) == nil {
		in.Report = in.Lookup[:1:1]
	}
	return in, nil
}

// urlExpressions lists the forms that a lookup tests, the exact one first.
func urlExpressions(host, path string) []string {
	var forms []string
	for i, h := range hostSuffixes(host) {
		places := sharedAt(h)
		for j, p := range pathPrefixes(path) {
			exact := i == 0 && j == 0
			if form := h + p; exact || !tooBroad(places, p) && !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// hostSuffixes lists the host and up to four names above it, down to the registrable one. An address stands alone.
func hostSuffixes(host string) []string {
	above := parents(host)
	if len(above) > maxHostSuffixes {
		above = above[len(above)-maxHostSuffixes:]
	}
	return append([]string{host}, above...)
}

// pathPrefixes lists the path with its query, without it, and the first four directories from the root, the
// longest first.
func pathPrefixes(full string) []string {
	path, _, _ := strings.Cut(full, "?")
	var directories []string
	for i := range len(path) {
		if path[i] == '/' && len(directories) < maxDirectories {
			directories = append(directories, path[:i+1])
		}
	}
	slices.Reverse(directories)
	return slices.Compact(append([]string{full, path}, directories...))
}

func reportableURL(canonical string) *Error {
	slash := strings.IndexByte(canonical, '/')
	host, path := canonical[:slash], canonical[slash:]
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() {
			return refuse(URL, "private_address", "an address of a private network is a different host to everybody")
		}
		return nil
	}
	if !strings.Contains(host, ".") {
		return refuse(URL, "private_address", "a host without a domain is a different host to everybody")
	}
	if tooBroad(sharedAt(host), path) {
		return refuse(URL, "shared_host",
			"everybody can have a page on this host: report the full address of the page, not the host")
	}
	if registrable(host) == "" && segmentsOf(path) == 0 {
		return refuse(URL, "public_suffix", "domains of many owners end like this host: report the full address")
	}
	return nil
}
