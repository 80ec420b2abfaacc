// Package loadgen asks a server much, as its users would, and tells how long answers took. It knows the hub by its
// public contract alone, and speaks to what a user would pick instead at the same low cost, so that one may be held
// against the other:
//
//	Scenario ──▶ Asker: the bytes of the next question, the length of its answer
//	                      └──▶ Session: so many connections in one loop over epoll ──▶ Result: counts, HDR histogram
//
// Closed loop (no rate): each connection asks again as soon as it is answered: how much can the server do? Open loop
// (with a rate): questions come due at random, as those of many callers do, whatever the answers take, and a question
// that no connection is free for waits. Its time counts from when it was due (no coordinated omission).
//
// All is one thread that never sleeps while questions are due, on a CPU of its own: with a goroutine for each
// connection a question would leave up to a millisecond late, and the generator would cost more than most servers.
package loadgen
