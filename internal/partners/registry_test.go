package partners

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func public(n byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{n}, ed25519.PublicKeySize))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func loaded(t *testing.T, text string) *Registry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "partners.yaml")
	write(t, path, text)
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRegistryFindsWhatTheFileHolds(t *testing.T) {
	r := loaded(t, `
partners:
  - {id: bank-a, number: 1, name: Bank A, kind: bank, signing_keys: [
      {id: bank-a.1, public: `+public(1)+`, not_before: 2026-01-01T00:00:00Z, not_after: "2027-01-01T00:00:00+08:00"}]}
  - {id: bank-b, number: 2, name: Bank B, kind: bank, organisation: bank-a, weight: 0.5, state: shadow}
gateway_keys:
  - {id: gateway.1, public: `+public(2)+`}
`)
	bankA := fraud.Partner{Number: 1, ID: "bank-a", Kind: fraud.Bank, Organisation: "bank-a", Weight: 1,
		State: fraud.Active}
	bankB := fraud.Partner{Number: 2, ID: "bank-b", Kind: fraud.Bank, Organisation: "bank-a", Weight: 0.5,
		State: fraud.Shadow}
	if diff := cmp.Diff([]fraud.Partner{bankA, bankB}, r.Partners()); diff != "" {
		t.Errorf("Partners (-want +got):\n%s", diff)
	}
	byNumber, _ := r.Partner(2)
	byID, _ := r.PartnerByID("bank-a")
	if diff := cmp.Diff([]*fraud.Partner{&bankB, &bankA}, []*fraud.Partner{byNumber, byID}); diff != "" {
		t.Errorf("Partner, PartnerByID (-want +got):\n%s", diff)
	}
	key, _ := r.SigningKey("bank-a.1")
	gateway, _ := r.SigningKey("gateway.1")
	want := []fraud.SigningKey{
		{ID: "bank-a.1", Public: bytes.Repeat([]byte{1}, 32), Partner: 1, Number: 1, NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0,
			time.UTC),
			NotAfter: time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)},
		{ID: "gateway.1", Public: bytes.Repeat([]byte{2}, 32), Gateway: true},
	}
	if diff := cmp.Diff(want, []fraud.SigningKey{key, gateway}); diff != "" {
		t.Errorf("SigningKey (-want +got):\n%s", diff)
	}
	if _, ok := r.Partner(3); ok {
		t.Error("a partner that is not in the file was found")
	}
	if r.Name(1) != "Bank A" || r.Name(3) != "" {
		t.Errorf("Name = %q, %q", r.Name(1), r.Name(3))
	}
}

