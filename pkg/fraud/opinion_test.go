package fraud_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// anyOpinion draws from few values of each field, so that opinions collide, tie and all but tie.
var anyOpinion = rapid.Custom(func(t *rapid.T) fraud.Opinion {
	o := fraud.Opinion{
		Digest: indicator.Digest{0: byte(rapid.IntRange(1, 2).Draw(t, "digest"))},
		Origin: uint32(rapid.IntRange(0, 1).Draw(t, "origin")), Partner: fraud.PartnerNumber(rapid.IntRange(1, 3).Draw(t,
			"partner")),
		Type: indicator.Type(rapid.IntRange(1, 8).Draw(t, "type")), Grade: indicator.Grade(rapid.IntRange(1, 3).Draw(t,
			"grade")),
		Stance:   fraud.Stance(rapid.IntRange(1, 6).Draw(t, "stance")),
		Category: fraud.Code(rapid.SampledFrom([]int{0, 1, 3, 1023}).Draw(t, "category")),
		Evidence: fraud.Evidence(rapid.IntRange(0, 63).Draw(t, "evidence")),
		Advice:   fraud.Advice(rapid.IntRange(0, 4).Draw(t, "advice")), TLP: fraud.TLP(rapid.IntRange(0, 5).Draw(t, "tlp")),
	}
	if o.Stance.Lists() {
		o.Confidence = uint8(rapid.SampledFrom([]int{1, 60, 100}).Draw(t, "confidence"))
	}
	if rapid.Bool().Draw(t, "expires") {
		o.ExpiresAt = fraud.SecondsOf(noon.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "hours")) * time.Hour))
	}
	issued := noon.Add(-time.Duration(rapid.IntRange(0, 1).Draw(t, "ms")) * time.Millisecond)
	o.Version = fraud.MakeVersion(issued, o.Stance, uuid.UUID{15: byte(rapid.IntRange(0, 1).Draw(t, "id"))})
	if d := rapid.IntRange(0, 2).Draw(t, "accepted"); d > 0 {
		o.Accepted = fraud.SecondsOf(issued.Add(time.Duration(d) * time.Minute))
	}
	o.Held, o.SignedBy = rapid.Bool().Draw(t, "held"), fraud.KeyNumber(rapid.IntRange(0, 2).Draw(t, "signed by"))
	o.Group = fraud.Group(rapid.IntRange(0, 2).Draw(t, "group"))
	return o
})

func TestSupersedesIsAStrictTotalOrderOnWhatIsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyOpinion.Draw(t, "a"), anyOpinion.Draw(t, "b"), anyOpinion.Draw(t, "c")
		// The order is among opinions of one key.
		for _, o := range []*fraud.Opinion{&b, &c} {
			o.Digest, o.Origin, o.Partner = a.Digest, a.Origin, a.Partner
		}
		if a.Supersedes(&a) {
			t.Error("an opinion supersedes itself")
		}
		if same := a == b; a.Supersedes(&b) == b.Supersedes(&a) != same {
			t.Errorf("of two opinions that differ one stands, of two alike neither:\n%+v\n%+v", a, b)
		}
		if a.Supersedes(&b) && b.Supersedes(&c) && !a.Supersedes(&c) {
			t.Errorf("not transitive:\n%+v\n%+v\n%+v", a, b, c)
		}
	})
}

// merge keeps what stands, as every holder of opinions does.
func merge(opinions []fraud.Opinion) map[fraud.Key]fraud.Opinion {
	standing := map[fraud.Key]fraud.Opinion{}
	for _, o := range opinions {
		if have, ok := standing[o.Key()]; !ok || o.Supersedes(&have) {
			standing[o.Key()] = o
		}
	}
	return standing
}

func TestAnyOrderAndRepetitionGivesTheSameStateAndVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.SliceOfN(anyOpinion, 1, 30).Draw(t, "said")
		again := rapid.Permutation(append(said[:len(said):len(said)], said...)).Draw(t, "again")
		one, other := merge(said), merge(again)
		if diff := cmp.Diff(one, other); diff != "" {
			t.Fatalf("state:\n%s", diff)
		}
		verdict := func(standing map[fraud.Key]fraud.Opinion) fraud.Verdict {
			m := fraud.Match{Digest: indicator.Digest{0: 1}, Grade: indicator.Exact}
			for _, o := range standing { // in Go's random order
				if o.Digest == m.Digest {
					m.Opinions = append(m.Opinions, o)
				}
			}
			return fraud.Decide([]fraud.Match{m}, asker, thePolicy(), noon)
		}
		if diff := cmp.Diff(verdict(one), verdict(other)); diff != "" {
			t.Fatalf("verdict:\n%s", diff)
		}
	})
}

func TestOfOneMomentTheMilderWordStands(t *testing.T) {
	for _, c := range []struct{ stands, falls fraud.Stance }{
		{fraud.Withdrawn, fraud.Listed}, {fraud.Cleared, fraud.Listed}, {fraud.Disputed, fraud.Listed},
		{fraud.Withdrawn, fraud.Disputed}, {fraud.Cleared, fraud.Disputed},
	} {
		// Whatever the ids are.
		a, b := says(bank, c.stands), says(bank, c.falls)
		a.Version = fraud.MakeVersion(noon, c.stands, uuid.UUID{})
		b.Version = fraud.MakeVersion(noon, c.falls, uuid.UUID{13: 0x0f, 14: 0xff, 15: 0xff})
		if !a.Supersedes(&b) || b.Supersedes(&a) {
			t.Errorf("%s does not stand over %s", c.stands, c.falls)
		}
	}
}

