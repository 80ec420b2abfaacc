package main

import (
	"errors"
	"time"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/internal/sweeps"
)

// sweepSettings say how partners are noticed that go through numbers.
type sweepSettings struct {
	// CanariesFile is the file of canaries, as `waspadad canary make` prints them; empty for none.
	CanariesFile string `koanf:"canaries_file" yaml:"canaries_file"`
	// Distinct is how many different indicators a partner must ask about in a day before it is told of for few hits.
	Distinct int `koanf:"distinct" yaml:"distinct"`
	// HitFloor is the share of known indicators, 0 to 1, below which it is told of whatever the others' share is.
	HitFloor float64 `koanf:"hit_floor" yaml:"hit_floor"`
}

func (s sweepSettings) check() error {
	var errs []error
	if s.Distinct < 1 {
		errs = append(errs, errors.New("config: sweeps.distinct: set 1 or more"))
	}
	if !(s.HitFloor >= 0 && s.HitFloor <= 1) {
		errs = append(errs, errors.New("config: sweeps.hit_floor: set a share from 0 to 1"))
	}
	return errors.Join(errs...)
}

// watchSweeps makes the watch; quotas may be nil.
func (d *daemon) watchSweeps(quotas *quota.Keeper) (*sweeps.Watch, error) {
	cfg := sweeps.Config{
		Canaries: d.cfg.Sweeps.CanariesFile, Ring: d.ring, Now: time.Now,
		Bounds: sweeps.Bounds{Distinct: d.cfg.Sweeps.Distinct, Floor: d.cfg.Sweeps.HitFloor},
	}
	if quotas != nil {
		cfg.Counts = func() (all []sweeps.Count) {
			for _, c := range quotas.Counts() {
				if p, ok := d.registry.Partner(c.Partner); ok {
					all = append(all, sweeps.Count{Partner: p, Distinct: c.Distinct, Known: c.Known})
				}
			}
			return all
		}
	}
	return sweeps.New(cfg, d.writer, d.metrics, d.log)
}
