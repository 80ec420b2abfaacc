package indicator_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestLiftingAnOldDigestGivesTheNewOne(t *testing.T) {
	first, second := testRings(t)
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(indicator.Types()).Draw(t, "type")
		canonical := rapid.String().Draw(t, "canonical")
		old := first.Digest(typ, canonical)
		lifted, err := second.Lift(old, 1)
		if err != nil {
			t.Fatal(err)
		}
		if want := second.Digest(typ, canonical); lifted != want {
			t.Fatalf("lifted %s, made %s", lifted, want)
		}
		if same, err := second.Lift(lifted, 2); err != nil || same != lifted {
			t.Fatalf("lifting from the newest epoch gave %s, %v", same, err)
		}
		forms := second.FormsOf(indicator.Expression{Type: typ, Canonical: canonical})
		if len(forms) != 2 || forms[0] != old || forms[1] != lifted {
			t.Fatalf("the forms of epochs 1 and 2 are %v, not %s and %s", forms, old, lifted)
		}
		text, _ := lifted.MarshalText()
		if back, err := indicator.ParseDigest(string(text)); err != nil || back != lifted {
			t.Fatalf("%s read back as %s, %v", text, back, err)
		}
	})
}

// TestDigestIsTheDocumentedOne spells the formula out once more.
func TestDigestIsTheDocumentedOne(t *testing.T) {
	key := []byte(strings.Repeat("k", indicator.MinKeyLen))
	ring, err := indicator.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("waspada/1\x00phone\x00+60123456789"))
	if got, want := ring.Digest(indicator.Phone, "+60123456789"), indicator.Digest(mac.Sum(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTypesAreSeparateDomains(t *testing.T) {
	_, ring := testRings(t)
	seen := make(map[indicator.Digest]indicator.Type)
	for _, typ := range indicator.Types() {
		d := ring.DigestOf(indicator.Expression{Type: typ, Grade: indicator.Exact, Canonical: "same"})
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s give the same digest", typ, other)
		}
		seen[d] = typ
	}
}

func TestKeyRingIsSafeForConcurrentUse(t *testing.T) {
	_, ring := testRings(t)
	want := ring.Digest(indicator.Phone, "+60123456789")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 200 {
				if got := ring.Digest(indicator.Phone, "+60123456789"); got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestUnknownEpochsAreRefused(t *testing.T) {
	_, ring := testRings(t)
	for _, epoch := range []uint16{0, 3, 65535} {
		if _, err := ring.Lift(indicator.Digest{}, epoch); !errors.Is(err, indicator.ErrEpoch) {
			t.Errorf("epoch %d: %v", epoch, err)
		}
	}
}

func TestFaultyKeyRingFilesAreRefusedWithoutQuotingKeys(t *testing.T) {
	const key = "d2FzcGFkYSBwdWJsaWMgdGVzdCBrZXksIGVwb2NoIDE6IG5ldmVyIGEgc2VjcmV0"
	for situation, content := range map[string]string{
		"no keys":      `keys: {}`,
		"gap":          `keys: {1: ` + key + `, 3: ` + key + `}`,
		"epoch zero":   `keys: {0: ` + key + `}`,
		"not base64":   `keys: {1: "!` + key + `"}`,
		"short key":    `keys: {1: "c2hvcnQ="}`,
		"unknown name": `keyz: {1: ` + key + `}`,
		"not YAML":     `keys: [` + key,
		"empty":        ``,
	} {
		path := filepath.Join(t.TempDir(), "ring.yaml")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := indicator.LoadKeyRing(path)
		if err == nil {
			t.Errorf("%s: accepted", situation)
		} else if strings.Contains(err.Error(), key[:8]) {
			t.Errorf("%s: the error quotes the key: %v", situation, err)
		}
	}
	if _, err := indicator.LoadKeyRing(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func TestDigestsHaveOneSpelling(t *testing.T) {
	for situation, text := range map[string]string{
		"upper case": strings.Repeat("AB", 32),
		"short":      strings.Repeat("ab", 31),
		"long":       strings.Repeat("ab", 33),
		"no hex":     strings.Repeat("xy", 32),
		"empty":      "",
	} {
		if _, err := indicator.ParseDigest(text); !errors.Is(err, indicator.ErrDigest) {
			t.Errorf("%s: %v", situation, err)
		}
	}
}

// Eight digits are read at once: a character must not be taken for another because of those beside it.
func TestEveryCharacterOfADigestIsReadForItself(t *testing.T) {
	text := []byte(strings.Repeat("09af", 16))
	for at := range text {
		before := text[at]
		for c := range 256 {
			text[at] = byte(c)
			var want, got indicator.Digest
			_, err := hex.Decode(want[:], text)
			ok := err == nil && !('A' <= c && c <= 'F')
			if err := got.UnmarshalText(text); (err == nil) != ok || ok && got != want {
				t.Fatalf("%q: %v, %v", text, got, err)
			}
		}
		text[at] = before
	}
}
