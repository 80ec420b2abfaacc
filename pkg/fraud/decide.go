package fraud

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Match is what is known of one expression of the indicator that was asked about.
type Match struct {
	Digest indicator.Digest
	// Grade is how precisely the expression stands for what was asked.
	Grade    indicator.Grade
	Opinions []Opinion
}

// Decide is the policy: what the standing opinions come to, for one who asks. It is pure, and its table test is the
// policy document. Matches are ordered from the most specific expression to the broadest. The verdict has every field
// but AnsweredBy and AsOf.
//
// For one expression the precedence is fixed: protected > clear by holder or authority > dispute > explicit expiry >
// decay. An authority that upholds a listing answers the disputes and clears that were said before. A listing that was
// not renewed within Policy.ReaffirmWithin of a dispute lapses. Over several expressions the most severe verdict counts,
// but a clear of a specific one covers all broader ones.
//
// What the asker may not see does not list for it (see [Partner.MaySee]); a clear or a dispute counts for everyone,
// since it protects a person, and says nothing of who is accused by whom.
func Decide(matches []Match, asker *Partner, policy *Policy, now time.Time) Verdict {
	best := Verdict{Status: NotListed}
	for i := range matches {
		v := decideOne(&matches[i], asker, policy, now)
		if v.Status > best.Status {
			best = v
		}
		if v.Status == ClearedUp {
			break
		}
	}
	return best
}

func decideOne(m *Match, asker *Partner, policy *Policy, now time.Time) Verdict {
	if policy.Protected.Has(m.Digest) {
		return Verdict{Status: ClearedUp, Matched: m.Grade}
	}
	standing := standing(m.Opinions, asker, policy, now)
	var open, disputed []listing
	clears := 0
	for i := range standing {
		o := &standing[i]
		switch o.Stance {
		case Cleared:
			// A weak expression is shared: that one account is clear says nothing of another with its number.
			if o.Grade != indicator.Weak && !answered(o, standing) {
				clears++
			}
		case Listed, Upheld:
			if _, cleared := covered(o, Cleared, standing); cleared {
				continue
			}
			l, fresh := weigh(o, m.Grade, standing, policy, now)
			dispute, inDispute := covered(o, Disputed, standing)
			switch {
			case !fresh:
			case inDispute && policy.lapsed(o, dispute, now):
			case inDispute:
				disputed = append(disputed, l)
			default:
				open = append(open, l)
			}
		}
	}
	switch {
	case len(open) > 0:
		return listed(open, policy)
	case len(disputed) > 0:
		v := listed(disputed, policy)
		v.Status, v.Advice = InDispute, Observe
		return v
	case clears > 0:
		return Verdict{Status: ClearedUp, Matched: m.Grade}
	}
	return Verdict{Status: NotListed}
}