func TestFileRefusals(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	partner := func(fields string) string {
		return "partners: [{id: a, number: 1, name: A, kind: bank, " + fields + "}]"
	}
	for _, c := range []struct{ situation, text, want string }{
		{"an empty file", "", "partners: is empty"},
		{"an unknown field", partner("wieght: 1"), `unknown field "wieght"`},
		{"a field twice", partner("kind: bank"), "already defined"},
		{"a second document", partner("state: active") + "\n---\npartners: []", "here is a second"},
		{"an id with an underscore", "partners: [{id: a_b, number: 1, name: A, kind: bank}]",
			"partners[0].id: must be"},
		{"a number of 0", "partners: [{id: a, name: A, kind: bank}]", "partners[0] (a).number: must be 1 to 65534"},
		{"a number over 65535", "partners: [{id: a, number: 65536, name: A, kind: bank}]",
			"number: must be 1 to 65534"},
		{"no name", "partners: [{id: a, number: 1, kind: bank}]", "name: is required"},
		{"an unknown kind", "partners: [{id: a, number: 1, name: A, kind: shop}]",
			"kind: unknown partner kind; one of bank"},
		{"an unknown state", partner("state: gone"), "state: unknown partner state"},
		{"a weight above 1", partner("weight: 1.5"), "weight: must be 0 to 1"},
		{"a weight that is no number", partner("weight: .nan"), "weight: must be 0 to 1"},
		{"an id twice",
			"partners: [{id: a, number: 1, name: A, kind: bank}, {id: a, number: 2, name: B, kind: bank}]",
			"partners[1] (a).id: stands twice"},
		{"a number twice",
			"partners: [{id: a, number: 1, name: A, kind: bank}, {id: b, number: 1, name: B, kind: bank}]",
			"partners[1] (b).number: 1 is the number of a already"},
		{"three live API keys", partner("api_keys: [" +
			"{id: k1, sha256: " + hash + ", scopes: [lookup]}, {id: k2, sha256: " + strings.Repeat("ac", 32) +
			", scopes: [lookup]}," +
			"{id: k3, sha256: " + strings.Repeat("ad", 32) + ", scopes: [lookup]}]"),
			"3 have not expired, and 2 may be live"},
		{"an API key's id twice", partner("api_keys: [{id: k, sha256: " + hash +
			", scopes: [lookup]}, {id: k, sha256: " +
			strings.Repeat("ac", 32) + ", scopes: [lookup]}]"), "api_keys[1] (k).id: stands twice"},
		{"a secret twice", partner("api_keys: [{id: k, sha256: " + hash + ", scopes: [lookup]}, {id: l, sha256: " +
			hash +
			", scopes: [lookup]}]"), "api_keys[1] (l).sha256: is that of partners[0] (a).api_keys[0] (k)"},
		{"a secret in place of its hash", partner("api_keys: [{id: k, sha256: wsp_live_k_s3cret, scopes: [lookup]}]"),
			"sha256: must be the 64 hexadecimal digits"},
		{"an unknown scope", partner("api_keys: [{id: k, sha256: " + hash + ", scopes: [root]}]"),
			"scopes: unknown scope; one of lookup, report, analyse, admin"},
		{"no scope", partner("api_keys: [{id: k, sha256: " + hash + "}]"), "scopes: is empty"},
		{"an expiry that is no time", partner("api_keys: [{id: k, sha256: " + hash +
			", scopes: [lookup], expires: soon}]"),
			"expires: must be a time like"},
		{"an expiry without a zone", partner("api_keys: [{id: k, sha256: " + hash +
			", scopes: [lookup], expires: 2027-01-01}]"),
			"expires: must be a time like"},
		{"a public key that is short", partner("signing_keys: [{id: s, public: AAAA}]"),
			"public: must be the 32 bytes"},
		{"a public key twice", partner("signing_keys: [{id: s, public: " + public(1) + "}, {id: t, public: " +
			public(1) + "}]"),
			"public: is that of partners[0] (a).signing_keys[0] (s)"},
		{"a partner's signing key as the gateway's", partner("signing_keys: [{id: s, public: "+public(1)+"}]") +
			"\ngateway_keys: [{id: s, public: " + public(2) + "}]", "gateway_keys[0] (s).id: stands twice"},
		{"a subject that no certificate has", partner("mtls_subject: 'CN=a, O=b'"), "mtls_subject: is written like CN="},
		{"a subject twice", "partners: [{id: a, number: 1, name: A, kind: bank, mtls_subject: CN=a}, " +
			"{id: b, number: 2, name: B, kind: bank, mtls_subject: CN=a}]",
			"partners[1] (b).mtls_subject: is that of a: a certificate"},
		{"an unknown scope of a certificate", partner("mtls_subject: CN=a, mtls_scopes: [root]"),
			"mtls_scopes: unknown scope"},
		{"scopes for no certificate", partner("mtls_scopes: [lookup]"), "mtls_scopes: is for a partner with"},
		{"a void of no time", partner("voids: [{id: v1, reason: lost}]"), "voids[0] (v1).since: is required"},
		{"a void of half a second", partner("voids: [{id: v1, since: 2026-01-01T00:00:00.5Z}]"), "are whole seconds"},
		{"a void that ends before it begins", partner("voids: [{id: v1, since: 2026-01-02T00:00:00Z, " +
			"until: 2026-01-01T00:00:00Z}]"), "until: must be later"},
		{"a void of another's key", partner("voids: [{id: v1, since: 2026-01-02T00:00:00Z, key: s}]"),
			"key: is none of the partner's"},
		{"a void twice", partner("voids: [{id: v1, since: 2026-01-02T00:00:00Z}, {id: v1, since: 2026-01-02T00:00:00Z}]"),
			"voids[1] (v1).id: must be"},
		{"a release of one person", partner("releases: [{id: r1, since: 2026-01-02T00:00:00Z, " +
			"until: 2026-01-03T00:00:00Z, proposed_by: a, confirmed_by: a}]"), "confirmed_by: must be another's"},
		{"an open release", partner("releases: [{id: r1, since: 2026-01-02T00:00:00Z, proposed_by: a}]"),
			"until: is required"},
		{"a window that ends before it begins", partner("signing_keys: [{id: s, public: " + public(1) +
			", not_before: 2027-01-01T00:00:00Z, not_after: 2026-01-01T00:00:00Z}]"), "not_after: must be later"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			_, err := parse([]byte(c.text), now)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells what stood there: %v", err)
			}
		})
	}
}

