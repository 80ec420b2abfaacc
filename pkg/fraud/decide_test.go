package fraud_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// This file is the policy document: what the hub answers, situation by situation.

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// The partners of the document, with weight 0.8 unless said otherwise.
const (
	bank        fraud.PartnerNumber = 1
	otherBank   fraud.PartnerNumber = 2
	sisterBank  fraud.PartnerNumber = 3 // of the same organisation as bank
	police      fraud.PartnerNumber = 4 // weight 1
	regulator   fraud.PartnerNumber = 5 // weight 1
	telco       fraud.PartnerNumber = 6
	newcomer    fraud.PartnerNumber = 7 // a bank in the shadow
	expelled    fraud.PartnerNumber = 8 // a suspended bank
	nobody      fraud.PartnerNumber = 9 // not in the registry
	platformOne fraud.PartnerNumber = 11
)

// asker is a platform without a sharing group.
var asker = &fraud.Partner{Number: platformOne + 9, ID: "asker", Kind: fraud.Platform, State: fraud.Active}

func thePolicy() *fraud.Policy {
	p := fraud.DefaultPolicy()
	p.Protected = fraud.Protect(hotline)
	p.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		partner := &fraud.Partner{Number: n, ID: string(rune('a' + n)), Kind: fraud.Bank, Weight: 0.8, State: fraud.Active}
		switch {
		case n == bank, n == sisterBank:
			partner.Organisation = "group"
		case n == otherBank:
		case n == police:
			partner.Kind, partner.Weight = fraud.Police, 1
		case n == regulator:
			partner.Kind, partner.Weight = fraud.Regulator, 1
		case n == telco:
			partner.Kind = fraud.Telco
		case n == newcomer:
			partner.State = fraud.Shadow
		case n == expelled:
			partner.State = fraud.Suspended
		case n >= platformOne && n < platformOne+10:
			partner.Kind = fraud.Platform
		default:
			return nil, false
		}
		return partner, true
	}
	return &p
}

var (
	account = indicator.Digest{0: 1, 31: 1} // bank and number
	number  = indicator.Digest{0: 2, 31: 2} // the number alone
	page    = indicator.Digest{0: 3, 31: 3}
	site    = indicator.Digest{0: 4, 31: 4} // the page's host
	hotline = indicator.Digest{0: 5, 31: 5} // protected
	another = indicator.Digest{0: 6, 31: 6} // another account of the same number, at another bank
)

// says is a partner's word on a bank account of a minute ago; options change it.
func says(who fraud.PartnerNumber, stance fraud.Stance, options ...func(*fraud.Opinion)) fraud.Opinion {
	o := fraud.Opinion{Digest: account, Type: indicator.BankAccount, Grade: indicator.Exact, Partner: who, Stance: stance}
	if stance.Lists() {
		o.Category, o.Evidence, o.Confidence, o.Advice = 3, fraud.BankSuspected, 80, fraud.Block
	}
	ago(time.Minute)(&o)
	for _, option := range options {
		option(&o)
	}
	return o
}

func ago(d time.Duration) func(*fraud.Opinion) {
	return func(o *fraud.Opinion) { o.Version = fraud.MakeVersion(noon.Add(-d), o.Stance, uuid.UUID{}) }
}
func on(e fraud.Evidence) func(*fraud.Opinion) { return func(o *fraud.Opinion) { o.Evidence = e } }
func sure(percent uint8) func(*fraud.Opinion) {
	return func(o *fraud.Opinion) { o.Confidence = percent }
}
func of(t indicator.Type) func(*fraud.Opinion) { return func(o *fraud.Opinion) { o.Type = t } }
func until(t time.Time) func(*fraud.Opinion) {
	return func(o *fraud.Opinion) { o.ExpiresAt = fraud.SecondsOf(t) }
}

// weakly makes it the word on the number alone that a word on an account carries.
func weakly(origin indicator.Digest) func(*fraud.Opinion) {
	return func(o *fraud.Opinion) {
		o.Digest, o.Grade, o.Origin = number, indicator.Weak, fraud.OriginOf(origin)
	}
}

