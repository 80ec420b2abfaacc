// Package deadletters sends what was refused again, once the reason is gone: a key that is registered now, a term that
// the taxonomy has now, a clock that was ahead.
//
//	dead letter ─▶ sent before? ─▶ Kafka: reports ──▶ judge as if ──▶ Kafka: reports ──▶ store: replays
//	(a pointer)     │ yes          the original       it came now     the same bytes     from where to where
//	                ▼               │ gone             │ refused again
//	            not sent,           ▼                  ▼
//	            unless Again    not sent           not sent, unless Anyway
//
// The copy goes into the partition of the original and is to ingest a message like any other: judged afresh, by today's
// registry, taxonomy and code. Event ids stay, so what had been accepted of a bundle counts once. What is still bad
// becomes a new dead letter at its new place; the old one is then no longer outstanding.
//
// # Time and keys
//
// Kafka stamps the copy anew, and whether a signing key was valid and an event fresh is judged by that stamp. So:
//
//   - A key that has ended meanwhile ([fraud.SigningKey].NotAfter) makes its bundles bad, also those that came in good
//     time: a copy carries no proof of when the original came, and a header that said so could be forged by whoever has
//     stolen the key. The partner sends the events again under its present key, with the same ids.
//   - A key that was not valid yet when the message first came, or not any more, would pass if it is valid today. That
//     would move a message into a window that it came outside of, so it is never sent, with Anyway neither. An operator
//     who knows better corrects the key's dates in the partner file.
//   - Events older than [fraud.MaxAge] are too old now, whatever they were refused for.
//
// What would be refused again is left where it is: it may hold a raw value, and a copy would keep that for as long
// again. Anyway sends it all the same, since ingest has the last word.
//
// # Failure
//
// A copy is recorded after Kafka has acknowledged it, batch by batch. A crash in between leaves a copy that is not
// recorded: its dead letter is still outstanding, and a further copy does no harm.
package deadletters
