// Package campaigns joins the indicators that belong to one fraud: the number that calls, the account that receives, the
// page that lures.
//
//	events ──▶ links: indicator ── connector (a case, a small bundle, a host)
//	links ──Cluster──▶ components, at most so large, with the links that made them
//	components + what they were called before ──Name──▶ campaigns: which goes on, which is new, which has ended in another
//
// Indicators are never compared in pairs. A connector with more indicators than MaxDegree joins nothing: a host on which
// half of the country has its shop is no evidence. A component that would grow beyond MaxMembers leaves out the weakest
// links, so that one wrong link cannot make a ball of everything.
//
// # Keeping up
//
// [Keeper.Step] looks only at what changed, and at what that may change:
//
//	touched    digests of new events, of words that have expired, of a partner whose record changed (a void, a release, a
//	           state), and members that are protected now
//	together   the touched, everything that hangs on them through connectors that join, and all of the campaigns of these
//	links      of all that: those count whose event and whose partner's standing word on the digest count, where that word
//	           lists, is told to everyone and has not expired, and the digest is not cleared
//	           ──Cluster, Name──▶ campaigns; what differs from what is stored is written, as a new version
//
// Since Cluster treats what does not hang together apart, the result is that of clustering everything anew. Where more
// than MaxTogether hang on the touched, fewer of these are looked at together; beyond that the parts of one huge thing stay
// apart that were not looked at together.
//
// What was touched is forgotten only when the result is written: whatever fails is repeated, and comes out the same. One
// node at a time has the turn to work, and one that was overtaken forgets nothing.
//
// A link that waits for the hub's operators is kept and judged like the word that it came with, so that a release needs
// no second look at the ledger. What is confined by its marking makes no links, whoever asks: a campaign shows nothing
// to anyone who may not see it. Which of its members are listed at this moment a lookup tells, by the same rules.
package campaigns
