package main

import (
	"bytes"
	"testing"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestTheBuiltInListProtectsHotlinesAndBanksSites(t *testing.T) {
	ring, err := indicator.NewKeyRing(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	protected, err := loadProtected("", ring)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kind indicator.Type
		raw  indicator.Raw
		want bool
	}{
		"a bank's hotline":           {indicator.Phone, "03-5891 4744", true},
		"a bank's domain":            {indicator.Domain, "maybank2u.com.my", true},
		"the root of a bank's site":  {indicator.URL, "https://maybank2u.com.my/", true},
		"a page on a shared service": {indicator.URL, "https://www.facebook.com/somebody", false},
		"somebody's number":          {indicator.Phone, "012-345 6789", false},
	} {
		parsed, err := indicator.Parse(c.kind, c.raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := protected[ring.DigestOf(parsed.Lookup[0])]; got != c.want {
			t.Errorf("%s: protected %t, want %t", name, got, c.want)
		}
	}
}
