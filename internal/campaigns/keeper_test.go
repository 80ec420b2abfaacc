package campaigns_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/campaigns"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// small limits are met often.
var small = campaigns.Limits{MaxDegree: 4, MaxMembers: 7, MaxSeen: 9, MaxTogether: 1 << 20}

// country is a ledger with campaigns, what was sent to it, and who may speak.
type country struct {
	*store.Writer
	*store.Reader
	store.Config
	engine   *devstack.Engine
	rand     *rand.Rand
	now      time.Time
	partners map[fraud.PartnerNumber]*fraud.Partner
	policy   fraud.Policy
	sent     []fraud.Entry // in the order of the log
	next     [2]int64
	hashes   map[string]campaigns.Connector
}

func newCountry(t testing.TB, r *rand.Rand) *country {
	t.Helper()
	engine := testkit.ClickHouse(t)
	c := &country{
		Config: store.Config{Addrs: engine.Addrs(), Database: testkit.DatabaseOn(t, engine), User: "default"},
		engine: engine, rand: r, now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), partners: map[fraud.PartnerNumber]*fraud.Partner{},
		policy: fraud.DefaultPolicy(), hashes: map[string]campaigns.Connector{},
	}
	if err := store.Migrate(t.Context(), c.Config, schemas.ClickHouse(), quiet); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Writer, err = store.NewWriter(c.Config); err != nil {
		t.Fatal(err)
	}
	if c.Reader, err = store.NewReader(c.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Writer.Close(); c.Reader.Close() })
	for i, kind := range []fraud.PartnerKind{fraud.Bank, fraud.Bank, fraud.EWallet, fraud.Police} {
		n := fraud.PartnerNumber(i + 1)
		c.partners[n] = &fraud.Partner{Number: n, ID: fmt.Sprintf("p%d", n), Kind: kind, State: fraud.Active, Weight: 1}
	}
	c.partners[3].Organisation = "p2"
	c.policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) { p, ok := c.partners[n]; return p, ok }
	c.policy.Protected = fraud.Protect()
	return c
}

func (c *country) keeper(limits campaigns.Limits) *campaigns.Keeper {
	return campaigns.NewKeeper(c.Writer, &c.policy, func() (all []fraud.Partner) {
		for _, n := range slices.Sorted(maps.Keys(c.partners)) {
			all = append(all, *c.partners[n])
		}
		return all
	}, limits, func() time.Time { return c.now }, time.Second, nil, quiet)
}

func someDigest(n int) (d indicator.Digest) { return sha256.Sum256(fmt.Append(nil, "digest ", n)) }

// event is anything that a partner may say of a few indicators.
func (c *country) event() fraud.Entry {
	r := c.rand
	e := fraud.Entry{Partner: fraud.PartnerNumber(1 + r.IntN(4)), Category: fraud.Code(1 + r.IntN(4)), Appended: c.now}
	n := r.IntN(40)
	kind := fraud.Report
	switch r.IntN(12) {
	case 0, 1:
		kind = fraud.Withdraw
	case 2:
		kind = fraud.Clear
	case 3:
		kind = fraud.Dispute
	case 4:
		kind = fraud.Sighting
	}
	if e.Partner == 4 && r.IntN(3) == 0 {
		kind = fraud.Uphold
	}
	e.Event = fraud.Event{
		Kind: kind, IssuedAt: c.now.Add(-time.Duration(r.IntN(1000)) * time.Second),
		Indicator: fraud.Ref{Type: indicator.Type(1 + n%8), Epoch: 1, Digest: someDigest(n)},
		TLP:       fraud.TLPGreen, LossBand: fraud.LossBand(r.IntN(7)),
	}
	id := make([]byte, 16)
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	e.Event.ID = uuid.UUID(id)
	if kind.Lists() {
		e.Event.Confidence = 80
	}
	if r.IntN(2) == 0 {
		e.Event.Case = fmt.Sprint("case-", r.IntN(14))
	}
	if t := e.Event.Indicator.Type; (t == indicator.URL || t == indicator.Domain) && r.IntN(2) == 0 {
		e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Prefix, Digest: someDigest(100 + r.IntN(5))}}
	}
	switch r.IntN(12) {
	case 0:
		e.Event.TLP = fraud.TLPRed
	case 1:
		e.Event.TLP, e.Group = fraud.TLPAmber, 3
	case 2:
		e.Event.ExpiresAt = c.now.Add(time.Duration(1+r.IntN(5)) * time.Hour)
	case 3:
		e.Held = true
	}
	e.SignedBy = fraud.KeyNumber(r.IntN(3))
	e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{
		Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group})
	return e
}