func TestFileRefusalListsEveryFault(t *testing.T) {
	_, err := parse([]byte("partners: [{id: a, number: 0, name: '', kind: shop}]"), now)
	if got := strings.Count(err.Error(), "\n") + 1; got != 3 {
		t.Errorf("%d faults, want 3:\n%v", got, err)
	}
}

func TestAuthenticate(t *testing.T) {
	key, hash := NewAPIKey("a.1")
	otherKey, _ := NewAPIKey("a.1")
	unknown, _ := NewAPIKey("nobody")
	expired, expiredHash := NewAPIKey("a.0")
	suspended, suspendedHash := NewAPIKey("b.1")
	r := loaded(t, `
partners:
  - id: a
    number: 1
    name: A
    kind: platform
    api_keys:
      - {id: a.1, sha256: `+hash+`, scopes: [lookup, report]}
      - {id: a.0, sha256: `+expiredHash+`, scopes: [lookup], expires: 2026-11-22T08:00:00Z}
  - id: b
    number: 2
    name: B
    kind: bank
    state: suspended
    api_keys: [{id: b.1, sha256: `+suspendedHash+`, scopes: [lookup]}]
`)
	for _, c := range []struct{ situation, header, code string }{
		{"a good key", "Bearer " + key, ""},
		{"a scheme in lower case", "bearer " + key, ""},
		{"no header", "", fraud.DeniedNoKey},
		{"another scheme", "Basic " + key, fraud.DeniedBadKey},
		{"no key", "Bearer ", fraud.DeniedBadKey},
		{"a key without its last character", "Bearer " + key[:len(key)-1], fraud.DeniedBadKey},
		{"a key with a character changed", "Bearer " + strings.Replace(key, "wsp_live_a.1", "wsp_live_a.2", 1),
			fraud.DeniedBadKey},
		{"a megabyte", "Bearer " + strings.Repeat("wsp_live_", 1<<17), fraud.DeniedBadKey},
		{"a known id with another secret", "Bearer " + otherKey, fraud.DeniedUnknown},
		{"an unknown id", "Bearer " + unknown, fraud.DeniedUnknown},
		{"a key at the moment of its expiry", "Bearer " + expired, fraud.DeniedExpired},
		{"a key of a suspended partner", "Bearer " + suspended, fraud.DeniedSuspended},
	} {
		t.Run(c.situation, func(t *testing.T) {
			who, err := r.Authenticate(c.header, nil, now)
			var denial *fraud.Denial
			if errors.As(err, &denial); c.code == "" {
				if err != nil || who.Partner.ID != "a" || who.KeyID != "a.1" || who.Scopes != fraud.MayLookup|fraud.MayReport {
					t.Errorf("got %+v, %v", who, err)
				}
				return
			}
			if denial == nil || denial.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if secret := strings.Split(key, "_")[3]; strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

func TestACertificateProvesThePartnerWithItsSubject(t *testing.T) {
	key, hash := NewAPIKey("a.1")
	other, otherHash := NewAPIKey("b.1")
	r := loaded(t, `
partners:
  - {id: a, number: 1, name: A, kind: bank, mtls_subject: "CN=a,O=A", mtls_scopes: [lookup, admin],
     api_keys: [{id: a.1, sha256: `+hash+`, scopes: [report]}]}
  - {id: b, number: 2, name: B, kind: bank, mtls_subject: CN=b, api_keys: [{id: b.1, sha256: `+otherHash+`, scopes: [report]}]}
  - {id: c, number: 3, name: C, kind: bank, mtls_subject: CN=c, mtls_scopes: [lookup], state: suspended}
`)
	for _, c := range []struct {
		situation, subject, key string
		want                    fraud.Identity
		code                    string
	}{
		{"its subject", "CN=a,O=A", "", fraud.Identity{KeyID: "cert-1", Scopes: fraud.MayLookup | fraud.MayAdmin}, ""},
		{"with its key", "CN=a,O=A", key, fraud.Identity{KeyID: "a.1", Scopes: fraud.MayReport}, ""},
		{"no scopes are registered", "CN=b", "", fraud.Identity{KeyID: "cert-1"}, ""},
		{"another order", "O=A,CN=a", "", fraud.Identity{}, fraud.DeniedCertUnknown},
		{"another case", "CN=A,O=A", "", fraud.Identity{}, fraud.DeniedCertUnknown},
		{"a part of it", "CN=a", key, fraud.Identity{}, fraud.DeniedCertUnknown},
		{"with another's key", "CN=a,O=A", other, fraud.Identity{}, fraud.DeniedCertOther},
		{"with a key that was cut", "CN=a,O=A", key[:40], fraud.Identity{}, fraud.DeniedBadKey},
		{"of a suspended partner", "CN=c", "", fraud.Identity{}, fraud.DeniedSuspended},
	} {
		header := ""
		if c.key != "" {
			header = "Bearer " + c.key
		}
		got, err := r.Authenticate(header, &fraud.Certificate{Subject: c.subject, ID: "cert-1"}, now)
		var denial *fraud.Denial
		if errors.As(err, &denial); c.code != "" && (denial == nil || denial.Code != c.code) || c.code == "" && err != nil {
			t.Errorf("%s: %v, want %q", c.situation, err, c.code)
		}
		got.Partner = nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.situation, diff)
		}
	}
}

func TestReloadKeepsTheLastGoodFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "partners.yaml")
	write(t, path, "partners: [{id: a, number: 1, name: A, kind: bank}]")
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "partners: [{id: b, number: 1, name: B, kind: shop}]")
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "partners.yaml") {
		t.Errorf("Reload of a bad file = %v, want an error that names the file", err)
	}
	if _, ok := r.PartnerByID("a"); !ok {
		t.Error("the last good file is not in force")
	}
	write(t, path, "partners: [{id: b, number: 1, name: B, kind: bank}]")
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.PartnerByID("a"); ok {
		t.Error("a partner that left the file is still known")
	}
}

