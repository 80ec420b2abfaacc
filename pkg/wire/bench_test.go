package wire

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

var benchNow = time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)

func benchEvents(n int) []fraud.Event {
	events := make([]fraud.Event, n)
	for i := range events {
		e := &events[i]
		e.ID = uuid.MustParse(fmt.Sprintf("01932f3e-7b00-7000-8000-%012x", i))
		e.Kind = fraud.Report
		e.IssuedAt = benchNow.Add(time.Duration(i) * time.Millisecond)
		e.Indicator.Type = indicator.BankAccount
		e.Indicator.Epoch = 1
		binary.BigEndian.PutUint64(e.Indicator.Digest[:], uint64(i)*0x9E3779B97F4A7C15+1)
		also := fraud.Also{Grade: indicator.Weak}
		binary.BigEndian.PutUint64(also.Digest[:], uint64(i)*0x9E3779B97F4A7C15+2)
		e.Indicator.Also = []fraud.Also{also}
		e.Category = "macau_scam"
		e.Role = fraud.Mule
		e.Confidence = 80
		e.Evidence = fraud.PoliceReport | fraud.ConfirmedLoss
		e.ObservedAt = benchNow.Add(-time.Hour)
		e.TLP = fraud.TLPAmber
		e.Advice = fraud.Hold
		e.Institution = "MBBEMYKL"
		e.Region = "MY-10"
		e.LossBand = fraud.LossUnder100K
		e.Case = "case-4711"
	}
	return events
}

type oneKey struct {
	key     fraud.SigningKey
	partner fraud.Partner
}

func (r *oneKey) SigningKey(id string) (fraud.SigningKey, bool) { return r.key, id == r.key.ID }
func (r *oneKey) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	return &r.partner, n == r.partner.Number
}
func (r *oneKey) PartnerByID(id string) (*fraud.Partner, bool) { return &r.partner, id == r.partner.ID }

func BenchmarkOpen(b *testing.B) {
	priv := ed25519.NewKeyFromSeed(make([]byte, 32))
	reg := &oneKey{fraud.SigningKey{ID: "k1", Public: priv.Public().(ed25519.PublicKey), Partner: 1}, fraud.Partner{Number: 1, ID: "bank-a", State: fraud.Active}}
	s := Signer{KeyID: "k1", Key: priv}
	m, err := s.Seal(uuid.Must(uuid.NewV7()), "bank-a", benchNow, benchEvents(500))
	if err != nil {
		b.Fatal(err)
	}
	v := Verifier{Registry: reg}
	b.SetBytes(int64(len(m.Value)))
	b.ReportAllocs()
	for b.Loop() {
		bundle, err := v.Open(m.Headers, m.Value, benchNow)
		if err != nil {
			b.Fatal(err)
		}
		for i := range bundle.Items {
			if bundle.Items[i].Fault != nil {
				b.Fatal(bundle.Items[i].Fault)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/event")
	b.ReportMetric(float64(len(m.Value))/500, "B/event")
}

func BenchmarkVerify(b *testing.B) {
	priv := ed25519.NewKeyFromSeed(make([]byte, 32))
	msg := make([]byte, 500*640)
	sig := ed25519.Sign(priv, msg)
	pub := priv.Public().(ed25519.PublicKey)
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		if !ed25519.Verify(pub, msg, sig) {
			b.Fatal()
		}
	}
}
