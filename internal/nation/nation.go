// Package nation is a synthetic country: fictional partners and a set of scam indicators of the size that Malaysia's
// public register had (Semak Mule, 31 October 2024: 222,092 accounts, 181,628 phones; and 20,000 URLs beside them),
// for the demo, the fault tests and the benchmarks.
//
//	seed, i ──▶ Case(i): a raw value, who reports it, how sure, how long ago    the same every time
//
// A case is computed from its number, so that a set of any size needs no memory and every process agrees on it.
package nation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The size of the whole set.
const (
	Accounts = 222_092
	Phones   = 181_628
	URLs     = 20_000
	Size     = Accounts + Phones + URLs
)

// Partners are the fictional partners, a dozen of all kinds.
func Partners() []fraud.Partner {
	kinds := []struct {
		id   string
		kind fraud.PartnerKind
	}{
		{"bank-harimau", fraud.Bank}, {"bank-kenari", fraud.Bank}, {"bank-penyu", fraud.Bank},
		{"bank-seladang", fraud.Bank}, {"wallet-cincin", fraud.EWallet}, {"platform-wau", fraud.Platform},
		{"platform-congkak", fraud.Platform}, {"market-gasing", fraud.Platform}, {"telco-rebana", fraud.Telco},
		{"telco-sape", fraud.Telco}, {"police-ccid", fraud.Police}, {"regulator-bank", fraud.Regulator},
		{"regulator-comms", fraud.Regulator},
	}
	all := make([]fraud.Partner, len(kinds))
	for i, k := range kinds {
		all[i] = fraud.Partner{
			Number: fraud.PartnerNumber(i + 1), ID: k.id, Kind: k.kind, Organisation: k.id, Weight: 1, State: fraud.Active,
		}
	}
	return all
}

// Set is a country of a given size and seed.
type Set struct {
	seed                   uint64
	accounts, phones, urls int
	partners               map[fraud.PartnerKind][]fraud.Partner
}

// New makes a set of n indicators in the proportions of the whole; n ≤ 0 means Size.
func New(seed uint64, n int) *Set {
	if n <= 0 {
		n = Size
	}
	s := &Set{seed: seed, phones: n * Phones / Size, urls: n * URLs / Size, partners: map[fraud.PartnerKind][]fraud.Partner{}}
	s.accounts = n - s.phones - s.urls
	for _, p := range Partners() {
		s.partners[p.Kind] = append(s.partners[p.Kind], p)
	}
	return s
}

// Len is the number of indicators.
func (s *Set) Len() int { return s.accounts + s.phones + s.urls }

// Case is one indicator of the set and what is said about it.
type Case struct {
	Type indicator.Type
	Raw  indicator.Raw
	// Words are the reports, one of each partner that lists it.
	Words []Word
	// Host is the front page of a host with other pages of the set; "" without.
	Host indicator.Raw
}

// Word is one partner's report.
type Word struct {
	Partner    string
	Category   string
	Role       fraud.Role
	Confidence uint8
	Evidence   fraud.Evidence
	Advice     fraud.Advice
	// Incident names the case of the partner that the indicator belongs to; "" for none.
	Incident string
	// Platform is where it was met, a term of the taxonomy; "" for none.
	Platform string
	// Ago is how long before the present it was issued: up to six days, so that no seeding is refused as too old.
	Ago time.Duration
}

// Case computes the i-th case, 0 ≤ i < Len.
func (s *Set) Case(i int) Case {
	r := rand.New(rand.NewPCG(s.seed, uint64(i)))
	var c Case
	switch {
	case i < s.accounts:
		c = s.account(r)
	case i < s.accounts+s.phones:
		c = s.phone(r)
	default:
		page := i - s.accounts - s.phones
		if first := page - page%pagesOfHost; first/pagesOfHost%hostsApart == 0 {
			host := hostOf(rand.New(rand.NewPCG(s.seed+1, uint64(first))))
			c = s.url(r, host, i)
			c.Host = indicator.Raw("https://" + host + "/")
		} else {
			c = s.url(r, hostOf(r), i)
		}
	}
	s.incident(&c, i)
	c.place(s.seed, i)
	return c
}

// Of hosts with several pages one in so many is known by all of them; and in one of so many incidents a bank tells what
// belongs together: two accounts, two phones and a page.
const (
	pagesOfHost    = 3
	hostsApart     = 4
	incidentsApart = 5
)

// incident lets a bank report the case as a part of an incident, if it is of one.
func (s *Set) incident(c *Case, i int) {
	k := i / 2 // of accounts
	switch {
	case i >= s.accounts+s.phones:
		k = i - s.accounts - s.phones
	case i >= s.accounts:
		k = (i - s.accounts) / 2
	}
	if k >= s.urls || k%incidentsApart != 0 {
		return
	}
	banks := s.partners[fraud.Bank]
	name, bank := fmt.Sprintf("incident-%d", k), banks[k/incidentsApart%len(banks)].ID
	for j := range c.Words {
		if c.Words[j].Partner == bank {
			c.Words[j].Incident = name
			return
		}
	}
	w := c.Words[0]
	w.Partner, w.Incident, w.Evidence = bank, name, fraud.ConfirmedLoss
	c.Words = append(c.Words, w)
}

// Other is a value of the same shapes that the set does not hold, but for chance.
func (s *Set) Other(i int) Case {
	c := s.other(i)
	c.place(^s.seed, i)
	return c
}

