package fraud

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Certificate is a client certificate that was verified: what the registry needs to know of it.
type Certificate struct {
	// Subject is its subject as [SubjectText] writes it.
	Subject string
	// ID names the certificate in logs and in the audit: "cert-" and the first 16 digits of its SHA-256.
	ID string
}

// MaxSubject is how long the text of a subject may be, in bytes.
const MaxSubject = 500

// SubjectText is the canonical form of a distinguished name, given in DER as a certificate holds it (RawSubject): its
// string of RFC 4514, as in
//
//	CN=hub.bank-kancil.example,OU=Fraud,O=Bank Kancil,C=MY
//
// The last part comes first, nothing stands between the parts but a comma, and case matters. The types CN, OU, O, L, ST,
// STREET, POSTALCODE, C and SERIALNUMBER have names; others are written by number, and their values as #hexadecimal DER
// of a printable or UTF-8 string. Two certificates have the same text only if their subjects are the same in every part
// and in order; which of its string types ASN.1 has used for a part makes no difference.
func SubjectText(der []byte) (string, error) {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return "", errors.New("subject: it is no distinguished name in DER")
	}
	if len(name) == 0 {
		return "", errors.New("subject: it is empty")
	}
	for _, part := range name {
		for _, attribute := range part {
			if _, ok := attribute.Value.(string); !ok {
				return "", errors.New("subject: a part of it is no text")
			}
		}
	}
	text := name.String()
	if err := CheckSubject(text); err != nil {
		return "", fmt.Errorf("subject: %w", err)
	}
	return text, nil
}

// CheckSubject fails on what [SubjectText] never writes: no certificate could ever match it.
func CheckSubject(text string) error {
	if len(text) > MaxSubject || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("has at most %d bytes and no control characters", MaxSubject)
	}
	var name pkix.RDNSequence
	for _, part := range splitUnescaped(text, ',') {
		var attributes pkix.RelativeDistinguishedNameSET
		for _, one := range splitUnescaped(part, '+') {
			attribute, ok := parseAttribute(one)
			if !ok {
				return errNotCanonical
			}
			attributes = append(attributes, attribute)
		}
		name = append(name, attributes)
	}
	slices.Reverse(name)
	if name.String() != text {
		return errNotCanonical
	}
	return nil
}

var errNotCanonical = errors.New("is written like CN=hub.bank-kancil.example,O=Bank Kancil,C=MY: the last part first, " +
	"no space after a comma, types in capitals; `waspada partner set --certificate` reads it from the certificate")

// attributeTypes are the names that pkix writes.
var attributeTypes = map[string]asn1.ObjectIdentifier{
	"C": {2, 5, 4, 6}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "CN": {2, 5, 4, 3}, "SERIALNUMBER": {2, 5, 4, 5},
	"L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8}, "STREET": {2, 5, 4, 9}, "POSTALCODE": {2, 5, 4, 17},
}

// parseAttribute reads TYPE=value, with more tolerance than pkix writes it: what differs shows when it is written again.
func parseAttribute(text string) (a pkix.AttributeTypeAndValue, ok bool) {
	kind, value, ok := strings.Cut(text, "=")
	if !ok {
		return a, false
	}
	if a.Type, ok = attributeTypes[kind]; ok {
		var plain strings.Builder
		escaped := false
		for _, c := range value {
			if escaped = c == '\\' && !escaped; !escaped {
				plain.WriteRune(c)
			}
		}
		a.Value = plain.String()
		return a, a.Value != "" && !escaped
	}
	for number := range strings.SplitSeq(kind, ".") {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return a, false
		}
		a.Type = append(a.Type, n)
	}
	der, err := hex.DecodeString(strings.TrimPrefix(value, "#"))
	if err != nil {
		return a, false
	}
	rest, err := asn1.Unmarshal(der, &a.Value)
	_, isText := a.Value.(string)
	return a, err == nil && len(rest) == 0 && isText
}

// splitUnescaped splits where the separator stands without a backslash before it.
func splitUnescaped(text string, separator byte) (parts []string) {
	from, escaped := 0, false
	for i := range len(text) {
		switch {
		case escaped:
			escaped = false
		case text[i] == '\\':
			escaped = true
		case text[i] == separator:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[from:])
}
