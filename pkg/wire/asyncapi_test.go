package wire_test

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// asyncAPI is what the tests read of schemas/asyncapi.v1.yaml.
type asyncAPI struct {
	Components struct {
		Messages map[string]struct {
			Description string
			Headers     struct {
				Required   []string
				Properties map[string]struct{ Const string }
			}
			Layout []struct {
				Name      string
				At, Bytes int
			} `yaml:"x-layout"`
		}
		Schemas map[string]struct {
			Required   []string
			Properties map[string]struct{ Enum []string }
		}
	}
}

func readAsyncAPI(t *testing.T) (doc asyncAPI) {
	t.Helper()
	data, err := os.ReadFile(contracts + "asyncapi.v1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAsyncAPIDescribesTheHeadersThatAreSealed(t *testing.T) {
	headers := readAsyncAPI(t).Components.Messages["bundle"].Headers
	var sealed []string
	for _, h := range seal(t, reports(1)).Headers {
		property, ok := headers.Properties[h.Name]
		if !ok || property.Const != "" && property.Const != string(h.Value) {
			t.Errorf("header %s: sealed as %q, described as %+v", h.Name, h.Value, property)
		}
		sealed = append(sealed, h.Name)
	}
	for _, required := range headers.Required {
		m := seal(t, reports(1))
		m.Headers = slices.DeleteFunc(m.Headers, func(h wire.Header) bool { return h.Name == required })
		if !slices.Contains(sealed, required) || open(m).Whole.Reason != fraud.ReasonHeaders {
			t.Errorf("header %s is called required, but a bundle opens without it", required)
		}
	}
}

func TestAsyncAPIDescribesTheBytesOfAChange(t *testing.T) {
	o := fraud.Opinion{
		Digest: indicator.Digest{0: 0xd0, 31: 0xd1}, Origin: 0x0a0b0c0d, Partner: 0x0102, Type: indicator.URL,
		Grade: indicator.Prefix, Stance: fraud.Cleared, Version: 0x1122334455667788, Category: 0x0304,
		Evidence: fraud.UserReport, Confidence: 77, Advice: fraud.Block, TLP: fraud.TLPRed, ExpiresAt: 0x05060708,
		Provenance: fraud.Provenance{Held: true, SignedBy: 3, Group: 5},
	}
	o.Accepted = fraud.SecondsOf(o.Version.IssuedAt().Add(time.Second))
	want := map[string]uint64{
		"format": 1, "type": 4, "grade": 2, "stance": 3, "category": 0x0304, "evidence": 16, "confidence": 77, "advice": 4,
		"tlp": 5, "partner": 0x0102, "expires_at": 0x05060708, "origin": 0x0a0b0c0d, "version": 0x1122334455667788,
		"provenance": 302<<12 | 1<<11 | 3<<7 | 5,
	}
	raw, err := o.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, end := map[string]uint64{}, 0
	for _, field := range readAsyncAPI(t).Components.Messages["change"].Layout {
		if field.At != end {
			t.Errorf("%s stands at byte %d, the field before ends at %d", field.Name, field.At, end)
		}
		end = field.At + field.Bytes
		bytes := raw[field.At:end]
		if field.Name == "digest" {
			diff(t, o.Digest[:], bytes)
			continue
		}
		got[field.Name] = binary.BigEndian.Uint64(append(make([]byte, 8-len(bytes)), bytes...))
	}
	diff(t, want, got)
	if end != fraud.OpinionSize {
		t.Errorf("the layout ends at byte %d of %d", end, fraud.OpinionSize)
	}
}

func TestAsyncAPIListsEveryReason(t *testing.T) {
	var want []string
	for _, r := range fraud.Reasons() {
		want = append(want, string(r))
	}
	diff(t, want, readAsyncAPI(t).Components.Schemas["deadLetter"].Properties["reason"].Enum)
}

func TestAsyncAPISaysWhatIsSigned(t *testing.T) {
	const rule = `"waspada/bundle/1" 00 audience 00 ce_id 00 ce_source 00 value`
	if !strings.Contains(readAsyncAPI(t).Components.Messages["bundle"].Description, rule) {
		t.Errorf("the rule that signRaw follows is not in the contract: %s", rule)
	}
}
