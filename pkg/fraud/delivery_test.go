package fraud_test

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Events reach a holder of opinions in any order and any number of times. This file is about what then stands.

// told is an event of the bank's about account, which speaks for its bare number too; options change it.
func told(kind fraud.Kind, at time.Time, id byte, options ...func(*fraud.Event)) fraud.Event {
	e := fraud.Event{
		ID: uuid.UUID{6: 0x70, 15: id}, Kind: kind, IssuedAt: at,
		Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: account,
			Also: []fraud.Also{{Grade: indicator.Weak, Digest: number}}},
	}
	if kind == fraud.Report {
		e.Confidence, e.Evidence = 80, fraud.BankSuspected
	}
	for _, option := range options {
		option(&e)
	}
	return e
}

// opinionsOf are the bank's.
func opinionsOf(events ...fraud.Event) (all []fraud.Opinion) {
	for i := range events {
		all = append(all, events[i].Opinions(bank, 3, fraud.Provenance{})...)
	}
	return all
}

// verdicts are the answers about the account and about its bare number.
func verdicts(standing map[fraud.Key]fraud.Opinion, policy *fraud.Policy) [2]fraud.Verdict {
	matches := []fraud.Match{{Digest: account, Grade: indicator.Exact}, {Digest: number, Grade: indicator.Weak}}
	for i := range matches {
		for _, o := range standing { // in Go's random order
			if o.Digest == matches[i].Digest {
				matches[i].Opinions = append(matches[i].Opinions, o)
			}
		}
	}
	return [2]fraud.Verdict{fraud.Decide(matches, asker, policy, noon), fraud.Decide(matches[1:], asker, policy, noon)}
}

func TestEveryOrderOfDeliveryLeavesTheSameWord(t *testing.T) {
	surely := func(percent uint8) func(*fraud.Event) { return func(e *fraud.Event) { e.Confidence = percent } }
	byte12 := func(b byte) func(*fraud.Event) { return func(e *fraud.Event) { e.ID[12] = b } }
	earlier, later := noon.Add(-time.Minute), noon.Add(-time.Minute+time.Millisecond)
	for _, c := range []struct {
		situation string
		said      []fraud.Event
		stands    []fraud.Event
		status    fraud.Status
	}{
		{"a withdrawal, which may overtake its report",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Withdraw, later, 2)},
			[]fraud.Event{told(fraud.Withdraw, later, 2)}, fraud.NotListed},
		{"a withdrawal of the same millisecond as its report, with a lesser id",
			[]fraud.Event{told(fraud.Report, earlier, 9), told(fraud.Withdraw, earlier, 1)},
			[]fraud.Event{told(fraud.Withdraw, earlier, 1)}, fraud.NotListed},
		{"a clear of the same millisecond as a report",
			[]fraud.Event{told(fraud.Report, earlier, 9), told(fraud.Clear, earlier, 1)},
			[]fraud.Event{told(fraud.Clear, earlier, 1)}, fraud.ClearedUp},
		{"a withdrawal of the same millisecond as a dispute and a report",
			[]fraud.Event{told(fraud.Report, earlier, 9), told(fraud.Dispute, earlier, 5), told(fraud.Withdraw, earlier, 1)},
			[]fraud.Event{told(fraud.Withdraw, earlier, 1)}, fraud.NotListed},
		{"a clear and a withdrawal of the same millisecond: the greater id",
			[]fraud.Event{told(fraud.Clear, earlier, 1), told(fraud.Withdraw, earlier, 2)},
			[]fraud.Event{told(fraud.Withdraw, earlier, 2)}, fraud.NotListed},
		{"a report a millisecond after a withdrawal",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Withdraw, earlier, 2), told(fraud.Report, later, 3)},
			[]fraud.Event{told(fraud.Report, later, 3)}, fraud.Suspected},
		{"two reports that are equal but for their ids",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Report, earlier, 2)},
			[]fraud.Event{told(fraud.Report, earlier, 2)}, fraud.Suspected},
		{"two reports whose ids agree in their last 20 bits: the surer word",
			[]fraud.Event{told(fraud.Report, earlier, 1, surely(90)), told(fraud.Report, earlier, 1, byte12(0xf0))},
			[]fraud.Event{told(fraud.Report, earlier, 1, surely(90))}, fraud.Suspected},
		{"two reports that differ in nothing that is kept",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Report, earlier, 1, byte12(0xf0))},
			[]fraud.Event{told(fraud.Report, earlier, 1)}, fraud.Suspected},
		{"a sighting beside a report, of the same millisecond",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Sighting, earlier, 2)},
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Sighting, earlier, 2)}, fraud.Suspected},
		{"a sighting after a withdrawal lists nothing",
			[]fraud.Event{told(fraud.Report, earlier, 1), told(fraud.Withdraw, later, 2), told(fraud.Sighting, noon, 3)},
			[]fraud.Event{told(fraud.Withdraw, later, 2), told(fraud.Sighting, noon, 3)}, fraud.NotListed},
	} {
		t.Run(c.situation, func(t *testing.T) {
			want := merge(opinionsOf(c.stands...))
			said := opinionsOf(c.said...)
			said = append(said, said[0], said[len(said)-1]) // twice each
			for order := range permutations(len(said)) {
				delivered := make([]fraud.Opinion, len(said))
				for i, from := range order {
					delivered[i] = said[from]
				}
				got := merge(delivered)
				if !maps.Equal(want, got) {
					t.Fatalf("in the order %v (-want +got):\n%s", order, gocmp.Diff(want, got))
				}
				if v := verdicts(got, thePolicy()); v[0].Status != c.status {
					t.Fatalf("in the order %v: %s, want %s", order, v[0].Status, c.status)
				}
			}
		})
	}
}

