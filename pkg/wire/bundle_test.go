package wire_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func encode(signature []byte) []byte {
	return []byte(base64.StdEncoding.EncodeToString(signature))
}

func setHeader(headers []wire.Header, name string, value []byte) {
	headers[slices.IndexFunc(headers, func(h wire.Header) bool { return h.Name == name })].Value = value
}

// anyEvent draws events that are valid by themselves.
var anyEvent = rapid.Custom(func(t *rapid.T) fraud.Event {
	when := func(label string, from, to time.Duration) time.Time {
		ms := rapid.Int64Range(from.Milliseconds(), to.Milliseconds()).Draw(t, label)
		return now.Add(time.Duration(ms) * time.Millisecond)
	}
	digest := func(label string) (d indicator.Digest) {
		copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label))
		d[0] |= 1 // never zero
		return d
	}
	term := rapid.StringMatching(`([A-Za-z0-9._:-]{1,64})?`)
	e := fraud.Event{
		Kind:     fraud.Kind(rapid.IntRange(1, 6).Draw(t, "kind")),
		IssuedAt: when("issued_at", -fraud.MaxAge, fraud.MaxSkew),
		Indicator: fraud.Ref{
			Type:   rapid.SampledFrom(indicator.Types()).Draw(t, "type"),
			Epoch:  rapid.Uint16Min(1).Draw(t, "epoch"),
			Digest: digest("digest"),
		},
		Category:    term.Draw(t, "category"),
		Role:        fraud.Role(rapid.IntRange(0, 5).Draw(t, "role")),
		Evidence:    fraud.Evidence(rapid.IntRange(0, 63).Draw(t, "evidence")),
		TLP:         fraud.TLP(rapid.IntRange(0, 5).Draw(t, "tlp")),
		Advice:      fraud.Advice(rapid.IntRange(0, 4).Draw(t, "advice")),
		Platform:    term.Draw(t, "platform"),
		Institution: term.Draw(t, "institution"),
		Region:      term.Draw(t, "region"),
		LossBand:    fraud.LossBand(rapid.IntRange(0, 6).Draw(t, "loss_band")),
		Case:        term.Draw(t, "case"),
	}
	copy(e.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "event_id"))
	e.ID[6], e.ID[8] = e.ID[6]&0x0f|0x70, e.ID[8]&0x3f|0x80
	for i := range rapid.IntRange(0, fraud.MaxAlso).Draw(t, "also") {
		d := digest(fmt.Sprint("also", i))
		d[1] = byte(i) // no two are the same
		if d != e.Indicator.Digest {
			grade := rapid.SampledFrom([]indicator.Grade{indicator.Prefix, indicator.Weak}).Draw(t, "grade")
			e.Indicator.Also = append(e.Indicator.Also, fraud.Also{Grade: grade, Digest: d})
		}
	}
	if rapid.Bool().Draw(t, "observed") {
		e.ObservedAt = when("observed_at", -300*24*time.Hour, 0)
	}
	if rapid.Bool().Draw(t, "expires") {
		e.ExpiresAt = e.IssuedAt.Add(time.Duration(rapid.Int64Range(1, 1e10).Draw(t, "expires_at")) * time.Millisecond)
	}
	switch e.Kind {
	case fraud.Report:
		e.Category += "x"
		e.Category = e.Category[:min(64, len(e.Category))]
		e.Confidence = rapid.Uint8Range(1, 100).Draw(t, "confidence")
	case fraud.ActionTaken:
		e.Action = fraud.Action(rapid.IntRange(1, 6).Draw(t, "action"))
	}
	return e
})

func TestOpenGivesWhatWasSealed(t *testing.T) {
	schema := bundleSchema(t)
	rapid.Check(t, func(r *rapid.T) {
		events := rapid.SliceOfN(anyEvent, 1, 12).Draw(r, "events")
		m, err := signer.Seal(id, "bank-a", now, events)
		if err != nil {
			r.Fatal(err)
		}
		diff(r, outcome{Items: make([]fraud.Fault, len(events)), Opened: events}, open(m), sameEvents)
		if !schemaAccepts(t, schema, m.Value) {
			r.Fatal("the JSON Schema refuses it")
		}
	})
}

