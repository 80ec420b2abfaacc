// Package ingest takes partners' bundles from Kafka and makes them known, durable and counted, in this order.
//
//	                    ┌──────────── accept ────────────┐  bounded  ┌──────────── keep ────────────┐
//	Kafka: reports ──▶  fetch ▶ open ▶ screen ▶ judge ▶ announce ──▶ queue ──▶ collect ▶ insert ▶ commit
//	one partition                  │               │                            │         │
//	                               │               1 Kafka: changes             2 ledger  3 consumer group
//	                               └─ faults ────▶ 1 Kafka: dead letters ─────▶ 2
//
// Each partition has the two goroutines of the picture. What is valid is announced at once, so that lookups see it in
// tens of milliseconds, and goes into the ledger in large blocks; the offset is committed when both have it. Every
// step may be repeated: opinions merge, ledger rows are known by their position. So wherever a crash falls, the next
// owner of the partition begins where the commit stands and does again what was not committed.
//
// What will never be accepted becomes a dead letter with its reason, and counts. What may pass (Kafka, the ledger) is
// waited for, with the partition held: nothing is skipped. While the ledger is away, accept goes on until the
// queue is full; then the partition stands still and memory stays bounded.
//
// Kafka's part is a [kafka.ConsumerGroup] whose commits are fenced by their generation, and a [topic.Reader] per
// partition, which finds every offset that is missing. kafka-go's group Reader commits without a fence, and the highest
// offset instead of the contiguous prefix.
package ingest
