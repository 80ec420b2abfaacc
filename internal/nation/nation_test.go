package nation_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

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

// Platforms are told of many cases, and act on a different share of them at a different pace.
func TestPlatformsActAtDifferentSpeed(t *testing.T) {
	set := nation.New(1, 6000)
	told, acted, took := map[string]int{}, map[string]int{}, map[string]time.Duration{}
	for i := range set.Len() {
		c := set.Case(i)
		for _, p := range nation.Partners() {
			if slices.Contains(nation.Platforms(p.ID), c.Words[0].Platform) {
				told[p.ID]++
			}
		}
		if partner, action, after, ok := set.Reaction(&c, i); ok {
			if !action.Valid() {
				t.Fatalf("case %d: action %d", i, action)
			}
			acted[partner]++
			took[partner] += after
		}
	}
	t.Log(told, acted, took)
	share := func(id string) float64 { return float64(acted[id]) / float64(told[id]) }
	mean := func(id string) time.Duration { return took[id] / time.Duration(acted[id]) }
	order := []string{"platform-wau", "market-gasing", "platform-congkak"}
	for i, id := range order[1:] {
		if before := order[i]; told[id] < 50 || share(id) >= share(before) || mean(id) <= mean(before) {
			t.Errorf("%s acts like %s: %d told, %.2f in %v", id, before, told[id], share(id), mean(id))
		}
	}
}
