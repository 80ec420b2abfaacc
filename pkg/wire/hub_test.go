package wire_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// registry is a registry in memory.
type registry struct {
	keys     map[string]fraud.SigningKey
	partners map[string]*fraud.Partner
}

func (r registry) SigningKey(id string) (fraud.SigningKey, bool) { k, ok := r.keys[id]; return k, ok }

func (r registry) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	for _, p := range r.partners {
		if p.Number == n {
			return p, true
		}
	}
	return nil, false
}

func (r registry) PartnerByID(id string) (*fraud.Partner, bool) {
	p, ok := r.partners[id]
	return p, ok
}

var (
	now = time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)
	id  = uuid.MustParse("019aa08f-2c00-7000-8000-0000000000b1")
	// testKey is good for nothing but tests.
	testKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer  = wire.Signer{KeyID: "bank-a-1", Key: testKey}
	hub     = wire.Verifier{Registry: registry{
		keys: map[string]fraud.SigningKey{
			"bank-a-1": {ID: "bank-a-1", Public: testKey.Public().(ed25519.PublicKey), Partner: 1},
			"broken":   {ID: "broken", Public: []byte("short"), Partner: 1},
		},
		partners: map[string]*fraud.Partner{"bank-a": {Number: 1, ID: "bank-a", Kind: fraud.Bank, State: fraud.Active}},
	}}
)

func report(n byte) fraud.Event {
	e := fraud.Event{
		ID: id, Kind: fraud.Report, IssuedAt: now.Add(-time.Second), Category: "macau_scam", Confidence: 80,
		Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1, Digest: indicator.Digest{0: 1, 31: n}},
	}
	e.ID[15] = n
	return e
}

func reports(n int) []fraud.Event {
	all := make([]fraud.Event, n)
	for i := range all {
		all[i] = report(byte(i))
	}
	return all
}

func seal(t testing.TB, events []fraud.Event) wire.Message {
	t.Helper()
	m, err := signer.Seal(id, "bank-a", now, events)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// signRaw seals any bytes as a bundle's value.
func signRaw(t testing.TB, value []byte) wire.Message {
	t.Helper()
	m := seal(t, reports(1))
	m.Value = value
	covered := "waspada/bundle/1\x00my.waspada\x00" + id.String() + "\x00/partners/bank-a\x00" + string(value)
	setHeader(m.Headers, wire.HeaderSignature, encode(ed25519.Sign(testKey, []byte(covered))))
	return m
}

// outcome is what became of a message, without its hints.
type outcome struct {
	Whole  fraud.Fault
	Items  []fraud.Fault // the zero fault for an event that stands
	Opened []fraud.Event
}

func open(m wire.Message) outcome { return openAt(&hub, m, now) }

func openAt(v *wire.Verifier, m wire.Message, appended time.Time) (o outcome) {
	bundle, err := v.Open(m.Headers, m.Value, appended)
	if err != nil {
		o.Whole = *err.(*fraud.Fault)
		return o
	}
	for _, item := range bundle.Items {
		if item.Fault != nil {
			o.Items = append(o.Items, *item.Fault)
			continue
		}
		o.Items = append(o.Items, fraud.Fault{})
		o.Opened = append(o.Opened, item.Event)
	}
	return o
}

var (
	withoutHints = cmpopts.IgnoreFields(fraud.Fault{}, "Hint")
	sameEvents   = cmpopts.EquateEmpty()
)

// tester is a testing.TB or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

func diff(t tester, want, got any, options ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, options...); d != "" {
		t.Errorf("want (-) and got (+) differ:\n%s", d)
	}
}
