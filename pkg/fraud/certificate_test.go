package fraud

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

// der is a name of one attribute in each part, the first part first.
func der(t testing.TB, attributes ...pkix.AttributeTypeAndValue) []byte {
	t.Helper()
	var name pkix.RDNSequence
	for _, a := range attributes {
		name = append(name, pkix.RelativeDistinguishedNameSET{a})
	}
	data, err := asn1.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func part(kind, value string) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: attributeTypes[kind], Value: value}
}

func TestASubjectHasOneText(t *testing.T) {
	email := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	both, err := asn1.Marshal(pkix.RDNSequence{{part("CN", "hub"), part("OU", "fraud")}})
	if err != nil {
		t.Fatal(err)
	}
	// The same country as the two string types that authorities use.
	printable := []byte{0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, asn1.TagPrintableString, 2, 'M', 'Y'}
	utf8 := bytes.Clone(printable)
	utf8[11] = asn1.TagUTF8String
	for _, c := range []struct {
		situation string
		der       []byte
		want      string
	}{
		{"a usual name", der(t, part("C", "MY"), part("O", "Bank Kancil"), part("OU", "Fraud"), part("CN", "hub.example")),
			"CN=hub.example,OU=Fraud,O=Bank Kancil,C=MY"},
		{"the same parts in another order", der(t, part("CN", "hub.example"), part("O", "Bank Kancil")),
			"O=Bank Kancil,CN=hub.example"},
		{"a part twice", der(t, part("OU", "a"), part("OU", "b")), "OU=b,OU=a"},
		{"two in one part", both, "CN=hub+OU=fraud"},
		{"a comma that would make two parts of one", der(t, part("CN", "hub,O=Bank Harimau")), `CN=hub\,O=Bank Harimau`},
		{"what must be escaped", der(t, part("CN", ` a+"\<>;# `)), `CN=\ a\+\"\\\<\>\;#\ `},
		{"a hash in front", der(t, part("CN", "#1")), `CN=\#1`},
		{"not ASCII", der(t, part("CN", "Pelindung Ñ 银行")), "CN=Pelindung Ñ 银行"},
		{"a type without a name", der(t, part("CN", "a"), pkix.AttributeTypeAndValue{Type: email, Value: "a@b"}),
			"1.2.840.113549.1.9.1=#0c03614062,CN=a"},
		{"a printable string", printable, "C=MY"},
		{"the same in UTF-8", utf8, "C=MY"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			got, err := SubjectText(c.der)
			if err != nil || got != c.want {
				t.Errorf("got %s, %v\nwant %s", got, err, c.want)
			}
			if err := CheckSubject(c.want); err != nil {
				t.Errorf("it may not be registered: %v", err)
			}
		})
	}
}

func TestWhatIsNoSubject(t *testing.T) {
	for situation, data := range map[string][]byte{
		"no DER":               []byte("CN=hub"),
		"an empty name":        der(t),
		"bytes after the name": append(der(t, part("CN", "hub")), 0),
		"a number as a name":   der(t, pkix.AttributeTypeAndValue{Type: attributeTypes["CN"], Value: 5}),
		"a line break":         der(t, part("CN", "hub\nCN=other")),
		"a megabyte":           der(t, part("CN", strings.Repeat("a", 1<<20))),
	} {
		if got, err := SubjectText(data); err == nil {
			t.Errorf("%s: got %.60s", situation, got)
		}
	}
}

// What no certificate could match is refused when it is registered, and not found out when the certificate comes.
func TestASubjectThatNoCertificateHasIsRefused(t *testing.T) {
	for situation, text := range map[string]string{
		"a space after the comma":      "CN=hub, O=Bank",
		"a space before the type":      " CN=hub",
		"a space at the end":           "CN=hub ",
		"types in lower case":          "cn=hub",
		"slashes":                      "/C=MY/CN=hub",
		"no type":                      "hub",
		"no value":                     "CN=",
		"a type that pkix cannot name": "emailAddress=a@b",
		"a name by its number":         "2.5.4.3=#0c03687562",
		"a quoted value":               `CN="hub"`,
		"an escape of what needs none": `CN=h\ub`,
		"a backslash at the end":       `CN=hub\`,
		"a comma at the end":           "CN=hub,",
		"hexadecimal in capitals":      "1.2.840.113549.1.9.1=#0C03614062",
		"another type of string":       "1.2.840.113549.1.9.1=#1603614062",
		"half a value":                 "1.2.840.113549.1.9.1=#0c036140",
		"a control character":          "CN=hub\x00",
	} {
		if CheckSubject(text) == nil {
			t.Errorf("%s is let pass: %q", situation, text)
		}
	}
}

func FuzzTwoSubjectsNeverHaveOneText(f *testing.F) {
	f.Add("hub", "Bank", `hub,O=Bank`, "")
	f.Add("a+b", "c", "a", "b+c")
	f.Add(`a\`, ",b", `a\,`, "b")
	f.Fuzz(func(t *testing.T, cn1, o1, cn2, o2 string) {
		name := func(cn, o string) (string, bool) {
			data, err := asn1.Marshal(pkix.RDNSequence{{part("CN", cn)}, {part("O", o)}})
			if err != nil {
				return "", false
			}
			text, err := SubjectText(data)
			return text, err == nil
		}
		one, ok1 := name(cn1, o1)
		two, ok2 := name(cn2, o2)
		if ok1 && ok2 && (one == two) != (cn1 == cn2 && o1 == o2) {
			t.Errorf("%q, %q and %q, %q are %s and %s", cn1, o1, cn2, o2, one, two)
		}
	})
}
