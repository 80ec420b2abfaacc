// Package fraud is the hub's vocabulary, and its one policy.
//
//	Event ──Validate, Opinions──▶ Opinion ──merge by Key──▶ standing opinions ──Decide──▶ Verdict
//	what a partner says           its word on a digest      what holds now                what the hub answers
//
// An [Event] is what a partner sends. It becomes an [Opinion] on each digest that it names, and of one partner's
// opinions on one digest the later stands ([Opinion.Supersedes]), whatever the order of arrival. [Decide] turns what
// stands into a [Verdict] under a [Policy]; it is pure, and its table test is the policy document.
//
// What is refused for good is a [Fault] with a [Reason]; what may be tried again wraps [ErrUnavailable].
package fraud
