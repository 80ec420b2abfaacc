package indicator

import (
	"encoding/csv"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func rows(t *testing.T, table string, columns int) [][]string {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(table))
	reader.Comment, reader.FieldsPerRecord = '#', columns
	all, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

func TestEveryNameOfABankFindsIt(t *testing.T) {
	bic := regexp.MustCompile(`^[A-Z]{4}MY[A-Z0-9]{2}$`)
	banksSeen := make(map[string]bool)
	for _, row := range rows(t, banksCSV, 6) {
		if !bic.MatchString(row[0]) || banksSeen[row[0]] {
			t.Errorf("%s is no BIC of Malaysia, or there twice", row[0])
		}
		banksSeen[row[0]] = true
		codes := append(strings.Split(row[3], ";"), row[0], row[0]+"XXX")
		names := append(strings.Split(row[5], ";"), row[1], row[1]+" Berhad")
		for _, name := range append(codes, names...) {
			if name == "" {
				continue
			}
			in, err := Parse(BankAccount, Raw(name+":1234567890"))
			if err != nil || in.Canonical != "MY/"+row[0]+"/1234567890" {
				t.Errorf("%q gives %q, %v; want %s", name, in.Canonical, err, row[0])
			}
		}
	}
	if len(banksSeen) < 40 {
		t.Errorf("only %d banks", len(banksSeen))
	}
}

func TestUnusualAccountsAreWarnedAboutAndAccepted(t *testing.T) {
	for raw, want := range map[Raw]int{
		"maybank:164012345678": 0, "maybank:1640123456789": 1, "uob:1234567": 0, "uob:12345678": 1, "uob:123456789012345": 0,
		"ABCDMYKL:1234567890": 1, "164012345678": 1,
	} {
		in, err := Parse(BankAccount, raw)
		if err != nil || len(in.Warnings) != want {
			t.Errorf("%s: warnings %q, %v; want %d", string(raw), in.Warnings, err, want)
		}
	}
}

func TestSharedHostsAreCanonicalAndRefused(t *testing.T) {
	for _, row := range rows(t, sharedHostsCSV, 2) {
		u, fault := canonicalURL(row[0])
		if fault != nil || row[0] != u.host && row[0] != u.host+u.path {
			t.Errorf("%s is not canonical: %v, %v", row[0], u, fault)
			continue
		}
		if fault := reportableURL(u.host + u.path); fault == nil {
			t.Errorf("%s can be reported", row[0])
		}
		if fault := reportableURL(u.host + "/"); fault == nil {
			t.Errorf("the front page of %s can be reported", row[0])
		}
		if registrable(u.host) == "" && fault == nil {
			t.Logf("%s is on the public suffix list too", u.host)
		}
	}
}

func TestProfilesOfPlatformsLeadToTheAccount(t *testing.T) {
	for _, row := range rows(t, platformsCSV, 5) {
		id := "evilshop"
		if row[1] == "phone" {
			id = "60123456789"
		}
		bare, err := Parse(SocialAccount, Raw(row[0]+":"+id))
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		for _, alias := range strings.Split(row[2], ";") {
			if alias == "" {
				continue
			}
			if in, err := Parse(SocialAccount, Raw(alias+":"+id)); err != nil || in.Canonical != bare.Canonical {
				t.Errorf("%s: %q, %v; want %q", alias, in.Canonical, err, bare.Canonical)
			}
		}
		for _, host := range strings.Split(row[3], ";") {
			for _, profile := range strings.Split(row[4], ";") {
				if host == "" || profile == "" {
					continue
				}
				address := "https://" + host + strings.NewReplacer("{}", id, "*", "any").Replace(profile)
				if in, err := Parse(SocialAccount, Raw(address)); err != nil || in.Canonical != bare.Canonical {
					t.Errorf("%s: %q, %v; want %q", address, in.Canonical, err, bare.Canonical)
				}
			}
		}
	}
}

func TestDigitsOfEveryScriptFold(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		// Within a script the digits follow each other: the one after 0–8 is one more.
		value := foldDigits(string(r))
		if next := foldDigits(string(r + 1)); !allDigits(value) || value != "9" && next[0] != value[0]+1 {
			t.Fatalf("%U folds to %q and the next to %q", r, value, next)
		}
	}
}

func FuzzCanonicalURL(f *testing.F) {
	for _, text := range []string{
		"http://\x01\x80.com/", "http://host/%25%32%35", "//a/..//?b#c", "[::1]:80", "http://％41\xff/", "h**p[:]//a[.]b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > MaxLen {
			return
		}
		u, fault := canonicalURL(text)
		if fault != nil {
			return
		}
		again, fault := canonicalURL(u.host + u.path)
		if fault != nil || again.host != u.host || again.path != u.path {
			t.Fatalf("%q gives %q, and that gives %q, %v", text, u, again, fault)
		}
		for i := range len(u.host + u.path) {
			if c := (u.host + u.path)[i]; c <= 0x20 || c >= 0x7f || c == '#' {
				t.Fatalf("%q holds the byte %#x", u, c)
			}
		}
	})
}
