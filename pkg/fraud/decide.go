package fraud

import (
	"cmp"
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

// few is for how many opinions on one expression deciding needs no memory but the stack. Nearly all have fewer.
const few = 8

func decideOne(m *Match, asker *Partner, policy *Policy, now time.Time) Verdict {
	if policy.Protected.Has(m.Digest) {
		return Verdict{Status: ClearedUp, Matched: m.Grade}
	}
	standing := standing(make([]word, 0, few), m.Opinions, asker, policy, now)
	open, disputed := make([]listing, 0, few), make([]listing, 0, few)
	clears := 0
	for _, o := range standing {
		switch o.Stance {
		case Cleared:
			// A weak expression is shared: that one account is clear says nothing of another with its number.
			if o.Grade != indicator.Weak && !answered(o.Opinion, standing) {
				clears++
			}
		case Listed, Upheld:
			if _, cleared := covered(o.Opinion, Cleared, standing); cleared {
				continue
			}
			l, fresh := weigh(o, m.Grade, standing, policy, now)
			dispute, inDispute := covered(o.Opinion, Disputed, standing)
			switch {
			case !fresh:
			case inDispute && policy.lapsed(o.Opinion, dispute, now):
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

// word is an opinion that counts, and whose it is.
type word struct {
	*Opinion
	by *Partner
}

// standing appends the opinions that count now, for this asker: in force, not expired, and no accusation that it may not
// see.
func standing(to []word, all []Opinion, asker *Partner, policy *Policy, now time.Time) []word {
	for i := range all {
		o := &all[i]
		p, ok := policy.Partners(o.Partner)
		if !ok || !p.Counts(o) || o.ExpiresAt != 0 && !now.Before(o.ExpiresAt.Time()) {
			continue
		}
		if (o.Stance.Lists() || o.Stance == Sighted) && !asker.MaySee(o.TLP, o.Group, p) {
			continue
		}
		to = append(to, word{o, p})
	}
	// In one order, so that sums of floats come out the same on every node.
	slices.SortFunc(to, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Version, b.Version))
	})
	return to
}

// covered finds the first standing clear (or dispute) that speaks of the listing and is not answered. On a weak
// expression it speaks only of the indicator that it was said of: a bank that clears its account says nothing of the
// same number elsewhere.
func covered(listing *Opinion, by Stance, standing []word) (first time.Time, found bool) {
	for _, o := range standing {
		if o.Stance != by || !o.speaksOf(listing) || answered(o.Opinion, standing) {
			continue
		}
		if said := o.Version.IssuedAt(); !found || said.Before(first) {
			first, found = said, true
		}
	}
	return first, found
}

// answered reports whether an authority has upheld the listing after a dispute or a clear was said.
func answered(o *Opinion, standing []word) bool {
	return slices.ContainsFunc(standing, func(by word) bool {
		return by.Stance == Upheld && by.Version > o.Version && o.speaksOf(by.Opinion)
	})
}

// speaksOf reports whether o, which is no listing, is about what was listed.
func (o *Opinion) speaksOf(listing *Opinion) bool {
	return o.Grade != indicator.Weak || o.Origin == listing.Origin
}

// listing is a listing that counts, weighed.
type listing struct {
	word
	// matched is the looser of how the question stands for its expression and how the report does: a bare account number
	// is weak however it is asked about.
	matched  indicator.Grade
	lastSeen time.Time
	strength float64 // 0 to 1
	fresh    float64 // what decay has left, 0 to 1
}

func weigh(o word, asked indicator.Grade, standing []word, policy *Policy, now time.Time) (listing, bool) {
	seen := o.Version.IssuedAt()
	for _, s := range standing {
		if s.Stance == Sighted && s.speaksOf(o.Opinion) && s.Version.IssuedAt().After(seen) {
			seen = s.Version.IssuedAt()
		}
	}
	fresh := 1.0
	if half := policy.HalfLife[o.Type]; half > 0 && now.After(seen) {
		fresh = math.Exp2(-float64(now.Sub(seen)) / float64(half))
	}
	strength := float64(o.Confidence) / 100 * o.by.Weight * fresh
	return listing{o, max(asked, o.Grade), seen, strength, fresh}, fresh >= policy.ListFreshness
}

// reporter is an organisation that lists.
type reporter struct {
	organisation string
	strength     float64 // of its strongest word
	confirms     bool    // one of its words is fresh, and has evidence
}

// backing is how strongly a category is listed.
type backing struct {
	category Code
	strength float64
}

// listed sums up listings, of which there is at least one. Weak ones count only where there is no better.
func listed(all []listing, policy *Policy) Verdict {
	v := Verdict{Status: Suspected, Matched: indicator.Weak}
	for i := range all {
		v.Matched = min(v.Matched, all[i].matched)
	}
	reporters, categories := make([]reporter, 0, few), make([]backing, 0, few)
	authority, confirming := false, 0
	for i := range all {
		l := &all[i]
		if l.matched == indicator.Weak && v.Matched != indicator.Weak {
			continue
		}
		org := l.by.organisation()
		r := slices.IndexFunc(reporters, func(r reporter) bool { return r.organisation == org })
		if r < 0 {
			r, reporters = len(reporters), append(reporters, reporter{organisation: org})
		}
		reporters[r].strength = max(reporters[r].strength, l.strength)
		c := slices.IndexFunc(categories, func(c backing) bool { return c.category == l.Category })
		if c < 0 {
			c, categories = len(categories), append(categories, backing{category: l.Category})
		}
		categories[c].strength += l.strength
		if l.fresh >= policy.ConfirmFreshness {
			authority = authority || l.by.Kind.Authority()
			if l.Evidence&Corroborating != 0 && !reporters[r].confirms {
				reporters[r].confirms = true
				confirming++
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
	// In order, for the same product each time.
	slices.SortFunc(reporters, func(a, b reporter) int { return cmp.Compare(a.organisation, b.organisation) })
	doubt := 1.0
	for i := range reporters {
		doubt *= 1 - reporters[i].strength
	}
	v.Score = uint8(math.Round(100 * (1 - doubt)))
	v.Reporters = len(reporters)
	v.Categories = byStrength(categories)
	enough := authority || confirming >= policy.ConfirmReporters
	if enough && v.Score >= policy.ConfirmScore && v.Matched != indicator.Weak {
		v.Status = Confirmed
	}
	v.Advice = max(v.Advice, Warn)
	switch {
	case v.Matched == indicator.Weak:
		v.Advice = min(v.Advice, policy.WeakAdvice)
	case v.Status == Suspected:
		v.Advice = min(v.Advice, policy.SuspectedAdvice)
	}
	return v
}

func byStrength(categories []backing) []Code {
	slices.SortFunc(categories, func(a, b backing) int {
		return cmp.Or(cmp.Compare(b.strength, a.strength), cmp.Compare(a.category, b.category))
	})
	codes := make([]Code, len(categories))
	for i := range categories {
		codes[i] = categories[i].category
	}
	return codes
}
