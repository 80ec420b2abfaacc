package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/waspada-hub/waspada/internal/quarantine"
	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/internal/run"
)

// quotaSettings are the node's part in the quotas of partners.
type quotaSettings struct {
	// Enforce is false for a hub on which nobody is bounded: for measuring.
	Enforce bool `koanf:"enforce" yaml:"enforce"`
	// Nodes is by how many every quota is divided. Each node counts by itself: with 1, n nodes allow n times as much; behind
	// a balancer that spreads requests evenly, set the number of nodes.
	Nodes int `koanf:"nodes" yaml:"nodes"`
	// SpikeFactor times the median of those of the last 28 days on which it reported, 7 at least, is what a partner may list
	// in a day. What is beyond it, or its quota, is held until two operators release it. 0 is the quota alone.
	SpikeFactor float64 `koanf:"spike_factor" yaml:"spike_factor"`
	// SpikeFloor is how many listings a day are never a spike.
	SpikeFloor int `koanf:"spike_floor" yaml:"spike_floor"`
}

func (s quotaSettings) spikes() quarantine.Config {
	return quarantine.Config{SpikeFactor: s.SpikeFactor, SpikeFloor: s.SpikeFloor}
}

func (s quotaSettings) check() error {
	if s.Nodes < 1 || s.Nodes > 1000 {
		return fmt.Errorf("config: quotas.nodes is %d: set the number of nodes that share the requests, 1 to 1000", s.Nodes)
	}
	if s.SpikeFactor < 0 || s.SpikeFloor < 0 {
		return errors.New("config: quotas.spike_factor and quotas.spike_floor are 0 or more")
	}
	return nil
}

// openQuotas returns nil where nobody is bounded. What was used of the day lies beside the index's snapshot.
func (d *daemon) openQuotas() (*quota.Keeper, []run.Part) {
	if !d.cfg.Quotas.Enforce {
		d.log.Warn("quotas are not enforced: any partner may ask about everything")
		return nil, nil
	}
	keeper := quota.Open(quota.Config{Nodes: d.cfg.Quotas.Nodes, Dir: d.cfg.Index.SnapshotDir, Now: time.Now}, d.log)
	return keeper, []run.Part{{Name: "quotas", Run: keeper.Run}}
}

// memoryShare of the container's memory is the collector's aim: the rest is for what is not on the heap.
const memoryShare = 0.9

// limitMemory tells the garbage collector of the container's limit, unless GOMEMLIMIT says otherwise: near it, it works
// harder instead of being killed.
func limitMemory(log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithProvider(memlimit.FromCgroup), memlimit.WithRatio(memoryShare))
	if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrNoLimit) {
		log.Info("the container's memory limit cannot be read: set GOMEMLIMIT", "error", err)
		return
	}
	if limit == 0 {
		limit = debug.SetMemoryLimit(-1)
	}
	log.Debug("memory limit", "bytes", limit)
}
