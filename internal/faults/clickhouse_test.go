package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
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

func TestNothingIsLostWhenClickHouseRefuses(t *testing.T) {
	table.Run(t, "ClickHouse refuses: TOO_MANY_PARTS", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			r.Hub.Query(t, "SYSTEM STOP MERGES events")
			r.Hub.Query(t, "ALTER TABLE events MODIFY SETTING parts_to_throw_insert = 1")
			r.logged(t, r.Nodes[0], "TOO_MANY_PARTS|code: 252")
			time.Sleep(lasting(2*time.Second, 30*time.Second))
			r.Hub.Query(t, "ALTER TABLE events RESET SETTING parts_to_throw_insert")
			r.Hub.Query(t, "SYSTEM START MERGES events")
		},
	})
	table.Run(t, "ClickHouse refuses one row in a thousand for good", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			const guilty = 13
			r.Hub.Query(t, fmt.Sprintf("ALTER TABLE events ADD CONSTRAINT guilty CHECK confidence != %d", guilty))
			var bad []fraud.Event
			for range rounds(3, 20) {
				e := r.other.event(fraud.Report, fraud.Ref{Type: indicator.Phone, Epoch: r.load.epoch, Digest: indicator.Digest{guilty}})
				e.Confidence = guilty
				bad = append(bad, e)
				r.Hub.Publish(t, "bank-harimau", e)
				time.Sleep(300 * time.Millisecond)
			}
			testkit.Eventually(t, lasting(time.Minute, 5*time.Minute), func() error { // each is found by halving blocks
				const letters = "SELECT uniqExact(event_id) FROM dead_letters WHERE reason = 'not_storable'"
				if got := r.Hub.Query(t, letters); got != fmt.Sprint(len(bad)) {
					return fmt.Errorf("%s dead letters for %d guilty rows", got, len(bad))
				}
				return nil
			})
			r.Hub.Query(t, "ALTER TABLE events DROP CONSTRAINT guilty")
		},
	})
}

func TestNothingIsLostWhenClickHousesDiskIsFull(t *testing.T) {
	disk := testkit.SmallDisk(t, 512<<20)
	table.Run(t, "ClickHouse's disk full", Scenario{
		Engine: devstack.EngineOptions{Dir: disk}, RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			// ClickHouse 26.7 was seen to keep a merged part whose marks are empty when the disk filled up under the merge
			// (once in some twenty runs): the ledger's server lost rows then that the hub had stored. Nothing in the hub can
			// mend that; deploy/README.md says what keeps a disk from filling up. The long form merges all the same.
			if !testkit.Long() {
				r.merges(t, "STOP")
				defer r.merges(t, "START")
			}
			filling := testkit.FillDisk(t, disk, 0)
			r.backlog(t, 1000)
			time.Sleep(lasting(2*time.Second, 30*time.Second))
			if err := os.Remove(filling); err != nil {
				t.Fatal(err)
			}
		},
	})
}

// merges starts or stops merges of every table.
func (r *Rig) merges(t *testing.T, what string) {
	t.Helper()
	if _, err := r.Engine.Query(t.Context(), "SYSTEM "+what+" MERGES"); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsLostWhenAnInsertBreaksOff(t *testing.T) {
	table.Run(t, "ClickHouse killed during merges", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(3, 20) {
				merging := make(chan struct{})
				go func() {
					defer close(merging)
					_, _ = r.Engine.Query(t.Context(), "OPTIMIZE TABLE "+r.Hub.Database+".events FINAL") // it is cut off
				}()
				time.Sleep(time.Duration(r.Random.IntN(60)) * time.Millisecond)
				r.Engine.Kill()
				<-merging
				if err := r.Engine.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		},
	})
	table.Run(t, "connection to ClickHouse cut anywhere in an insert", Scenario{
		RecoverWithin: 20 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(10, 100) {
				r.ClickHouse.CutAnswers(t, 1+r.Random.IntN(8000))
				time.Sleep(400 * time.Millisecond)
				r.ClickHouse.Heal(t)
			}
		},
	})
	table.Run(t, "ClickHouse set back to before the commits", Scenario{
		RecoverWithin: 30 * time.Second,
		Fault: func(t *testing.T, r *Rig) {
			for range rounds(1, 5) {
				before := filepath.Join(t.TempDir(), "before")
				r.swap(t, func(data string) error { return os.CopyFS(before, os.DirFS(data)) })
				from := r.committed(t)
				testkit.Eventually(t, 30*time.Second, func() error {
					if now := r.committed(t); now < from+50 {
						return fmt.Errorf("%d messages committed, %d before", now, from)
					}
					return nil
				})
				r.swap(t, func(data string) error {
					return errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(before)))
				})
			}
			r.logged(t, r.Nodes[0], "the ledger has lost what it had stored|the ledger is behind the group's commit")
		},
	})
}

// swap does something to ClickHouse's data while it is down.
func (r *Rig) swap(t *testing.T, do func(data string) error) {
	t.Helper()
	r.Engine.Kill()
	if err := do(filepath.Join(r.Engine.Dir(), "data")); err != nil {
		t.Fatal(err)
	}
	if err := r.Engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// logged waits until a node has logged something that one of the patterns finds.
func (r *Rig) logged(t *testing.T, n *hubtest.Node, pattern string) {
	t.Helper()
	find := regexp.MustCompile(pattern)
	testkit.Eventually(t, 30*time.Second, func() error {
		text, err := os.ReadFile(n.LogFile)
		if err == nil && !find.Match(text) {
			err = fmt.Errorf("%s has not logged %q", n.Name, pattern)
		}
		return err
	})
}