func exactly(opinions ...fraud.Opinion) []fraud.Match {
	return []fraud.Match{{Digest: account, Grade: indicator.Exact, Opinions: opinions}}
}

func byNumber(opinions ...fraud.Opinion) []fraud.Match {
	return []fraud.Match{{Digest: number, Grade: indicator.Weak, Opinions: opinions}}
}

func tenPlatforms() (all []fraud.Opinion) {
	for i := range fraud.PartnerNumber(10) {
		all = append(all, says(platformOne+i, fraud.Listed, on(fraud.UserReport), sure(100)))
	}
	return all
}

func TestPolicy(t *testing.T) {
	type answer struct {
		Status  fraud.Status
		Matched indicator.Grade
		Advice  fraud.Advice
	}
	var (
		unlisted  = answer{fraud.NotListed, 0, 0}
		suspected = answer{fraud.Suspected, indicator.Exact, fraud.Hold}
		confirmed = answer{fraud.Confirmed, indicator.Exact, fraud.Block}
		disputed  = answer{fraud.InDispute, indicator.Exact, fraud.Observe}
		cleared   = answer{fraud.ClearedUp, indicator.Exact, 0}
		weak      = answer{fraud.Suspected, indicator.Weak, fraud.Warn}
	)
	listed := func(who fraud.PartnerNumber, options ...func(*fraud.Opinion)) fraud.Opinion {
		return says(who, fraud.Listed, options...)
	}
	for _, c := range []struct {
		situation string
		known     []fraud.Match
		want      answer
	}{
		// Who and how many.
		{"nobody said anything", nil, unlisted},
		{"one bank alone", exactly(listed(bank)), suspected},
		{"one bank alone, certain, with a police report", exactly(listed(bank, sure(100), on(fraud.PoliceReport))),
			suspected},
		{"two banks of one organisation", exactly(listed(bank), listed(sisterBank)), suspected},
		{"two independent banks with evidence", exactly(listed(bank), listed(otherBank)), confirmed},
		{"two independent banks, one on a user's word", exactly(listed(bank), listed(otherBank, on(fraud.UserReport))),
			suspected},
		{"two independent banks, one on a model's guess", exactly(listed(bank), listed(otherBank,
			on(fraud.PredictiveEvidence))), suspected},
		{"a bank and a telco with evidence", exactly(listed(bank), listed(telco, on(fraud.ConfirmedLoss))), confirmed},
		{"two independent banks, hardly sure", exactly(listed(bank, sure(20)), listed(otherBank, sure(20))), suspected},
		{"user reports of ten platforms", exactly(tenPlatforms()...), suspected},
		{"the police alone", exactly(listed(police)), confirmed},
		{"the regulator alone", exactly(listed(regulator, on(0))), confirmed},
		{"the police alone, hardly sure", exactly(listed(police, sure(30))), suspected},
		{"advice to observe only is raised to warn", exactly(listed(police,
			func(o *fraud.Opinion) { o.Advice = fraud.Observe })),
			answer{fraud.Confirmed, indicator.Exact, fraud.Warn}},

		// Whose word counts.
		{"a partner in the shadow", exactly(listed(newcomer)), unlisted},
		{"a bank and a partner in the shadow", exactly(listed(bank), listed(newcomer)), suspected},
		{"a suspended partner", exactly(listed(expelled)), unlisted},
		{"an unknown partner", exactly(listed(nobody)), unlisted},
		{"a suspended partner's clear", exactly(listed(bank), says(expelled, fraud.Cleared)), suspected},

		// Taking back, clearing, disputing.
		{"withdrawn", exactly(says(bank, fraud.Withdrawn)), unlisted},
		{"one of two withdrew", exactly(says(bank, fraud.Withdrawn), listed(otherBank)), suspected},
		{"only sighted", exactly(says(bank, fraud.Sighted)), unlisted},
		{"only disputed", exactly(says(bank, fraud.Disputed)), unlisted},
		{"cleared by its holder against two banks", exactly(listed(otherBank), listed(telco), says(bank, fraud.Cleared)),
			cleared},
		{"cleared by the regulator against the police", exactly(listed(police), says(regulator, fraud.Cleared)), cleared},
		{"cleared, and never listed", exactly(says(bank, fraud.Cleared)), cleared},
		{"disputed against two banks", exactly(listed(otherBank), listed(telco), says(bank, fraud.Disputed)), disputed},
		{"cleared and disputed", exactly(listed(otherBank), says(bank, fraud.Cleared), says(telco, fraud.Disputed)), cleared},
		{"the clear has expired", exactly(listed(otherBank), says(bank, fraud.Cleared, until(noon))), suspected},
		{"the dispute has expired", exactly(listed(otherBank), says(bank, fraud.Disputed, until(noon))), suspected},

		// Time.
		{"expires in a second", exactly(listed(bank, until(noon.Add(time.Second)))), suspected},
		{"expires now", exactly(listed(bank, until(noon))), unlisted},
		{"an account of five years ago: only its bank ends it", exactly(listed(bank, ago(5*year))), suspected},
		{"a phone of four half-lives ago", exactly(listed(bank, of(indicator.Phone), ago(40*day))), suspected},
		{"a phone of more than four half-lives ago", exactly(listed(bank, of(indicator.Phone), ago(40*day+time.Minute))),
			unlisted},
		{"a URL of four half-lives ago", exactly(listed(bank, of(indicator.URL), ago(12*day))), suspected},
		{"a URL of more than four half-lives ago", exactly(listed(bank, of(indicator.URL), ago(12*day+time.Minute))),
			unlisted},
		{"a phone that the police listed two half-lives ago", exactly(listed(police, of(indicator.Phone), ago(20*day),
			sure(100))),
			suspected},
		{"a phone that was listed long ago and sighted yesterday",
			exactly(listed(bank, of(indicator.Phone), ago(60*day)), says(telco, fraud.Sighted, of(indicator.Phone),
				ago(day))), suspected},
		{"a phone that the police listed long ago, sighted by a telco just now",
			exactly(listed(police, of(indicator.Phone), ago(60*day)), says(telco, fraud.Sighted, of(indicator.Phone))),
			confirmed},
		{"a sighting by a partner in the shadow",
			exactly(listed(bank, of(indicator.Phone), ago(60*day)), says(newcomer, fraud.Sighted, of(indicator.Phone))),
			unlisted},

		// Weak matches: the account number without its bank.
		{"the number of an account that the police listed", byNumber(listed(police, weakly(account))), weak},
		{"the number of accounts that two banks listed", byNumber(listed(bank, weakly(account)), listed(otherBank,
			weakly(another))), weak},
		{"asked for as if it were exact",
			[]fraud.Match{{Digest: number, Grade: indicator.Exact, Opinions: []fraud.Opinion{listed(police,
				weakly(account))}}}, weak},
		{"the number of an account that its bank cleared", byNumber(listed(otherBank, weakly(account)), says(bank,
			fraud.Cleared, weakly(account))),
			unlisted},
		{"the clear of one account leaves another of its number",
			byNumber(listed(otherBank, weakly(another)), says(bank, fraud.Cleared, weakly(account))), weak},
		{"the clear of one account clears no other of its number", byNumber(says(bank, fraud.Cleared, weakly(account))),
			unlisted},
		{"the dispute of one account leaves another of its number",
			byNumber(listed(otherBank, weakly(another)), says(bank, fraud.Disputed, weakly(account))), weak},
		{"the sighting of one number renews no other",
			byNumber(listed(otherBank, weakly(another), of(indicator.PaymentID), ago(100*day)),
				says(bank, fraud.Sighted, weakly(account), of(indicator.PaymentID))), unlisted},

		// Several expressions, the most specific first.
		{"a broad listing counts in full", []fraud.Match{
			{Digest: page, Grade: indicator.Exact},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{listed(police)}},
		}, answer{fraud.Confirmed, indicator.Prefix, fraud.Block}},
		{"the more severe of two counts", []fraud.Match{
			{Digest: page, Grade: indicator.Exact, Opinions: []fraud.Opinion{listed(bank)}},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{listed(police)}},
		}, answer{fraud.Confirmed, indicator.Prefix, fraud.Block}},
		{"of two alike the more specific counts", []fraud.Match{
			{Digest: page, Grade: indicator.Exact, Opinions: []fraud.Opinion{listed(bank)}},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{listed(otherBank)}},
		}, suspected},
		{"a clear of the page covers the listing of its site", []fraud.Match{
			{Digest: page, Grade: indicator.Exact, Opinions: []fraud.Opinion{says(regulator, fraud.Cleared)}},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{listed(police)}},
		}, cleared},
		{"a clear of the site does not cover the listing of its page", []fraud.Match{
			{Digest: page, Grade: indicator.Exact, Opinions: []fraud.Opinion{listed(police)}},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{says(regulator, fraud.Cleared)}},
		}, confirmed},
		{"a cleared account of a number that is listed elsewhere", []fraud.Match{
			{Digest: account, Grade: indicator.Exact, Opinions: []fraud.Opinion{says(bank, fraud.Cleared)}},
			{Digest: number, Grade: indicator.Weak, Opinions: []fraud.Opinion{listed(police, weakly(another))}},
		}, cleared},

		// Upheld by an authority.
		{"upheld after a dispute", exactly(listed(bank), says(otherBank, fraud.Disputed, ago(time.Hour)),
			says(police, fraud.Upheld)), confirmed},
		{"upheld after a clear", exactly(listed(bank), says(otherBank, fraud.Cleared, ago(time.Hour)),
			says(police, fraud.Upheld)), confirmed},
		{"disputed again since it was upheld", exactly(listed(bank), says(otherBank, fraud.Disputed),
			says(police, fraud.Upheld, ago(time.Hour))), disputed},
		{"cleared again since it was upheld", exactly(listed(bank), says(otherBank, fraud.Cleared),
			says(police, fraud.Upheld, ago(time.Hour))), cleared},
		{"the account of the same number at another bank upheld", byNumber(says(bank, fraud.Listed, weakly(account)),
			says(otherBank, fraud.Cleared, weakly(account), ago(time.Hour)),
			says(police, fraud.Upheld, weakly(another))), weak},
		{"disputed, and nobody renewed it in 14 days", exactly(listed(bank, ago(16*day)),
			says(otherBank, fraud.Disputed, ago(15*day))), unlisted},
		{"disputed for 13 days", exactly(listed(bank, ago(16*day)), says(otherBank, fraud.Disputed, ago(13*day))), disputed},
		{"disputed, and renewed since", exactly(listed(bank, ago(14*day)), says(otherBank, fraud.Disputed, ago(15*day))),
			disputed},
		{"disputed, and one of two renewed it", exactly(listed(police, ago(16*day)), listed(bank, ago(14*day)),
			says(otherBank, fraud.Disputed, ago(15*day))), disputed},

		// Protected.
		{"protected, whoever lists it", []fraud.Match{
			{Digest: hotline, Grade: indicator.Exact, Opinions: []fraud.Opinion{listed(police), listed(bank)}},
		}, cleared},
		{"protected, on a listed site", []fraud.Match{
			{Digest: hotline, Grade: indicator.Exact},
			{Digest: site, Grade: indicator.Prefix, Opinions: []fraud.Opinion{listed(police)}},
		}, cleared},
	} {
		t.Run(c.situation, func(t *testing.T) {
			v := fraud.Decide(c.known, asker, thePolicy(), noon)
			if diff := cmp.Diff(c.want, answer{v.Status, v.Matched, v.Advice}); diff != "" {
				t.Errorf("(-policy +verdict):\n%s", diff)
			}
			if v.KnownFraud() != (v.Status == fraud.Confirmed) {
				t.Error("known fraud is not what is confirmed")
			}
		})
	}
}

