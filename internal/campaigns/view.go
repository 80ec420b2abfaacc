package campaigns

import (
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
	touched []indicator.Digest
	// together is everything that is looked at.
	together map[indicator.Digest]bool
	// before tells which campaign a digest was in, and campaigns what these were; whole are those that are in the view.
	before    map[indicator.Digest]ID
	campaigns map[ID]fraud.Campaign
	whole     map[ID]bool
	// seen are connectors that were looked at, and words those on digests that have them.
	seen  map[Connector]bool
	words map[indicator.Digest]*standing
	// links are those that count, of connectors that join.
	links []fraud.CampaignLink
}

// standing is what is said of a digest.
type standing struct {
	cleared bool
	listed  map[fraud.PartnerNumber]bool // by a word that everyone may be told of
	words   []fraud.Opinion
}

func newView(s *step, touched []indicator.Digest) *view {
	return &view{
		step: s, touched: touched, together: map[indicator.Digest]bool{}, before: map[indicator.Digest]ID{},
		campaigns: map[ID]fraud.Campaign{}, whole: map[ID]bool{}, seen: map[Connector]bool{}, words: map[indicator.Digest]*standing{},
	}
}

// gather follows connectors and campaigns from the touched digests until nothing new turns up.
func (v *view) gather(ctx context.Context) error {
	next, cut := v.add(nil, v.touched...), false
	for round := 0; len(next) > 0; round++ {
		this := next
		next = nil
		in, err := v.store.CampaignsOf(ctx, this)
		if err != nil {
			return err
		}
		maps.Copy(v.before, in)
		if err := v.know(ctx, in); err != nil {
			return err
		}
		for _, id := range in {
			next = v.addAll(next, id)
		}
		if round > 0 && len(v.together) >= v.limits.MaxTogether {
			cut = true
			continue // the campaigns of what is here, and no further
		}
		if next, err = v.follow(ctx, this, next); err != nil {
			return err
		}
	}
	if cut {
		v.metrics.cut.Inc()
	}
	return nil
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
	err = v.store.LinksOf(ctx, connectors, v.touched, 2*v.limits.MaxSeen, func(l *fraud.CampaignLink) {
		links = append(links, *l)
		if v.words[l.Digest] == nil {
			unknown[l.Digest] = true
		}
	})
	if err != nil {
		return nil, err
	}
	if err := v.hear(ctx, slices.Collect(maps.Keys(unknown))); err != nil {
		return nil, err
	}
	touched := map[indicator.Digest]bool{}
	for _, d := range v.touched {
		touched[d] = true
	}
	crowded := map[indicator.Digest][]Connector{}
	for from := 0; from < len(links); {
		to := from + 1
		for to < len(links) && links[to].Connector == links[from].Connector {
			to++
		}
		next = v.judge(links[from:to], touched, next, crowded)
		from = to
	}
	return v.part(ctx, crowded, next)
}

// judge decides whether a connector joins, and appends to next what hangs on it. What has one that would join too many,
// as of a touched digest perhaps, goes to crowded.
func (v *view) judge(
	links []fraud.CampaignLink, touched map[indicator.Digest]bool, next []indicator.Digest,
	crowded map[indicator.Digest][]Connector,
) []indicator.Digest {
	ever, live := map[indicator.Digest]bool{}, map[indicator.Digest]bool{}
	var counting []fraud.CampaignLink
	news := false
	for i := range links {
		l := &links[i]
		ever[l.Digest] = true
		news = news || touched[l.Digest]
		if v.counts(l) {
			live[l.Digest] = true
			counting = append(counting, *l)
		}
	}
	switch {
	case len(ever) > v.limits.MaxSeen || len(live) > v.limits.MaxDegree:
		if news {
			for d := range live {
				crowded[d] = append(crowded[d], links[0].Connector)
			}
		}
	case len(live) >= 2:
		v.links = append(v.links, counting...)
		for d := range live {
			next = v.add(next, d)
		}
	}
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
	s := v.words[l.Digest]
	if s == nil || s.cleared || !s.listed[l.Partner] {
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
		v.words[d] = &standing{listed: map[fraud.PartnerNumber]bool{}}
	}
	err := v.store.WordsOn(ctx, digests, func(o *fraud.Opinion) {
		v.words[o.Digest].words = append(v.words[o.Digest].words, *o)
	})
	for _, d := range digests {
		s := v.words[d]
		match := []fraud.Match{{Digest: d, Grade: indicator.Exact, Opinions: s.words}}
		s.cleared = fraud.Decide(match, authority, v.policy, v.now).Status == fraud.ClearedUp
		for i := range s.words {
			o := &s.words[i]
			p, known := v.policy.Partners(o.Partner)
			if o.Origin == 0 && o.Stance.Lists() && known && p.Counts(o) &&
				fraud.AudienceOf(o.TLP, o.Group) == fraud.Everyone &&
				(o.ExpiresAt == 0 || v.now.Before(o.ExpiresAt.Time())) {
				s.listed[o.Partner] = true
			}
		}
		s.words = nil
	}
	return err
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
func (v *view) rows() map[Connector][]*fraud.CampaignLink {
	rows := map[Connector][]*fraud.CampaignLink{}
	for i := range v.links {
		l := &v.links[i]
		if v.together[l.Digest] {
			rows[l.Connector] = append(rows[l.Connector], l)
		}
	}
	return rows
}

// describe counts what a campaign rests on.
func (v *view) describe(c Campaign, rows map[Connector][]*fraud.CampaignLink) fraud.Campaign {
	d := fraud.Campaign{ID: c.ID, Members: make([]fraud.CampaignMember, len(c.Members))}
	d.Size, d.LeftOut = len(c.Members), c.LeftOut
	place := make(map[indicator.Digest]int, len(c.Members))
	for i, digest := range c.Members {
		place[digest], d.Members[i].Digest = i, digest
	}
	type event struct {
		partner fraud.PartnerNumber
		id      [16]byte
	}
	events, organisations, categories := map[event]bool{}, map[string]bool{}, map[fraud.Code]int{}
	for from := 0; from < len(c.Links); {
		connector := c.Links[from].Connector
		edge, saying := fraud.CampaignEdge{Kind: c.Links[from].Kind, Connector: connector}, map[string]bool{}
		for ; from < len(c.Links) && c.Links[from].Connector == connector; from++ {
			edge.Members = append(edge.Members, place[c.Links[from].Digest])
		}
		for _, l := range rows[connector] {
			organisation := v.organisation(l.Partner)
			saying[organisation], organisations[organisation] = true, true
			m := &d.Members[place[l.Digest]]
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
		edge.Partners = len(saying)
		d.Edges = append(d.Edges, edge)
	}
	d.Reports, d.Partners = len(events), len(organisations)
	types := map[indicator.Type]bool{}
	for i := range d.Members {
		m := &d.Members[i]
		types[m.Type] = true
		if d.FirstSaid.IsZero() || m.FirstSaid.Before(d.FirstSaid) {
			d.FirstSaid = m.FirstSaid
		}
		if m.LastSaid.After(d.LastSaid) {
			d.LastSaid = m.LastSaid
		}
	}
	d.Types = slices.Sorted(maps.Keys(types))
	d.Categories = slices.SortedFunc(maps.Keys(categories), func(a, b fraud.Code) int {
		return cmp.Or(cmp.Compare(categories[b], categories[a]), cmp.Compare(a, b))
	})
	return d
}

func (v *view) organisation(n fraud.PartnerNumber) string {
	p, _ := v.policy.Partners(n)
	return cmp.Or(p.Organisation, p.ID)
}