// say appends messages of one to twelve events to a partition; one in five was sent before.
func (c *country) say(t testing.TB, messages int) {
	t.Helper()
	p := c.rand.IntN(len(c.next))
	s := fraud.Segment{Partition: int32(p), First: c.next[p], Last: c.next[p] + int64(messages) - 1}
	for offset := s.First; offset <= s.Last; offset++ {
		index := 0
		for range 1 + c.rand.IntN(4)*c.rand.IntN(5) {
			e := c.event()
			if len(c.sent) > 0 && c.rand.IntN(5) == 0 {
				e = c.sent[c.rand.IntN(len(c.sent))]
				e.Appended = c.now
				e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{
					Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group})
			}
			e.Position = fraud.Position{Partition: int32(p), Offset: offset, Index: uint16(index)}
			index++
			s.Entries = append(s.Entries, e)
		}
	}
	c.next[p] = s.Last + 1
	c.sent = append(c.sent, s.Entries...)
	for range 1 + c.rand.IntN(2) { // and delivered again
		if err := c.Insert(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// govern changes a partner's record or what is protected.
func (c *country) govern() {
	p := *c.partners[fraud.PartnerNumber(1+c.rand.IntN(4))]
	switch c.rand.IntN(6) {
	case 0:
		p.State = fraud.Suspended
	case 1:
		p.State, p.Voids, p.Releases = fraud.Active, nil, nil
	case 2, 3:
		since := fraud.SecondsOf(c.now.Add(-time.Duration(c.rand.IntN(20)) * time.Hour))
		p.Voids = []fraud.Void{{ID: "v", Since: since, SignedBy: fraud.KeyNumber(c.rand.IntN(3))}}
	case 4:
		p.Releases = []fraud.Release{{ID: "r", Until: fraud.SecondsOf(c.now.Add(time.Hour))}}
	case 5:
		set := map[indicator.Digest]bool{someDigest(c.rand.IntN(40)): true, someDigest(c.rand.IntN(40)): true}
		c.policy.Protected.Replace(set)
	}
	c.partners[p.Number] = &p
}

// plain is a campaign without its name.
type plain struct {
	Members []fraud.CampaignMember
	Edges   []fraud.CampaignEdge
	fraud.CampaignSummary
}

// connector is the engine's hash: which connectors are left out depends on their order.
func (c *country) connector(t testing.TB, of string) campaigns.Connector {
	t.Helper()
	if known, ok := c.hashes[of]; ok {
		return known
	}
	text, err := c.engine.Query(t.Context(), "SELECT hex(sipHash128("+of+"))")
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	c.hashes[of] = campaigns.Connector(bytes)
	return c.hashes[of]
}

func host(d indicator.Digest) string {
	return fmt.Sprintf("'host', toFixedString(unhex('%x'), 32)", d[:])
}

// count works out, without a database, what the campaigns must be.
func (c *country) count(t testing.TB, limits campaigns.Limits) []plain {
	words := map[fraud.Key]fraud.Opinion{}
	type place struct {
		partition int32
		offset    int64
	}
	together := map[place]int{}
	links := func(e *fraud.Entry) bool {
		return e.Event.Kind.Lists() && fraud.AudienceOf(e.Event.TLP, e.Group) == fraud.Everyone
	}
	for i := range c.sent {
		e := &c.sent[i]
		for _, o := range e.Opinions {
			if old, ok := words[o.Key()]; !ok || o.Supersedes(&old) {
				words[o.Key()] = o
			}
		}
		if links(e) {
			together[place{e.Partition, e.Offset}]++
		}
	}
	on := map[indicator.Digest][]fraud.Opinion{}
	for _, o := range words {
		on[o.Digest] = append(on[o.Digest], o)
	}
	type link struct {
		campaigns.Link
		entry *fraud.Entry
		live  bool
	}
	var all []link
	for i := range c.sent {
		e := &c.sent[i]
		if !links(e) {
			continue
		}
		d := e.Event.Indicator.Digest
		p := c.partners[e.Partner]
		word, ok := words[fraud.Key{Digest: d, Partner: e.Partner}]
		live := ok && word.Stance.Lists() && p.Counts(&word) && fraud.AudienceOf(word.TLP, word.Group) == fraud.Everyone &&
			(word.ExpiresAt == 0 || c.now.Before(word.ExpiresAt.Time()))
		match := []fraud.Match{{Digest: d, Grade: indicator.Exact, Opinions: on[d]}}
		live = live && fraud.Decide(match, &fraud.Partner{Kind: fraud.Police}, &c.policy, c.now).Status != fraud.ClearedUp
		said := fraud.Opinion{Version: fraud.MakeVersion(e.Event.IssuedAt, fraud.Listed, e.Event.ID), Provenance: fraud.Provenance{
			Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group}}
		live = live && p.Counts(&said)
		add := func(kind campaigns.Kind, of string) {
			all = append(all, link{campaigns.Link{Digest: d, Connector: c.connector(t, of), Kind: kind}, e, live})
		}
		if e.Event.Case != "" {
			add(fraud.SharedCase, fmt.Sprintf("'case', toUInt16(%d), '%s'", e.Partner, e.Event.Case))
		}
		if n := together[place{e.Partition, e.Offset}]; n >= 2 && n <= 10 {
			add(fraud.SharedBundle, fmt.Sprintf("'bundle', toUInt32(%d), toUInt64(%d)", e.Partition, e.Offset))
		}
		switch e.Event.Indicator.Type {
		case indicator.URL:
			add(fraud.SharedHost, host(d))
			fallthrough
		case indicator.Domain:
			for _, a := range e.Event.Indicator.Also {
				if a.Grade == indicator.Prefix {
					add(fraud.SharedHost, host(a.Digest))
				}
			}
		}
	}
	ever := map[campaigns.Connector]map[indicator.Digest]bool{}
	for _, l := range all {
		if ever[l.Connector] == nil {
			ever[l.Connector] = map[indicator.Digest]bool{}
		}
		ever[l.Connector][l.Digest] = true
	}
	all = slices.DeleteFunc(all, func(l link) bool { return !l.live || len(ever[l.Connector]) > limits.MaxSeen })
	var counting []campaigns.Link
	for _, l := range all {
		counting = append(counting, l.Link)
	}
	var found []plain
	for _, component := range walk(limits, counting) {
		found = append(found, c.describe(component, func(yield func(campaigns.Link, *fraud.Entry)) {
			for _, l := range all {
				if slices.Contains(component.Links, l.Link) {
					yield(l.Link, l.entry)
				}
			}
		}))
	}
	return found
}

func (c *country) describe(of campaigns.Component, each func(func(campaigns.Link, *fraud.Entry))) plain {
	var p plain
	p.Size, p.LeftOut = len(of.Members), of.LeftOut
	members := map[indicator.Digest]*fraud.CampaignMember{}
	organisations, events, categories := map[string]bool{}, map[uuid.UUID]bool{}, map[fraud.Code]int{}
	edges := map[campaigns.Connector]*fraud.CampaignEdge{}
	saying := map[campaigns.Connector]map[string]bool{}
	each(func(l campaigns.Link, e *fraud.Entry) {
		m := members[l.Digest]
		if m == nil {
			m = &fraud.CampaignMember{Digest: l.Digest, Type: e.Event.Indicator.Type, FirstSaid: e.Event.IssuedAt, LastSaid: e.Event.IssuedAt}
			members[l.Digest] = m
		}
		if e.Event.IssuedAt.Before(m.FirstSaid) {
			m.FirstSaid = e.Event.IssuedAt
		}
		if e.Event.IssuedAt.After(m.LastSaid) {
			m.LastSaid = e.Event.IssuedAt
		}
		organisation := cmp.Or(c.partners[e.Partner].Organisation, c.partners[e.Partner].ID)
		organisations[organisation] = true
		if !events[e.Event.ID] {
			events[e.Event.ID] = true
			categories[e.Category]++
			p.Losses[e.Event.LossBand]++
		}
		if edges[l.Connector] == nil {
			edges[l.Connector], saying[l.Connector] = &fraud.CampaignEdge{Kind: l.Kind}, map[string]bool{}
		}
		saying[l.Connector][organisation] = true
		at := slices.Index(of.Members, l.Digest)
		if edge := edges[l.Connector]; !slices.Contains(edge.Members, at) {
			edge.Members = append(edge.Members, at)
		}
	})
	p.Reports, p.Partners = len(events), len(organisations)
	for _, d := range of.Members {
		m := *members[d]
		p.Members = append(p.Members, m)
		if p.FirstSaid.IsZero() || m.FirstSaid.Before(p.FirstSaid) {
			p.FirstSaid = m.FirstSaid
		}
		if m.LastSaid.After(p.LastSaid) {
			p.LastSaid = m.LastSaid
		}
		if !slices.Contains(p.Types, m.Type) {
			p.Types = append(p.Types, m.Type)
		}
	}
	slices.Sort(p.Types)
	p.Categories = slices.SortedFunc(maps.Keys(categories), func(a, b fraud.Code) int {
		return cmp.Or(cmp.Compare(categories[b], categories[a]), cmp.Compare(a, b))
	})
	for of, edge := range edges {
		slices.Sort(edge.Members)
		edge.Partners = len(saying[of])
		p.Edges = append(p.Edges, *edge)
	}
	p.sort()
	return p
}

func (p *plain) sort() {
	slices.SortFunc(p.Edges, func(a, b fraud.CampaignEdge) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.Compare(a.Members, b.Members), cmp.Compare(a.Partners, b.Partners))
	})
}

