package quarantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// noon is in Malaysia.
var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// memory is a ledger of entries, of which the messages of partition 0 below next are stored.
type memory struct {
	next     int64
	entries  []fraud.Entry
	history  []fraud.Said
	recorded []fraud.Act
	down     bool
}

func (m *memory) StoredTo(context.Context) (map[int32]int64, error) {
	if m.down {
		return nil, fraud.ErrUnavailable
	}
	if m.next == 0 {
		return nil, nil
	}
	return map[int32]int64{0: m.next}, nil
}

func (m *memory) Said(_ context.Context, in []fraud.Messages, since time.Time, exact bool,
	voids []fraud.PartnerVoid,
) (all []fraud.Said, _ error) {
	if !exact {
		all = m.history
	}
	for _, e := range m.entries {
		for _, r := range in {
			if e.Offset < r.From || e.Offset >= r.To || e.Appended.Before(since) {
				continue
			}
			if slices.ContainsFunc(voids, func(v fraud.PartnerVoid) bool {
				at := fraud.SecondsOf(e.Appended)
				return v.Partner == e.Partner && at >= v.Since && (v.Until == 0 || at < v.Until)
			}) {
				continue
			}
			s := fraud.Said{Partner: e.Partner, Day: fraud.DayOf(e.Appended)}
			switch classOf(e.Event.Kind) {
			case listing:
				s.Listings++
			case retraction:
				s.Retractions++
			}
			all = append(all, s)
		}
	}
	return all, nil
}

func (m *memory) HeldAt(_ context.Context, in fraud.Messages) (map[fraud.Position]bool, error) {
	if m.down {
		return nil, fraud.ErrUnavailable
	}
	held := map[fraud.Position]bool{}
	for _, e := range m.entries {
		if e.Held && e.Offset >= in.From && e.Offset < in.To {
			held[e.Position] = true
		}
	}
	return held, nil
}

func (m *memory) Listed(_ context.Context, partner fraud.PartnerNumber, digests []indicator.Digest) (
	map[indicator.Digest]bool, error,
) {
	if m.down {
		return nil, fraud.ErrUnavailable
	}
	listed := map[indicator.Digest]bool{}
	for _, e := range m.entries {
		if !e.Held && e.Partner == partner && e.Event.Kind.Lists() {
			listed[e.Event.Indicator.Digest] = true
		}
	}
	return listed, nil
}

func (m *memory) RecordActs(_ context.Context, acts ...fraud.Act) error {
	if m.down {
		return fraud.ErrUnavailable
	}
	m.recorded = append(m.recorded, acts...)
	return nil
}

// bench is a keeper beside its ledger and clock: a bank may list 10 and take back 4 a day.
type bench struct {
	*Keeper
	*memory
	bank   fraud.Partner
	now    time.Time
	log    strings.Builder
	offset int64
	made   int
}

func newBench(cfg Config) *bench {
	b := &bench{memory: &memory{}, now: noon}
	b.restart(cfg)
	return b
}

func (b *bench) restart(cfg Config) {
	b.bank = fraud.Partner{Number: 1, ID: "bank", Kind: fraud.Bank, Quotas: fraud.Quotas{Listings: 10, Retractions: 4}}
	b.Keeper = New(cfg, b.memory, b.memory, b,
		func() time.Time { return b.now }, slog.New(slog.NewTextHandler(&b.log, nil)))
}

func (b *bench) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) { return &b.bank, n == 1 }
func (b *bench) Partners() []fraud.Partner                            { return []fraud.Partner{b.bank} }

// say makes a message of events of a kind, each of another indicator.
func (b *bench) say(kind fraud.Kind, n int) []fraud.Entry {
	var message []fraud.Entry
	for i := range n {
		b.made++
		e := fraud.Entry{Position: fraud.Position{Offset: b.offset, Index: uint16(i)}, Partner: 1, Appended: b.now,
			Event:    fraud.Event{Kind: kind, Indicator: fraud.Ref{Digest: indicator.Digest{byte(b.made >> 8), byte(b.made)}}},
			Opinions: []fraud.Opinion{{Partner: 1}}}
		message = append(message, e)
	}
	b.offset++
	return message
}

// judge tells how many of a message are held.
func (b *bench) judge(t *testing.T, message []fraud.Entry) (held int) {
	t.Helper()
	b.Judge(t.Context(), message)
	for _, e := range message {
		if e.Held != e.Opinions[0].Held {
			t.Errorf("the entry is held: %t, its opinion: %t", e.Held, e.Opinions[0].Held)
		}
		if e.Held {
			held++
		}
	}
	return held
}

