package indicator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// lookups lists the canonical forms that a lookup of a URL tests.
func lookups(t *testing.T, raw indicator.Raw) (forms []string) {
	t.Helper()
	in, err := indicator.Parse(indicator.URL, raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range in.Lookup {
		forms = append(forms, e.Canonical)
	}
	return forms
}

// The first three cases are those of Google's page, in our order.
func TestLookupOfURLTestsSuffixesAndPrefixes(t *testing.T) {
	for _, c := range []struct {
		situation string
		raw       indicator.Raw
		want      []string
	}{
		{"path of two levels with a query", "http://a.b.com/1/2.html?param=1", []string{
			"a.b.com/1/2.html?param=1", "a.b.com/1/2.html", "a.b.com/1/", "a.b.com/",
			"b.com/1/2.html?param=1", "b.com/1/2.html", "b.com/1/", "b.com/",
		}},
		{"host of seven labels", "http://a.b.c.d.e.f.com/1.html", []string{
			"a.b.c.d.e.f.com/1.html", "a.b.c.d.e.f.com/", "c.d.e.f.com/1.html", "c.d.e.f.com/",
			"d.e.f.com/1.html", "d.e.f.com/", "e.f.com/1.html", "e.f.com/", "f.com/1.html", "f.com/",
		}},
		{"IPv4 address", "http://1.2.3.4/1/", []string{"1.2.3.4/1/", "1.2.3.4/"}},
		{"IPv6 address", "http://[2001:db8::1]/1/", []string{"[2001:db8::1]/1/", "[2001:db8::1]/"}},
		{"five directories", "http://evil.example/1/2/3/4/5", []string{
			"evil.example/1/2/3/4/5", "evil.example/1/2/3/", "evil.example/1/2/", "evil.example/1/", "evil.example/",
		}},
		{"public suffix of two labels is no form", "http://www.evil.com.my/", []string{"www.evil.com.my/", "evil.com.my/"}},
		{"tenant of a public suffix", "https://evil.github.io/", []string{"evil.github.io/"}},
		{"front page of a shared host is no form", "https://bit.ly/abc?x", []string{"bit.ly/abc?x", "bit.ly/abc"}},
		{"nor is it for a page of www", "https://www.facebook.com/evil/posts/1", []string{
			"www.facebook.com/evil/posts/1", "www.facebook.com/evil/posts/", "www.facebook.com/evil/",
			"facebook.com/evil/posts/1", "facebook.com/evil/posts/", "facebook.com/evil/",
		}},
		{"directory of everybody's forms is no form", "https://docs.google.com/forms/d/e/abc/viewform", []string{
			"docs.google.com/forms/d/e/abc/viewform", "google.com/forms/d/e/abc/viewform", "google.com/forms/d/e/",
			"google.com/forms/d/", "google.com/forms/",
		}},
		{"page named by its query is not tested without it", "https://m.facebook.com/profile.php?id=1", []string{
			"m.facebook.com/profile.php?id=1", "facebook.com/profile.php?id=1",
		}},
		{"front page itself may be asked about", "https://bit.ly", []string{"bit.ly/"}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lookups(t, c.raw)); diff != "" {
				t.Errorf("forms differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReportedDomainIsFoundBelow joins the two ends: what a report of a domain lists must be among what a lookup of
// an address below it tests.
func TestReportedDomainIsFoundBelow(t *testing.T) {
	domain, err := indicator.Parse(indicator.Domain, "evil.example")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[indicator.Expression]bool)
	for _, e := range domain.Report {
		listed[e] = true
	}
	for _, below := range []indicator.Raw{
		"evil.example", "http://evil.example/a?b", "https://a.b.evil.example:8080/c/d/e/f/g",
	} {
		url, err := indicator.Parse(indicator.URL, below)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, e := range url.Lookup {
			found = found || listed[indicator.Expression{Type: e.Type, Grade: indicator.Prefix, Canonical: e.Canonical}]
		}
		if !found {
			t.Errorf("%s is not found", url.Canonical)
		}
	}
}