// stored are the campaigns that the hub would tell of.
func (c *country) stored(t testing.TB) (all []plain, ids []fraud.CampaignID) {
	t.Helper()
	q := fraud.CampaignQuestion{Limit: 3} // in pages
	for {
		page, err := c.Campaigns(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, listed := range page {
			whole, found, err := c.Campaign(t.Context(), listed.ID)
			if err != nil || !found {
				t.Fatal(err, found)
			}
			if diff := gocmp.Diff(whole.CampaignSummary, listed.CampaignSummary); diff != "" {
				t.Fatalf("the list says another thing: %s", diff)
			}
			p := plain{whole.Members, whole.Edges, whole.CampaignSummary}
			for i := range p.Edges {
				p.Edges[i].Connector = campaigns.Connector{}
			}
			p.sort()
			all, ids = append(all, p), append(ids, whole.ID)
		}
		if len(page) < q.Limit {
			slices.SortFunc(all, func(a, b plain) int { return slices.Compare(a.Members[0].Digest[:], b.Members[0].Digest[:]) })
			return all, ids
		}
		last := page[len(page)-1]
		q.After = fraud.CampaignPlace{LastSaid: last.LastSaid, Size: last.Size, ID: last.ID}
	}
}

// catchUp steps until there is nothing to do.
func catchUp(t testing.TB, k *campaigns.Keeper) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = k.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *country) wantCampaigns(t *testing.T, limits campaigns.Limits, when string) int {
	t.Helper()
	got, _ := c.stored(t)
	want := c.count(t, limits)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: want -, got +\n%s", when, diff)
	}
	return len(got)
}

