package fraud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The table is written out by hand: a change of what authorities may do is a change here.
func TestDisputesGoStepByStep(t *testing.T) {
	legal := map[string]string{
		"open":         "under_review",
		"under_review": "upheld corrected cleared restored",
		"corrected":    "restored",
		"cleared":      "restored",
		"lapsed":       "restored",
	}
	for from := fraud.DisputeOpen; from <= fraud.DisputeLapsed; from++ {
		for to := fraud.DisputeOpen; to <= fraud.DisputeLapsed; to++ {
			want := slices.Contains(strings.Fields(legal[from.String()]), to.String())
			if got := from.MayBecome(to); got != want {
				t.Errorf("%s to %s: %t, want %t", from, to, got, want)
			}
		}
	}
}

// disputed is a dispute that partner 1 opened at noon, on a listing of partner 2 of the hour before.
func disputed() (d fraud.DisputeCase, own, listing fraud.Opinion) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	d = fraud.DisputeCase{ID: uuid.MustParse("019a3f00-0000-7000-8000-000000000001"), Opener: 1, OpenedAt: noon,
		IssuedAt: noon, Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: indicator.Digest{7}}}
	word := func(p fraud.PartnerNumber, s fraud.Stance, v fraud.Version) fraud.Opinion {
		return fraud.Opinion{Digest: d.Indicator.Digest, Partner: p, Type: indicator.BankAccount, Grade: indicator.Exact,
			Stance: s, Version: v, Category: 1, Confidence: 80}
	}
	own = word(1, fraud.Disputed, fraud.MakeVersion(noon, fraud.Disputed, d.ID))
	listing = word(2, fraud.Listed, fraud.MakeVersion(noon.Add(-time.Hour), fraud.Listed, d.ID))
	return d, own, listing
}

