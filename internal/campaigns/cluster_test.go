package campaigns_test

import (
	"bytes"
	gocmp "cmp"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/internal/campaigns"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func digest(n int) indicator.Digest { return indicator.Digest{0: byte(n >> 8), 1: byte(n), 31: 1} }

func link(kind campaigns.Kind, connector int, members ...int) (links []campaigns.Link) {
	for _, m := range members {
		links = append(links, campaigns.Link{Digest: digest(m), Kind: kind,
			Connector: campaigns.Connector{0: byte(connector >> 8), 1: byte(connector)}})
	}
	return links
}

// members are the numbers of each component's digests.
func members(components []campaigns.Component) (all [][]int) {
	for _, c := range components {
		var one []int
		for _, d := range c.Members {
			one = append(one, int(d[0])<<8|int(d[1]))
		}
		all = append(all, one)
	}
	return all
}

func span(from, to int) (all []int) {
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

func TestWhatIsJoined(t *testing.T) {
	limits := campaigns.Limits{MaxDegree: 5, MaxMembers: 6}
	for _, c := range []struct {
		situation string
		links     [][]campaigns.Link
		want      [][]int
		leftOut   int
	}{
		{"nothing", nil, nil, 0},
		{"one indicator with a case", [][]campaigns.Link{link(fraud.SharedCase, 1, 1)}, nil, 0},
		{"two of one case", [][]campaigns.Link{link(fraud.SharedCase, 1, 1, 2)}, [][]int{{1, 2}}, 0},
		{"a case and a host with one page in common",
			[][]campaigns.Link{link(fraud.SharedCase, 1, 1, 2), link(fraud.SharedHost, 2, 2, 3, 4)}, [][]int{{1, 2, 3, 4}}, 0},
		{"two cases apart", [][]campaigns.Link{link(fraud.SharedCase, 1, 1, 4), link(fraud.SharedCase, 2, 2, 3)},
			[][]int{{1, 4}, {2, 3}}, 0},
		{"a case and a host of one hash", [][]campaigns.Link{link(fraud.SharedCase, 1, 1, 2), link(fraud.SharedHost, 1, 3, 4)},
			[][]int{{1, 2}, {3, 4}}, 0},
		{"a host that everybody uses", [][]campaigns.Link{link(fraud.SharedHost, 1, span(1, 7)...)}, nil, 0},
		{"a link said twice", [][]campaigns.Link{link(fraud.SharedHost, 1, span(1, 6)...), link(fraud.SharedHost, 1, 1, 2)},
			[][]int{{1, 2, 3, 4, 5}}, 0},
		{"too large with a host, which is left out", [][]campaigns.Link{link(fraud.SharedHost, 3, 4, 5), link(fraud.SharedCase, 1,
			1, 2, 3, 4), link(fraud.SharedCase, 2, 5, 6, 7, 8)}, [][]int{{1, 2, 3, 4}, {5, 6, 7, 8}}, 1},
	} {
		t.Run(c.situation, func(t *testing.T) {
			found := limits.Cluster(slices.Concat(c.links...))
			if diff := cmp.Diff(c.want, members(found)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, component := range found {
				if component.LeftOut != c.leftOut {
					t.Errorf("%d connectors left out, want %d", component.LeftOut, c.leftOut)
				}
			}
		})
	}
}

var anyLinks = rapid.SliceOf(rapid.Custom(func(t *rapid.T) campaigns.Link {
	return link(campaigns.Kind(rapid.IntRange(1, 3).Draw(t, "kind")), rapid.IntRange(0, 12).Draw(t, "connector"),
		rapid.IntRange(0, 30).Draw(t, "member"))[0]
}))

func TestComponentsKeepTheirBounds(t *testing.T) {
	limits := campaigns.Limits{MaxDegree: 4, MaxMembers: 7}
	rapid.Check(t, func(t *rapid.T) {
		links := anyLinks.Draw(t, "links")
		found := limits.Cluster(links)
		again := limits.Cluster(rapid.Permutation(append(links[:len(links):len(links)], links...)).Draw(t, "again"))
		if diff := cmp.Diff(found, again); diff != "" {
			t.Fatalf("the order of links matters: %s", diff)
		}
		in := map[indicator.Digest]int{}
		for i, c := range found {
			if len(c.Members) < 2 || len(c.Members) > limits.MaxMembers {
				t.Errorf("%d members", len(c.Members))
			}
			for _, d := range c.Members {
				if other, twice := in[d]; twice {
					t.Errorf("an indicator in components %d and %d", other, i)
				}
				in[d] = i
			}
			// The evidence alone makes the component, and no other.
			alone := limits.Cluster(c.Links)
			if len(alone) != 1 || !slices.Equal(alone[0].Members, c.Members) {
				t.Errorf("its links make %d components", len(alone))
			}
		}
	})
}

// walk finds components in the plainest way: connectors are tried in the order of their strength, and one is kept unless
// more than may be could then be walked to, from member to member, over those that are kept.
func walk(l campaigns.Limits, links []campaigns.Link) (found []campaigns.Component) {
	type connector struct {
		kind campaigns.Kind
		of   campaigns.Connector
	}
	having := map[connector]map[indicator.Digest]bool{}
	for _, l := range links {
		c := connector{l.Kind, l.Connector}
		if having[c] == nil {
			having[c] = map[indicator.Digest]bool{}
		}
		having[c][l.Digest] = true
	}
	kept := map[indicator.Digest][]connector{}
	reach := func(from map[indicator.Digest]bool) map[indicator.Digest]bool {
		reached, queue := maps.Clone(from), slices.Collect(maps.Keys(from))
		for ; len(queue) > 0; queue = queue[1:] {
			for _, c := range kept[queue[0]] {
				for d := range having[c] {
					if !reached[d] {
						reached[d] = true
						queue = append(queue, d)
					}
				}
			}
		}
		return reached
	}
	var leftOut []connector
	for _, c := range slices.SortedFunc(maps.Keys(having), func(a, b connector) int {
		return gocmp.Or(gocmp.Compare(a.kind, b.kind), gocmp.Compare(len(having[a]), len(having[b])), bytes.Compare(a.of[:], b.of[:]))
	}) {
		switch n := len(having[c]); {
		case n < 2 || n > l.MaxDegree:
		case len(reach(having[c])) > l.MaxMembers:
			leftOut = append(leftOut, c)
		default:
			for d := range having[c] {
				kept[d] = append(kept[d], c)
			}
		}
	}
	done := map[indicator.Digest]bool{}
	inOrder := func(a, b indicator.Digest) int { return bytes.Compare(a[:], b[:]) }
	for _, first := range slices.SortedFunc(maps.Keys(kept), inOrder) {
		if done[first] {
			continue
		}
		all := reach(map[indicator.Digest]bool{first: true})
		maps.Copy(done, all)
		component := campaigns.Component{Members: slices.SortedFunc(maps.Keys(all), inOrder)}
		for _, d := range component.Members {
			for _, c := range kept[d] {
				component.Links = append(component.Links, campaigns.Link{Digest: d, Connector: c.of, Kind: c.kind})
			}
		}
		slices.SortFunc(component.Links, func(a, b campaigns.Link) int {
			return gocmp.Or(gocmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Connector[:], b.Connector[:]),
				inOrder(a.Digest, b.Digest))
		})
		for _, c := range leftOut {
			if slices.ContainsFunc(component.Members, func(d indicator.Digest) bool { return having[c][d] }) {
				component.LeftOut++
			}
		}
		found = append(found, component)
	}
	return found
}

func TestComponentsAreThoseOfAPlainWalk(t *testing.T) {
	for _, limits := range []campaigns.Limits{{MaxDegree: 4, MaxMembers: 7}, {MaxDegree: 30, MaxMembers: 30}} {
		rapid.Check(t, func(t *rapid.T) {
			links := anyLinks.Draw(t, "links")
			if diff := cmp.Diff(walk(limits, links), limits.Cluster(links), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("a walk -, got +\n%s", diff)
			}
		})
	}
}

func TestCampaignsKeepTheirNames(t *testing.T) {
	limits := campaigns.DefaultLimits()
	before := map[indicator.Digest]campaigns.ID{}
	know := func(id campaigns.ID, members ...int) {
		for _, m := range members {
			before[digest(m)] = id
		}
	}
	know("large", 1, 2, 3)
	know("small", 4, 5)
	know("apart", 10, 11, 12, 13, 14)
	know("over", 20, 21)
	found := limits.Cluster(slices.Concat(
		link(fraud.SharedCase, 1, 1, 2, 3), link(fraud.SharedCase, 2, 3, 4, 5), // two become one
		link(fraud.SharedCase, 3, 10, 11, 12), link(fraud.SharedCase, 4, 13, 14), // one falls apart
		link(fraud.SharedCase, 5, 30, 31), // new
	))
	named, ended := campaigns.Name(found, before)
	var names []campaigns.ID
	for _, c := range named {
		names = append(names, c.ID)
	}
	if names[0] != "large" || names[1] != "apart" || len(names) != 4 {
		t.Errorf("names: %v", names)
	}
	for _, id := range names[2:] {
		if len(id) != 16 || before[digest(1)] == id {
			t.Errorf("not a new name: %s", id)
		}
	}
	if diff := cmp.Diff([]campaigns.Ended{{ID: "over"}, {ID: "small", Into: "large"}}, ended); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	// The same again is called the same.
	again, _ := campaigns.Name(found, before)
	if diff := cmp.Diff(named, again); diff != "" {
		t.Error(diff)
	}
}