// store puts messages into the ledger.
func (b *bench) store(messages ...[]fraud.Entry) {
	for _, m := range messages {
		b.entries = append(b.entries, m...)
		b.memory.next = m[len(m)-1].Offset + 1
	}
}

func (b *bench) look(t *testing.T) {
	t.Helper()
	if err := b.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) holds(t *testing.T, what string, message []fraud.Entry, want int) []fraud.Entry {
	t.Helper()
	if got := b.judge(t, message); got != want {
		t.Errorf("%s: %d of %d are held, want %d", what, got, len(message), want)
	}
	return message
}

func TestWhatIsBeyondTheQuotaIsHeld(t *testing.T) {
	b := newBench(Config{})
	b.look(t)
	b.holds(t, "eight of ten", b.say(fraud.Report, 8), 0)
	b.holds(t, "five more", b.say(fraud.Report, 5), 3)
	b.holds(t, "upheld is listed too", b.say(fraud.Uphold, 1), 1)
	b.holds(t, "withdrawals", b.say(fraud.Withdraw, 50), 0)
	b.holds(t, "sightings and actions", append(b.say(fraud.Sighting, 5), b.say(fraud.ActionTaken, 5)...), 0)
	b.holds(t, "clears", b.say(fraud.Clear, 3), 0)
	b.holds(t, "disputes", b.say(fraud.Dispute, 3), 2)
	b.now = time.Date(2026, 11, 22, 15, 59, 59, 0, time.UTC)
	b.holds(t, "the last second of the day", b.say(fraud.Report, 1), 1)
	b.now = b.now.Add(time.Second)
	b.holds(t, "the next day in Malaysia", b.say(fraud.Report, 11), 1)
}

func TestARestartAndADeliveryAgainCountOnce(t *testing.T) {
	b := newBench(Config{})
	b.look(t)
	first, second := b.holds(t, "six", b.say(fraud.Report, 6), 0), b.holds(t, "six more", b.say(fraud.Report, 6), 2)
	fresh := func(message []fraud.Entry) []fraud.Entry { // as it comes again
		again := make([]fraud.Entry, len(message))
		for i, e := range message {
			e.Held, e.Opinions = false, []fraud.Opinion{{Partner: 1}}
			again[i] = e
		}
		return again
	}
	b.holds(t, "again, before it is stored", fresh(first), 0)
	b.holds(t, "again, before it is stored", fresh(second), 2)
	b.store(first)
	b.look(t)
	b.holds(t, "again, of which one is stored", append(fresh(first), fresh(second)...), 2)
	b.store(second)
	for range 2 {
		b.look(t)
	}
	b.holds(t, "again, and stored", fresh(second), 2)
	b.restart(Config{})
	b.look(t)
	b.holds(t, "after a restart", append(fresh(first), fresh(second)...), 2)
	b.holds(t, "new after a restart", b.say(fraud.Report, 3), 3)
	b.down = true
	if got := b.judge(t, fresh(second)); got != 6 {
		t.Errorf("without the ledger, of a partner that is beyond: %d are held, want all", got)
	}
	b.down = false

	b.memory.next = 0 // a backup from before
	b.entries = nil
	b.look(t)
	b.holds(t, "after the ledger was put back", b.say(fraud.Report, 8), 1) // three are known that it has not
}

func TestWhatIsListedAlreadyIsNotHeld(t *testing.T) {
	b := newBench(Config{})
	b.look(t)
	book := b.holds(t, "a book", b.say(fraud.Report, 12), 2)
	b.store(book)
	b.now = noon.Add(24 * time.Hour)
	b.look(t)
	b.holds(t, "the day's allowance", b.say(fraud.Report, 10), 0)
	renewed := b.say(fraud.Report, 12)
	for i := range renewed {
		renewed[i].Event.Indicator = book[i].Event.Indicator
	}
	if b.judge(t, renewed); !renewed[10].Held || !renewed[11].Held || renewed[9].Held {
		t.Error("of a book that is renewed what was held is held, and nothing else")
	}
	b.down = true
	again := b.say(fraud.Report, 1)
	again[0].Event.Indicator = book[0].Event.Indicator
	b.holds(t, "renewed without the ledger", again, 1)
}

