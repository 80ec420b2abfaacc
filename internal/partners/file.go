package partners

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// file is the partner file. Times and words are text here and parsed below, because the YAML library reads a time that
// it does not understand as none: a key that was meant to expire would live for ever.
type file struct {
	Partners    []partnerEntry `yaml:"partners"`
	GatewayKeys []signingEntry `yaml:"gateway_keys"`
}

type partnerEntry struct {
	ID           string         `yaml:"id"`
	Number       int            `yaml:"number"`
	Name         string         `yaml:"name"`
	Kind         string         `yaml:"kind"`
	Organisation string         `yaml:"organisation"`
	Weight       *float64       `yaml:"weight"`
	State        string         `yaml:"state"`
	Quotas       quotasEntry    `yaml:"quotas"`
	Licensed     bool           `yaml:"licensed_platform"`
	Users        uint64         `yaml:"users"`
	Subject      string         `yaml:"mtls_subject"`
	Scopes       []string       `yaml:"mtls_scopes"`
	Sharing      []string       `yaml:"sharing_groups"`
	Platforms    []string       `yaml:"platforms"`
	APIKeys      []apiEntry     `yaml:"api_keys"`
	SigningKeys  []signingEntry `yaml:"signing_keys"`
	Voids        []voidEntry    `yaml:"voids"`
	Releases     []releaseEntry `yaml:"releases"`
}

type quotasEntry struct {
	Requests    int `yaml:"requests"`
	Indicators  int `yaml:"indicators"`
	Distinct    int `yaml:"distinct"`
	Listings    int `yaml:"listings"`
	Retractions int `yaml:"retractions"`
}

type apiEntry struct {
	ID      string   `yaml:"id"`
	SHA256  string   `yaml:"sha256"`
	Scopes  []string `yaml:"scopes"`
	Expires string   `yaml:"expires"`
}

type signingEntry struct {
	ID        string `yaml:"id"`
	Public    string `yaml:"public"`
	NotBefore string `yaml:"not_before"`
	NotAfter  string `yaml:"not_after"`
	// Reason says why the key is bad since not_after, where that is no planned end.
	Reason string `yaml:"reason"`
}

// maxLiveKeys is how many of a partner's API keys may be unexpired: two, so that one can be rotated, and no third that
// everybody has forgotten.
const maxLiveKeys = 2

// maxWords bounds what people write about a partner, in bytes.
const maxWords = 200

// parse reads a partner file. Its error lists every fault, one a line.
func parse(data []byte, now time.Time) (*snapshot, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		// Without the source: a secret may have been pasted into it by mistake.
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if err := dec.Decode(&file{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("a partner file is one YAML document, and here is a second")
	}
	b := newBuilder(now)
	for i := range f.Partners {
		b.partner(fmt.Sprintf("partners[%d]", i), &f.Partners[i])
	}
	b.gateway = f.GatewayKeys
	for i := range f.GatewayKeys {
		b.signingKey(fmt.Sprintf("gateway_keys[%d]", i), &f.GatewayKeys[i], nil, 0)
	}
	if len(f.Partners) == 0 {
		b.fault("partners", "is empty: a hub without partners answers nobody")
	}
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults...)
	}
	return &b.snapshot, nil
}

// builder makes a snapshot and collects faults.
type builder struct {
	snapshot
	now     time.Time
	publics map[string]string            // public key → where it stands
	hashes  map[[sha256.Size]byte]string // secret's hash → where it stands
	faults  []error
}

func newBuilder(now time.Time) *builder {
	return &builder{now: now, snapshot: snapshot{
		byID: map[string]*fraud.Partner{}, byNumber: map[fraud.PartnerNumber]*fraud.Partner{},
		names: map[fraud.PartnerNumber]string{}, apiKeys: map[string]*apiKey{},
		signingKeys: map[string]fraud.SigningKey{}, bySubject: map[string]fraud.Identity{},
	}, publics: map[string]string{}, hashes: map[[sha256.Size]byte]string{}}
}

