// Package quarantine holds what a partner says beyond its allowance of the day, so that a stolen key or a broken detector
// lists a day's worth of innocents at most before somebody has looked.
//
//	ingest ──Judge──▶ Keeper ──▶ entries within the allowance: as they are
//	                    ▲  │     entries beyond it: held, that is stored and announced, and not counting
//	                    │  └───▶ once a partner and day: log, audit
//	ledger ──Said, every 2 s──┘  how much each partner said on each of the last 28 days, by every road and node
//
// The allowance of listings is the partner's quota of a day; and, once a partner has reported on 7 of the 28 days before,
// no more than so many times the median of those days, with a floor below which nobody is bounded. That of clears and
// disputes is its quota of retractions. Withdrawals are never held: a partner can always take its own word back.
//
// Days are Malaysia's, by when Kafka took the message. Everything that was said counts towards the day, what was held
// included, but not what is void: once a theft is void its victim can work on. A listing that the partner had already, by words that are not held, is renewed and not new: it is not held
// either, though it counts.
//
// # Counting
//
// What the ledger holds is counted once, by ranges of offsets; what this node has judged and the ledger does not hold yet
// is counted by its position on top of that. So a message that is delivered again counts once, whoever stored it, and is
// judged as it was before. A restart asks the ledger again.
//
// Several nodes that ingest learn of each other by the ledger, about 4 seconds later: a partner that writes to partitions
// of n nodes at full speed gets up to n-1 times what one node takes in that time beyond its allowance. What a partner's
// publisher sends goes to one partition.
//
// While the ledger does not answer, renewals beyond the allowance are held too, and a message that is delivered again is
// judged by the counts.
package quarantine
