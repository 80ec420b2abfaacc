package fraud_test

import (
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
	if stance == fraud.Listed {
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
			v := fraud.Decide(c.known, thePolicy(), noon)
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
	), thePolicy(), noon)
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
