package campaigns

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// view is what is looked at together.
type view struct {
	*step
	// piece are those of the touched digests that are looked at.
	piece   []indicator.Digest
	touched *touched
	// together is everything that is looked at.
	together map[indicator.Digest]bool
	// before tells which campaign a digest was in, and campaigns what these were; whole are those that are in the view.
	before    map[indicator.Digest]ID
	campaigns map[ID]fraud.Campaign
	whole     map[ID]bool
	// seen are connectors that were looked at, and listed whose words list a digest that has them, for everyone.
	seen   map[Connector]bool
	listed map[indicator.Digest][]fraud.PartnerNumber
	// links are those that count, of connectors that join: those of one stand together.
	links []fraud.CampaignLink
	// organisations are numbered as they turn up.
	organisations map[string]int
	organisation  map[fraud.PartnerNumber]int
}

// touched are the digests of which something has changed.
type touched struct {
	digests []indicator.Digest
	has     map[indicator.Digest]bool
}

func newView(s *step, piece []indicator.Digest, all *touched) *view {
	return &view{
		step: s, piece: piece, touched: all, together: make(map[indicator.Digest]bool, len(piece)), before: map[indicator.Digest]ID{},
		campaigns: map[ID]fraud.Campaign{}, whole: map[ID]bool{}, seen: map[Connector]bool{},
		listed: map[indicator.Digest][]fraud.PartnerNumber{}, organisations: map[string]int{},
		organisation: map[fraud.PartnerNumber]int{},
	}
}

// gather follows connectors and campaigns from the piece until nothing new turns up. It reports whether more hangs
// together than is looked at: parts of it then stay apart, or it gives up at once if the piece is to be halved.
func (v *view) gather(ctx context.Context) (cut bool, err error) {
	next := v.add(nil, v.piece...)
	for round := 0; len(next) > 0; round++ {
		this := next
		// The members of their campaigns at once, too: a round reads large tables, whatever it looks for.
		for fresh := next; len(fresh) > 0; {
			if fresh, err = v.fellows(ctx, fresh); err != nil {
				return false, err
			}
			this = append(this, fresh...)
		}
		next = nil
		if round > 0 && len(v.together) >= v.limits.MaxTogether {
			if cut = true; len(v.piece) > leastPiece {
				return cut, nil
			}
			continue // the campaigns of what is here, and no further
		}
		if next, err = v.follow(ctx, this, next); err != nil {
			return false, err
		}
	}
	return cut, nil
}

// fellows takes the campaigns of digests into the view, and gives their members that are new in it.
func (v *view) fellows(ctx context.Context, of []indicator.Digest) (fresh []indicator.Digest, err error) {
	in, err := v.store.CampaignsOf(ctx, of)
	if err != nil {
		return nil, err
	}
	maps.Copy(v.before, in)
	if err := v.know(ctx, in); err != nil {
		return nil, err
	}
	for _, id := range in {
		fresh = v.addAll(fresh, id)
	}
	return fresh, nil
}

// add takes digests into the view, and appends the new ones to next.
func (v *view) add(next []indicator.Digest, digests ...indicator.Digest) []indicator.Digest {
	for _, d := range digests {
		if !v.together[d] {
			v.together[d] = true
			next = append(next, d)
		}
	}
	return next
}

// addAll takes the members of a campaign into the view.
func (v *view) addAll(next []indicator.Digest, id ID) []indicator.Digest {
	if v.whole[id] {
		return next
	}
	v.whole[id] = true
	for i := range v.campaigns[id].Members {
		next = v.add(next, v.campaigns[id].Members[i].Digest)
	}
	return next
}

