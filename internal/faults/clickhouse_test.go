package faults

import (
	"testing"
	"time"
)

func TestNothingIsLostWhenClickHouseFails(t *testing.T) {
	table.Run(t, "ClickHouse killed and down", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.Engine.Kill()
			time.Sleep(lasting(5*time.Second, time.Minute))
			if err := r.Engine.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	})
	table.Run(t, "ClickHouse slow: 2 s, 100 KB/s", Scenario{
		RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.ClickHouse.Delay(t, Downstream, 2*time.Second)
			r.ClickHouse.Throttle(t, 100)
			time.Sleep(lasting(8*time.Second, time.Minute))
			r.ClickHouse.Heal(t)
		},
	})
}
