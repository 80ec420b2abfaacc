package campaigns

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Connector is what indicators may have in common.
type Connector = fraud.Connector

// Kind is what sort of connector it is, the strongest first.
type Kind = fraud.ConnectorKind

// Link says that an indicator has a connector.
type Link struct {
	Digest    indicator.Digest
	Connector Connector
	Kind      Kind
}

// Limits bound what is joined, and what is looked at to find out.
type Limits struct {
	// MaxDegree is how many indicators a connector may have to join them.
	MaxDegree int
	// MaxMembers is how many indicators a component may have.
	MaxMembers int
	// MaxSeen is how many indicators a connector may have ever had, those included that no longer count.
	MaxSeen int
	// MaxTogether is how many indicators are looked at together. Of what hangs together beyond it, parts stay apart.
	MaxTogether int
}

// DefaultLimits fit a screen, an investigator, and some hundred megabytes of memory.
func DefaultLimits() Limits {
	return Limits{MaxDegree: 50, MaxMembers: 1000, MaxSeen: 1000, MaxTogether: 300_000}
}

// Component is a set of indicators that belong together, of which there are two at least, with the evidence.
type Component struct {
	// Members are in the order of their bytes.
	Members []indicator.Digest
	// Links are those that join them, in order; each connector has two members at least.
	Links []Link
	// LeftOut is how many connectors would have joined it with more than MaxMembers allows.
	LeftOut int
}

// Cluster finds the components of links, in the order of their first members. It depends on the set of links alone, not
// on their order, and a link may be given more than once.
func (l Limits) Cluster(links []Link) []Component {
	links = slices.Clone(links)
	slices.SortFunc(links, compareLinks)
	links = slices.Compact(links)
	f := newForest(links)
	var used, leftOut []connectorRun
	runs := runsOf(links)
	// The strongest evidence first; of one kind what fewer have in common.
	slices.SortStableFunc(runs, func(a, b connectorRun) int {
		return cmp.Or(cmp.Compare(links[a.from].Kind, links[b.from].Kind), cmp.Compare(a.to-a.from, b.to-b.from))
	})
	for _, run := range runs {
		if n := run.to - run.from; n < 2 || n > l.MaxDegree {
			continue
		}
		if f.joined(links[run.from:run.to]) > l.MaxMembers {
			leftOut = append(leftOut, run)
			continue
		}
		f.join(links[run.from:run.to])
		used = append(used, run)
	}
	return f.components(links, used, leftOut)
}

func compareLinks(a, b Link) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Connector[:], b.Connector[:]),
		bytes.Compare(a.Digest[:], b.Digest[:]))
}

// connectorRun is where the links of one connector stand.
type connectorRun struct{ from, to int }

func runsOf(links []Link) (runs []connectorRun) {
	for from := 0; from < len(links); {
		to := from + 1
		for to < len(links) && links[to].Connector == links[from].Connector && links[to].Kind == links[from].Kind {
			to++
		}
		runs = append(runs, connectorRun{from, to})
		from = to
	}
	return runs
}

// forest is a union-find over indicators.
type forest struct {
	place  map[indicator.Digest]int
	digest []indicator.Digest
	parent []int
	size   []int
}

func newForest(links []Link) *forest {
	f := &forest{place: map[indicator.Digest]int{}}
	for i := range links {
		d := links[i].Digest
		if _, ok := f.place[d]; !ok {
			f.place[d] = len(f.digest)
			f.digest, f.parent, f.size = append(f.digest, d), append(f.parent, len(f.parent)), append(f.size, 1)
		}
	}
	return f
}

func (f *forest) root(i int) int {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

// joined is how many members the component would have that these links make.
func (f *forest) joined(links []Link) (n int) {
	seen := map[int]bool{}
	for i := range links {
		if r := f.root(f.place[links[i].Digest]); !seen[r] {
			seen[r] = true
			n += f.size[r]
		}
	}
	return n
}

func (f *forest) join(links []Link) {
	first := f.root(f.place[links[0].Digest])
	for i := range links[1:] {
		r := f.root(f.place[links[1+i].Digest])
		if r == first {
			continue
		}
		if f.size[r] > f.size[first] {
			r, first = first, r
		}
		f.parent[r] = first
		f.size[first] += f.size[r]
	}
}

func (f *forest) components(links []Link, used, leftOut []connectorRun) []Component {
	byRoot := map[int]*Component{}
	for i, d := range f.digest {
		r := f.root(i)
		if f.size[r] < 2 {
			continue
		}
		if byRoot[r] == nil {
			byRoot[r] = &Component{}
		}
		byRoot[r].Members = append(byRoot[r].Members, d)
	}
	for _, run := range used {
		c := byRoot[f.root(f.place[links[run.from].Digest])]
		c.Links = append(c.Links, links[run.from:run.to]...)
	}
	for _, run := range leftOut {
		told := map[*Component]bool{nil: true}
		for i := run.from; i < run.to; i++ {
			if c := byRoot[f.root(f.place[links[i].Digest])]; !told[c] {
				told[c] = true
				c.LeftOut++
			}
		}
	}
	all := make([]Component, 0, len(byRoot))
	for _, c := range byRoot {
		slices.SortFunc(c.Members, func(a, b indicator.Digest) int { return bytes.Compare(a[:], b[:]) })
		slices.SortFunc(c.Links, compareLinks)
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Component) int { return bytes.Compare(a.Members[0][:], b.Members[0][:]) })
	return all
}