func TestAnyFlippedBitIsRefused(t *testing.T) {
	random := testkit.Seed(t)
	good := seal(t, reports(3))
	flip := func(b []byte, bit int) []byte {
		b = bytes.Clone(b)
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	for _, covered := range []string{"value", wire.HeaderID, wire.HeaderSource, wire.HeaderSignature, wire.HeaderKey} {
		t.Run(covered, func(t *testing.T) {
			for range 300 {
				m := wire.Message{Value: good.Value, Headers: slices.Clone(good.Headers)}
				i := slices.IndexFunc(m.Headers, func(h wire.Header) bool { return h.Name == covered })
				var bit int
				if i < 0 {
					bit = random.IntN(8 * len(m.Value))
					m.Value = flip(m.Value, bit)
				} else {
					bit = random.IntN(8 * len(m.Headers[i].Value))
					m.Headers[i].Value = flip(m.Headers[i].Value, bit)
				}
				switch got := open(m).Whole.Reason; got {
				case fraud.ReasonSignature, fraud.ReasonHeaders, fraud.ReasonUnknownKey:
				default:
					t.Fatalf("bit %d flipped: %q", bit, got)
				}
			}
		})
	}
}

func TestBundlesAreLimited(t *testing.T) {
	list := func(n int) []byte {
		one := seal(t, reports(1)).Value
		event := one[len(`{"events":[`) : len(one)-len(`]}`)]
		return []byte(`{"events":[` + strings.Repeat(string(event)+",", n-1) + string(event) + `]}`)
	}
	padded := func(size int) []byte {
		value := seal(t, reports(1)).Value
		return append(value, bytes.Repeat([]byte(" "), size-len(value))...)
	}
	tooMany := fraud.Fault{Reason: fraud.ReasonTooLarge, Pointer: "/events"}
	for _, c := range []struct {
		name  string
		value []byte
		want  fraud.Fault
	}{
		{"500 events", list(500), fraud.Fault{}},
		{"501 events", list(501), tooMany},
		{"501 empty objects", []byte(`{"events":[` + strings.Repeat("{},", 500) + `{}]}`), tooMany},
		{"a MiB", padded(wire.MaxBytes), fraud.Fault{}},
		{"a MiB and a byte", padded(wire.MaxBytes + 1), fraud.Fault{Reason: fraud.ReasonTooLarge}},
	} {
		t.Run(c.name, func(t *testing.T) {
			diff(t, c.want, open(signRaw(t, c.value)).Whole, withoutHints)
		})
	}
}

func TestSealRefusesWhatOpenWouldRefuse(t *testing.T) {
	large := reports(500)
	for i := range large {
		large[i].Case = strings.Repeat("c", 2000)
	}
	for name, events := range map[string][]fraud.Event{
		"no events": {}, "501 events": reports(501), "over a MiB": large, "a kind that is none": {{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := signer.Seal(id, "bank-a", now, events); err == nil {
				t.Error("sealed")
			}
		})
	}
}

func TestABadEventIsRefusedAlone(t *testing.T) {
	m := seal(t, reports(5))
	// The third event gets a kind that is none, behind a value that only a careful reader skips.
	parts := bytes.SplitAfter(m.Value, []byte(`"kind":`))
	parts[3] = append([]byte(`"bad","x":[{"y":"]}\"\\"},[[1,2e3,true,null]]],"z":`), parts[3]...)
	got := open(signRaw(t, bytes.Join(parts, nil)))
	want := outcome{Items: make([]fraud.Fault, 5)}
	want.Items[2] = fraud.Fault{Reason: fraud.ReasonSchema, Pointer: "/kind"}
	for _, e := range reports(5) {
		if e.ID[15] != 2 {
			want.Opened = append(want.Opened, e)
		}
	}
	diff(t, want, got, withoutHints)
}

func TestAFaultBehindTheSignatureNamesThePartner(t *testing.T) {
	m := signRaw(t, []byte("{"))
	bundle, err := hub.Open(m.Headers, m.Value, now)
	if err == nil || bundle == nil || bundle.Partner.ID != "bank-a" || bundle.ID != id || bundle.Items != nil {
		t.Errorf("bundle %+v, error %v; want the partner and no items", bundle, err)
	}
	setHeader(m.Headers, wire.HeaderSource, []byte("/partners/bank-b"))
	if bundle, err := hub.Open(m.Headers, m.Value, now); err == nil || bundle != nil {
		t.Errorf("bundle %+v, error %v; want no bundle: nothing proves whose it is", bundle, err)
	}
}

func TestABrokenRegisteredKeyIsNoPanic(t *testing.T) {
	m := seal(t, reports(1))
	setHeader(m.Headers, wire.HeaderKey, []byte("broken"))
	diff(t, fraud.Fault{Reason: fraud.ReasonUnknownKey}, open(m).Whole, withoutHints)
}

func TestAudiencesAreApart(t *testing.T) {
	test := wire.Signer{Audience: "my.waspada.test", KeyID: "bank-a-1", Key: testKey}
	m, err := test.Seal(id, "bank-a", now, reports(1))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, fraud.Fault{Reason: fraud.ReasonSignature}, open(m).Whole, withoutHints)
	there := wire.Verifier{Audience: "my.waspada.test", Registry: hub.Registry}
	diff(t, fraud.Fault{}, openAt(&there, m, now).Whole)
}

// secret stands for a raw value that a partner sends by mistake.
const secret = "S3CR3T-0123456789"