func TestFollowEndsARevokedKey(t *testing.T) {
	key, hash := NewAPIKey("k")
	path := filepath.Join(t.TempDir(), "partners.yaml")
	head := "partners: [{id: a, number: 1, name: A, kind: bank, api_keys: ["
	write(t, path, head+"{id: k, sha256: "+hash+", scopes: [lookup]}]}]")
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Follow(ctx, 2*time.Second, slog.New(slog.NewTextHandler(&log, nil))) }()
		write(t, path, "partners: [")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := strings.Count(log.String(), "refused"); got != 1 {
			t.Errorf("a bad file was logged %d times, want once:\n%s", got, log.String())
		}
		if _, err := r.Authenticate("Bearer "+key, nil, now); err != nil {
			t.Errorf("a bad file locked everybody out: %v", err)
		}
		write(t, path, head+"]}]")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if _, err := r.Authenticate("Bearer "+key, nil, now); err == nil {
			t.Error("the revoked key is let in")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Half of a partner file is a partner file too.
func TestFollowDoesNotTakeAFileThatIsBeingWritten(t *testing.T) {
	key, hash := NewAPIKey("k")
	path := filepath.Join(t.TempDir(), "partners.yaml")
	half := "partners:\n- {id: a, number: 1, name: A, kind: bank}\n"
	whole := half + "- {id: b, number: 2, name: B, kind: bank, api_keys: [{id: k, sha256: " + hash +
		", scopes: [lookup]}]}\n"
	write(t, path, whole)
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Follow(ctx, 2*time.Second, slog.New(slog.DiscardHandler)) }()
		wantIn := func(in bool) {
			t.Helper()
			synctest.Wait()
			if _, err := r.Authenticate("Bearer "+key, nil, now); (err == nil) != in {
				t.Errorf("let in: %v, want %v", err == nil, in)
			}
		}
		time.Sleep(time.Second / 2)
		for range 10 {
			write(t, path, half)
			time.Sleep(time.Second - 1) // a look falls into this, and never two
			wantIn(true)
			write(t, path, whole+"# and a comment\n")
			time.Sleep(3 * time.Second)
			wantIn(true)
		}
		write(t, path, half)
		time.Sleep(2 * time.Second)
		wantIn(false) // who is left out for good is out in time
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func FuzzSplitKey(f *testing.F) {
	key, _ := NewAPIKey("bank-a.1")
	f.Add(key)
	f.Add("wsp_live___")
	f.Fuzz(func(t *testing.T, key string) {
		if id, secret, ok := splitKey([]byte(key)); ok && key != "wsp_live_"+string(id)+"_"+string(secret)+"_"+key[len(key)-crcDigits:] {
			t.Errorf("the parts of an accepted key do not make it up")
		}
	})
}
