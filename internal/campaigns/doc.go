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
package campaigns