// permutations lists every order of n things.
func permutations(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		var from func(int) bool
		from = func(k int) bool {
			if k == n {
				return yield(order)
			}
			for i := k; i < n; i++ {
				order[k], order[i] = order[i], order[k]
				if !from(k + 1) {
					return false
				}
				order[k], order[i] = order[i], order[k]
			}
			return true
		}
		from(0)
	}
}

// spoken is an opinion with the event that it comes from.
type spoken struct {
	fraud.Opinion
	event *fraud.Event
}

// saidAtRandom makes events of few partners, moments and ids, so that nearly all of them contend.
func saidAtRandom(r *rand.Rand) (all []spoken) {
	who := []fraud.PartnerNumber{bank, otherBank, sisterBank, police, newcomer, nobody}
	kinds := []fraud.Kind{fraud.Report, fraud.Report, fraud.Withdraw, fraud.Clear, fraud.Dispute, fraud.Sighting}
	for range 2 + r.IntN(9) {
		at := noon.Add(-time.Minute + time.Duration(r.IntN(3))*time.Millisecond)
		e := told(kinds[r.IntN(len(kinds))], at, byte(r.IntN(2)))
		binary.BigEndian.PutUint16(e.ID[12:], uint16(r.IntN(2)<<4|r.IntN(2)<<3)) // one bit that counts, one that does not
		if r.IntN(3) == 0 {
			e.Indicator.Digest = another // the same number at another bank
		}
		if e.Kind == fraud.Report {
			e.Confidence, e.Evidence = uint8(60+20*r.IntN(2)), fraud.Evidence(r.IntN(64))
			e.Advice, e.TLP = fraud.Advice(r.IntN(5)), fraud.TLP(r.IntN(6))
		}
		if r.IntN(4) == 0 {
			e.ExpiresAt = noon.Add(time.Duration(r.IntN(3)-1) * time.Hour)
		}
		partner, category := who[r.IntN(len(who))], fraud.Code(r.IntN(4))
		for _, o := range e.Opinions(partner, category, fraud.Provenance{}) {
			all = append(all, spoken{o, &e})
		}
	}
	return all
}

// mildness orders what is said in one millisecond.
var mildness = map[fraud.Kind]int{fraud.Withdraw: 2, fraud.Clear: 2, fraud.Dispute: 1}

// sayLast finds what stands from the rule as the design states it: by issued_at, then withdraw and clear over dispute
// over report, then the id's last 20 bits. Only of what agrees in all that it asks the code.
func sayLast(all []spoken) map[fraud.Key]fraud.Opinion {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b spoken) int {
		id := func(s spoken) uint32 { return binary.BigEndian.Uint32(s.event.ID[12:]) & 0xfffff }
		if c := cmp.Or(
			a.event.IssuedAt.Compare(b.event.IssuedAt), cmp.Compare(mildness[a.event.Kind], mildness[b.event.Kind]),
			cmp.Compare(id(a), id(b)),
		); c != 0 {
			return c
		}
		switch {
		case a.Supersedes(&b.Opinion):
			return 1
		case b.Supersedes(&a.Opinion):
			return -1
		}
		return 0
	})
	standing := map[fraud.Key]fraud.Opinion{}
	for _, s := range sorted {
		standing[s.Key()] = s.Opinion
	}
	return standing
}

// WASPADA_TEST_LONG=1 tries a million deliveries, and WASPADA_TEST_SEED repeats a run.
func TestRandomDeliveriesGiveTheSameStateAndVerdict(t *testing.T) {
	deliveries := 20_000
	if os.Getenv("WASPADA_TEST_LONG") != "" {
		deliveries = 1_000_000
	}
	seed := rand.Uint64()
	if text := os.Getenv("WASPADA_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed: WASPADA_TEST_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	policy := thePolicy()
	const each = 20 // deliveries of one set
	began, statuses, merged := time.Now(), map[fraud.Status]int{}, 0
	for set := range deliveries / each {
		said := saidAtRandom(r)
		want := sayLast(said)
		answers := verdicts(want, policy)
		statuses[answers[0].Status]++
		delivered := make([]fraud.Opinion, 0, 2*len(said))
		for range each {
			delivered = delivered[:0]
			for i := range said {
				for range 1 + r.IntN(2) {
					delivered = append(delivered, said[i].Opinion)
				}
			}
			r.Shuffle(len(delivered), func(i, j int) { delivered[i], delivered[j] = delivered[j], delivered[i] })
			got := merge(delivered)
			merged += len(delivered)
			if !maps.Equal(want, got) {
				t.Fatalf("set %d, %d opinions delivered: another state (-want +got):\n%s", set, len(delivered),
					gocmp.Diff(want, got))
			}
			if now := verdicts(got, policy); !reflect.DeepEqual(answers, now) {
				t.Fatalf("set %d, %d opinions delivered: another verdict (-want +got):\n%s", set, len(delivered),
					gocmp.Diff(answers, now))
			}
		}
	}
	t.Logf("%d deliveries of %d sets, %d opinions merged, in %s; verdicts %v", deliveries, deliveries/each, merged,
		time.Since(began).Round(time.Millisecond), statuses)
	for _, s := range []fraud.Status{fraud.NotListed, fraud.ClearedUp, fraud.InDispute, fraud.Suspected, fraud.Confirmed} {
		if statuses[s] == 0 {
			t.Errorf("no set came to %s: the sets are too much alike to prove anything", s)
		}
	}
}