// know reads the campaigns that are not known yet.
func (v *view) know(ctx context.Context, in map[indicator.Digest]ID) error {
	unknown := map[ID]bool{}
	for _, id := range in {
		if _, known := v.campaigns[id]; !known {
			unknown[id] = true
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	campaigns, err := v.store.CampaignsNamed(ctx, slices.Collect(maps.Keys(unknown)))
	for _, c := range campaigns {
		v.campaigns[c.ID] = c
	}
	return err
}

// follow looks at the connectors of digests, and appends to next what hangs on them.
func (v *view) follow(ctx context.Context, digests, next []indicator.Digest) ([]indicator.Digest, error) {
	connectors, err := v.store.ConnectorsOf(ctx, digests)
	if err != nil {
		return nil, err
	}
	connectors = slices.DeleteFunc(connectors, func(c Connector) bool {
		seen := v.seen[c]
		v.seen[c] = true
		return seen
	})
	if len(connectors) == 0 {
		return next, nil
	}
	var links []fraud.CampaignLink
	unknown := map[indicator.Digest]bool{}
	err = v.store.LinksOf(ctx, connectors, v.touched.digests, 2*v.limits.MaxSeen, func(l *fraud.CampaignLink) {
		links = append(links, *l)
		if _, heard := v.listed[l.Digest]; !heard {
			unknown[l.Digest] = true
		}
	})
	if err != nil {
		return nil, err
	}
	if err := v.hear(ctx, slices.Collect(maps.Keys(unknown))); err != nil {
		return nil, err
	}
	crowded := map[indicator.Digest][]Connector{}
	for from := 0; from < len(links); {
		to := from + 1
		for to < len(links) && links[to].Connector == links[from].Connector {
			to++
		}
		next = v.judge(links[from:to], next, crowded)
		from = to
	}
	return v.part(ctx, crowded, next)
}

// judge decides whether a connector joins, of which all links are given in the order of digests, and appends to next what
// hangs on it. What has one that would join too many, as of a touched digest perhaps, goes to crowded.
func (v *view) judge(
	links []fraud.CampaignLink, next []indicator.Digest, crowded map[indicator.Digest][]Connector,
) []indicator.Digest {
	ever, news, first := 0, false, len(v.links)
	var live []indicator.Digest
	for i := range links {
		l := &links[i]
		if i == 0 || l.Digest != links[i-1].Digest {
			ever++
			news = news || v.touched.has[l.Digest]
		}
		if v.counts(l) {
			if len(live) == 0 || l.Digest != live[len(live)-1] {
				live = append(live, l.Digest)
			}
			v.links = append(v.links, *l)
		}
	}
	switch {
	case ever > v.limits.MaxSeen || len(live) > v.limits.MaxDegree:
		if news {
			for _, d := range live {
				crowded[d] = append(crowded[d], links[0].Connector)
			}
		}
	case len(live) >= 2:
		return v.add(next, live...)
	}
	v.links = v.links[:first] // it joins nothing
	return next
}

// part finds the campaigns that a connector holds together which does not join any more.
func (v *view) part(
	ctx context.Context, crowded map[indicator.Digest][]Connector, next []indicator.Digest,
) ([]indicator.Digest, error) {
	if len(crowded) == 0 {
		return next, nil
	}
	in, err := v.store.CampaignsOf(ctx, slices.Collect(maps.Keys(crowded)))
	if err != nil {
		return nil, err
	}
	if err := v.know(ctx, in); err != nil {
		return nil, err
	}
	for d, id := range in {
		if slices.ContainsFunc(v.campaigns[id].Edges, func(e fraud.CampaignEdge) bool {
			return slices.Contains(crowded[d], e.Connector)
		}) {
			next = v.addAll(next, id)
		}
	}
	return next, nil
}

// counts reports whether a link is in force.
func (v *view) counts(l *fraud.CampaignLink) bool {
	if !slices.Contains(v.listed[l.Digest], l.Partner) {
		return false
	}
	p, known := v.policy.Partners(l.Partner)
	return known && l.Counts(p)
}

// authority is for whom it is decided whether something is cleared up: one who may see everything.
var authority = &fraud.Partner{Kind: fraud.Regulator}

// hear learns what is said of digests.
func (v *view) hear(ctx context.Context, digests []indicator.Digest) error {
	if len(digests) == 0 {
		return nil
	}
	for _, d := range digests {
		v.listed[d] = nil
	}
	var words []fraud.Opinion
	take := func() {
		if len(words) > 0 {
			v.listed[words[0].Digest] = v.listing(words)
			words = words[:0]
		}
	}
	err := v.store.WordsOn(ctx, digests, func(o *fraud.Opinion) {
		if len(words) > 0 && words[0].Digest != o.Digest {
			take()
		}
		words = append(words, *o)
	})
	take()
	return err
}

// listing are the partners whose words on one digest list it: nobody's where it is cleared.
func (v *view) listing(words []fraud.Opinion) (by []fraud.PartnerNumber) {
	clears := v.policy.Protected.Has(words[0].Digest)
	for i := range words {
		o := &words[i]
		clears = clears || o.Stance == fraud.Cleared
		p, known := v.policy.Partners(o.Partner)
		if o.Origin == 0 && o.Stance.Lists() && known && p.Counts(o) &&
			fraud.AudienceOf(o.TLP, o.Group) == fraud.Everyone &&
			(o.ExpiresAt == 0 || v.now.Before(o.ExpiresAt.Time())) {
			by = append(by, o.Partner)
		}
	}
	if clears && len(by) > 0 {
		match := []fraud.Match{{Digest: words[0].Digest, Grade: indicator.Exact, Opinions: words}}
		if fraud.Decide(match, authority, v.policy, v.now).Status == fraud.ClearedUp {
			return nil
		}
	}
	return by
}

// differences clusters what was gathered, and tells what of it is not stored yet.
func (v *view) differences() (known, fresh []fraud.Campaign, moved map[indicator.Digest]ID) {
	links := make([]Link, 0, len(v.links))
	for i := range v.links {
		if l := &v.links[i]; v.together[l.Digest] { // beyond MaxTogether it may hang on what is not looked at
			links = append(links, Link{Digest: l.Digest, Connector: l.Connector, Kind: l.Kind})
		}
	}
	named, ended := Name(v.limits.Cluster(links), v.before)
	now := map[indicator.Digest]ID{}
	rows := v.rows()
	for _, c := range named {
		for _, d := range c.Members {
			now[d] = c.ID
		}
		campaign := v.describe(c, rows)
		was, stored := v.campaigns[c.ID]
		switch {
		case !stored:
			fresh = append(fresh, campaign)
		case !reflect.DeepEqual(was, campaign):
			known = append(known, campaign)
		}
	}
	for _, e := range ended {
		known = append(known, fraud.Campaign{ID: e.ID, Into: e.Into})
	}
	moved = map[indicator.Digest]ID{}
	for d := range v.together {
		if now[d] != v.before[d] {
			moved[d] = now[d]
		}
	}
	return known, fresh, moved
}

// rows are the links that count, by connector.
func (v *view) rows() map[Connector][]fraud.CampaignLink {
	rows := map[Connector][]fraud.CampaignLink{}
	for from := 0; from < len(v.links); {
		to := from + 1
		for to < len(v.links) && v.links[to].Connector == v.links[from].Connector {
			to++
		}
		rows[v.links[from].Connector] = v.links[from:to:to]
		from = to
	}
	return rows
}

// describe counts what a campaign rests on.
func (v *view) describe(c Campaign, rows map[Connector][]fraud.CampaignLink) fraud.Campaign {
	d := fraud.Campaign{ID: c.ID, Members: make([]fraud.CampaignMember, len(c.Members))}
	d.Size, d.LeftOut = len(c.Members), c.LeftOut
	for i, digest := range c.Members {
		d.Members[i].Digest = digest
	}
	place := func(of indicator.Digest) int {
		i, _ := slices.BinarySearchFunc(c.Members, of, func(a, b indicator.Digest) int { return bytes.Compare(a[:], b[:]) })
		return i
	}
	type event struct {
		partner fraud.PartnerNumber
		id      [16]byte
	}
	events, categories, organisations := map[event]bool{}, map[fraud.Code]int{}, []int(nil)
	for from := 0; from < len(c.Links); {
		connector := c.Links[from].Connector
		edge, saying := fraud.CampaignEdge{Kind: c.Links[from].Kind, Connector: connector}, []int(nil)
		for ; from < len(c.Links) && c.Links[from].Connector == connector; from++ {
			edge.Members = append(edge.Members, place(c.Links[from].Digest))
		}
		for i := range rows[connector] {
			l := &rows[connector][i]
			if !v.together[l.Digest] {
				continue
			}
			if organisation := v.organisationOf(l.Partner); !slices.Contains(saying, organisation) {
				saying = append(saying, organisation)
			}
			m := &d.Members[place(l.Digest)]
			if m.Type == 0 || l.Type < m.Type {
				m.Type = l.Type
			}
			if m.FirstSaid.IsZero() || l.IssuedAt.Before(m.FirstSaid) {
				m.FirstSaid = l.IssuedAt
			}
			if l.IssuedAt.After(m.LastSaid) {
				m.LastSaid = l.IssuedAt
			}
			if e := (event{l.Partner, l.Event}); !events[e] {
				events[e] = true
				d.Losses[l.Loss]++
				categories[l.Category]++
			}
		}
		for _, organisation := range saying {
			if !slices.Contains(organisations, organisation) {
				organisations = append(organisations, organisation)
			}
		}
		edge.Partners = len(saying)
		d.Edges = append(d.Edges, edge)
	}
	d.Reports, d.Partners = len(events), len(organisations)
	for i := range d.Members {
		m := &d.Members[i]
		if !slices.Contains(d.Types, m.Type) {
			d.Types = append(d.Types, m.Type)
		}
		if d.FirstSaid.IsZero() || m.FirstSaid.Before(d.FirstSaid) {
			d.FirstSaid = m.FirstSaid
		}
		if m.LastSaid.After(d.LastSaid) {
			d.LastSaid = m.LastSaid
		}
	}
	slices.Sort(d.Types)
	d.Categories = slices.SortedFunc(maps.Keys(categories), func(a, b fraud.Code) int {
		return cmp.Or(cmp.Compare(categories[b], categories[a]), cmp.Compare(a, b))
	})
	return d
}

// organisationOf numbers the organisation of a partner.
func (v *view) organisationOf(n fraud.PartnerNumber) int {
	number, known := v.organisation[n]
	if !known {
		p, _ := v.policy.Partners(n)
		name := cmp.Or(p.Organisation, p.ID)
		if number, known = v.organisations[name]; !known {
			number = len(v.organisations)
			v.organisations[name] = number
		}
		v.organisation[n] = number
	}
	return number
}