func TestVerdictSumsUpWhatStands(t *testing.T) {
	listing := func(who fraud.PartnerNumber, category fraud.Code, d time.Duration, percent uint8) fraud.Opinion {
		o := says(who, fraud.Listed, sure(percent), ago(d))
		o.Category = category
		return o
	}
	got := fraud.Decide(exactly(
		listing(bank, 7, 3*day, 50), listing(sisterBank, 7, 2*day, 30), // one organisation: the stronger counts
		listing(otherBank, 4, day, 75),
		listing(expelled, 9, 9*day, 100), listing(newcomer, 9, 9*day, 100), // these do not
		says(telco, fraud.Sighted, ago(time.Hour)),
	), asker, thePolicy(), noon)
	// What the reporters said: field by field below.
	if got.Status != fraud.Confirmed || got.Score != 76 { // 1 - (1 - 0.8·0.5)(1 - 0.8·0.75)
		t.Errorf("%s with score %d, want confirmed with 76", got.Status, got.Score)
	}
	if got.Reporters != 2 {
		t.Errorf("%d reporters, want the 2 organisations", got.Reporters)
	}
	if diff := cmp.Diff([]fraud.Code{7, 4}, got.Categories); diff != "" {
		t.Errorf("categories, the best supported first: %s", diff)
	}
	first, last := noon.Add(-3*day), noon.Add(-time.Hour)
	if !got.FirstReported.Equal(first) || !got.LastReported.Equal(last) {
		t.Errorf("reported from %s to %s, want %s to %s", got.FirstReported, got.LastReported, first, last)
	}
}