func TestTheStateOfADisputeFollowsFromStepsAndWords(t *testing.T) {
	d, own, listing := disputed()
	noon := d.OpenedAt
	later := func(o fraud.Opinion, by fraud.PartnerNumber, s fraud.Stance, after time.Duration) fraud.Opinion {
		o.Partner, o.Stance, o.Version = by, s, fraud.MakeVersion(noon.Add(after), s, d.ID)
		return o
	}
	reviewed := fraud.DisputeStep{ID: uuid.UUID{1}, Number: 1, At: noon.Add(time.Hour), By: "police",
		To: fraud.DisputeUnderReview}
	decided := func(to fraud.DisputeState) fraud.DisputeStep {
		return fraud.DisputeStep{ID: uuid.UUID{2}, Number: 2, At: noon.Add(2 * time.Hour), By: "police", To: to,
			Reason: "mistaken_identity", Investigator: "reporter_in_error", Event: uuid.UUID{3}}
	}
	both := []fraud.Opinion{own, listing}
	acknowledged := []fraud.DisputeStep{reviewed}
	upheld := append(slices.Clip(acknowledged), decided(fraud.DisputeUpheld))
	cleared := append(slices.Clone(acknowledged), decided(fraud.DisputeCleared))
	restored := append(slices.Clone(cleared), decided(fraud.DisputeRestored))
	held, expired := own, own
	held.Held = true
	expired.ExpiresAt = fraud.SecondsOf(noon.Add(time.Hour))
	weak := later(listing, 3, fraud.Cleared, time.Hour)
	weak.Grade, weak.Origin = indicator.Weak, 9
	policy := fraud.DefaultPolicy()
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		p := &fraud.Partner{Number: n, ID: fmt.Sprint("p", n), State: fraud.Active}
		if n == 4 {
			p.State = fraud.Shadow
		}
		return p, n < 9
	}
	const day = 24 * time.Hour
	for situation, c := range map[string]struct {
		words []fraud.Opinion
		steps []fraud.DisputeStep
		said  bool
		after time.Duration
		want  string
	}{
		"just opened":               {words: both, want: "open"},
		"nothing is known of words": {want: "open"},
		"nobody acknowledged in a day": {words: both, after: day + 1,
			want: "open overdue [acknowledge]"},
		"nor in three": {words: both, after: 3*day + 1,
			want: "open overdue [acknowledge decide]"},
		"held words are not hurried": {words: []fraud.Opinion{held, listing}, after: 3*day + 1, want: "open not in force"},
		"acknowledged":               {words: both, steps: acknowledged, after: 2 * day, want: "under_review"},
		"acknowledged, and no more": {words: both, steps: acknowledged, after: 3*day + 1,
			want: "under_review overdue [decide]"},
		"decided, and not said": {words: both, steps: upheld, after: day,
			want: "upheld pending mistaken_identity by police"},
		"decided and said": {words: both, steps: cleared, said: true, after: 99 * day,
			want: "cleared mistaken_identity by police"},
		"taken back": {words: []fraud.Opinion{later(own, 1, fraud.Withdrawn, time.Minute), listing}, steps: acknowledged,
			want: "withdrawn"},
		"disputed once more": {words: []fraud.Opinion{later(own, 1, fraud.Disputed, time.Minute), listing},
			want: "withdrawn"},
		"ended by itself": {words: []fraud.Opinion{expired, listing}, after: 2 * time.Hour,
			want: "withdrawn"},
		"cleared by its opener": {words: []fraud.Opinion{later(own, 1, fraud.Cleared, time.Minute), listing},
			want: "cleared by p1"},
		"cleared by another": {words: []fraud.Opinion{own, listing, later(own, 3, fraud.Cleared, time.Minute)},
			want: "cleared by p3"},
		"cleared before": {words: []fraud.Opinion{own, listing, later(own, 3, fraud.Cleared, -time.Minute)},
			want: "open"},
		"cleared by one in shadow": {words: []fraud.Opinion{own, listing, later(own, 4, fraud.Cleared, time.Minute)},
			want: "open"},
		"another with its number cleared": {words: []fraud.Opinion{own, listing, weak}, want: "open"},
		"upheld without a step": {words: []fraud.Opinion{own, listing, later(own, 3, fraud.Upheld, time.Minute)},
			want: "upheld by p3"},
		"renewed by nobody": {words: both, steps: acknowledged, after: 14*day + 1, want: "lapsed"},
		"renewed by its reporter": {words: []fraud.Opinion{own, later(listing, 2, fraud.Listed, day)}, steps: acknowledged, after: 14*day + 1,
			want: "under_review overdue [decide]"},
		"renewed by one in shadow": {words: []fraud.Opinion{own, listing, later(listing, 4, fraud.Listed, day)}, after: 14*day + 1,
			want: "lapsed"},
		"restored after it had been cleared": {words: both, steps: restored, said: true,
			want: "restored mistaken_identity by police"},
	} {
		d.Opinions, d.Steps, d.Said = c.words, c.steps, c.said
		s := d.Status(&policy, noon.Add(c.after))
		got := s.State.String()
		if !s.InForce {
			got += " not in force"
		}
		if s.Overdue != 0 {
			got += fmt.Sprint(" overdue ", s.Overdue.Names())
		}
		if s.Pending {
			got += " pending"
		}
		if s.Reason != "" {
			got += " " + s.Reason
		}
		if s.DecidedBy != "" {
			got += " by " + s.DecidedBy
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", situation, got, c.want)
		}
	}
}

func TestADisputeConcernsWhoOpenedItWhoListedAndAuthorities(t *testing.T) {
	d, own, listing := disputed()
	seen := own
	seen.Partner, seen.Stance = 3, fraud.Sighted
	d.Opinions = []fraud.Opinion{own, listing, seen}
	d.Steps = []fraud.DisputeStep{{By: "p5"}}
	kinds := map[fraud.PartnerNumber]fraud.PartnerKind{5: fraud.Police, 6: fraud.Regulator}
	partner := func(n fraud.PartnerNumber) *fraud.Partner {
		p := &fraud.Partner{Number: n, ID: fmt.Sprint("p", n), Kind: max(kinds[n], fraud.Bank), State: fraud.Active}
		if n == 4 {
			p.Organisation = "p2"
		}
		return p
	}
	policy := fraud.DefaultPolicy()
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) { return partner(n), true }
	got := map[fraud.PartnerNumber]string{}
	for n := fraud.PartnerNumber(1); n <= 6; n++ {
		got[n] = d.Concern(partner(n), &policy).String()
		if d.Mine(partner(n), &policy) {
			got[n] += " mine"
		}
	}
	want := map[fraud.PartnerNumber]string{1: "opener mine", 2: "reporter mine", 3: "", 4: "reporter mine",
		5: "authority mine", 6: "authority"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("concerns (-want +got):\n%s", diff)
	}
}