func (b *builder) fault(at, format string, args ...any) {
	b.faults = append(b.faults, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (b *builder) partner(at string, e *partnerEntry) {
	at = named(at, e.ID)
	p := &fraud.Partner{Number: fraud.PartnerNumber(e.Number), ID: e.ID, Organisation: e.Organisation, Weight: 1,
		State: fraud.Active, Quotas: fraud.Quotas(e.Quotas)}
	if !idPattern.MatchString(e.ID) {
		b.fault(at+".id", "must be 1 to 48 of a-z 0-9 . - and begin with a letter or digit")
	}
	if e.Number < 1 || e.Number > 1<<16-2 {
		b.fault(at+".number", "must be 1 to 65534, and never that of a former partner: stored rows bear it")
	}
	if e.Name == "" {
		b.fault(at+".name", "is required")
	}
	if err := p.Kind.UnmarshalText([]byte(e.Kind)); err != nil {
		b.fault(at+".kind", "%v", err)
	}
	if p.Organisation == "" {
		p.Organisation = e.ID
	}
	if e.Weight != nil {
		p.Weight = *e.Weight
	}
	if !(p.Weight >= 0 && p.Weight <= 1) { // refuses NaN too
		b.fault(at+".weight", "must be 0 to 1")
	}
	if e.State != "" {
		if err := p.State.UnmarshalText([]byte(e.State)); err != nil {
			b.fault(at+".state", "%v", err)
		}
	}
	if q := p.Quotas; min(q.Requests, q.Indicators, q.Distinct, q.Listings, q.Retractions) < 0 {
		b.fault(at+".quotas", "none may be below 0; 0 is the hub's default")
	}
	if len(e.Name) > maxWords || len(e.Organisation) > maxWords {
		b.fault(at, "name and organisation have %d bytes at most", maxWords)
	}
	for i, name := range e.Sharing {
		group, ok := taxonomy().Group.Code(name)
		if !ok || group == 0 || slices.Contains(e.Sharing[:i], name) {
			b.fault(fmt.Sprintf("%s.sharing_groups[%d]", at, i), "must be one of %s, and stand once",
				strings.Join(taxonomy().Group.Names(), ", "))
			continue
		}
		p.Groups = p.Groups.With(fraud.Group(group))
	}
	for i, name := range e.Platforms {
		platform, ok := taxonomy().Platform.Code(name)
		if !ok || platform == 0 || slices.Contains(e.Platforms[:i], name) {
			b.fault(fmt.Sprintf("%s.platforms[%d]", at, i),
				"must be a term of schemas/taxonomy/platform.json, such as facebook, and stand once")
			continue
		}
		p.Runs = append(p.Runs, platform)
	}
	if b.byID[p.ID] != nil {
		b.fault(at+".id", "stands twice")
	}
	if other := b.byNumber[p.Number]; other != nil {
		b.fault(at+".number", "%d is the number of %s already", p.Number, other.ID)
	}
	b.byID[p.ID], b.byNumber[p.Number], b.names[p.Number] = p, p, e.Name
	b.all = append(b.all, *p)
	record := fraud.PartnerRecord{Partner: *p, Name: e.Name, Licensed: e.Licensed, Users: e.Users, Subject: e.Subject,
		SubjectScopes: b.subject(at, e, p), Sharing: e.Sharing, Platforms: e.Platforms}
	live := 0
	for i := range e.APIKeys {
		k := b.apiKey(fmt.Sprintf("%s.api_keys[%d]", at, i), &e.APIKeys[i], p)
		if k.validAt(b.now) {
			live++
		}
		record.APIKeys = append(record.APIKeys, fraud.APIKeyRecord{ID: k.identity.KeyID, SHA256: k.hash,
			Scopes: k.identity.Scopes, Expires: k.expires})
	}
	if live > maxLiveKeys {
		b.fault(at+".api_keys", "%d have not expired, and %d may be live: end the ones that were rotated", live,
			maxLiveKeys)
	}
	for i := range e.SigningKeys {
		k := b.signingKey(fmt.Sprintf("%s.signing_keys[%d]", at, i), &e.SigningKeys[i], p, fraud.KeyNumberOf(i))
		record.SigningKeys = append(record.SigningKeys, fraud.SigningKeyRecord{SigningKey: k,
			Reason: e.SigningKeys[i].Reason})
	}
	b.voids(at, e, p, &record)
	b.releases(at, e, p, &record)
	record.Voids, record.Releases = p.Voids, p.Releases
	b.all[len(b.all)-1] = *p
	b.records = append(b.records, fraud.PartnerRevision{PartnerRecord: record})
}

// subject adds the partner's certificate.
func (b *builder) subject(at string, e *partnerEntry, p *fraud.Partner) fraud.Scope {
	scopes, err := fraud.ParseScopes(e.Scopes...)
	if err != nil {
		b.fault(at+".mtls_scopes", "%v", err)
	}
	if e.Subject == "" {
		if scopes != 0 {
			b.fault(at+".mtls_scopes", "is for a partner with an mtls_subject: it would have no effect")
		}
		return scopes
	}
	if err := fraud.CheckSubject(e.Subject); err != nil {
		b.fault(at+".mtls_subject", "%v", err)
	}
	if other, twice := b.bySubject[e.Subject]; twice {
		b.fault(at+".mtls_subject", "is that of %s: a certificate proves to be one partner", other.Partner.ID)
	}
	b.bySubject[e.Subject] = fraud.Identity{Partner: p, Scopes: scopes}
	return scopes
}

func (b *builder) apiKey(at string, e *apiEntry, p *fraud.Partner) *apiKey {
	at = named(at, e.ID)
	k := &apiKey{identity: fraud.Identity{Partner: p, KeyID: e.ID}, expires: b.time(at+".expires", e.Expires)}
	if !idPattern.MatchString(e.ID) {
		b.fault(at+".id", "must be 1 to 48 of a-z 0-9 . - and begin with a letter or digit")
	} else if b.apiKeys[e.ID] != nil {
		b.fault(at+".id", "stands twice: ids of API keys are the hub's, not the partner's")
	}
	hash, err := hex.DecodeString(e.SHA256)
	if err != nil || len(hash) != sha256.Size {
		b.fault(at+".sha256",
			"must be the 64 hexadecimal digits that were printed with the key, never the key itself")
	} else {
		k.hash = [sha256.Size]byte(hash)
		if other, twice := b.hashes[k.hash]; twice {
			b.fault(at+".sha256", "is that of %s: every key has a secret of its own", other)
		}
		b.hashes[k.hash] = at
	}
	if k.identity.Scopes, err = fraud.ParseScopes(e.Scopes...); err != nil {
		b.fault(at+".scopes", "%v", err)
	} else if k.identity.Scopes == 0 {
		b.fault(at+".scopes", "is empty: a key that may do nothing")
	}
	b.apiKeys[e.ID] = k
	return k
}

// signingKey adds a partner's key, or the gateway's when p is nil.
func (b *builder) signingKey(at string, e *signingEntry, p *fraud.Partner, n fraud.KeyNumber) fraud.SigningKey {
	at = named(at, e.ID)
	k := fraud.SigningKey{ID: e.ID, Gateway: p == nil, Number: n}
	k.NotBefore, k.NotAfter = b.time(at+".not_before", e.NotBefore), b.time(at+".not_after", e.NotAfter)
	if p != nil {
		k.Partner = p.Number
	}
	if !idPattern.MatchString(e.ID) {
		b.fault(at+".id", "must be 1 to 48 of a-z 0-9 . - and begin with a letter or digit")
	} else if _, twice := b.signingKeys[e.ID]; twice {
		b.fault(at+".id", "stands twice: ids of signing keys are the hub's, not the partner's")
	}
	public, err := base64.StdEncoding.Strict().DecodeString(e.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		b.fault(at+".public", "must be the 32 bytes of an Ed25519 public key in standard base64")
	} else if other, twice := b.publics[string(public)]; twice {
		b.fault(at+".public", "is that of %s: every key is a pair of its own", other)
	}
	// A key that was bad before it began was never good: that is no mistake.
	if e.Reason == "" && !k.NotBefore.IsZero() && !k.NotAfter.IsZero() && !k.NotAfter.After(k.NotBefore) {
		b.fault(at+".not_after", "must be later than not_before")
	}
	k.Public = public
	b.publics[string(public)] = at
	b.signingKeys[e.ID] = k
	return k
}

func (b *builder) time(at, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		b.fault(at, "must be a time like 2027-01-31T00:00:00+08:00")
	}
	return t
}

// taxonomy is that which the program was built with.
var taxonomy = sync.OnceValue(func() *fraud.Taxonomy {
	t, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		panic(err) // of an embedded file: a test loads it
	}
	return t
})

// named adds an id to a place in the file where it is fit to print.
func named(at, id string) string {
	if !idPattern.MatchString(id) {
		return at
	}
	return at + " (" + id + ")"
}
