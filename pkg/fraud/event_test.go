package fraud_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func goodEvent() fraud.Event {
	return fraud.Event{
		ID: uuid.UUID{6: 0x70, 8: 0x80, 15: 1}, Kind: fraud.Report, IssuedAt: noon,
		Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: account,
			Also: []fraud.Also{{Grade: indicator.Weak, Digest: number}}},
		Category: "telecommunication", Confidence: 80, Evidence: fraud.BankSuspected, Case: "A-1_b.c:d",
	}
}

func TestValidate(t *testing.T) {
	type fault struct {
		Reason  fraud.Reason
		Pointer string
	}
	schema := func(pointer string) fault { return fault{fraud.ReasonSchema, pointer} }
	other := func(k fraud.Kind) func(*fraud.Event) {
		return func(e *fraud.Event) { e.Kind, e.Category, e.Confidence = k, "", 0 }
	}
	for _, c := range []struct {
		situation string
		change    func(*fraud.Event)
		want      fault
	}{
		{"a whole report", func(*fraud.Event) {}, fault{}},
		{"a withdrawal", other(fraud.Withdraw), fault{}},
		{"a clear", other(fraud.Clear), fault{}},
		{"a dispute", other(fraud.Dispute), fault{}},
		{"a sighting", other(fraud.Sighting), fault{}},
		{"an action", func(e *fraud.Event) { other(fraud.ActionTaken)(e); e.Action = fraud.Removed }, fault{}},
		{"issued 5 minutes ahead", func(e *fraud.Event) { e.IssuedAt = noon.Add(5 * time.Minute) }, fault{}},
		{"issued 7 days ago", func(e *fraud.Event) { e.IssuedAt = noon.Add(-7 * day) }, fault{}},
		{"no case", func(e *fraud.Event) { e.Case = "" }, fault{}},

		{"no id", func(e *fraud.Event) { e.ID = uuid.UUID{} }, schema("/event_id")},
		{"a random id", func(e *fraud.Event) { e.ID[6] = 0x40 }, schema("/event_id")},
		{"no kind", func(e *fraud.Event) { e.Kind = 0 }, schema("/kind")},
		{"an eighth kind", func(e *fraud.Event) { e.Kind = 8 }, schema("/kind")},
		{"no type", func(e *fraud.Event) { e.Indicator.Type = 0 }, schema("/indicator/type")},
		{"no epoch, like a plain hash", func(e *fraud.Event) { e.Indicator.Epoch = 0 }, fault{fraud.ReasonNotKeyed,
			"/indicator/epoch"}},
		{"no digest", func(e *fraud.Event) { e.Indicator.Digest = indicator.Digest{} }, schema("/indicator/digest")},
		{"nine further digests", func(e *fraud.Event) {
			e.Indicator.Also = make([]fraud.Also, 9)
			for i := range e.Indicator.Also {
				e.Indicator.Also[i] = fraud.Also{Grade: indicator.Prefix, Digest: indicator.Digest{5: byte(1 + i)}}
			}
		}, schema("/indicator/also")},
		{"an exact further digest", func(e *fraud.Event) { e.Indicator.Also[0].Grade = indicator.Exact },
			schema("/indicator/also")},
		{"a further digest of zero", func(e *fraud.Event) { e.Indicator.Also[0].Digest = indicator.Digest{} },
			schema("/indicator/also")},
		{"the digest again", func(e *fraud.Event) { e.Indicator.Also[0].Digest = account }, schema("/indicator/also")},
		{"no time of issue", func(e *fraud.Event) { e.IssuedAt = time.Time{} }, schema("/issued_at")},
		{"issued more than 5 minutes ahead", func(e *fraud.Event) { e.IssuedAt = noon.Add(5*time.Minute + time.Millisecond) },
			fault{fraud.ReasonFuture, "/issued_at"}},
		{"issued more than 7 days ago", func(e *fraud.Event) { e.IssuedAt = noon.Add(-7*day - time.Millisecond) },
			fault{fraud.ReasonTooOld, "/issued_at"}},
		{"a report without a category", func(e *fraud.Event) { e.Category = "" }, schema("/category")},
		{"a report without a confidence", func(e *fraud.Event) { e.Confidence = 0 }, schema("/confidence")},
		{"a report of confidence 101", func(e *fraud.Event) { e.Confidence = 101 }, schema("/confidence")},
		{"a withdrawal with a confidence", func(e *fraud.Event) { other(fraud.Withdraw)(e); e.Confidence = 1 },
			schema("/confidence")},
		{"an action that says nothing", other(fraud.ActionTaken), schema("/action")},
		{"a report with an action", func(e *fraud.Event) { e.Action = fraud.Held }, schema("/action")},
		{"expired when issued", func(e *fraud.Event) { e.ExpiresAt = e.IssuedAt }, schema("/expires_at")},
		{"a case with a space", func(e *fraud.Event) { e.Case = "a b" }, schema("/case")},
		{"a case of 65 characters", func(e *fraud.Event) { e.Case = strings.Repeat("x", 65) }, schema("/case")},
	} {
		t.Run(c.situation, func(t *testing.T) {
			e := goodEvent()
			c.change(&e)
			var got fault
			if err := e.Validate(noon); err != nil {
				var f *fraud.Fault
				if !errors.As(err, &f) {
					t.Fatalf("%v is no Fault", err)
				}
				if got = (fault{f.Reason, f.Pointer}); f.Hint == "" {
					t.Error("no hint")
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEventSpeaksOfEachOfItsDigests(t *testing.T) {
	e := goodEvent()
	e.ExpiresAt = noon.Add(time.Hour)
	first := fraud.Opinion{
		Digest: account, Type: indicator.BankAccount, Grade: indicator.Exact, Partner: bank, Stance: fraud.Listed,
		Version: fraud.MakeVersion(noon, fraud.Listed, e.ID), Category: 3, Evidence: fraud.BankSuspected, Confidence: 80,
		ExpiresAt: fraud.SecondsOf(noon.Add(time.Hour)),
	}
	second := first
	second.Digest, second.Grade, second.Origin = number, indicator.Weak, fraud.OriginOf(account)
	if diff := cmp.Diff([]fraud.Opinion{first, second}, e.Opinions(bank, 3, fraud.Provenance{})); diff != "" {
		t.Error(diff)
	}
	e.Kind = fraud.ActionTaken
	if all := e.Opinions(bank, 3, fraud.Provenance{}); all != nil {
		t.Errorf("an action says %v", all)
	}
}

func TestWithdrawalTakesBackWhatItsReportListed(t *testing.T) {
	report, withdraw, foreign := goodEvent(), goodEvent(), goodEvent()
	withdraw.Kind, withdraw.IssuedAt = fraud.Withdraw, noon.Add(time.Second)
	foreign.Indicator.Digest = another // an account of the same number elsewhere, of the same partner
	said := func(e *fraud.Event) []fraud.Opinion { return e.Opinions(bank, 3, fraud.Provenance{}) }
	standing := merge(slices.Concat(said(&report), said(&foreign), said(&withdraw)))
	want := map[fraud.Key]fraud.Stance{
		{Digest: account, Partner: bank}:                                 fraud.Withdrawn,
		{Digest: number, Partner: bank, Origin: fraud.OriginOf(account)}: fraud.Withdrawn,
		{Digest: another, Partner: bank}:                                 fraud.Listed,
		{Digest: number, Partner: bank, Origin: fraud.OriginOf(another)}: fraud.Listed,
	}
	got := map[fraud.Key]fraud.Stance{}
	for k, o := range standing {
		got[k] = o.Stance
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