// TestCampaignsEqualAPlainCount lets partners report, take back, clear and hold in any order, redelivered, while
// operators void, release and suspend, words expire, and two nodes bring campaigns up to date at their own times, at
// once or not at all. What comes out is always what a plain walk over everything gives.
func TestCampaignsEqualAPlainCount(t *testing.T) {
	c := newCountry(t, testkit.Seed(t))
	nodes := []*campaigns.Keeper{c.keeper(small), c.keeper(small)}
	rounds := 14
	if testkit.Long() {
		rounds = 400
	}
	most := 0
	for round := range rounds {
		c.now = c.now.Add(time.Duration(1+c.rand.IntN(90)) * time.Minute)
		if c.rand.IntN(4) > 0 {
			c.say(t, 1+c.rand.IntN(8))
		}
		if c.rand.IntN(3) == 0 {
			c.govern()
		}
		switch c.rand.IntN(3) {
		case 0:
			continue
		case 1:
			errs := make(chan error, len(nodes))
			for _, k := range nodes {
				go func() { _, err := k.Step(context.WithoutCancel(t.Context())); errs <- err }()
			}
			for range nodes {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
		}
		catchUp(t, nodes[c.rand.IntN(len(nodes))])
		most = max(most, c.wantCampaigns(t, small, fmt.Sprint("round ", round)))
	}
	catchUp(t, nodes[0])
	most = max(most, c.wantCampaigns(t, small, "at the end"))
	if most < 2 {
		t.Errorf("never more than %d campaigns: the test tested nothing", most)
	}
	for _, table := range []string{"campaigns", "campaign_members", "campaign_links", "campaign_progress", "campaign_passes"} {
		if _, err := c.engine.Query(t.Context(), "TRUNCATE TABLE "+c.Database+"."+table); err != nil {
			t.Fatal(err)
		}
	}
	catchUp(t, c.keeper(small))
	c.wantCampaigns(t, small, "from nothing")
	if n, err := c.engine.Query(t.Context(), "SELECT count() FROM "+c.Database+".campaign_turns FINAL WHERE NOT ended"); err != nil ||
		strings.TrimSpace(n) != "0" {
		t.Errorf("%s turns did not end (%v)", n, err)
	}
}
