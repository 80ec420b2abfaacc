package indicator_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

var update = flag.Bool("update", false,
	"rewrite expressions and digests of the vectors; canonical forms and rules stay")

const vectorDir = "../../schemas/vectors"

// vectorFile is a file of schemas/vectors: see its README.
type vectorFile struct {
	Type    indicator.Type `json:"type"`
	Vectors []vector       `json:"vectors"`
}

type vector struct {
	Name         string       `json:"name"`
	Raw          string       `json:"raw"`
	Rule         string       `json:"rule,omitempty"`
	Canonical    string       `json:"canonical,omitempty"`
	Digest       string       `json:"digest,omitempty"`
	DigestEpoch2 string       `json:"digest_epoch2,omitempty"`
	Lookup       []expression `json:"expressions,omitempty"`
	Report       []expression `json:"report,omitempty"`
	Unreportable string       `json:"unreportable,omitempty"`
}

type expression struct {
	Type      indicator.Type  `json:"type"`
	Grade     indicator.Grade `json:"grade"`
	Canonical string          `json:"canonical"`
	Digest    string          `json:"digest"`
}

// testRings are the published test key ring at epoch 1 and at epoch 2.
func testRings(t testing.TB) (first, second *indicator.KeyRing) {
	t.Helper()
	path := filepath.Join(vectorDir, "keyring.json")
	second, err := indicator.LoadKeyRing(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Keys map[string][]byte }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	first, err = indicator.NewKeyRing(file.Keys["1"])
	if err != nil {
		t.Fatal(err)
	}
	return first, second
}

func readVectors(t testing.TB, typ indicator.Type) vectorFile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorDir, typ.String()+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.Type != typ {
		t.Fatalf("%s.json says that its type is %s", typ, file.Type)
	}
	return file
}

// outcome is what the code makes of the raw value of want, in the form of a vector.
func outcome(t *testing.T, typ indicator.Type, want vector) vector {
	got := vector{Name: want.Name, Raw: want.Raw}
	in, err := indicator.Parse(typ, indicator.Raw(want.Raw))
	if err != nil {
		var fault *indicator.Error
		if !errors.As(err, &fault) || fault.Type != typ || fault.Hint == "" {
			t.Fatalf("the error is %#v, not an *Error of %s with a hint", err, typ)
		}
		got.Rule = fault.Rule
		return got
	}
	first, second := testRings(t)
	got.Canonical = in.Canonical
	got.Digest = first.Digest(typ, in.Canonical).String()
	got.DigestEpoch2 = second.Digest(typ, in.Canonical).String()
	spell := func(expressions []indicator.Expression) (spelt []expression) {
		for _, e := range expressions {
			spelt = append(spelt, expression{e.Type, e.Grade, e.Canonical, first.DigestOf(e).String()})
		}
		return spelt
	}
	got.Lookup, got.Report = spell(in.Lookup), spell(in.Report)
	if err := in.Reportable(); err != nil {
		var fault *indicator.Error
		if !errors.As(err, &fault) {
			t.Fatalf("Reportable gave %#v, not an *Error", err)
		}
		got.Unreportable = fault.Rule
	}
	return got
}

func TestVectors(t *testing.T) {
	for _, typ := range indicator.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			file := readVectors(t, typ)
			for i, want := range file.Vectors {
				t.Run(want.Name, func(t *testing.T) {
					got := outcome(t, typ, want)
					if *update {
						if got.Canonical != want.Canonical || got.Rule != want.Rule || got.Unreportable != want.Unreportable {
							t.Errorf("canonical %q rule %q unreportable %q, want %q %q %q: change these by hand",
								got.Canonical, got.Rule, got.Unreportable, want.Canonical, want.Rule, want.Unreportable)
							return
						}
						file.Vectors[i] = got
						return
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("vector differs (-want +got):\n%s", diff)
					}
				})
			}
			if *update && !t.Failed() {
				writeVectors(t, file)
			}
		})
	}
}

// writeVectors writes ASCII only, so that invisible characters are seen in review.
func writeVectors(t *testing.T, file vectorFile) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		t.Fatal(err)
	}
	var ascii strings.Builder
	for _, r := range b.String() {
		switch {
		case r < 0x7f:
			ascii.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		default:
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		}
	}
	path := filepath.Join(vectorDir, file.Type.String()+".json")
	if err := os.WriteFile(path, []byte(ascii.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestVectorsAreIdempotent parses each canonical form again.
func TestVectorsAreIdempotent(t *testing.T) {
	for _, typ := range indicator.Types() {
		for _, v := range readVectors(t, typ).Vectors {
			if v.Rule != "" {
				continue
			}
			again, err := indicator.Parse(typ, indicator.Raw(v.Canonical))
			if err != nil {
				t.Errorf("%s: %s: its canonical form is refused: %v", typ, v.Name, err)
				continue
			}
			first, err := indicator.Parse(typ, indicator.Raw(v.Raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("%s: %s: its canonical form means something else (-raw +canonical):\n%s", typ, v.Name, diff)
			}
		}
	}
}
