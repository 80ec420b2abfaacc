package index

import (
	"encoding/binary"
	"flag"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// regulator asks: it may see everything.
var regulator = &fraud.Partner{Number: 999, Kind: fraud.Regulator}

var discard = slog.New(slog.DiscardHandler)

// partners 1 to 4 are banks, 5 is the police; 6 is in the shadow and 7 unknown.
func testPolicy() *fraud.Policy {
	p := fraud.DefaultPolicy()
	p.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		if n < 1 || n > 6 {
			return nil, false
		}
		partner := &fraud.Partner{Number: n, ID: string(rune('a' + n)), Kind: fraud.Bank, Weight: 0.8, State: fraud.Active}
		switch n {
		case 5:
			partner.Kind = fraud.Police
		case 6:
			partner.State = fraud.Shadow
		}
		return partner, true
	}
	return &p
}

// digest makes digests as uniform as HMACs are, without the key.
func digest(n uint64) (d indicator.Digest) {
	r := rand.New(rand.NewPCG(n, 7))
	for i := range 4 {
		binary.BigEndian.PutUint64(d[8*i:], r.Uint64())
	}
	return d
}

// newIndex makes one that is ready, and as fresh as noon.
func newIndex(policy *fraud.Policy) *Index {
	x := New(DefaultConfig(), policy, Sources{}, nil, discard)
	x.now = func() time.Time { return noon }
	x.asOf.Store(noon.UnixMilli())
	x.ready.Store(true)
	return x
}

// oracle is what the index must be like: a map, and fraud's own merge and policy.
type oracle struct {
	standing map[fraud.Key]fraud.Opinion
	policy   *fraud.Policy
}

func (m *oracle) apply(opinions ...fraud.Opinion) {
	for _, o := range opinions {
		if have, ok := m.standing[o.Key()]; !ok || o.Supersedes(&have) {
			m.standing[o.Key()] = o
		}
	}
}

func (m *oracle) lookup(probes []fraud.Probe) fraud.Verdict {
	var matches []fraud.Match
	for _, p := range probes {
		match := fraud.Match{Digest: p.Digest, Grade: p.Grade}
		for _, o := range m.standing {
			if o.Digest == p.Digest {
				match.Opinions = append(match.Opinions, o)
			}
		}
		matches = append(matches, match)
	}
	v := fraud.Decide(matches, regulator, m.policy, noon)
	v.AsOf = noon
	return v
}

// anyOpinion draws opinions of few digests, partners and times, so that they collide in every way.
var anyOpinion = rapid.Custom(func(t *rapid.T) fraud.Opinion {
	stance := fraud.Stance(rapid.IntRange(1, 6).Draw(t, "stance"))
	issued := noon.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "days")) * 24 * time.Hour)
	var id uuid.UUID
	id[15] = byte(rapid.IntRange(0, 1).Draw(t, "id"))
	o := fraud.Opinion{
		Digest: digest(rapid.Uint64Range(0, 8).Draw(t, "digest")), Type: indicator.Type(rapid.IntRange(1, 8).Draw(t, "type")),
		Grade: indicator.Exact, Partner: fraud.PartnerNumber(rapid.IntRange(1, 7).Draw(t, "partner")),
		Stance: stance, Version: fraud.MakeVersion(issued, stance, id),
		Category: fraud.Code(rapid.IntRange(0, 1023).Draw(t, "category")), Evidence: fraud.Evidence(rapid.IntRange(0,
			63).Draw(t, "evidence")),
		Advice: fraud.Advice(rapid.IntRange(0, 4).Draw(t, "advice")), TLP: fraud.TLP(rapid.IntRange(0, 5).Draw(t, "tlp")),
	}
	if stance.Lists() {
		o.Confidence = uint8(rapid.IntRange(1, 100).Draw(t, "confidence"))
	}
	if rapid.Bool().Draw(t, "also") {
		o.Grade = indicator.Grade(rapid.IntRange(2, 3).Draw(t, "grade"))
		o.Origin = uint32(rapid.IntRange(1, 2).Draw(t, "origin"))
	}
	if rapid.Bool().Draw(t, "expires") {
		o.ExpiresAt = fraud.SecondsOf(noon.Add(time.Duration(rapid.IntRange(-40, 40).Draw(t, "in")) * 24 * time.Hour))
	}
	o.Accepted = fraud.SecondsOf(issued.Add(time.Duration(rapid.IntRange(-300, 7*24*3600).Draw(t, "delay")) * time.Second))
	o.Held, o.SignedBy = rapid.Bool().Draw(t, "held"), fraud.KeyNumber(rapid.IntRange(0, 15).Draw(t, "signed by"))
	o.Group = fraud.Group(rapid.IntRange(0, 127).Draw(t, "group"))
	return o
})

