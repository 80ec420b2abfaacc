package loadgen

import (
	"bytes"
	"io"
	"math"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDigestsAreThoseByNumber(t *testing.T) {
	got, err := io.ReadAll(iotest.HalfReader(Digests(1000)))
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for i := range uint64(1000) {
		d := Digest(i)
		want = append(want, d[:]...)
	}
	if !bytes.Equal(got, want) {
		t.Error("the stream has other digests")
	}
}

func TestHitsComeInTheirShare(t *testing.T) {
	const listed, n = 1000, 100_000
	known := map[[32]byte]int{}
	for i := range uint64(listed) {
		known[Digest(i)] = 0
	}
	for _, s := range []Scenario{{Hits: 0}, {Hits: 0.01}, {Hits: 0.5}, {Hits: 1}, {Hits: 0.5, Skew: 1.1}} {
		clear(known)
		for i := range uint64(listed) {
			known[Digest(i)] = 0
		}
		keys, hits, most := NewKeys(s, listed, 1), 0, 0
		for range n {
			d := keys.Next()
			if _, ok := known[d]; ok {
				hits++
				known[d]++
				most = max(most, known[d])
			}
		}
		if hits != keys.Hits || math.Abs(float64(hits)/n-s.Hits) > 0.01 {
			t.Errorf("%+v: %d hits of %d, %d were counted", s, hits, n, keys.Hits)
		}
		if skewed := most > 20*n/listed; skewed != (s.Skew > 1) {
			t.Errorf("%+v: one digest was drawn %d times", s, most)
		}
	}
}

func TestScenariosAreChecked(t *testing.T) {
	got := Scenario{Ask: "get", Hits: 0.01, Rate: 1000}
	if err := got.Check(); err != nil {
		t.Fatal(err)
	}
	want := Scenario{Ask: "get", Batch: 1, Hits: 0.01, Connections: 32, Rate: 1000, During: time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, s := range []Scenario{
		{Hits: 0.5}, {Ask: "get", Hits: 2}, {Ask: "get", Hits: -1}, {Ask: "get", Skew: 0.5}, {Ask: "get", Rate: -1}, {Ask: "get", Batch: -1},
	} {
		if s.Check() == nil {
			t.Errorf("%+v was let pass", s)
		}
	}
}
