package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestTheBuiltInListProtectsHotlinesAndBanksSites(t *testing.T) {
	ring, err := indicator.NewKeyRing(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	protected, err := loadProtection("", ring)
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
		if got := protected.Has(ring.DigestOf(parsed.Lookup[0])); got != c.want {
			t.Errorf("%s: protected %t, want %t", name, got, c.want)
		}
	}
}

// Every list in the file comes into force soon, and one that is bad, half-written or gone changes nothing.
func TestTheProtectedListFollowsItsFile(t *testing.T) {
	ring, err := indicator.NewKeyRing(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "protected.yaml")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := func(values ...string) string {
		return fmt.Sprintf("version: v\nprotected:\n  - {type: phone, why: test, values: [%q]}\n",
			strings.Join(values, `", "`))
	}
	has := func(p *protection, raw indicator.Raw) bool {
		parsed, err := indicator.Parse(indicator.Phone, raw)
		if err != nil {
			t.Fatal(err)
		}
		return p.Has(ring.DigestOf(parsed.Lookup[0]))
	}
	const one, two, hotline = "012-345 6789", "013-456 7890", "03-5891 4744"
	write(list(one))
	synctest.Test(t, func(t *testing.T) {
		p, err := loadProtection(file, ring)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		p.changed = func() { told++ }
		var log bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = p.follow(ctx, 2*time.Second, slog.New(slog.NewTextHandler(&log, nil))) }()
		for _, step := range []struct {
			name     string
			change   func()
			one, two bool
			told     int
			refused  bool
		}{
			{"as it was", func() {}, true, false, 0, false},
			{"another number", func() { write(list(two)) }, false, true, 1, false},
			{"a number that is none", func() { write(list("17 Jalan Ampang")) }, false, true, 1, true},
			{"an unknown key", func() { write("protect: []") }, false, true, 1, true},
			{"mended", func() { write(list(one)) }, true, false, 2, false},
			{"gone", func() { _ = os.Remove(file) }, true, false, 2, true},
			{"back", func() { write(list(one)) }, true, false, 2, false},
			{"empty", func() { write("") }, false, false, 3, false},
		} {
			step.change()
			time.Sleep(4100 * time.Millisecond)
			synctest.Wait()
			if a, b := has(p, one), has(p, two); a != step.one || b != step.two || told != step.told ||
				p.refused.Load() != step.refused || !has(p, hotline) {
				t.Errorf("%s: protects %t and %t, told %d times, refused %t; want %t, %t, %d, %t, and the hotlines always",
					step.name, a, b, told, p.refused.Load(), step.one, step.two, step.told, step.refused)
			}
		}
		// What is written while it is looked at is not taken before it stands still.
		write(list(one))
		time.Sleep(4 * time.Second)
		write("")
		time.Sleep(time.Second)
		write(list(one))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if told != 4 {
			t.Errorf("told %d times, want 4: half a file was taken", told)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 3 || strings.Contains(log.String(), "Ampang") {
			t.Errorf("%d refusals logged, want 3, without the value:\n%s", n, log.String())
		}
	})
}
