package faults

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
)

// newKafka starts a cluster of the scenario's own, or takes the one broker that all share, and puts links before it.
func newKafka(t *testing.T, opts devstack.ApacheOptions) (*devstack.ApacheCluster, []*Link) {
	t.Helper()
	var (
		kafka proxied
		err   error
	)
	if opts.Brokers == 0 {
		kafka, err = sharedKafka()
	} else if kafka.addrs, err = freeAddrs(opts.Brokers); err == nil {
		opts.Proxied = kafka.addrs
		kafka.cluster = testkit.OwnApache(t, opts)
	}
	if err != nil {
		t.Fatal(err)
	}
	var links []*Link
	for i, addr := range kafka.addrs {
		links = append(links, NewLink(t, fmt.Sprint("broker ", i), addr, kafka.cluster.ProxiedUpstream(i)))
	}
	return kafka.cluster, links
}

// proxied is a cluster and where its brokers say that they are to be found: a scenario puts its links there.
type proxied struct {
	cluster *devstack.ApacheCluster
	addrs   []string
}

var sharedKafka = sync.OnceValues(func() (proxied, error) {
	dir, err := os.MkdirTemp("", "waspada-kafka-")
	if err != nil {
		return proxied{}, err
	}
	testkit.OnExit(func() { _ = os.RemoveAll(dir) })
	addrs, err := freeAddrs(1)
	if err != nil {
		return proxied{}, err
	}
	cluster, err := devstack.StartApacheCluster(context.Background(), devstack.ApacheOptions{Dir: dir, Proxied: addrs})
	if err != nil {
		return proxied{}, err
	}
	testkit.OnExit(cluster.Kill)
	return proxied{cluster, addrs}, nil
})

// secure makes the topics and rights of a secured cluster as its operator would, and has each node come as the user of
// its role. The test itself is the admin.
func secure(t *testing.T, cluster *devstack.ApacheCluster, opts *hubtest.Options, nodes []hubtest.NodeOptions) {
	t.Helper()
	testkit.Provision(t, cluster)
	opts.Kafka = testkit.AsUser(t, cluster, devstack.ApacheAdmin)
	opts.Topics = &nation.Topics{
		Reports: "waspada.reports.v1", Changes: "waspada.changes.v1", DeadLetters: "waspada.deadletters.v1",
		Group: "waspada-ingest",
	}
	for i := range nodes {
		nodes[i].Settings = asUser(cluster, nodes[i].Role)
	}
}

// asUser are the settings by which a daemon comes to a secured cluster as a user.
func asUser(cluster *devstack.ApacheCluster, user string) map[string]any {
	return map[string]any{
		"kafka.tls.enabled": true, "kafka.tls.ca_file": cluster.CAFile(),
		"kafka.sasl.mechanism": devstack.ApacheMechanism, "kafka.sasl.user": user,
		"kafka.sasl.password_file": cluster.PasswordFile(user),
	}
}

func freeAddrs(n int) (addrs []string, err error) {
	for range n {
		port, err := devstack.FreePort()
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, fmt.Sprint("127.0.0.1:", port))
	}
	return addrs, nil
}

func addrs(links []*Link) (all []string) {
	for _, l := range links {
		all = append(all, l.Addr())
	}
	return all
}