// The leak test of disputes: what is for authorities is in no other's copy, however it would be written out.
func TestWhoIsNoAuthorityIsToldNeitherNamesNorAnInvestigatorsReason(t *testing.T) {
	d, own, listing := disputed()
	d.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: indicator.Digest{8}}}
	d.Opinions = []fraud.Opinion{own, listing}
	d.Steps = []fraud.DisputeStep{
		{Number: 1, By: "police-force", Key: "police-force.1", To: fraud.DisputeUnderReview},
		{Number: 2, By: "police-force", To: fraud.DisputeCleared, Reason: "victim_not_mule", Investigator: "mule_recruited"},
	}
	policy := fraud.DefaultPolicy()
	names := map[fraud.PartnerNumber]string{1: "holder-bank", 2: "reporter-bank", 3: "stranger"}
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		return &fraud.Partner{Number: n, ID: names[n], Kind: fraud.Bank, State: fraud.Active}, true
	}
	for asker, want := range map[fraud.PartnerNumber]fraud.Concern{1: fraud.AsOpener, 2: fraud.AsReporter, 3: 0} {
		p, _ := policy.Partners(asker)
		seen := d.SeenBy(p, &policy, d.OpenedAt)
		if text := fmt.Sprintf("%+v", seen); seen.As != want || strings.Contains(text, "mule_recruited") ||
			strings.Contains(text, "police") || strings.Contains(text, "-bank") {
			t.Errorf("%s, as %s: %s", p.ID, seen.As, text)
		}
		if (asker == 3) != (seen.ID == uuid.Nil) || (asker == 1) != (seen.Indicator.Also != nil) {
			t.Errorf("%s sees %+v", p.ID, seen)
		}
	}
	police := &fraud.Partner{Number: 9, ID: "police-force", Kind: fraud.Police, State: fraud.Active}
	seen := d.SeenBy(police, &policy, d.OpenedAt)
	if got := fmt.Sprint(seen.As, seen.OpenedBy, seen.Reporters, seen.Investigator, seen.DecidedBy); got !=
		"authorityholder-bank[reporter-bank]mule_recruitedpolice-force" {
		t.Errorf("an authority sees %s", got)
	}
}

func TestAWordThatDecidesStandsOverAllThatWasSaid(t *testing.T) {
	d, own, listing := disputed()
	now := d.IssuedAt.Add(-time.Minute) // the opener's clock is ahead
	ahead := listing
	ahead.Version = fraud.MakeVersion(d.IssuedAt.Add(2*time.Minute), fraud.Cleared, d.ID)
	d.Opinions = []fraud.Opinion{own, ahead}
	if got, want := d.After(now), d.IssuedAt.Add(2*time.Minute+time.Millisecond); !got.Equal(want) {
		t.Errorf("issued at %s, want %s", got, want)
	}
	if got, want := d.After(now.Add(time.Hour)), now.Add(time.Hour); !got.Equal(want) {
		t.Errorf("issued at %s, want %s", got, want)
	}
}

func TestOverdueDisputesComeFirstTheOldestOfThemAtTheTop(t *testing.T) {
	at := func(overdue bool, hour int, id byte) fraud.DisputePlace {
		return fraud.DisputePlace{Overdue: overdue, OpenedAt: time.Unix(int64(hour)*3600, 0), ID: uuid.UUID{id}}
	}
	want := []fraud.DisputePlace{at(true, 1, 9), at(true, 2, 1), at(true, 2, 2), at(false, 8, 3), at(false, 7, 4),
		at(false, 7, 5)}
	for i := range want {
		for j := range want {
			if got := want[i].Before(want[j]); got != (i < j) {
				t.Errorf("%d before %d: %t", i, j, got)
			}
		}
	}
}
