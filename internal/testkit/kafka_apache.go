package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/topic"
)

// OwnApache starts an Apache Kafka for this test alone and kills it with the test. Without a Dir it has one of its own.
// The test runs where WASPADA_TEST_KAFKA is apache, and is skipped elsewhere: a laptop's `make test` needs no Java.
func OwnApache(t testing.TB, opts devstack.ApacheOptions) *devstack.ApacheCluster {
	t.Helper()
	RequireApache(t)
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "kafka")
	}
	cluster, err := devstack.StartApacheCluster(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Kill)
	return cluster
}

// RequireApache skips a test that is about Apache Kafka itself where the suite runs on another broker.
func RequireApache(t testing.TB) {
	t.Helper()
	if os.Getenv("WASPADA_TEST_KAFKA") != "apache" {
		t.Skip("about Apache Kafka itself: make test-kafka runs it")
	}
}

// SameOnAnyKafka skips a test whose claim does not rest on how Kafka behaves where the suite runs again on Apache Kafka: it
// has run on the dev stack's broker.
func SameOnAnyKafka(t testing.TB) {
	t.Helper()
	if os.Getenv("WASPADA_TEST_KAFKA") == "apache" {
		t.Skip("not about Kafka: make test runs it")
	}
}

// AsUser is a user's way to an Apache Kafka; on one that is not secure, everybody's.
func AsUser(t testing.TB, cluster *devstack.ApacheCluster, user string) topic.Cluster {
	t.Helper()
	way := topic.Cluster{Brokers: cluster.Addrs(), ClientID: user, TLS: cluster.TLS()}
	if way.TLS == nil {
		return way
	}
	proof, err := topic.Password(devstack.ApacheMechanism, user, cluster.Password(user))
	if err != nil {
		t.Fatal(err)
	}
	way.SASL = proof
	return way
}

// Provision runs deploy/kafka/topics-and-rights.sh as the operator of a cluster would. env changes what it makes:
// "REPORTS=mine".
func Provision(t testing.TB, cluster *devstack.ApacheCluster, env ...string) {
	t.Helper()
	cmd, err := cluster.Script(t.Context(), filepath.Join(sourceTree(t), "deploy", "kafka", "topics-and-rights.sh"), env...)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}

// sourceTree is the folder of go.mod.
func sourceTree(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd() // the folder of the test's package
	for ; err == nil && !exists(filepath.Join(root, "go.mod")); root = filepath.Dir(root) {
		if root == filepath.Dir(root) {
			t.Fatal("this test is not run within the source tree")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
