package indicator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// FuzzParse looks for values on which Parse panics, is not idempotent, breaks the contract of Indicator, or quotes
// the value in an error.
func FuzzParse(f *testing.F) {
	for _, typ := range indicator.Types() {
		for _, v := range readVectors(f, typ).Vectors {
			if len(v.Raw) < 512 { // longer seeds slow the search down
				f.Add(uint8(typ)-1, v.Raw)
			}
		}
	}
	hints := hintsOfSource(f)
	f.Fuzz(func(t *testing.T, number uint8, raw string) {
		typ := indicator.Type(number%8 + 1)
		in, err := indicator.Parse(typ, indicator.Raw(raw))
		if err != nil {
			message := err.Error()
			if len(raw) >= 5 && strings.Contains(message, raw) && !strings.Contains(hints, raw) {
				t.Fatalf("the error quotes the value: %s", message)
			}
			return
		}
		requireSound(t, typ, in)
		again, err := indicator.Parse(typ, indicator.Raw(in.Canonical))
		if err != nil {
			t.Fatalf("canonical %q is refused: %v", in.Canonical, err)
		}
		if diff := cmp.Diff(in, again); diff != "" {
			t.Fatalf("canonical %q means something else (-raw +canonical):\n%s", in.Canonical, diff)
		}
		indicator.Recognise(indicator.Raw(raw))
	})
}

// requireSound holds an indicator to its doc comments.
func requireSound(t interface {
	Helper()
	Fatalf(string, ...any)
}, typ indicator.Type, in indicator.Indicator,
) {
	t.Helper()
	if in.Type != typ || in.Canonical == "" || len(in.Canonical) > indicator.MaxLen {
		t.Fatalf("type %s, canonical %q", in.Type, in.Canonical)
	}
	if len(in.Lookup) == 0 || len(in.Lookup) > 30 {
		t.Fatalf("%d expressions to look up", len(in.Lookup))
	}
	if first := in.Lookup[0]; first.Type != typ || first.Canonical != in.Canonical || first.Grade == indicator.Prefix {
		t.Fatalf("the first expression is %v of %q", first, in.Canonical)
	}
	if (in.Reportable() == nil) != (len(in.Report) > 0) {
		t.Fatalf("Reportable says %v, Report has %d expressions", in.Reportable(), len(in.Report))
	}
	if len(in.Report) > 0 && in.Report[0] != in.Lookup[0] {
		t.Fatalf("a report lists %v first, a lookup %v", in.Report[0], in.Lookup[0])
	}
	seen := make(map[indicator.Expression]bool)
	for i, e := range in.Lookup {
		if i > 0 && e.Grade == indicator.Exact || seen[e] {
			t.Fatalf("expression %d, %v, is exact or twice there", i, e)
		}
		seen[e] = true
	}
}
