package history_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/history"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ring = func() *indicator.KeyRing {
		r, err := indicator.NewKeyRing(bytes.Repeat([]byte{1}, indicator.MinKeyLen), bytes.Repeat([]byte{2}, indicator.MinKeyLen))
		if err != nil {
			panic(err)
		}
		return r
	}()
	// asked is an account, and number its account number without its bank.
	asked, number = indicator.Digest{1}, indicator.Digest{2}
)

// The partners: four banks of three organisations, five telcos, and the police.
var partners = func() map[fraud.PartnerNumber]*fraud.Partner {
	all := map[fraud.PartnerNumber]*fraud.Partner{}
	add := func(n fraud.PartnerNumber, id string, kind fraud.PartnerKind, organisation string) *fraud.Partner {
		all[n] = &fraud.Partner{Number: n, ID: id, Kind: kind, Organisation: organisation, Weight: 1, State: fraud.Active}
		return all[n]
	}
	banks := fraud.Groups{}.With(1)
	add(1, "alpha", fraud.Bank, "alpha").Groups = banks
	add(2, "beta", fraud.Bank, "beta").Groups = banks
	add(3, "gamma", fraud.Bank, "gamma")
	add(4, "gamma-wealth", fraud.Bank, "gamma")
	for n := range fraud.PartnerNumber(5) {
		add(10+n, fmt.Sprintf("telco-%d", n), fraud.Telco, "")
	}
	add(20, "police", fraud.Police, "police")
	add(30, "newcomer", fraud.Bank, "newcomer").State = fraud.Shadow
	return all
}()

type ledger []fraud.Entry

func (l ledger) Sayings(context.Context, []indicator.Digest) ([]fraud.Entry, error) {
	return slices.Clone(l), nil
}

// event is one of the ledger, a minute after the one before.
func (l *ledger) event(by fraud.PartnerNumber, kind fraud.Kind, change ...func(*fraud.Entry)) {
	n := len(*l)
	at := noon.Add(time.Duration(n) * time.Minute)
	e := fraud.Entry{
		Position: fraud.Position{Offset: int64(n)}, Appended: at, Partner: by, Category: 1,
		Event: fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, IssuedAt: at, TLP: fraud.TLPAmber,
			Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 2, Digest: asked}},
	}
	if kind.Lists() {
		e.Event.Confidence, e.Event.Evidence = 90, fraud.BankSuspected
	}
	for _, c := range change {
		c(&e)
	}
	*l = append(*l, e)
}

func marked(tlp fraud.TLP, group fraud.Group) func(*fraud.Entry) {
	return func(e *fraud.Entry) { e.Event.TLP, e.Group = tlp, group }
}

func held(e *fraud.Entry) { e.Held = true }

func desk(l ledger, past history.Past) *history.Desk {
	policy := fraud.DefaultPolicy()
	find := func(n fraud.PartnerNumber) (*fraud.Partner, bool) { p, ok := partners[n]; return p, ok }
	policy.Partners = find
	all := func() (list []fraud.Partner) {
		for _, p := range partners {
			list = append(list, *p)
		}
		return list
	}
	return history.NewDesk(l, past, &policy, all, ring)
}

