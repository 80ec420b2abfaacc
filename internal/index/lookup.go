package index

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Lookup answers about one indicator, given as its expressions, the most specific first. It takes no lock and waits for
// nothing.
func (x *Index) Lookup(probes []fraud.Probe) fraud.Verdict {
	s := x.sight()
	v := s.answer(probes)
	if len(probes) > 0 {
		x.counts.add(uint(probes[0].Digest[31]), v.AnsweredBy, v.Status, 1)
	}
	return v
}

// LookupBatch answers about many indicators of which each is one exact expression: out[i] is the status of digests[i],
// and out must be as long. Whatever is neither not_listed nor unsure is also handed to hit, whole, unless hit is
// nil; the verdict is hit's to keep. It returns as_of. Where nothing is listed it allocates nothing.
func (x *Index) LookupBatch(digests []indicator.Digest, out []fraud.Status, hit func(i int, v *fraud.Verdict)) time.Time {
	s := x.sight()
	negative := s.negative()
	out = out[:len(digests)]
	for i := range out {
		out[i] = negative
	}
	var found counted
	for start := 0; start < len(digests); start += block {
		part := digests[start:min(start+block, len(digests))]
		for maybe := s.view.filter.screen(part); maybe != 0; maybe &= maybe - 1 {
			i := start + bits.TrailingZeros64(maybe)
			v := s.answer([]fraud.Probe{{Digest: digests[i], Grade: indicator.Exact}})
			found[v.AnsweredBy][v.Status]++
			if out[i] = v.Status; v.Status != negative && hit != nil {
				hit(i, &v)
			}
		}
	}
	if len(digests) > 0 {
		x.counts.addBatch(uint(digests[0][31]), &found, len(digests), negative)
	}
	return timeOf(s.asOf)
}

// block is how many digests a batch screens together: as many as a word has bits.
const block = 64

// screen marks the digests that pass the filter's first probe. The loads of a block do not depend on each other and on no
// branch, so the processor has many of them under way at once: that, and not the hashing, is what a filter larger than
// the caches costs.
func (f *filter) screen(digests []indicator.Digest) (maybe uint64) {
	words, m := f.words, f.m
	for i := range digests {
		d := &digests[i]
		bit, _ := bits.Mul64(d.Word(0)^d.Word(2), m)
		maybe |= atomic.LoadUint64(&words[bit>>6]) >> (bit & 63) & 1 << i
	}
	return maybe
}

// sight is what one lookup works on.
type sight struct {
	*view
	policy *fraud.Policy
	now    time.Time
	asOf   int64
	unsure bool
}

// sight takes as_of before the view: the view then holds at least what as_of promises.
func (x *Index) sight() sight {
	s := sight{policy: x.policy, now: x.now(), asOf: x.asOf.Load()}
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
	// Room for all but the most talked-of indicators, on the stack.
	var (
		matchRoom   [4]fraud.Match
		opinionRoom [8]fraud.Opinion
	)
	matches, opinions := matchRoom[:0], opinionRoom[:0]
	stage := fraud.ByFilter
	for i := range probes {
		p := &probes[i]
		t := tagOf(&p.Digest)
		if !s.filter.mayContain(t) {
			continue
		}
		stage = fraud.ByIndex
		before := len(opinions)
		opinions = s.opinions(t, opinions)
		if len(opinions) == before && !s.policy.Protected[p.Digest] {
			continue
		}
		for j := before; j < len(opinions); j++ {
			opinions[j].Digest = p.Digest
		}
		matches = append(matches, fraud.Match{
			Digest: p.Digest, Grade: p.Grade, Opinions: opinions[before:len(opinions):len(opinions)],
		})
	}
	v := fraud.Verdict{Status: fraud.NotListed}
	if len(matches) > 0 {
		v = fraud.Decide(matches, s.policy, s.now)
	}
	if v.Status == fraud.NotListed {
		v.Status = s.negative()
	}
	v.AnsweredBy, v.AsOf = stage, timeOf(s.asOf)
	return v
}

// opinions appends the standing opinions of a tag, merged over the three tables. A base has one of each key, and so has a
// delta, which may hold a later one of a key below it.
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
