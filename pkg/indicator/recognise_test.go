package indicator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestRecogniseOrdersTypesByLikelihood(t *testing.T) {
	const (
		account, payment, phone = indicator.BankAccount, indicator.PaymentID, indicator.Phone
		url, domain, email      = indicator.URL, indicator.Domain, indicator.Email
		crypto, social          = indicator.CryptoAddress, indicator.SocialAccount
	)
	for raw, want := range map[indicator.Raw][]indicator.Type{
		"012-345 6789":            {phone, account},
		"+60 12-345 6789":         {phone},
		"164012345678":            {account},
		"maybank:1640.1234.5678":  {account},
		"CIMB 8001234567":         {account},
		"mobile:012-345 6789":     {payment},
		"tng:161234567890":        {payment},
		"evil.example":            {domain, url},
		"evil.example/login":      {url},
		"hxxps://evil[.]example/": {url},
		"http://ｅｖｉｌ。ｅｘａｍｐｌｅ/": {url},
		"com.my":                 {url},
		"195.127.0.11":           {url},
		"scam@evil.example":      {email, url},
		"https://t.me/evil_shop": {social, url},
		"facebook:@evilshop":     {social},
		"bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": {crypto},
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed": {crypto},
		"MAYBANK": nil,
		"999":     nil,
		"":        nil,
		"\x00":    nil,
		"\xff":    nil,
	} {
		if diff := cmp.Diff(want, indicator.Recognise(raw)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", string(raw), diff)
		}
	}
}