func ask(t *testing.T, l ledger, asker fraud.PartnerNumber, change ...func(*fraud.HistoryQuestion)) fraud.History {
	t.Helper()
	q := fraud.HistoryQuestion{Asker: partners[asker], Limit: 100,
		Probes: []fraud.Probe{{Digest: asked, Grade: indicator.Exact}, {Digest: number, Grade: indicator.Weak}}}
	for _, c := range change {
		c(&q)
	}
	h, err := desk(l, nil).History(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// lines is what an asker is told, the oldest first.
func lines(h fraud.History) (all []string) {
	for _, s := range slices.Backward(h.Sayings) {
		words := []string{s.Kind.String()}
		if s.Reporter > 0 {
			words = append(words, fmt.Sprintf("#%d", s.Reporter))
		}
		for _, w := range []string{s.PartnerKind.String(), s.Partner, s.TLP.String(), s.Disregard.String()} {
			if w != "" {
				words = append(words, w)
			}
		}
		if s.Mine {
			words = append(words, "mine")
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func TestEachAskerIsToldWhatItMaySee(t *testing.T) {
	type told map[fraud.PartnerNumber]string
	elsewhere := func(e *fraud.Entry) { // the same number at another bank
		e.Event.Indicator.Digest = indicator.Digest{9}
		e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: number}}
	}
	withNumber := func(e *fraud.Entry) {
		e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: number}}
	}
	for _, c := range []struct {
		situation string
		said      func(*ledger)
		want      told // to alpha (source), beta (its group), a telco, and the police
	}{
		{"nothing", func(*ledger) {}, told{}},
		{"a report for everybody", func(l *ledger) { l.event(1, fraud.Report) }, told{
			1: "report #1 bank AMBER mine", 2: "report #1 AMBER", 10: "report #1 AMBER", 20: "report #1 bank alpha AMBER"}},
		{"a report by one of five telcos", func(l *ledger) { l.event(11, fraud.Report) }, told{
			1: "report #1 telco AMBER", 2: "report #1 telco AMBER", 10: "report #1 telco AMBER",
			20: "report #1 telco telco-1 AMBER"}},
		{"a RED report", func(l *ledger) { l.event(1, fraud.Report, marked(fraud.TLPRed, 0)) }, told{
			1: "report #1 bank RED mine", 20: "report #1 bank alpha RED"}},
		{"a RED report, withdrawn for everybody", func(l *ledger) {
			l.event(1, fraud.Report, marked(fraud.TLPRed, 0))
			l.event(1, fraud.Withdraw, marked(fraud.TLPClear, 0))
		}, told{1: "report #1 bank RED mine; withdraw #1 bank CLEAR mine",
			20: "report #1 bank alpha RED; withdraw #1 bank alpha CLEAR"}},
		{"a RED report, disputed for everybody", func(l *ledger) {
			l.event(1, fraud.Report, marked(fraud.TLPRed, 0))
			l.event(2, fraud.Dispute, marked(fraud.TLPClear, 0))
		}, told{1: "report #1 bank RED mine; dispute", 2: "dispute #1 bank CLEAR mine",
			20: "report #1 bank alpha RED; dispute #2 bank beta CLEAR"}},
		{"a report for a group, disputed and withdrawn in RED", func(l *ledger) {
			l.event(1, fraud.Report, marked(fraud.TLPAmberStrict, 1))
			l.event(3, fraud.Dispute, marked(fraud.TLPRed, 0))
			l.event(1, fraud.Withdraw, marked(fraud.TLPRed, 0))
		}, told{1: "report #1 bank AMBER+STRICT mine; dispute; withdraw #1 bank RED mine",
			2:  "report #1 AMBER+STRICT; dispute; withdraw #1",
			20: "report #1 bank alpha AMBER+STRICT; dispute #2 bank gamma RED; withdraw #1 bank alpha RED"}},
		{"a clear for everybody of nothing that is seen", func(l *ledger) { l.event(2, fraud.Clear) }, told{
			1: "clear", 2: "clear #1 bank AMBER mine", 10: "clear", 20: "clear #1 bank beta AMBER"}},
		{"a RED clear of nothing that is seen", func(l *ledger) { l.event(2, fraud.Clear, marked(fraud.TLPRed, 0)) }, told{
			2: "clear #1 bank RED mine", 20: "clear #1 bank beta RED"}},
		{"loosened by its source", func(l *ledger) {
			l.event(1, fraud.Report, marked(fraud.TLPRed, 0))
			l.event(1, fraud.Report, marked(fraud.TLPGreen, 0))
		}, told{1: "report #1 bank RED mine; report #1 bank GREEN mine", 2: "report #1 GREEN", 10: "report #1 GREEN",
			20: "report #1 bank alpha RED; report #1 bank alpha GREEN"}},
		{"repeated by another, openly", func(l *ledger) {
			l.event(1, fraud.Report, marked(fraud.TLPRed, 0))
			l.event(2, fraud.Report, marked(fraud.TLPClear, 0))
		}, told{1: "report #1 bank RED mine; report #2 CLEAR", 2: "report #1 bank CLEAR mine", 10: "report #1 CLEAR",
			20: "report #1 bank alpha RED; report #2 bank beta CLEAR"}},
		{"held, and of one in shadow", func(l *ledger) {
			l.event(1, fraud.Report, held)
			l.event(30, fraud.Report)
		}, told{1: "report #1 bank AMBER held mine",
			20: "report #1 bank alpha AMBER held; report #2 bank newcomer AMBER shadow"}},
		{"one organisation by two names", func(l *ledger) {
			l.event(3, fraud.Report, marked(fraud.TLPClear, 0))
			l.event(4, fraud.Sighting, marked(fraud.TLPClear, 0))
		}, told{1: "report #1 CLEAR; sighting #1 CLEAR", 2: "report #1 CLEAR; sighting #1 CLEAR",
			10: "report #1 CLEAR; sighting #1 CLEAR", 20: "report #1 bank gamma CLEAR; sighting #1 bank gamma-wealth CLEAR"}},
		{"a dispute of this account, and a listing of its number at another bank", func(l *ledger) {
			l.event(1, fraud.Report, elsewhere)
			l.event(1, fraud.Report, withNumber, marked(fraud.TLPRed, 0))
			l.event(3, fraud.Dispute, withNumber)
		}, told{1: "report #1 bank AMBER mine; report #1 bank RED mine; dispute", 2: "report #1 AMBER",
			10: "report #1 AMBER",
			20: "report #1 bank alpha AMBER; report #1 bank alpha RED; dispute #2 bank gamma AMBER"}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			var l ledger
			c.said(&l)
			got := told{}
			for _, asker := range []fraud.PartnerNumber{1, 2, 10, 20} {
				if all := lines(ask(t, l, asker)); len(all) > 0 {
					got[asker] = strings.Join(all, "; ")
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("what each is told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsHiddenLeavesNoGapBetweenPages(t *testing.T) {
	var l ledger
	var open ledger
	for i := range 30 {
		if i%3 == 0 {
			l.event(2, fraud.Report)
			open = append(open, l[len(l)-1])
		} else {
			l.event(1, fraud.Report, marked(fraud.TLPRed, 0))
		}
	}
	for _, limit := range []int{1, 4, 10} {
		var got, want []string
		page := ask(t, l, 10, func(q *fraud.HistoryQuestion) { q.Limit = limit })
		for {
			got = append(got, fmt.Sprint(len(page.Sayings), page.More))
			if !page.More {
				break
			}
			last := page.Sayings[len(page.Sayings)-1].Place
			page = ask(t, l, 10, func(q *fraud.HistoryQuestion) { q.Limit, q.Before = limit, last })
		}
		for left := len(open); left > 0; left -= limit {
			want = append(want, fmt.Sprint(min(left, limit), left > limit))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

// then are the partners of a time at which alpha was suspended and the number of others unknown.
type then struct{ state fraud.PartnerState }

func (p then) PartnersAt(context.Context, time.Time) (history.Partners, bool, error) {
	return func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		was := *partners[n]
		was.State = p.state
		return &was, true
	}, true, nil
}

func TestTheVerdictOfThen(t *testing.T) {
	var l ledger
	l.event(1, fraud.Report)                            // minute 0
	l.event(2, fraud.Report, marked(fraud.TLPRed, 0))   // 1
	l.event(1, fraud.Withdraw)                          // 2
	l.event(2, fraud.Report, marked(fraud.TLPClear, 0)) // 3
	l.event(3, fraud.Report, func(e *fraud.Entry) {     // 4, said long before it was accepted
		e.Event.IssuedAt = noon.Add(-time.Hour)
	})
	l.event(3, fraud.Clear) // 5
	for _, c := range []struct {
		minute    float64
		telco, by string // to a telco and to the police
	}{
		{-0.5, "not_listed 0", "not_listed 0"}, {0.5, "suspected 1", "suspected 1"}, {1.5, "suspected 1", "confirmed 2"},
		{2.5, "not_listed 0", "suspected 1"}, {3.5, "suspected 1", "suspected 1"}, {4.5, "confirmed 2", "confirmed 2"},
		{5.5, "cleared 0", "cleared 0"},
	} {
		at := func(q *fraud.HistoryQuestion) { q.At = noon.Add(time.Duration(c.minute * float64(time.Minute))) }
		for asker, want := range map[fraud.PartnerNumber]string{10: c.telco, 20: c.by} {
			v := ask(t, l, asker, at).Then
			if got := fmt.Sprint(v.Status, " ", v.Reporters); got != want {
				t.Errorf("minute %v for %s: %s, want %s", c.minute, partners[asker].ID, got, want)
			}
		}
	}
	q := fraud.HistoryQuestion{Asker: partners[20], Limit: 1, Probes: []fraud.Probe{{Digest: asked, Grade: indicator.Exact}},
		At: noon.Add(270 * time.Second)}
	for state, want := range map[fraud.PartnerState]fraud.Status{fraud.Active: fraud.Confirmed, fraud.Shadow: fraud.NotListed} {
		h, err := desk(l, then{state}).History(t.Context(), q)
		if err != nil || !h.PartnersOfThen || h.Then.Status != want {
			t.Errorf("with partners that were then in state %s: %v, %t, %v", state, h.Then.Status, h.PartnersOfThen, err)
		}
	}
}

func TestWhatWasSaidAtAnEarlierEpochIsFound(t *testing.T) {
	old := indicator.Digest{7}
	forms, err := ring.Forms(old, 1)
	if err != nil {
		t.Fatal(err)
	}
	var l ledger
	l.event(1, fraud.Report, func(e *fraud.Entry) { e.Event.Indicator.Epoch, e.Event.Indicator.Digest = 1, old })
	h := ask(t, l, 10, func(q *fraud.HistoryQuestion) {
		q.Probes, q.At = []fraud.Probe{{Digest: forms[1], Grade: indicator.Exact}}, noon.Add(time.Hour)
	})
	if got := strings.Join(lines(h), "; "); got != "report #1 AMBER" || h.Then.Status != fraud.Suspected {
		t.Errorf("%s, %v", got, h.Then)
	}
}
