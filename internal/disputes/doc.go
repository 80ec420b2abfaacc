// Package disputes is the desk at which authorities work through what partners dispute. What counts is said on Kafka: a
// dispute is an event of kind dispute, whichever road it came, and its id is that event's. Here it gets clocks, steps and
// reasons.
//
//	event of kind dispute ──▶ ledger ──▶ Dispute, List     what it has come to: fraud.DisputeCase.Status
//	authority ──Review──▶ step
//	authority ──Decide──▶ 1 step, with an event's id ──▶ 2 the event, in its name ──▶ ledger
//	                                                    (again when the request is repeated)
//	Run, every minute: what is open and overdue ──▶ metrics, and once the log
//
// ClickHouse has no compare-and-set: of two steps at once both are written, both nodes look again after a while, and the
// one with the lower id stands. Where an insert took longer than that both may be said: then the later event counts, and
// the steps tell of the other that it came to nothing.
package disputes
