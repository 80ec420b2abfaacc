// Package faults breaks the hub in every way we know and shows, by books of its own, that its promises hold.
//
//	load ───signed bundles──▶ Kafka ═══════╗                           what Kafka acknowledged ─▶ book
//	                            ▲          ║ link                                                  ▲
//	                            ║ link     ▼                                                       │
//	                          brokers    nodes (waspadad as processes) ◀──look-ups, open loop── probes
//	                                       ║ link
//	                                       ▼
//	                                   ClickHouse
//
// A scenario has three phases: calm, the fault, and after it. Load and probes run through all of them, so they never
// know of the fault. At the end the load stops, and the books are balanced: every acknowledged event stored, each
// counted once, each indicator answered on every node as its last event says, and `waspadad audit` content.
//
// The book knows nothing of the hub's insides. While things break, it holds each node to this: once it has listed an
// indicator it never says not_listed before a withdrawal was sent (no false negative), and once it has followed a
// withdrawal it never lists the indicator again (no positive without a current opinion). To say unsure, or nothing, is
// allowed.
//
// Links are toxiproxy's. A partition holds bytes back and does not drop them, as TCP would repeat them.
//
// The scenarios run on Apache Kafka: `make test-faults` in their long form, `make test-kafka` in their short one. The
// table at the end has a row for each; it goes to the file that WASPADA_FAULTS_TABLE names, too.
package faults