func TestVoidAndHeldWordsDoNotCount(t *testing.T) {
	accepted := func(d time.Duration) func(*fraud.Opinion) {
		return func(o *fraud.Opinion) { o.Accepted = fraud.SecondsOf(noon.Add(-d)) }
	}
	held := func(o *fraud.Opinion) { o.Held = true }
	signedBy := func(k fraud.KeyNumber) func(*fraud.Opinion) { return func(o *fraud.Opinion) { o.SignedBy = k } }
	at := func(d time.Duration) fraud.Seconds { return fraud.SecondsOf(noon.Add(-d)) }
	for _, c := range []struct {
		situation string
		word      fraud.Opinion
		voids     []fraud.Void
		releases  []fraud.Release
		want      fraud.Status
	}{
		{"no void", says(bank, fraud.Listed, accepted(time.Hour)), nil, nil, fraud.Suspected},
		{"accepted since", says(bank, fraud.Listed, accepted(time.Hour)), []fraud.Void{{Since: at(time.Hour)}}, nil,
			fraud.NotListed},
		{"accepted before", says(bank, fraud.Listed, accepted(2*time.Hour)), []fraud.Void{{Since: at(time.Hour)}}, nil,
			fraud.Suspected},
		{"issued long before, accepted since", says(bank, fraud.Listed, ago(6*day), accepted(time.Hour)),
			[]fraud.Void{{Since: at(2 * time.Hour)}}, nil, fraud.NotListed},
		{"accepted after its end", says(bank, fraud.Listed, accepted(time.Hour)),
			[]fraud.Void{{Since: at(3 * time.Hour), Until: at(time.Hour)}}, nil, fraud.Suspected},
		{"of a time when acceptance was not kept", says(bank, fraud.Listed, ago(time.Hour)),
			[]fraud.Void{{Since: at(2 * time.Hour)}}, nil, fraud.NotListed},
		{"by the key", says(bank, fraud.Listed, accepted(time.Hour), signedBy(2)),
			[]fraud.Void{{Since: at(2 * time.Hour), SignedBy: 2}}, nil, fraud.NotListed},
		{"by another key", says(bank, fraud.Listed, accepted(time.Hour), signedBy(1)),
			[]fraud.Void{{Since: at(2 * time.Hour), SignedBy: 2}}, nil, fraud.Suspected},
		{"the second of two voids", says(bank, fraud.Listed, accepted(time.Hour)),
			[]fraud.Void{{Since: at(9 * time.Hour), Until: at(8 * time.Hour)}, {Since: at(2 * time.Hour)}}, nil,
			fraud.NotListed},
		{"held", says(bank, fraud.Listed, accepted(time.Hour), held), nil, nil, fraud.NotListed},
		{"held and released", says(bank, fraud.Listed, accepted(time.Hour), held), nil,
			[]fraud.Release{{Since: at(time.Hour), Until: at(0)}}, fraud.Suspected},
		{"held after what was released", says(bank, fraud.Listed, accepted(time.Hour), held), nil,
			[]fraud.Release{{Since: at(2 * time.Hour), Until: at(time.Hour)}}, fraud.NotListed},
		{"released, and void", says(bank, fraud.Listed, accepted(time.Hour), held), []fraud.Void{{Since: at(2 * time.Hour)}},
			[]fraud.Release{{Since: at(2 * time.Hour), Until: at(0)}}, fraud.NotListed},
		{"a void clear", says(bank, fraud.Cleared, accepted(time.Hour)), []fraud.Void{{Since: at(2 * time.Hour)}}, nil,
			fraud.NotListed},
	} {
		t.Run(c.situation, func(t *testing.T) {
			policy := thePolicy()
			others := policy.Partners
			policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
				p, ok := others(n)
				if n == bank {
					p.Voids, p.Releases = c.voids, c.releases
				}
				return p, ok
			}
			if v := fraud.Decide(exactly(c.word), asker, policy, noon); v.Status != c.want {
				t.Errorf("%s, want %s", v.Status, c.want)
			}
		})
	}
}

