// Package quota bounds what a partner may ask and say, whatever the number of its keys and connections.
//
//	request ──Enter──▶ requests a second, debt of indicators, distinct of the day     before the body is read
//	   body ──Ask────▶ indicators a second (debt), distinct indicators of the day     before anything is answered
//	  events ─Report──▶ new listings and retractions of the day                       before anything is sent
//	     └──▶ *Refusal: which quota, how much it allows, when to come again
//
// Rates are token buckets that hold a second's worth. How many indicators a request asks about is known only once it
// was read: then all of them are charged at once, and the debt delays the requests that follow.
//
// Distinct indicators are estimated, in 16 KiB a partner however many there are, to 0.7 % (standard error). Refused is
// what takes the estimate beyond the quota; it counts all the same, and from then on everything until midnight, in
// Malaysia's time: whoever could go on with what seems to be known already could sweep through all numbers.
//
// Each node counts by itself: a look-up must not wait for another machine. Config.Nodes divides every quota by the
// number of nodes, which is right behind a balancer that spreads requests evenly; undivided, n nodes allow n times as
// much.
//
// What was used of the day is saved once a minute and at the end, if there is a folder for it. A node that crashed
// forgets a minute at most, one without a folder forgets the day, and buckets are full after every start.
package quota