func TestLaterWordStandsWhateverItIs(t *testing.T) {
	early, late := says(bank, fraud.Cleared, ago(time.Second)), says(bank, fraud.Listed, ago(time.Second-time.Millisecond))
	if !late.Supersedes(&early) {
		t.Error("a listing a millisecond after a clear does not stand")
	}
}

func TestWhatIsTakenBackFallsToALaterWordAlone(t *testing.T) {
	for _, stance := range []fraud.Stance{fraud.Listed, fraud.Disputed} {
		said := says(bank, stance, ago(time.Hour))
		said.Version = fraud.MakeVersion(said.Version.IssuedAt(), stance, uuid.Max)
		back, ok := said.TakenBack()
		if !ok || back.Stance != fraud.Withdrawn || !back.Supersedes(&said) || back.Key() != said.Key() {
			t.Errorf("%s is taken back by %+v", stance, back)
		}
		if later := says(bank, fraud.Listed, ago(time.Hour-time.Millisecond)); !later.Supersedes(&back) {
			t.Errorf("a word said a millisecond later does not stand over what was taken back")
		}
	}
	for _, stance := range []fraud.Stance{fraud.Withdrawn, fraud.Cleared, fraud.Sighted} {
		if back, ok := (fraud.Opinion{Stance: stance}).TakenBack(); ok {
			t.Errorf("%s is taken back by %+v; it accuses nobody", stance, back)
		}
	}
}

func TestOfOneEventTheFirstDeliveryThatWasNotHeldStands(t *testing.T) {
	first, later, held := says(bank, fraud.Listed), says(bank, fraud.Listed), says(bank, fraud.Listed)
	first.Accepted, later.Accepted = fraud.SecondsOf(noon), fraud.SecondsOf(noon.Add(time.Hour))
	held.Accepted, held.Held = fraud.SecondsOf(noon.Add(-time.Hour)), true
	for i, pair := range [][2]*fraud.Opinion{{&first, &later}, {&first, &held}, {&later, &held}} {
		if !pair[0].Supersedes(pair[1]) || pair[1].Supersedes(pair[0]) || pair[0].Tie() <= pair[1].Tie() {
			t.Errorf("pair %d: the wrong one stands", i)
		}
	}
}

func TestProvenanceSurvivesItsPackedForm(t *testing.T) {
	for _, delay := range []time.Duration{-fraud.MaxSkew, -time.Second, 0, time.Hour, fraud.MaxAge} {
		for ms := range 1000 {
			o := says(bank, fraud.Listed)
			issued := noon.Add(time.Duration(ms) * time.Millisecond)
			o.Version = fraud.MakeVersion(issued, o.Stance, uuid.UUID{})
			want := fraud.Provenance{Accepted: fraud.SecondsOf(issued.Add(delay)), Held: ms%2 == 0,
				SignedBy: fraud.KeyNumberOf(ms), Group: fraud.Group(ms % 128)}
			if got := fraud.UnpackProvenance(want.Pack(o.Version), o.Version); got != want {
				t.Fatalf("%s after issue: %+v, want %+v", delay, got, want)
			}
		}
	}
}

func TestSightingStandsBesideTheStance(t *testing.T) {
	standing := merge([]fraud.Opinion{says(bank, fraud.Listed), says(bank, fraud.Sighted, ago(0)), says(bank,
		fraud.Withdrawn, ago(0))})
	if len(standing) != 2 {
		t.Errorf("%d words stand, want the sighting and the withdrawal", len(standing))
	}
}

func TestOpinionSurvivesItsBinaryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyOpinion.Draw(t, "opinion")
		data, err := want.AppendBinary([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != 1+fraud.OpinionSize {
			t.Fatalf("%d bytes, want %d", len(data)-1, fraud.OpinionSize)
		}
		var got fraud.Opinion
		if err := got.UnmarshalBinary(data[1:]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestBinaryFormOutOfRangeIsRefused(t *testing.T) {
	o := says(bank, fraud.Listed)
	good, err := o.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		situation string
		at        int
		value     byte
	}{
		{"another format", 0, 2}, {"no type", 1, 0}, {"a ninth type", 1, 9}, {"no grade", 2, 0}, {"a fourth grade", 2, 4},
		{"no stance", 3, 0}, {"a seventh stance", 3, 7}, {"category over 1023", 4, 4}, {"a seventh evidence", 6, 64},
		{"confidence 101", 7, 101}, {"advice 5", 8, 5}, {"tlp 6", 9, 6},
	} {
		bad := append([]byte(nil), good...)
		bad[c.at] = c.value
		if err := o.UnmarshalBinary(bad); err == nil {
			t.Errorf("%s is accepted", c.situation)
		}
	}
	for _, n := range []int{0, 63, 65} {
		if err := o.UnmarshalBinary(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}

func TestVersionKeepsItsMillisecond(t *testing.T) {
	for _, at := range []time.Time{time.UnixMilli(0), noon.Add(987 * time.Millisecond), time.Date(2109, 1, 1, 0, 0, 0,
		0, time.UTC)} {
		if got := fraud.MakeVersion(at, fraud.Cleared, uuid.Max).IssuedAt(); !got.Equal(at) {
			t.Errorf("%s, want %s", got, at)
		}
	}
}
