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
// Signing a bundle and not an event keeps the 63 µs of an Ed25519 verification off each event. JSON is judged by the
// coming encoding/json/v2 in its library form: of the fast readers it is the one that refuses duplicate keys and
// invalid UTF-8. The contracts are schemas/bundle.v1.json, schemas/asyncapi.v1.yaml and schemas/vectors.
package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
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

// Item is one event of an opened bundle, or the fault for which it alone is refused; Event is then what was read of it.
type Item struct {
	Event fraud.Event
	Fault *fraud.Fault
}

// Bundle is an opened message.
type Bundle struct {
	ID      uuid.UUID
	Partner *fraud.Partner
	KeyID   string
	// SignedBy is the number of the key that signed it.
	SignedBy fraud.KeyNumber
	Items    []Item
}

// signed is what a signature covers: NUL cannot occur in the headers that it separates. It is appended to b.
func signed(b []byte, audience, id, source string, value []byte) []byte {
	b = slices.Grow(b, len(signatureDomain)+len(audience)+len(id)+len(source)+4+len(value))
	for _, part := range []string{signatureDomain, audience, id, source} {
		b = append(append(b, part...), 0)
	}
	return append(b, value...)
}

// signedRoom holds what signatures cover while they are verified, for the next bundle to be laid there.
var signedRoom = sync.Pool{New: func() any { return new([]byte) }}

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
	return s.SealValue(id, partner, at, value), nil
}

// SealValue signs a value as it is, whatever it holds: for values that were made elsewhere.
func (s *Signer) SealValue(id uuid.UUID, partner string, at time.Time, value []byte) Message {
	source := SourcePrefix + partner
	signature := ed25519.Sign(s.Key, signed(nil, orDefault(s.Audience), id.String(), source, value))
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
	}
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
// refuses the whole bundle. Where the signature held and the JSON did not, the bundle comes with the error, without
// items: it tells whose it was.
func (v *Verifier) Open(headers []Header, value []byte, appended time.Time) (*Bundle, error) {
	if len(value) > MaxBytes {
		return nil, fraud.Refuse(fraud.ReasonTooLarge, "", "a bundle has at most 1 MiB")
	}
	h, fault := readHeaders(headers)
	if fault != nil {
		return nil, fault
	}
	partner, signedBy, fault := v.authenticate(h, value, appended)
	if fault != nil {
		return nil, fault
	}
	bundle := &Bundle{ID: h.id, Partner: partner, KeyID: h.keyID, SignedBy: signedBy}
	items, err := decode(value)
	if err != nil {
		return bundle, err
	}
	for i := range items {
		if item := &items[i]; item.Fault == nil {
			item.Fault = asFault(item.Event.Validate(appended))
		}
	}
	bundle.Items = items
	return bundle, nil
}

type headerSet struct {
	id                    uuid.UUID
	idText, source, keyID string
	signature             []byte
}

func readHeaders(headers []Header) (h headerSet, fault *fraud.Fault) {
	seen := make(map[string]string, len(ours))
	for _, one := range headers {
		name := strings.ToLower(one.Name)
		if !slices.Contains(ours, name) {
			continue // tracing and the like
		}
		if _, twice := seen[name]; twice {
			return h, fraud.Refuse(fraud.ReasonHeaders, "", "header "+name+" stands twice")
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
	// The length is checked too, because the decoder skips line breaks.
	signature := seen[HeaderSignature]
	h.signature, err = base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(signature) != signatureText {
		return h, fraud.Refuse(fraud.ReasonHeaders, "", "header waspada-signature must be 64 bytes in standard base64")
	}
	return h, nil
}

// ours are the headers that mean something here. Others may stand in a message and are not read.
var ours = []string{HeaderSpecVersion, HeaderID, HeaderSource, HeaderType, HeaderTime, HeaderContentType, HeaderKey,
	HeaderSignature}

var signatureText = base64.StdEncoding.EncodedLen(ed25519.SignatureSize)

func (v *Verifier) authenticate(h headerSet, value []byte, appended time.Time) (
	*fraud.Partner, fraud.KeyNumber, *fraud.Fault,
) {
	key, ok := v.Registry.SigningKey(h.keyID)
	if !ok || len(key.Public) != ed25519.PublicKeySize { // Verify panics on another length
		return nil, 0, fraud.Refuse(fraud.ReasonUnknownKey, "", "header waspada-key names no key of the registry")
	}
	room := signedRoom.Get().(*[]byte)
	*room = signed((*room)[:0], orDefault(v.Audience), h.idText, h.source, value)
	fits := ed25519.Verify(key.Public, *room, h.signature)
	signedRoom.Put(room)
	if !fits {
		return nil, 0, fraud.Refuse(fraud.ReasonSignature, "", "the signature does not fit this value, id, source and hub")
	}
	if !key.ValidAt(appended) {
		return nil, 0, fraud.Refuse(fraud.ReasonKeyNotValid, "", "the signing key was not valid when the message arrived")
	}
	partner, ok := v.Registry.PartnerByID(strings.TrimPrefix(h.source, SourcePrefix))
	if !ok || !key.Gateway && partner.Number != key.Partner {
		return nil, 0, fraud.Refuse(fraud.ReasonSource, "", "the signing key does not speak for the partner in ce_source")
	}
	if partner.State == fraud.Suspended {
		return nil, 0, fraud.Refuse(fraud.ReasonKeyNotValid, "", "the partner is suspended")
	}
	return partner, key.Number, nil
}

// asFault keeps a refusal a refusal, whatever its type.
func asFault(err error) *fraud.Fault {
	if err == nil {
		return nil
	}
	var f *fraud.Fault
	if !errors.As(err, &f) {
		f = fraud.Refuse(fraud.ReasonSchema, "", "not a valid event")
	}
	return f
}
