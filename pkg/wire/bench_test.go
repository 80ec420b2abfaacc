package wire_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// fullBundle is a bundle of 500 events with nearly every field, about 580 bytes each.
func fullBundle(b *testing.B) wire.Message {
	events := reports(wire.MaxEvents)
	for i := range events {
		e := &events[i]
		binary.BigEndian.PutUint32(e.ID[12:], uint32(i))
		e.Indicator.Type = indicator.BankAccount
		for j := range 4 {
			binary.BigEndian.PutUint64(e.Indicator.Digest[8*j:], (uint64(i)+1)*0x9E3779B97F4A7C15*uint64(j+1))
		}
		also := fraud.Also{Grade: indicator.Weak, Digest: e.Indicator.Digest}
		also.Digest[0]++
		e.Indicator.Also = []fraud.Also{also}
		e.Role, e.Evidence = fraud.Mule, fraud.PoliceReport|fraud.ConfirmedLoss
		e.ObservedAt = now.Add(-time.Hour)
		e.TLP, e.Advice, e.LossBand = fraud.TLPAmber, fraud.Hold, fraud.LossUnder100K
		e.Institution, e.Region, e.Case = "MBBEMYKL", "MY-10", "case-4711"
	}
	return seal(b, events)
}

// perEvent reports times and sizes by event.
func perEvent(b *testing.B, value []byte) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/wire.MaxEvents, "ns/event")
	b.ReportMetric(float64(len(value))/wire.MaxEvents, "B/event")
}

// BenchmarkOpen is what ingest pays for a bundle of 500 events: signature, JSON, validation.
func BenchmarkOpen(b *testing.B) {
	m := fullBundle(b)
	b.ReportAllocs()
	for b.Loop() {
		if o, err := hub.Open(m.Headers, m.Value, now); err != nil || o.Items[499].Fault != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, m.Value)
}

// BenchmarkSignature is the share of BenchmarkOpen that is Ed25519's: most of it is SHA-512 over the value.
func BenchmarkSignature(b *testing.B) {
	value := fullBundle(b).Value
	signature, public := ed25519.Sign(testKey, value), testKey.Public().(ed25519.PublicKey)
	for b.Loop() {
		if !ed25519.Verify(public, value, signature) {
			b.Fatal("bad signature")
		}
	}
	perEvent(b, value)
}

// BenchmarkSeal is what a publisher pays for a bundle of 500 events.
func BenchmarkSeal(b *testing.B) {
	m := fullBundle(b)
	opened := open(m).Opened
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Seal(id, "bank-a", now, opened); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, m.Value)
}