func TestFaultsNeverHoldWhatWasSent(t *testing.T) {
	good := string(seal(t, reports(1)).Value)
	plant := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, value := range []string{
		secret, `"` + secret, `{"` + secret + `":1}`, `{"events":"` + secret + `"}`, good + secret,
		plant(`"kind":"report"`, `"kind":"`+secret+`"`), plant(`"kind"`, `"`+secret+`":1,"kind"`),
		plant(`"kind":"report"`, `"`+secret+`":1,"`+secret+`":2`), plant(`"kind":"report"`, `"kind":"`+secret+"\xff\""),
		plant(`"type":"phone"`, `"type":"`+secret+`"`), plant(`"type"`, `"`+secret+`":{"`+secret+`":1},"type"`),
		plant(`"confidence":80`, `"confidence":"`+secret+`"`),
		plant(`"category":"macau_scam"`, `"category":"`+secret+` "`),
		plant(`"epoch":1`, `"epoch":1,"also":[{"grade":"`+secret+`"}]`),
		plant(`"epoch":1`, `"epoch":1,"also":[{"`+secret+`":1}]`),
		plant(`"kind":"report"`, `"kind":"report","evidence":["`+secret+`"]`),
		plant(`"kind":"report"`, `"kind":"report","observed_at":"`+secret+`"`),
		plant(`"kind":"report"`, `"kind":"report","case":"`+secret+` "`),
	} {
		got := open(signRaw(t, []byte(value)))
		faults := append(got.Items, got.Whole)
		if !slices.ContainsFunc(faults, func(f fraud.Fault) bool { return f.Reason != "" }) {
			t.Errorf("not refused: %s", value)
		}
		for _, f := range faults {
			if strings.Contains(f.Error(), "S3CR3T") {
				t.Errorf("a fault holds what was sent: %v", &f)
			}
		}
	}
	for _, h := range seal(t, reports(1)).Headers {
		name := h.Name
		if name == wire.HeaderTime {
			continue // nothing is decided by it
		}
		m := seal(t, reports(1))
		setHeader(m.Headers, name, []byte(secret))
		if f := open(m).Whole; f.Reason == "" || strings.Contains(f.Error(), "S3CR3T") {
			t.Errorf("header %s: %v", name, &f)
		}
	}
}

func TestTimesAreCutToMillisecondsInUTC(t *testing.T) {
	e := report(1)
	e.IssuedAt = now.Add(-time.Hour + 123456789).In(time.FixedZone("MYT", 8*3600))
	want := report(1)
	want.IssuedAt = now.Add(-time.Hour + 123*time.Millisecond)
	diff(t, []fraud.Event{want}, open(seal(t, []fraud.Event{e})).Opened, sameEvents)
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{}, []byte("bank-a-1"))
	f.Add(seal(f, reports(2)).Value, []byte("bank-a-1"))
	f.Add([]byte(`{"events":[{"kind":null},[],{"indicator":{"also":[{"grade":"weak"}]}},"\ud83d\ude00\"\\"]}`),
		[]byte("broken"))
	f.Add([]byte(` { "events" : [ { "a\\\"" : [ 1e400 , { } , [ ] ] } , 0 , -1.5e-7 , true ] } `), []byte("\x00"))
	f.Fuzz(func(t *testing.T, value, header []byte) {
		m := signRaw(t, value)
		bundle, err := hub.Open(m.Headers, m.Value, now)
		var whole *fraud.Fault
		if err != nil && !errors.As(err, &whole) {
			t.Fatalf("not a fault: %v", err)
		}
		if whole != nil {
			harmless(t, whole)
		} else {
			if len(bundle.Items) < 1 || len(bundle.Items) > wire.MaxEvents {
				t.Fatalf("%d items", len(bundle.Items))
			}
			for i := range bundle.Items {
				item := &bundle.Items[i]
				if item.Fault != nil {
					harmless(t, item.Fault)
					continue
				}
				// What stands can be sealed again and is then the same.
				again := open(seal(t, []fraud.Event{item.Event}))
				diff(t, outcome{Items: []fraud.Fault{{}}, Opened: []fraud.Event{item.Event}}, again, sameEvents)
			}
		}
		// And with a header that nobody signed.
		m.Headers[len(value)%len(m.Headers)].Value = header
		if _, err := hub.Open(m.Headers, m.Value, now); err != nil {
			harmless(t, err.(*fraud.Fault))
		}
	})
}

// harmless fails for a fault that may hold bytes of the input: hints are constants but for numbers, and pointers name
// fields of the schema.
func harmless(t *testing.T, f *fraud.Fault) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimPrefix(f.Pointer, "/"), "/") {
		if f.Pointer != "" && part != "0" && !slices.Contains(fields, part) && (len(part) != 1 || part < "1" || part > "8") {
			t.Fatalf("pointer %q", f.Pointer)
		}
	}
	if !slices.Contains(fraud.Reasons(), f.Reason) || f.Hint == "" || strings.ContainsFunc(f.Hint, func(r rune) bool {
		return r < ' ' || r > '~'
	}) {
		t.Fatalf("fault %+v", *f)
	}
}

var fields = strings.Fields(`events event_id kind issued_at indicator type epoch digest also grade category role
	confidence evidence observed_at expires_at tlp advice action platform institution region loss_band case`)
