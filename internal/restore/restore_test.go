package restore

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// at is so many hours before now.
func at(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }

// bank was robbed of its key 10 hours ago, and has another since 2 hours.
func bank() *fraud.Partner {
	return &fraud.Partner{Number: 1, ID: "bank", Kind: fraud.Bank, State: fraud.Active, Weight: 1,
		Voids: []fraud.Void{{ID: "v7", Since: fraud.SecondsOf(at(10)), Until: fraud.SecondsOf(at(2))}}}
}

var loaded = sync.OnceValues(func() (*fraud.Taxonomy, error) { return fraud.LoadTaxonomy(schemas.Taxonomy()) })

func taxonomy(t *testing.T) *fraud.Taxonomy {
	t.Helper()
	taxonomy, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return taxonomy
}

func restorer(t *testing.T, p *fraud.Partner) *Restorer {
	t.Helper()
	policy := fraud.DefaultPolicy()
	r, err := New(p, "v7", &policy, taxonomy(t), now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// word is what the bank said of a telephone so many hours ago.
func word(t *testing.T, hours int, kind fraud.Kind) fraud.Entry {
	t.Helper()
	code, _ := taxonomy(t).Category.Code("telecommunication")
	group, _ := taxonomy(t).Group.Code("banks")
	e := fraud.Entry{Partner: 1, Appended: at(hours), Event: fraud.Event{ID: uuid.UUID{0: byte(hours), 6: 0x70, 8: 0x80},
		Kind: kind, IssuedAt: at(hours), TLP: fraud.TLPAmber, Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1,
			Digest: indicator.Digest{1}}}}
	if kind.Lists() {
		e.Category, e.Event.Confidence, e.Event.Evidence, e.Group = code, 80, fraud.BankSuspected, fraud.Group(group)
	}
	return e
}

func TestWhatVoidWordsReplacedIsSaidAnew(t *testing.T) {
	expired, held := word(t, 20, fraud.Report), word(t, 20, fraud.Report)
	expired.Event.ExpiresAt = at(1)
	held.Held = true
	for _, c := range []struct {
		situation string
		said      []fraud.Entry
		want      int // hours ago of the word that is said anew, 0 for none
	}{
		{"a thief withdrew", []fraud.Entry{word(t, 20, fraud.Report), word(t, 5, fraud.Withdraw)}, 20},
		{"in another order", []fraud.Entry{word(t, 5, fraud.Withdraw), word(t, 20, fraud.Report)}, 20},
		{"a thief overwrote", []fraud.Entry{word(t, 20, fraud.Report), word(t, 5, fraud.Report)}, 20},
		{"a thief withdrew a clear", []fraud.Entry{word(t, 20, fraud.Clear), word(t, 5, fraud.Withdraw)}, 20},
		{"the last of several", []fraud.Entry{word(t, 30, fraud.Report), word(t, 20, fraud.Dispute), word(t, 9, fraud.Report),
			word(t, 5, fraud.Withdraw)}, 20},
		{"the bank had withdrawn", []fraud.Entry{word(t, 20, fraud.Report), word(t, 15, fraud.Withdraw),
			word(t, 5, fraud.Report)}, 0},
		{"nothing before", []fraud.Entry{word(t, 5, fraud.Report)}, 0},
		{"the bank has spoken since", []fraud.Entry{word(t, 20, fraud.Report), word(t, 5, fraud.Withdraw),
			word(t, 1, fraud.Report)}, 0},
		{"expired", []fraud.Entry{expired, word(t, 5, fraud.Withdraw)}, 0},
		{"decayed", []fraud.Entry{word(t, 41*24, fraud.Report), word(t, 5, fraud.Withdraw)}, 0},
		{"held all the time", []fraud.Entry{held, word(t, 5, fraud.Withdraw)}, 0},
		{"a sighting", []fraud.Entry{word(t, 20, fraud.Report), word(t, 5, fraud.Sighting)}, 0},
	} {
		r := restorer(t, bank())
		got, ok := r.lost(c.said, now)
		if !ok {
			if c.want != 0 {
				t.Errorf("%s: nothing is said anew, want the word of %d hours ago", c.situation, c.want)
			}
			continue
		}
		if c.want == 0 {
			t.Errorf("%s: the word of %s is said anew", c.situation, got.Appended)
			continue
		}
		var want fraud.Event
		for _, e := range c.said {
			if e.Appended.Equal(at(c.want)) {
				want = r.event(&e)
			}
		}
		event := r.event(got)
		if !event.IssuedAt.Equal(now) || event.ID == want.ID || event.Validate(now) != nil {
			t.Errorf("%s: %s issued at %s: %v", c.situation, event.ID, event.IssuedAt, event.Validate(now))
		}
		event.ID, event.IssuedAt = want.ID, want.IssuedAt
		if diff := cmp.Diff(want, event); diff != "" {
			t.Errorf("%s (-said +anew):\n%s", c.situation, diff)
		}
	}
}

func TestAWordOfAClockThatIsAheadIsReplacedToo(t *testing.T) {
	p := bank()
	p.Voids[0].Until = fraud.SecondsOf(now)
	thief := word(t, 1, fraud.Withdraw)
	thief.Appended, thief.Event.IssuedAt = now.Add(-time.Minute), now.Add(3*time.Minute)
	e, ok := restorer(t, p).lost([]fraud.Entry{word(t, 20, fraud.Report), thief}, now)
	if !ok || !e.Event.IssuedAt.After(thief.Event.IssuedAt) {
		t.Errorf("%t, issued at %v", ok, e)
	}
}

// records is a ledger, a publisher and an audit.
type records struct {
	said   [][]fraud.Entry
	sent   []fraud.Event
	acts   []fraud.Act
	bundle []uuid.UUID
}

func (r *records) SaidSince(_ context.Context, _ fraud.PartnerNumber, _, _ time.Time, each func([]fraud.Entry) error) error {
	for _, said := range r.said {
		if err := each(said); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) PublishAs(_ context.Context, _ string, bundle uuid.UUID, events []fraud.Event) error {
	r.sent, r.bundle = append(r.sent, events...), append(r.bundle, bundle)
	return nil
}

func (r *records) RecordActs(_ context.Context, acts ...fraud.Act) error {
	r.acts = append(r.acts, acts...)
	return nil
}

func TestARepeatedRunSaysTheSameEvents(t *testing.T) {
	r := &records{}
	for i := range 600 {
		pair := []fraud.Entry{word(t, 20, fraud.Report), word(t, 5, fraud.Withdraw)}
		for k := range pair {
			pair[k].Event.Indicator.Digest = indicator.Digest{byte(i), byte(i >> 8), 1}
			pair[k].Event.ID[1], pair[k].Event.ID[2] = byte(i), byte(i>>8)
		}
		r.said = append(r.said, pair)
	}
	want := Done{Indicators: 600, Restored: 600, Kinds: map[fraud.Kind]int{fraud.Report: 600}}
	dry, err := restorer(t, bank()).Run(t.Context(), r, nil, r, "tester", now)
	if err != nil || !cmp.Equal(dry, want) || len(r.sent)+len(r.acts) > 0 {
		t.Errorf("a dry run: %+v, %v, %d sent", dry, err, len(r.sent))
	}
	for range 2 {
		if done, err := restorer(t, bank()).Run(t.Context(), r, r, r, "tester", now); err != nil || !cmp.Equal(done, want) {
			t.Errorf("%+v, %v", done, err)
		}
	}
	ids := map[uuid.UUID]int{}
	for _, e := range r.sent {
		ids[e.ID]++
	}
	if len(r.sent) != 1200 || len(ids) != 600 || len(r.bundle) != 6 || r.bundle[0] != r.bundle[3] {
		t.Errorf("%d events of %d ids in %d bundles", len(r.sent), len(ids), len(r.bundle))
	}
	if a := r.acts[0]; len(r.acts) != 2 || a.What != fraud.WordsRestored || a.Whom != "bank" || a.Object != "v7" ||
		a.Reason != "600 words, by tester" {
		t.Errorf("acts %+v", r.acts)
	}
}

func TestWhatHasToBeDoneFirst(t *testing.T) {
	for want, change := range map[string]func(*fraud.Partner){
		"no void":           func(p *fraud.Partner) { p.Voids = nil },
		"suspended":         func(p *fraud.Partner) { p.State = fraud.Suspended },
		"would be void too": func(p *fraud.Partner) { p.Voids[0].Until = 0 },
	} {
		p := bank()
		change(p)
		policy := fraud.DefaultPolicy()
		if _, err := New(p, "v7", &policy, taxonomy(t), now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want …%s…", err, want)
		}
	}
	open := bank()
	open.Voids[0].Until, open.Voids[0].SignedBy = 0, 1
	restorer(t, open) // the gateway's words are not under a void of a key
}
