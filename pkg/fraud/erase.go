package fraud

// Erased is what makes every node forget o: no word at all, a millisecond after it was said, so that it stands over o
// however often o is delivered, and falls to whatever the partner says later. Of what was said nothing is in it.
func (o *Opinion) Erased() Opinion {
	e := Opinion{Digest: o.Digest, Origin: o.Origin, Partner: o.Partner, Type: o.Type, Grade: o.Grade, Stance: Withdrawn}
	if o.Stance == Sighted { // a sighting cannot be withdrawn, but it can have ended
		e.Stance, e.ExpiresAt = Sighted, 1
	}
	e.Version = Version(uint64(o.Version>>22+1)<<22 | e.Stance.precedence()<<20)
	return e
}
