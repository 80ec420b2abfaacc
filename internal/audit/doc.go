// Package audit is the completeness oracle: it holds what the ledger says against what Kafka says.
//
//	consumer group: what is committed ─1┐
//	ledger: every row at its position ─2┼─ Oracle.Run ─▶ Report ─┬▶ `waspadad audit`: lines, exit code
//	Kafka: what the topic holds ───────3┘                        └▶ Nightly: metrics, an error for each finding
//
// In this order: what is committed when the audit begins is in the ledger by the time that it is read, and what the
// ledger holds is in Kafka. So the audit may run beside ingest.
//
// # What it proves
//
// P1, nothing acknowledged is lost: from the first message that the ledger knows to the last one committed, the rows of
// each partition have no gap, counting refused events too; and Kafka has not deleted what comes next. Together with the
// ledger's keys (a position is one row) and the trends, recounted from it, that is P2: nothing counts twice. The
// opinions in force are recomputed from the ledger by the code that made them.
//
// A topic that was deleted and made anew, a cluster that took its place, a log that was put back: all give offsets a
// second time, and look whole by their offsets alone. So the oldest and the newest message that both the ledger and
// Kafka hold are compared by their append times, and no offset of the ledger may have rows of two times. A cluster's id
// is not looked at: a cluster of another id that holds the same messages is as good.
//
// # What it cannot see
//
//   - What Kafka acknowledged and then lost or deleted before ingest read it, when more was written in its place, or when
//     the ledger holds nothing of the partition to compare with. Replicas and retention are there for that.
//   - A bundle whose last events were never stored: the ledger does not know how many it had. Where they were stored
//     and then lost, the trends and opinions that they left behind tell; for a refused one nothing does.
//   - What lies between the two ends that are compared with Kafka, if only that was exchanged.
//   - An operator who went on with kafka.accept_loss: the audit names what is lost for ever after, on purpose.
package audit
