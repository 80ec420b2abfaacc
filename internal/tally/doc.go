// Package tally counts how much each partner asks, and how, for the audit. It never sees about what.
//
//	request ──Count──▶ a cell of (partner, class): atomic counters that only grow
//	                          │ every minute, and at the end: what was added since
//	                          ▼
//	                   hours (of this run) ──AddUsage──▶ ledger: what was counted of the hour so far
//
// What is written of an hour is the whole count of this run up to now: a row that is written twice, or late, or never
// because a later one was written instead, makes no difference. While the ledger is away hours wait in memory, for a week;
// after that the oldest are given up, logged and counted. What is left when the process ends waits in a file for the next
// one. A process that is killed loses what it counted since the last write: a minute, or as long as the ledger was away.
package tally
