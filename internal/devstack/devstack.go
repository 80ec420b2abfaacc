// Package devstack runs what the hub needs around it, on loopback and without containers:
//
//	Broker   the Kafka protocol on TCP, inside this process        StartBroker ─▶ Addr
//	         in memory, or on disk and safe against kill -9
//	Engine   the real ClickHouse in a child process                StartEngine ─▶ Addr, HTTPAddr
//	         main ─▶ MaybeRunEngine          parent ─ pseudo-terminal ─▶ child (same binary) ─▶ libchdb.so
//	         several of them, the shards of a cluster              StartShards ─▶ Addrs, Cluster
//	Apache   Apache Kafka in Java processes, one broker or three,  StartApacheCluster ─▶ Addrs, Broker(i)
//	         open to all or with TLS, passwords and rights: for
//	         the test suite's second run and for faults
//
// It is for laptops and tests. The daemon cannot tell it from a cluster, and never imports it: only cmd/devstack and
// internal/testkit do. Production runs Apache Kafka and a ClickHouse cluster.
//
// The engine is a library of half a gigabyte that `make engine` installs, see FindLibrary. It is loaded by a child
// process, never by this one, so that a crash in it is seen and survived. The child is the running binary itself,
// started again with an environment variable: every main and TestMain that starts an engine calls MaybeRunEngine
// before anything else.
//
// # Where the broker differs from Apache Kafka
//
// Topic settings are stored and described but most are not enforced. In particular message.timestamp.type=LogAppendTime
// has no effect unless the producer itself marks its batch: a record carries its producer's time. This matters less
// than it seems, because kafka-go computes Message.Time from the batch's first timestamp and the record's delta, which
// Apache Kafka leaves as the producer wrote them, too (it records the append time in the batch's maximum alone).
// So with either broker Message.Time is what the producer says; do not take a decision against a partner on it.
package devstack
