// Package restore says anew what void words have replaced: a stolen key withdrew, or overwrote, what its partner had said
// before, and a void takes the theft out of force without bringing back the honest word.
//
//	ledger ──SaidSince──▶ all that the partner said of each indicator that it spoke of since the void begins
//	          │
//	          └─ lost ──▶ the standing word is void, and the last one that is not lists, clears or disputes
//	                        └─ as a new event: issued now, of the same content, signed by the hub's gateway
//	                             ──Publish──▶ reports topic, the way of everything else
//
// The id of a new event follows from the partner, the void and the event that is said anew: a run that is repeated says
// the same events, which count once. After a run the standing word is not void any more, and there is nothing left to do.
//
// What has expired, or decayed so far that it would not list, stays where it is; so does what the void covers because it
// is still open: end it first. The partner's allowance of the day bounds what is restored like everything that it says.
package restore
