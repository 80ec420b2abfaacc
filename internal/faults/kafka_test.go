package faults

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestNothingIsLostWhenABrokerFails(t *testing.T) {
	one := devstack.ApacheOptions{Brokers: 1}
	table.Run(t, "the only broker restarted cleanly", Scenario{
		Kafka: one, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			if err := r.Kafka.Broker(0).Stop(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lasting(2*time.Second, 20*time.Second))
			r.start(t, 0)
		},
	})
	table.Run(t, "the only broker killed", Scenario{
		Kafka: one, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				r.Kafka.Broker(0).Kill()
				time.Sleep(lasting(2*time.Second, 10*time.Second))
				r.start(t, 0)
				time.Sleep(lasting(0, 5*time.Second))
			}
		},
	})
	table.Run(t, "the only broker stopped like a hung machine", Scenario{
		RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			if err := r.Kafka.Broker(0).Pause(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lasting(5*time.Second, 45*time.Second))
			if err := r.Kafka.Broker(0).Resume(); err != nil {
				t.Fatal(err)
			}
		},
	})
	table.Run(t, "of three secured brokers a busy leader killed, then a second", Scenario{
		Nodes: apart(), Kafka: devstack.ApacheOptions{Brokers: 3, Secure: true}, RecoverWithin: 60 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			leader, err := r.Kafka.Leader(t.Context(), r.Hub.Topics.Reports, 0)
			if err != nil {
				t.Fatal(err)
			}
			leader.Kill()
			time.Sleep(lasting(8*time.Second, 20*time.Second))
			acked := r.Book.Acknowledged()
			testkit.Eventually(t, 30*time.Second, func() error {
				if now := r.Book.Acknowledged(); now < acked+100 {
					return fmt.Errorf("with two of three brokers %d events acknowledged, %d before", now, acked)
				}
				return nil
			})
			second := (leader.ID() + 1) % 3
			refused := r.overHTTP.refused.Load()
			r.Kafka.Broker(second).Kill()
			testkit.Eventually(t, time.Minute, func() error { // contributions get 503, look-ups go on
				if r.overHTTP.refused.Load() == refused {
					return fmt.Errorf("no contribution was refused with one broker of three")
				}
				return nil
			})
			r.start(t, second)
			r.start(t, leader.ID())
		},
	})
}

func TestNothingIsLostWhenKafkasDiskIsFull(t *testing.T) {
	disk := testkit.SmallDisk(t, 256<<20)
	table.Run(t, "the only broker's disk full", Scenario{
		Kafka: devstack.ApacheOptions{Brokers: 1, DataDirs: []string{disk}}, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			filling := testkit.FillDisk(t, disk, 0)
			testkit.Eventually(t, time.Minute, func() error { // Kafka ends itself when it cannot write
				acked := r.Book.Acknowledged()
				time.Sleep(time.Second)
				if more := r.Book.Acknowledged() - acked; more > 0 {
					return fmt.Errorf("%d events acknowledged on a full disk", more)
				}
				return nil
			})
			time.Sleep(lasting(2*time.Second, 20*time.Second))
			if err := os.Remove(filling); err != nil {
				t.Fatal(err)
			}
			r.start(t, 0)
		},
	})
}

func TestNothingIsLostWhenALinkFails(t *testing.T) {
	for _, d := range []Direction{Upstream, Downstream} {
		table.Run(t, "Kafka's link partitioned "+string(d), Scenario{
			RecoverWithin: 40 * time.Second,
			Fault: func(t *testing.T, r *Rig) {
				r.Brokers[0].Stall(t, d)
				time.Sleep(lasting(6*time.Second, 30*time.Second))
				r.Brokers[0].Heal(t)
			},
		})
		table.Run(t, "ClickHouse's link partitioned "+string(d), Scenario{
			RecoverWithin: 40 * time.Second,
			Fault: func(t *testing.T, r *Rig) {
				r.ClickHouse.Stall(t, d)
				time.Sleep(lasting(6*time.Second, 30*time.Second))
				r.ClickHouse.Heal(t)
			},
		})
	}
	table.Run(t, "Kafka's link slow: 500 ms, 200 KB/s", Scenario{
		RecoverWithin: 40 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.Brokers[0].Delay(t, Downstream, 500*time.Millisecond)
			r.Brokers[0].Throttle(t, 200)
			time.Sleep(lasting(6*time.Second, 30*time.Second))
			r.Brokers[0].Heal(t)
		},
	})
	table.Run(t, "every connection dropped again and again", Scenario{
		RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(6, 60) {
				r.Brokers[0].Drop(t)
				r.ClickHouse.Drop(t)
				time.Sleep(time.Duration(r.Random.IntN(1000)) * time.Millisecond)
			}
		},
	})
}

// start starts a broker that has ended.
func (r *Rig) start(t *testing.T, broker int) {
	t.Helper()
	if err := r.Kafka.Broker(broker).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}
