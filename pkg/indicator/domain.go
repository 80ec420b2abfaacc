package indicator

import "strings"

// maxDomainsAbove bounds a lookup to 30 expressions, as for a URL. The names nearest to the registered one stay.
const maxDomainsAbove = 29

// parseDomain reads a domain name, also defanged or with a leading `*.`.
//
// Canonical form: UTS 46, lower case, without a trailing dot. A public suffix (com.my) is refused. A lookup also
// tests the domains above it, down to the one that was registered. A report also lists the URL `domain/`, so that
// every address below it is found.
func parseDomain(text string) (Indicator, *Error) {
	text = strings.TrimPrefix(refang.Replace(text), "*.")
	if strings.ContainsAny(text, `/:\?#@`) {
		return Indicator{}, refuse(Domain, "is_url", "a domain has no scheme, path, port or user: use the type url")
	}
	host, fault := hostname(Domain, text)
	if fault != nil {
		return Indicator{}, fault
	}
	if fault := domainName(Domain, host); fault != nil {
		return Indicator{}, fault
	}
	if registrable(host) == "" {
		return Indicator{}, refuse(Domain, "public_suffix", "domains of many owners end like this: it can't be one indicator")
	}
	in := exactly(Domain, host)
	above := parents(host)
	if len(above) > maxDomainsAbove {
		above = above[len(above)-maxDomainsAbove:]
	}
	for _, name := range above {
		in.Lookup = append(in.Lookup, Expression{Domain, Prefix, name})
	}
	in.Report = nil
	if reportableDomain(host) == nil {
		in.Report = []Expression{{Domain, Exact, host}, {URL, Prefix, host + "/"}}
	}
	return in, nil
}

// domainName refuses canonical hosts that are no name in the DNS.
func domainName(t Type, host string) *Error {
	if isIP(host) {
		return refuse(t, "is_ip", "an IP address is not a domain: use the type url")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return refuse(t, "bad_host", "a label of a domain has 1 to 63 letters, digits, hyphens and underscores")
		}
	}
	return nil
}

func reportableDomain(host string) *Error {
	if sharedAt(host) != nil {
		return refuse(Domain, "shared_host", "everybody can have a page on this host: report the full address, as a url")
	}
	return nil
}
