package nation_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The set has what campaigns are made of.
func TestIncidentsAndHostsJoinCases(t *testing.T) {
	set := nation.New(1, 4000)
	incidents, hosts := map[string][]indicator.Type{}, map[indicator.Raw]int{}
	for i := range set.Len() {
		c := set.Case(i)
		for _, w := range c.Words {
			if w.Incident != "" {
				incidents[w.Partner+w.Incident] = append(incidents[w.Partner+w.Incident], c.Type)
			}
		}
		if c.Host != "" {
			hosts[c.Host]++
		}
	}
	if len(incidents) < 30 || len(hosts) < 10 {
		t.Errorf("%d incidents and %d hosts", len(incidents), len(hosts))
	}
	want := []indicator.Type{indicator.BankAccount, indicator.BankAccount, indicator.Phone, indicator.Phone, indicator.URL}
	for name, of := range incidents {
		if diff := cmp.Diff(want, of); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestEveryCaseParsesAndIsTheSameEachTime(t *testing.T) {
	ring, err := indicator.NewKeyRing(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	set, again := nation.New(1, 2000), nation.New(1, 2000)
	seen := map[indicator.Digest]bool{}
	for i := range set.Len() {
		c := set.Case(i)
		ref, err := c.Ref(ring)
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		seen[ref.Digest] = true
		if diff := cmp.Diff(c, again.Case(i)); diff != "" {
			t.Fatalf("case %d differs the second time:\n%s", i, diff)
		}
	}
	if len(seen) < 1990 {
		t.Errorf("%d of 2000 cases are distinct, want nearly all", len(seen))
	}
	for i := range 100 {
		c := set.Other(i)
		if ref, err := c.Ref(ring); err != nil || seen[ref.Digest] {
			t.Errorf("other value %d: error %v, in the set: %t", i, err, seen[ref.Digest])
		}
	}
}