func TestASpikeIsHeldOnceADayIsKnownToBeOrdinary(t *testing.T) {
	today := fraud.DayOf(noon)
	days := func(counts ...int) (history []fraud.Said) {
		for i, n := range counts {
			history = append(history, fraud.Said{Partner: 1, Day: today - fraud.Day(i) - 1, Listings: n})
		}
		return history
	}
	for _, c := range []struct {
		situation string
		cfg       Config
		history   []fraud.Said
		allowed   int
	}{
		{"six days", Config{SpikeFactor: 2}, days(1, 1, 1, 1, 1, 1), 10},
		{"seven days", Config{SpikeFactor: 2}, days(1, 1, 1, 1, 1, 1, 1), 2},
		{"the median of them", Config{SpikeFactor: 2}, days(1, 9, 3, 1, 3, 9, 3), 6},
		{"days without reports are none", Config{SpikeFactor: 2}, days(1, 0, 1, 1, 0, 1, 1, 1), 10},
		{"a floor", Config{SpikeFactor: 2, SpikeFloor: 5}, days(1, 1, 1, 1, 1, 1, 1), 5},
		{"the quota stays the top", Config{SpikeFactor: 10}, days(9, 9, 9, 9, 9, 9, 9), 10},
		{"no factor", Config{SpikeFloor: 3}, days(1, 1, 1, 1, 1, 1, 1), 10},
		{"long ago", Config{SpikeFactor: 2}, []fraud.Said{{Partner: 1, Day: today - 29, Listings: 1}}, 10},
	} {
		b := newBench(c.cfg)
		b.history, b.memory.next = c.history, 1
		b.offset = 1
		b.look(t)
		if got := 12 - b.judge(t, b.say(fraud.Report, 12)); got != c.allowed {
			t.Errorf("%s: %d of 12 count, want %d", c.situation, got, c.allowed)
		}
	}
}

func TestWhatIsVoidTakesNothingOfTheAllowance(t *testing.T) {
	b := newBench(Config{})
	b.look(t)
	b.store(b.holds(t, "a theft", b.say(fraud.Report, 12), 2))
	b.look(t)
	b.holds(t, "more of it", b.say(fraud.Report, 3), 3) // on its way
	b.bank.Voids = []fraud.Void{{ID: "v2", Since: fraud.SecondsOf(b.now), Until: fraud.SecondsOf(b.now) + 60}}
	b.now = b.now.Add(30 * time.Second)
	b.look(t)
	b.holds(t, "void is not held, as it does not count", b.say(fraud.Report, 20), 0)
	b.now = b.now.Add(30 * time.Second)
	b.holds(t, "the victim works on", b.say(fraud.Report, 11), 1)
	b.bank.Voids = nil
	b.look(t)
	b.holds(t, "the void is undone", b.say(fraud.Report, 1), 1)
	if n := len(b.Keeper.acts); n != 2 {
		t.Errorf("%d holds were told of, want the theft's and the victim's", n)
	}
}

func TestAHoldIsToldOnceADay(t *testing.T) {
	b := newBench(Config{})
	b.look(t)
	b.take(b.say(fraud.Report, 20))
	b.look(t) // while that is being judged
	if b.holds(t, "the rest of it", b.say(fraud.Report, 1), 1); len(b.acts) != 1 {
		t.Errorf("a hold was told %d times", len(b.acts))
	}
	b = newBench(Config{})
	b.look(t)
	first := b.holds(t, "beyond", b.say(fraud.Report, 12), 2)
	second := b.holds(t, "more", append(b.say(fraud.Report, 2), b.say(fraud.Clear, 5)...), 3)
	b.down = true
	if err := b.record(t.Context()); !errors.Is(err, fraud.ErrUnavailable) {
		t.Errorf("recording without the ledger: %v", err)
	}
	b.down = false
	for range 2 {
		if err := b.record(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.store(first, second)
	b.restart(Config{})
	b.look(t)
	b.holds(t, "after a restart", b.say(fraud.Report, 1), 1)
	if err := b.record(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, a := range b.recorded {
		told = append(told, fmt.Sprintf("%s %s %s %t", a.What, a.Whom, a.Reason, a.Done))
	}
	if diff := cmp.Diff([]string{"begin_hold bank 2026-11-22: more than 10 listings true",
		"begin_hold bank 2026-11-22: more than 4 clears and disputes true"}, told); diff != "" {
		t.Errorf("acts (-want +got):\n%s", diff)
	}
	if n := strings.Count(b.log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, &b.log)
	}
}
