package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/testkit"
)

// apart are two nodes: one answers, the other takes in reports and may die while look-ups go on.
func apart(ingesting ...hubtest.NodeOptions) []hubtest.NodeOptions {
	nodes := []hubtest.NodeOptions{{Role: "api"}}
	if len(ingesting) == 0 {
		ingesting = []hubtest.NodeOptions{{}}
	}
	for _, n := range ingesting {
		n.Role = "ingest"
		nodes = append(nodes, n)
	}
	return nodes
}

func TestNothingIsLostWhenAConsumerDies(t *testing.T) {
	table.Run(t, "consumer killed before it sends a block", Scenario{
		Nodes: apart(), RecoverWithin: 15 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				r.ClickHouse.Stall(t, Upstream)
				r.backlog(t, 500)
				r.Nodes[1].Kill(t)
				r.ClickHouse.Heal(t)
				r.Nodes[1].Restart(t)
			}
		},
	})
	table.Run(t, "consumer killed after a block, before its commit", Scenario{
		Nodes: apart(), RecoverWithin: 15 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				r.recover(t, time.Minute) // starting takes questions, too, and they shall not be slow
				r.ClickHouse.Delay(t, Downstream, 1500*time.Millisecond)
				before := r.rows(t)
				testkit.Eventually(t, 20*time.Second, func() error { // the block is in, the answer is on its way
					if now := r.rows(t); now <= before {
						return fmt.Errorf("%d rows, %d before", now, before)
					}
					return nil
				})
				r.Nodes[1].Kill(t)
				r.ClickHouse.Heal(t)
				r.Nodes[1].Restart(t)
			}
		},
	})
	table.Run(t, "consumer killed after a commit", Scenario{
		Nodes: apart(), RecoverWithin: 15 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				before := r.committed(t)
				testkit.Eventually(t, 20*time.Second, func() error {
					if now := r.committed(t); now <= before {
						return fmt.Errorf("%d messages committed, %d before", now, before)
					}
					return nil
				})
				r.Nodes[1].Kill(t)
				r.Nodes[1].Restart(t)
			}
		},
	})
}

func TestNothingIsLostWhenTheGroupIsUnrest(t *testing.T) {
	const session = 6 * time.Second
	short := hubtest.NodeOptions{Settings: map[string]any{"kafka.session_timeout": session.String()}}
	table.Run(t, "consumer stopped for twice its session", Scenario{
		Nodes: apart(short, short), RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			zombie := r.Nodes[1]
			zombie.Signal(t, syscall.SIGSTOP)
			time.Sleep(2 * session)
			zombie.Signal(t, syscall.SIGCONT)
			// Its generation is over: what it commits is refused, and it joins again.
			r.logged(t, zombie, `(?s)"partitions assigned".*"partitions assigned"`)
		},
	})
	table.Run(t, "consumers joining and leaving every 3 s", Scenario{
		Nodes: apart(short, short), RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for i := range rounds(3, 20) {
				n := r.Nodes[1+i%2]
				if r.Random.IntN(2) == 0 {
					n.Stop(t)
				} else {
					n.Kill(t)
				}
				time.Sleep(3 * time.Second)
				n.Launch(t)
			}
		},
	})
}

// backlog waits until so many acknowledged events are not stored.
func (r *Rig) backlog(t *testing.T, events int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if owed := r.Book.Acknowledged() - r.stored(t); owed < events {
			return fmt.Errorf("%d events owed", owed)
		}
		return nil
	})
}

// rows are the ledger's, doubles and all.
func (r *Rig) rows(t *testing.T) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(r.Hub.Query(t, "SELECT count() FROM events"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// committed is how many messages the group has committed.
func (r *Rig) committed(t *testing.T) (n int64) {
	t.Helper()
	all, err := ingest.Committed(t.Context(), r.Hub.Kafka, r.Hub.Topics.Reports, r.Hub.Topics.Group)
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range all {
		n += next
	}
	return n
}

// rounds is how often something is done in the short form and in the long one.
func rounds(short, long int) int {
	if testkit.Long() {
		return long
	}
	return short
}