// standing are the opinions that count now, for this asker: in force, not expired, and no accusation that it may not
// see.
func standing(all []Opinion, asker *Partner, policy *Policy, now time.Time) []Opinion {
	out := make([]Opinion, 0, len(all))
	for i := range all {
		o := &all[i]
		p, ok := policy.Partners(o.Partner)
		if !ok || !p.Counts(o) || o.ExpiresAt != 0 && !now.Before(o.ExpiresAt.Time()) {
			continue
		}
		if (o.Stance.Lists() || o.Stance == Sighted) && !asker.MaySee(o.TLP, o.Group, p) {
			continue
		}
		out = append(out, *o)
	}
	// In one order, so that sums of floats come out the same on every node.
	slices.SortFunc(out, func(a, b Opinion) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// covered finds the first standing clear (or dispute) that speaks of the listing and is not answered. On a weak
// expression it speaks only of the indicator that it was said of: a bank that clears its account says nothing of the
// same number elsewhere.
func covered(listing *Opinion, by Stance, standing []Opinion) (first time.Time, found bool) {
	for i := range standing {
		o := &standing[i]
		if o.Stance != by || !o.speaksOf(listing) || answered(o, standing) {
			continue
		}
		if said := o.Version.IssuedAt(); !found || said.Before(first) {
			first, found = said, true
		}
	}
	return first, found
}

// answered reports whether an authority has upheld the listing after a dispute or a clear was said.
func answered(o *Opinion, standing []Opinion) bool {
	return slices.ContainsFunc(standing, func(by Opinion) bool {
		return by.Stance == Upheld && by.Version > o.Version && o.speaksOf(&by)
	})
}

// speaksOf reports whether o, which is no listing, is about what was listed.
func (o *Opinion) speaksOf(listing *Opinion) bool {
	return o.Grade != indicator.Weak || o.Origin == listing.Origin
}

// listing is a listing that counts, weighed.
type listing struct {
	*Opinion
	partner *Partner
	// matched is the looser of how the question stands for its expression and how the report does: a bare account number
	// is weak however it is asked about.
	matched  indicator.Grade
	lastSeen time.Time
	strength float64 // 0 to 1
	fresh    float64 // what decay has left, 0 to 1
}

func weigh(o *Opinion, asked indicator.Grade, standing []Opinion, policy *Policy, now time.Time) (listing, bool) {
	seen := o.Version.IssuedAt()
	for i := range standing {
		if s := &standing[i]; s.Stance == Sighted && s.speaksOf(o) && s.Version.IssuedAt().After(seen) {
			seen = s.Version.IssuedAt()
		}
	}
	fresh := 1.0
	if half := policy.HalfLife[o.Type]; half > 0 && now.After(seen) {
		fresh = math.Exp2(-float64(now.Sub(seen)) / float64(half))
	}
	p, _ := policy.Partners(o.Partner)
	strength := float64(o.Confidence) / 100 * p.Weight * fresh
	return listing{o, p, max(asked, o.Grade), seen, strength, fresh}, fresh >= policy.ListFreshness
}

// listed sums up listings, of which there is at least one. Weak ones count only where there is no better.
func listed(all []listing, policy *Policy) Verdict {
	weak := func(l listing) bool { return l.matched == indicator.Weak }
	if firm := slices.DeleteFunc(slices.Clone(all), weak); len(firm) > 0 {
		all = firm
	}
	grade := slices.MinFunc(all, func(a, b listing) int { return cmp.Compare(a.matched, b.matched) }).matched
	var (
		v          = Verdict{Status: Suspected, Matched: grade}
		strongest  = map[string]float64{}
		confirming = map[string]bool{}
		categories = map[Code]float64{}
		authority  bool
	)
	for _, l := range all {
		org := cmp.Or(l.partner.Organisation, l.partner.ID)
		strongest[org] = max(strongest[org], l.strength)
		categories[l.Category] += l.strength
		if l.fresh >= policy.ConfirmFreshness {
			authority = authority || l.partner.Kind.Authority()
			if l.Evidence&Corroborating != 0 {
				confirming[org] = true
			}
		}
		v.Advice = max(v.Advice, l.Advice)
		if first := l.Version.IssuedAt(); v.FirstReported.IsZero() || first.Before(v.FirstReported) {
			v.FirstReported = first
		}
		if l.lastSeen.After(v.LastReported) {
			v.LastReported = l.lastSeen
		}
	}
	doubt := 1.0
	for _, org := range slices.Sorted(maps.Keys(strongest)) { // in order, for the same sum each time
		doubt *= 1 - strongest[org]
	}
	v.Score = uint8(math.Round(100 * (1 - doubt)))
	v.Reporters = len(strongest)
	v.Categories = byWeight(categories)
	enough := authority || len(confirming) >= policy.ConfirmReporters
	if enough && v.Score >= policy.ConfirmScore && grade != indicator.Weak {
		v.Status = Confirmed
	}
	v.Advice = max(v.Advice, Warn)
	switch {
	case grade == indicator.Weak:
		v.Advice = min(v.Advice, policy.WeakAdvice)
	case v.Status == Suspected:
		v.Advice = min(v.Advice, policy.SuspectedAdvice)
	}
	return v
}

func byWeight(weights map[Code]float64) []Code {
	codes := slices.Sorted(maps.Keys(weights))
	slices.SortStableFunc(codes, func(a, b Code) int { return cmp.Compare(weights[b], weights[a]) })
	return codes
}
