// Package wire is the form in which events travel through Kafka, and the one place that takes it apart.
//
//	events ──Signer.Seal──▶ message: CloudEvents headers + signature + JSON ──Verifier.Open──▶ events
//
//	Open:  size ▶ headers ▶ key ▶ signature ▶ strict JSON ▶ each event by itself
//
// A message is a bundle of 1 to 500 events in the CloudEvents Kafka binary mode. The signature covers the exact bytes
// of the value and the headers that give it meaning, and is checked before a byte of JSON is read. A fault up to there
// refuses the bundle; after that a bad event is refused alone and the others of its bundle stand.
//
// Signing a bundle and not an event keeps the 63 µs of an Ed25519 verification off each event. JSON is decoded by the
// coming encoding/json/v2 in its library form: of the fast decoders it is the one that refuses duplicate keys, invalid
// UTF-8, unknown fields and wrong case.
package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Limits of one bundle.
const (
	MaxBytes  = 1 << 20
	MaxEvents = 500
)

// Names that stand in messages.
const (
	BundleType   = "my.waspada.bundle.v1"
	ContentType  = "application/json"
	SourcePrefix = "/partners/"

	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderSource      = "ce_source"
	HeaderType        = "ce_type"
	HeaderTime        = "ce_time"
	HeaderContentType = "content-type"
	HeaderKey         = "waspada-key"
	HeaderSignature   = "waspada-signature"
)

// DefaultAudience names the hub for which bundles are signed, so that one made for a test hub cannot be replayed here.
const DefaultAudience = "my.waspada"

// signatureDomain is the first part of what is signed, so that the key's other signatures mean nothing here.
const signatureDomain = "waspada/bundle/1"

// Header is one Kafka header.
type Header struct {
	Name  string
	Value []byte
}

// Message is what goes into Kafka: its key is the bundle's id.
type Message struct {
	Key     []byte
	Headers []Header
	Value   []byte
}

// Item is one event of an opened bundle: the event, or the fault for which it alone is refused.
type Item struct {
	Event fraud.Event
	Fault *fraud.Fault
}

// Bundle is an opened message.
type Bundle struct {
	ID      uuid.UUID
	Partner *fraud.Partner
	KeyID   string
	Items   []Item
}

// signed is what a signature covers: NUL cannot occur in the headers that it separates.
func signed(audience, id, source string, value []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(signatureDomain) + len(audience) + len(id) + len(source) + 4 + len(value))
	for _, part := range []string{signatureDomain, audience, id, source} {
		b.WriteString(part)
		b.WriteByte(0)
	}
	b.Write(value)
	return b.Bytes()
}

// Signer seals bundles with one key.
type Signer struct {
	// Audience is the hub that the bundles are for; "" means DefaultAudience.
	Audience string
	KeyID    string
	Key      ed25519.PrivateKey
}

// body is the JSON value of a message.
type body struct {
	Events []fraud.Event `json:"events"`
}

// Seal signs events of one partner as one bundle. It fails for no events, too many, or more bytes than MaxBytes.
func (s *Signer) Seal(id uuid.UUID, partner string, at time.Time, events []fraud.Event) (Message, error) {
	if len(events) < 1 || len(events) > MaxEvents {
		return Message{}, fmt.Errorf("seal: a bundle has 1 to %d events, not %d", MaxEvents, len(events))
	}
	value, err := json.Marshal(body{events})
	if err != nil {
		return Message{}, fmt.Errorf("seal: %w", err)
	}
	if len(value) > MaxBytes {
		return Message{}, fmt.Errorf("seal: the bundle has %d bytes, at most %d are taken", len(value), MaxBytes)
	}
	source := SourcePrefix + partner
	signature := ed25519.Sign(s.Key, signed(orDefault(s.Audience), id.String(), source, value))
	return Message{
		Key: []byte(id.String()),
		Headers: []Header{
			{HeaderSpecVersion, []byte("1.0")},
			{HeaderID, []byte(id.String())},
			{HeaderSource, []byte(source)},
			{HeaderType, []byte(BundleType)},
			{HeaderTime, []byte(at.UTC().Format(time.RFC3339Nano))},
			{HeaderContentType, []byte(ContentType)},
			{HeaderKey, []byte(s.KeyID)},
			{HeaderSignature, []byte(base64.StdEncoding.EncodeToString(signature))},
		},
		Value: value,
	}, nil
}

func orDefault(audience string) string {
	if audience == "" {
		return DefaultAudience
	}
	return audience
}

// Registry knows signing keys and partners.
type Registry interface {
	SigningKey(id string) (fraud.SigningKey, bool)
	Partner(fraud.PartnerNumber) (*fraud.Partner, bool)
	PartnerByID(id string) (*fraud.Partner, bool)
}

// Verifier opens messages.
type Verifier struct {
	// Audience is this hub's name; "" means DefaultAudience.
	Audience string
	Registry Registry
}

// Open verifies and decodes one message that Kafka appended at the given time. Its error is a *fraud.Fault, which
// refuses the whole bundle; the partner is known from then on only if the signature held.
func (v *Verifier) Open(headers []Header, value []byte, appended time.Time) (*Bundle, error) {
	if len(value) > MaxBytes {
		return nil, fraud.Refuse(fraud.ReasonTooLarge, "", "a bundle has at most 1 MiB")
	}
	h, fault := readHeaders(headers)
	if fault != nil {
		return nil, fault
	}
	partner, fault := v.authenticate(h, value, appended)
	if fault != nil {
		return nil, fault
	}
	bundle := &Bundle{ID: h.id, Partner: partner, KeyID: h.keyID}
	raw, fault := split(value)
	if fault != nil {
		return nil, fault
	}
	bundle.Items = make([]Item, len(raw))
	for i, one := range raw {
		item := &bundle.Items[i]
		if item.Fault = decodeEvent(one, &item.Event); item.Fault == nil {
			item.Fault = asFault(item.Event.Validate(appended))
		}
	}
	return bundle, nil
}