// TestWhoIsToldWhat is the table of TLP 2.0 in this hub, walked for every label, group and sort of asker.
func TestWhoIsToldWhat(t *testing.T) {
	const payments, telcos fraud.Group = 5, 4
	source, _ := thePolicy().Partners(bank)
	askers := map[string]*fraud.Partner{
		"member":    {Number: 21, ID: "member", Kind: fraud.EWallet, Groups: fraud.Groups{}.With(payments)},
		"outsider":  {Number: 22, ID: "outsider", Kind: fraud.EWallet, Groups: fraud.Groups{}.With(telcos)},
		"sister":    {Number: 23, ID: "sister", Kind: fraud.Bank, Organisation: source.Organisation},
		"source":    source,
		"police":    {Number: 24, ID: "police", Kind: fraud.Police},
		"regulator": {Number: 25, ID: "regulator", Kind: fraud.Regulator},
	}
	open := []string{"member", "outsider"}
	always := []string{"sister", "source", "police", "regulator"}
	told := map[[2]int][]string{
		{0, 0}: open, {int(fraud.TLPClear), 0}: open, {int(fraud.TLPGreen), 0}: open, {int(fraud.TLPAmber), 0}: open,
		{0, int(payments)}: {"member"}, {int(fraud.TLPAmber), int(payments)}: {"member"},
		{int(fraud.TLPAmberStrict), int(payments)}: {"member"},
	}
	for tlp := fraud.TLP(0); tlp <= fraud.TLPRed; tlp++ {
		for _, group := range []fraud.Group{0, payments} {
			if group != 0 && tlp != 0 && tlp != fraud.TLPAmber && tlp != fraud.TLPAmberStrict {
				continue // such an event is refused
			}
			for name, asker := range askers {
				want := slices.Contains(told[[2]int{int(tlp), int(group)}], name) || slices.Contains(always, name)
				for _, stance := range []fraud.Stance{fraud.Listed, fraud.Upheld, fraud.Cleared, fraud.Disputed} {
					o := says(bank, stance)
					o.TLP, o.Group = tlp, group
					known := exactly(o)
					status := fraud.Suspected
					switch stance {
					case fraud.Cleared:
						want, status = true, fraud.ClearedUp // corrections are for everyone
					case fraud.Disputed:
						known, want, status = exactly(o, says(otherBank, fraud.Listed)), true, fraud.InDispute
					}
					if !want {
						status = fraud.NotListed
					}
					if v := fraud.Decide(known, asker, thePolicy(), noon); v.Status != status {
						t.Errorf("TLP %q, group %d, %s, asked by the %s: %s, want %s", tlp, group, stance, name, v.Status, status)
					}
				}
			}
		}
	}
}
