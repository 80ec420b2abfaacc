package indicator_test

import (
	"testing"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// BenchmarkParse measures one value of each type from raw to indicator.
func BenchmarkParse(b *testing.B) {
	for typ, raw := range map[indicator.Type]indicator.Raw{
		indicator.BankAccount:   "maybank:1640 1234 5678",
		indicator.PaymentID:     "nric:900101-14-5678",
		indicator.Phone:         "012-345 6789",
		indicator.URL:           "https://www.evil.example/a/../b/c.html?x=1&y=%20z",
		indicator.Domain:        "login.secure.evil.example",
		indicator.Email:         "s.cam+bank@gmail.com",
		indicator.CryptoAddress: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		indicator.SocialAccount: "facebook:@Evil.Shop",
	} {
		b.Run(typ.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := indicator.Parse(typ, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDigest measures one digest at epoch 2.
func BenchmarkDigest(b *testing.B) {
	_, ring := testRings(b)
	b.ReportAllocs()
	for b.Loop() {
		ring.Digest(indicator.Phone, "+60123456789")
	}
}