var anyProbes = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fraud.Probe {
	return fraud.Probe{Digest: digest(rapid.Uint64Range(0, 10).Draw(t, "digest")),
		Grade: indicator.Grade(rapid.IntRange(1, 3).Draw(t, "grade"))}
}), 1, 6)

// difference is cmp.Diff, which takes its time, where there is one.
func difference(want, got fraud.Verdict) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func TestIndexAnswersLikeAPlainMap(t *testing.T) {
	if checks := flag.Lookup("rapid.checks").Value; !testkit.Long() && checks.String() == "100" { // rapid's own
		defer func() { _ = checks.Set("100") }()
		_ = checks.Set("40")
	}
	policy := testPolicy()
	policy.Protected = fraud.Protect(digest(3), digest(9))
	rapid.Check(t, func(t *rapid.T) {
		x, model := newIndex(policy), &oracle{map[fraud.Key]fraud.Opinion{}, policy}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				opinions := rapid.SliceOfN(anyOpinion, 1, 20).Draw(t, "opinions")
				x.Apply(opinions)
				model.apply(opinions...)
			},
			"fold": func(*rapid.T) { x.fold() },
			"reload": func(t *rapid.T) {
				l := &loader{}
				for _, o := range model.standing {
					l.add([]fraud.Opinion{o})
				}
				x.folds.Lock()
				defer x.folds.Unlock()
				x.adopt(l.frozen(noon, noon.Add(-x.cfg.TombstoneAge)))
			},
			"": func(t *rapid.T) {
				probes := anyProbes.Draw(t, "probes")
				got, want := x.Lookup(regulator, probes), model.lookup(probes)
				want.AnsweredBy = got.AnsweredBy
				if diff := difference(want, got); diff != "" {
					t.Fatalf("Lookup differs from the map (-map +index):\n%s", diff)
				}
				even, _ := x.LookupEvenly(regulator, probes)
				if diff := difference(got, even); diff != "" {
					t.Fatalf("LookupEvenly differs from Lookup: %s", diff)
				}
				if got.AnsweredBy == fraud.ByFilter && got.Status != fraud.NotListed {
					t.Fatalf("the filter answered %s", got.Status)
				}
			},
		})
	})
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	policy := testPolicy()
	rapid.Check(t, func(t *rapid.T) {
		opinions := rapid.SliceOfN(anyOpinion, 1, 40).Draw(t, "opinions")
		again := rapid.Permutation(slices.Concat(opinions, opinions)).Draw(t, "again")
		a, b := newIndex(policy), newIndex(policy)
		a.Apply(opinions)
		for _, o := range again {
			b.Apply([]fraud.Opinion{o})
			if rapid.IntRange(0, 9).Draw(t, "fold") == 0 {
				b.fold()
			}
		}
		for n := range uint64(9) {
			probes := []fraud.Probe{{Digest: digest(n), Grade: indicator.Exact}}
			va, vb := a.Lookup(regulator, probes), b.Lookup(regulator, probes)
			va.AnsweredBy, vb.AnsweredBy = 0, 0 // a filter may forget sooner what was withdrawn
			if diff := difference(va, vb); diff != "" {
				t.Fatalf("digest %d:\n%s", n, diff)
			}
		}
	})
}
