package faults

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// cluster is three nodes that answer and two that take in reports.
func cluster(program string) []hubtest.NodeOptions {
	return []hubtest.NodeOptions{
		{Role: "api", Snapshots: true, Program: program}, {Role: "api", Program: program}, {Role: "api", Program: program},
		{Role: "ingest", Program: program}, {Role: "ingest", Program: program},
	}
}

func TestClientsSeeNoErrorWhileNodesRestart(t *testing.T) {
	table.Run(t, "rolling restart of three api and two ingest nodes", Scenario{
		Nodes: cluster(""), RecoverWithin: 15 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.quick(t)
			r.balanced(t, func() {
				for _, n := range r.Nodes {
					n.Stop(t)
					n.Restart(t)
				}
			})
		},
	})
	if !testkit.Long() {
		return
	}
	former := hubtest.FormerDaemon(t)
	table.Run(t, "rolling upgrade, one version beside the next, and back", Scenario{
		Nodes: cluster(former), RecoverWithin: 15 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.balanced(t, func() {
				for _, version := range []string{hubtest.Binary(t, "waspadad"), former, hubtest.Binary(t, "waspadad")} {
					for _, n := range r.Nodes {
						n.Stop(t)
						n.Program = version
						n.Restart(t)
					}
				}
			})
		},
	})
}

// quick holds what the calm phase has measured to the promise that every node follows within 100 ms, unless the machine
// is so busy that even a look-up, which takes a millisecond or two, takes 20 ms.
func (r *Rig) quick(t *testing.T) {
	t.Helper()
	r.probes.mu.Lock()
	defer r.probes.mu.Unlock()
	calm := r.probes.tallies[before]
	t.Logf("every node lists a report after %s ms and unlists a withdrawal after %s ms; a look-up takes %s ms (all p99)",
		millis(calm.shown, 99), millis(calm.gone, 99), millis(calm.latency, 99))
	const limit, busy = 100_000, 20_000 // microseconds
	late := max(calm.shown.ValueAtQuantile(99), calm.gone.ValueAtQuantile(99)) > limit
	if testkit.Long() && late && calm.latency.ValueAtQuantile(99) < busy {
		t.Error("want both within 100 ms")
	}
}

// balanced runs work while a client looks up through a load balancer, and wants every look-up answered.
func (r *Rig) balanced(t *testing.T, work func()) {
	t.Helper()
	b := newBalancer(t, r.answering())
	c := r.Nodes[0].Client(t, "platform", client.WithPatience(0), client.WithHTTPClient(&http.Client{Transport: b}))
	ctx, cancel := context.WithCancel(t.Context())
	var asked, failed int
	var last error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			entries := r.Book.pick(r.Random, 1)
			if len(entries) == 0 {
				continue
			}
			asked++
			if _, err := c.LookupOne(ctx, client.Item{Ref: entries[0].ref}); err != nil && ctx.Err() == nil {
				failed++
				last = err
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	work()
	cancel()
	<-done
	if failed > 0 || asked == 0 {
		t.Errorf("%d of %d look-ups through the balancer failed, the last with: %v", failed, asked, last)
	}
	t.Logf("%d look-ups through the balancer, %d failed", asked, failed)
}

// balancer spreads requests over the nodes that say they are ready, as a partner's load balancer does: it asks each
// four times a second, and passes on to the next what could not even be delivered.
type balancer struct {
	nodes []*balanced
	next  atomic.Int64
}

type balanced struct {
	addr  string
	ready atomic.Bool
}

func newBalancer(t *testing.T, nodes []*hubtest.Node) *balancer {
	t.Helper()
	b := &balancer{}
	for _, n := range nodes {
		u, err := url.Parse(n.API)
		if err != nil {
			t.Fatal(err)
		}
		one := &balanced{addr: u.Host}
		one.check()
		b.nodes = append(b.nodes, one)
		go func() {
			for t.Context().Err() == nil {
				one.check()
				time.Sleep(250 * time.Millisecond)
			}
		}()
	}
	return b
}

func (n *balanced) check() {
	resp, err := http.Get("http://" + n.addr + "/readyz")
	if err != nil {
		n.ready.Store(false)
		return
	}
	resp.Body.Close()
	n.ready.Store(resp.StatusCode == http.StatusOK)
}

// RoundTrip implements [http.RoundTripper].
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	err := errors.New("no node is ready")
	for range b.nodes {
		n := b.nodes[b.next.Add(1)%int64(len(b.nodes))]
		if !n.ready.Load() {
			continue
		}
		to := req.Clone(req.Context())
		to.URL.Host = n.addr
		if req.GetBody != nil {
			if to.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		var resp *http.Response
		if resp, err = http.DefaultTransport.RoundTrip(to); err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
			return resp, err
		}
	}
	return nil, err
}

func TestALookupNodeStartsWhateverClickHouseDoes(t *testing.T) {
	nodes := []hubtest.NodeOptions{{Snapshots: true}, {Role: "api", Snapshots: true}, {Role: "api"}}
	restart := func(t *testing.T, n *hubtest.Node) {
		n.Stop(t)
		n.Restart(t)
	}
	table.Run(t, "api nodes restarted while ClickHouse is behind", Scenario{
		Nodes: nodes, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.ClickHouse.Delay(t, Downstream, time.Second)
			for range rounds(1, 5) {
				r.backlog(t, 1000)
				restart(t, r.Nodes[1])
				restart(t, r.Nodes[2])
			}
			r.ClickHouse.Heal(t)
		},
	})
	table.Run(t, "api nodes restarted while ClickHouse is down", Scenario{
		Nodes: nodes, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				r.Engine.Kill()
				restart(t, r.Nodes[1]) // from its snapshot
				// Without one it has to wait, and says so instead of answering.
				r.Nodes[2].Stop(t)
				r.Nodes[2].Launch(t)
				r.refuses(t, r.Nodes[2])
				time.Sleep(lasting(time.Second, 10*time.Second))
				r.refuses(t, r.Nodes[2])
				if err := r.Engine.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.Nodes[2].WaitReady(t, 30*time.Second)
			}
		},
	})
}

// refuses wants a node that is up to be unready, and to answer unsure if it answers at all.
func (r *Rig) refuses(t *testing.T, n *hubtest.Node) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		ready, err := n.Client(t, "platform", client.WithPatience(0)).Ready(t.Context())
		if err == nil && ready.Status != "unready" {
			t.Fatalf("%s says it is ready, without ClickHouse and without a snapshot", n.Name)
		}
		return err
	})
	answer, err := lookupClient(t, n).LookupOne(t.Context(), client.Item{Ref: r.other.fresh()})
	if err == nil && answer.Verdict != fraud.Unsure {
		t.Errorf("%s answers %s; it cannot know", n.Name, answer.Verdict)
	}
}
