package campaigns

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// ID names a campaign.
type ID = fraud.CampaignID

// Campaign is a component with a name.
type Campaign struct {
	ID ID
	Component
}

// Ended is a campaign that is no more: its members are in Into, or belong to none any more where Into is "".
type Ended struct{ ID, Into ID }

// Name gives components the names by which they were known. before tells in which campaign each indicator was; what was
// looked at must hold every member of every campaign that it names. A campaign goes on where most of its members are; of
// two that have become one the larger goes on and the other ends in it; of one that fell apart the largest part goes on
// and the others are new.
func Name(components []Component, before map[indicator.Digest]ID) (named []Campaign, ended []Ended) {
	type claim struct {
		id        ID
		component int
		members   int
	}
	var claims []claim
	for i, c := range components {
		counts := map[ID]int{}
		for _, d := range c.Members {
			if id, ok := before[d]; ok {
				counts[id]++
			}
		}
		for id, n := range counts {
			claims = append(claims, claim{id, i, n})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(b.members, a.members), cmp.Compare(a.id, b.id), cmp.Compare(a.component, b.component))
	})
	names, taken := make([]ID, len(components)), map[ID]bool{}
	for _, c := range claims {
		if names[c.component] == "" && !taken[c.id] {
			names[c.component], taken[c.id] = c.id, true
		}
	}
	for i, c := range components {
		if names[i] == "" {
			names[i] = newID(c.Members, taken)
			taken[names[i]] = true
		}
		named = append(named, Campaign{names[i], c})
	}
	into := map[ID]ID{}
	for _, c := range claims { // the one with most of its members comes first
		if !taken[c.id] && into[c.id] == "" {
			into[c.id] = names[c.component]
		}
	}
	gone := map[ID]bool{}
	for _, id := range before {
		if !taken[id] && !gone[id] {
			gone[id] = true
			ended = append(ended, Ended{id, into[id]})
		}
	}
	slices.SortFunc(ended, func(a, b Ended) int { return cmp.Compare(a.ID, b.ID) })
	return named, ended
}

// newID is made of the members, so that two nodes that find the same campaign call it the same.
func newID(members []indicator.Digest, taken map[ID]bool) ID {
	sum := sha256.New()
	sum.Write([]byte("waspada/campaign"))
	for _, d := range members {
		sum.Write(d[:])
	}
	for {
		id := ID(hex.EncodeToString(sum.Sum(nil)[:8]))
		if !taken[id] {
			return id
		}
		sum.Write([]byte{0})
	}
}