func (s *Set) other(i int) Case {
	r := rand.New(rand.NewPCG(^s.seed, uint64(i)))
	switch i % 20 {
	case 0:
		return s.url(r, hostOf(r), i+1<<40)
	case 1, 2, 3, 4, 5, 6, 7, 8:
		return s.phone(r)
	default:
		return s.account(r)
	}
}

// accountShapes are banks with the usual lengths of their account numbers.
var accountShapes = []struct {
	bank   string
	digits int
}{
	{"MBBEMYKL", 12}, {"CIBBMYKL", 10}, {"PBBEMYKL", 10}, {"RHBBMYKL", 14}, {"HLBBMYKL", 11}, {"ARBKMYKL", 13}, {"BIMBMYKL", 14},
}

func (s *Set) account(r *rand.Rand) Case {
	shape := accountShapes[r.IntN(len(accountShapes))]
	number := make([]byte, shape.digits)
	for i := range number {
		number[i] = '0' + byte(r.IntN(10))
	}
	c := Case{Type: indicator.BankAccount, Raw: indicator.Raw(shape.bank + ":" + string(number))}
	category := pick(r, "telecommunication", "e_commerce", "investment", "loan", "love_parcel")
	c.Words = s.words(r, category, fraud.Mule, fraud.Hold, fraud.BankSuspected|fraud.ConfirmedLoss, fraud.Bank, fraud.Bank, fraud.EWallet)
	return c
}

func (s *Set) phone(r *rand.Rand) Case {
	prefix := pick(r, "012", "013", "016", "017", "019")
	c := Case{
		Type: indicator.Phone,
		Raw:  indicator.Raw(fmt.Sprintf("%s-%03d %04d", prefix, 200+r.IntN(800), r.IntN(10000))),
	}
	category := pick(r, "telecommunication", "telecommunication", "loan", "love_parcel", "online_gambling")
	c.Words = s.words(r, category, fraud.Caller, fraud.Warn, fraud.UserReport|fraud.PlatformActioned, fraud.Telco, fraud.Bank, fraud.Platform)
	return c
}

func hostOf(r *rand.Rand) string {
	return fmt.Sprintf("%s-%s-%x.%s", pick(r, "secure", "login", "bonus", "parcel", "invest", "wallet"),
		pick(r, "my", "kl", "asia", "help", "promo"), r.Uint32(), pick(r, "example", "test", "invalid"))
}

func (s *Set) url(r *rand.Rand, host string, i int) Case {
	c := Case{Type: indicator.URL, Raw: indicator.Raw(fmt.Sprintf("https://%s/%s?id=%d", host, pick(r, "claim", "verify", "pay", "apply"), i))}
	category := pick(r, "e_finance", "e_commerce", "investment", "online_gambling")
	c.Words = s.words(r, category, fraud.Lure, fraud.Block, fraud.PlatformActioned|fraud.UserReport, fraud.Platform, fraud.Regulator, fraud.Bank)
	return c
}

// words lets one partner of the first kind report; every fourth time one of the second kind agrees, and every tenth
// time a third kind or the police do.
func (s *Set) words(r *rand.Rand, category string, role fraud.Role, advice fraud.Advice, evidence fraud.Evidence, kinds ...fraud.PartnerKind) []Word {
	ago := time.Duration(r.Int64N(int64(6 * 24 * time.Hour)))
	word := func(kind fraud.PartnerKind, e fraud.Evidence) Word {
		list := s.partners[kind]
		ago = ago * time.Duration(50+r.IntN(50)) / 100
		return Word{
			Partner: list[r.IntN(len(list))].ID, Category: category, Role: role, Advice: advice, Evidence: e,
			Confidence: uint8(50 + r.IntN(46)), Ago: ago,
		}
	}
	words := []Word{word(kinds[0], evidence)}
	if r.IntN(4) == 0 {
		words = append(words, word(kinds[1], evidence))
	}
	if r.IntN(10) == 0 {
		kind := kinds[2]
		if r.IntN(2) == 0 {
			kind = fraud.Police
		}
		words = append(words, word(kind, evidence|fraud.PoliceReport))
	}
	return words
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// Ref parses and digests the case's value; the reports list its host, too, if it has one.
func (c *Case) Ref(ring *indicator.KeyRing) (fraud.Ref, error) {
	parsed, err := indicator.Parse(c.Type, c.Raw)
	if err != nil {
		return fraud.Ref{}, err
	}
	ref := fraud.Ref{Type: c.Type, Epoch: ring.Epoch(), Digest: ring.DigestOf(parsed.Report[0])}
	for _, e := range parsed.Report[1:] {
		ref.Also = append(ref.Also, fraud.Also{Grade: e.Grade, Digest: ring.DigestOf(e)})
	}
	if c.Host != "" {
		page, err := indicator.Parse(indicator.URL, c.Host)
		if err != nil {
			return fraud.Ref{}, err
		}
		ref.Also = append(ref.Also, fraud.Also{Grade: indicator.Prefix, Digest: ring.DigestOf(page.Report[0])})
	}
	return ref, nil
}

// Event makes the report that w is, as of now.
func (w *Word) Event(ref fraud.Ref, now time.Time) fraud.Event {
	return fraud.Event{
		ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: now.Add(-w.Ago).UTC().Truncate(time.Millisecond),
		Indicator: ref, Category: w.Category, Role: w.Role, Confidence: w.Confidence, Evidence: w.Evidence,
		TLP: fraud.TLPAmber, Advice: w.Advice, Case: w.Incident, Platform: w.Platform,
	}
}