type headerSet struct {
	id                    uuid.UUID
	idText, source, keyID string
	signature             []byte
}

func readHeaders(headers []Header) (h headerSet, fault *fraud.Fault) {
	seen := map[string]string{}
	for _, one := range headers {
		name := strings.ToLower(one.Name)
		if _, twice := seen[name]; twice {
			return h, fraud.Refuse(fraud.ReasonHeaders, "", "header "+known(name)+" stands twice")
		}
		seen[name] = string(one.Value)
	}
	if seen[HeaderSpecVersion] != "1.0" {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header ce_specversion must be 1.0")
	}
	if seen[HeaderType] != BundleType {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header ce_type must be "+BundleType)
	}
	if media, _, _ := strings.Cut(seen[HeaderContentType], ";"); strings.TrimSpace(media) != ContentType {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header content-type must be "+ContentType)
	}
	var err error
	h.idText = seen[HeaderID]
	if h.id, err = uuid.Parse(h.idText); err != nil || h.id.String() != h.idText {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header ce_id must be a UUID in lower case")
	}
	h.source = seen[HeaderSource]
	if !strings.HasPrefix(h.source, SourcePrefix) || strings.ContainsRune(h.source, 0) {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header ce_source must be /partners/<id>")
	}
	if h.keyID = seen[HeaderKey]; h.keyID == "" {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header waspada-key must name the signing key")
	}
	h.signature, err = base64.StdEncoding.Strict().DecodeString(seen[HeaderSignature])
	if err != nil || len(h.signature) != ed25519.SignatureSize {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header waspada-signature must be 64 bytes in standard base64")
	}
	return h, nil
}

// known keeps a hostile header name out of reports.
func known(name string) string {
	switch name {
	case HeaderSpecVersion, HeaderID, HeaderSource, HeaderType, HeaderTime, HeaderContentType, HeaderKey, HeaderSignature:
		return name
	}
	return "(another)"
}

func (v *Verifier) authenticate(h headerSet, value []byte, appended time.Time) (*fraud.Partner, *fraud.Fault) {
	key, ok := v.Registry.SigningKey(h.keyID)
	if !ok {
		return nil, fraud.Refuse(fraud.ReasonUnknownKey, "", "header waspada-key names no key of the registry")
	}
	if !ed25519.Verify(key.Public, signed(orDefault(v.Audience), h.idText, h.source, value), h.signature) {
		return nil, fraud.Refuse(fraud.ReasonSignature, "", "the signature does not fit this value, id, source and hub")
	}
	if !key.ValidAt(appended) {
		return nil, fraud.Refuse(fraud.ReasonKeyNotValid, "", "the signing key was not valid when the message arrived")
	}
	partner, ok := v.Registry.PartnerByID(strings.TrimPrefix(h.source, SourcePrefix))
	if !ok || !key.Gateway && partner.Number != key.Partner {
		return nil, fraud.Refuse(fraud.ReasonSource, "", "the signing key does not speak for the partner in ce_source")
	}
	if partner.State == fraud.Suspended {
		return nil, fraud.Refuse(fraud.ReasonKeyNotValid, "", "the partner is suspended")
	}
	return partner, nil
}

// split reads the bundle's outer form and leaves each event as its own JSON value.
func split(value []byte) ([]jsontext.Value, *fraud.Fault) {
	var outer struct {
		Events []jsontext.Value `json:"events"`
	}
	if err := json.Unmarshal(value, &outer, json.RejectUnknownMembers(true)); err != nil {
		return nil, faultOf(err)
	}
	if len(outer.Events) < 1 {
		return nil, fraud.Refuse(fraud.ReasonSchema, "/events", "a bundle has at least one event")
	}
	if len(outer.Events) > MaxEvents {
		return nil, fraud.Refuse(fraud.ReasonTooLarge, "/events", "a bundle has at most 500 events")
	}
	return outer.Events, nil
}

func decodeEvent(raw []byte, e *fraud.Event) *fraud.Fault {
	if err := json.Unmarshal(raw, e, json.RejectUnknownMembers(true)); err != nil {
		return faultOf(err)
	}
	return nil
}

// faultOf says where JSON went wrong and never what stood there: a decoder's own message may quote the value.
func faultOf(err error) *fraud.Fault {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return fraud.Refuse(fraud.ReasonMalformed, "", "a key stands twice in one object")
		default:
			return fraud.Refuse(fraud.ReasonMalformed, "",
				fmt.Sprintf("not one well-formed JSON value in UTF-8: see byte %d", syntax.ByteOffset))
		}
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		pointer := string(semantic.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			// The name is the sender's own text and may hold anything: point at the object that has it.
			return fraud.Refuse(fraud.ReasonSchema, parentOf(pointer), "a field here is not part of the schema")
		}
		return fraud.Refuse(fraud.ReasonSchema, pointer, "not of the type or the words that the schema allows")
	}
	return fraud.Refuse(fraud.ReasonMalformed, "", "not a bundle")
}

func parentOf(pointer string) string {
	if i := strings.LastIndexByte(pointer, '/'); i >= 0 {
		return pointer[:i]
	}
	return ""
}

func asFault(err error) *fraud.Fault {
	var f *fraud.Fault
	errors.As(err, &f)
	return f
}
