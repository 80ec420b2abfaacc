package index

import (
	"math/bits"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Lookup answers asker about one indicator, given as its expressions, the most specific first. It takes no lock and
// waits for nothing.
func (x *Index) Lookup(asker *fraud.Partner, probes []fraud.Probe) fraud.Verdict {
	s := x.sight(asker)
	return x.counted(&s, probes)
}

// Lookups answers asker like Lookup about one indicator after the other, and all as of one moment.
func (x *Index) Lookups(asker *fraud.Partner) func(probes []fraud.Probe) fraud.Verdict {
	s := x.sight(asker)
	return func(probes []fraud.Probe) fraud.Verdict { return x.counted(&s, probes) }
}

func (x *Index) counted(s *sight, probes []fraud.Probe) fraud.Verdict {
	v := s.answer(probes)
	if len(probes) > 0 {
		x.counts.add(uint(probes[0].Digest[31]), v.AnsweredBy, v.Status, 1)
	}
	return v
}

// LookupBatch answers asker about many indicators of which each is one exact expression: out[i] is the status of
// digests[i], and out must be as long. Whatever is neither not_listed nor unsure is also handed to hit, whole, unless
// hit is nil. It returns as_of. What the filter turns away allocates nothing.
func (x *Index) LookupBatch(
	asker *fraud.Partner, digests []indicator.Digest, out []fraud.Status, hit func(i int, v fraud.Verdict),
) time.Time {
	s := x.sight(asker)
	negative := s.negative()
	out = out[:len(digests)]
	for i := range out {
		out[i] = negative
	}
	var found counted
	for start := 0; start < len(digests); start += block {
		part := digests[start:min(start+block, len(digests))]
		for maybe := s.filter.screen(part); maybe != 0; maybe &= maybe - 1 {
			i := start + bits.TrailingZeros64(maybe)
			if !s.filter.mayContain(tagOf(&digests[i])) {
				continue
			}
			v := s.answer([]fraud.Probe{{Digest: digests[i], Grade: indicator.Exact}})
			found[v.AnsweredBy][v.Status]++
			if v.Status == negative {
				continue
			}
			out[i] = v.Status
			if hit != nil {
				hit(i, v)
			}
		}
	}
	if len(digests) > 0 {
		x.counts.addBatch(uint(digests[0][31]), &found, len(digests), negative)
	}
	return timeOf(s.asOf)
}

// sight is what one lookup works on.
type sight struct {
	*view
	asker  *fraud.Partner
	policy *fraud.Policy
	now    time.Time
	asOf   int64
	unsure bool
}

// sight takes as_of before the view: the view then holds at least what as_of promises.
func (x *Index) sight(asker *fraud.Partner) sight {
	s := sight{asker: asker, policy: x.policy, now: x.now(), asOf: x.asOf.Load()}
	s.unsure = !x.ready.Load() || s.now.UnixMilli()-s.asOf > x.cfg.FreshnessLimit.Milliseconds()
	s.view = x.view.Load()
	return s
}

// negative is the answer where nothing is known.
func (s *sight) negative() fraud.Status {
	if s.unsure {
		return fraud.Unsure
	}
	return fraud.NotListed
}

func (s *sight) answer(probes []fraud.Probe) fraud.Verdict {
	v := fraud.Verdict{Status: fraud.NotListed, AnsweredBy: fraud.ByFilter}
	for i := range probes {
		if s.filter.mayContain(tagOf(&probes[i].Digest)) {
			v = s.decide(probes, i)
			v.AnsweredBy = fraud.ByIndex
			break
		}
	}
	if v.Status == fraud.NotListed {
		v.Status = s.negative()
	}
	v.AsOf = timeOf(s.asOf)
	return v
}

// matched is what a lookup collects for Decide, kept for the next one.
type matched struct {
	matches  []fraud.Match
	opinions []fraud.Opinion
}

var matchedPool = sync.Pool{New: func() any { return &matched{} }}

// decide reads the opinions of the probes that the filter lets pass, of which first is the first.
func (s *sight) decide(probes []fraud.Probe, first int) fraud.Verdict {
	m := matchedPool.Get().(*matched)
	defer matchedPool.Put(m)
	m.matches, m.opinions = m.matches[:0], m.opinions[:0]
	for i := first; i < len(probes); i++ {
		p := &probes[i]
		t := tagOf(&p.Digest)
		if i > first && !s.filter.mayContain(t) {
			continue
		}
		before := len(m.opinions)
		m.opinions = s.opinions(t, m.opinions)
		found := m.opinions[before:len(m.opinions):len(m.opinions)]
		if len(found) == 0 && !s.policy.Protected.Has(p.Digest) {
			continue
		}
		for j := range found {
			found[j].Digest = p.Digest
		}
		m.matches = append(m.matches, fraud.Match{Digest: p.Digest, Grade: p.Grade, Opinions: found})
	}
	if len(m.matches) == 0 {
		return fraud.Verdict{Status: fraud.NotListed}
	}
	return fraud.Decide(m.matches, s.asker, s.policy, s.now)
}

// opinions appends the standing opinions of a tag, merged over the three tables. A base has one of each key, and so
// has a delta, which may hold a later one of a key below it.
func (v *view) opinions(t tag, to []fraud.Opinion) []fraud.Opinion {
	from := len(to)
	for r := range v.base.of(t) {
		to = append(to, r.opinion())
	}
	if v.folding != nil {
		to = v.folding.merge(t, to, from)
	}
	return v.active.merge(t, to, from)
}

// merge brings what the delta says of a tag into to[from:].
func (d *delta) merge(t tag, to []fraud.Opinion, from int) []fraud.Opinion {
	below := len(to)
next:
	for n := d.of(t); n != nil; n = n.next {
		o := n.opinion()
		for i := from; i < below; i++ {
			if to[i].Key() == o.Key() {
				if o.Supersedes(&to[i]) {
					to[i] = o
				}
				continue next
			}
		}
		to = append(to, o)
	}
	return to
}
