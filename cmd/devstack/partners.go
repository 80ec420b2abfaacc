package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// simulated holds a publisher for each partner: what a partner's own systems would run.
type simulated map[string]*publisher.Publisher

func openPartners(broker string, keep *nation.Keys) (simulated, error) {
	all := simulated{}
	for _, p := range nation.Partners() {
		id, file := keep.SigningKey(p.ID)
		key, err := publisher.LoadSigningKey(file)
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all[p.ID] = publisher.New(publisher.Config{Brokers: []string{broker}}, &wire.Signer{KeyID: id, Key: key}, p.ID)
	}
	return all, nil
}

func (s simulated) close() error {
	var errs []error
	for _, p := range s {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// watcher looks things up as a platform would.
type watcher struct {
	hub *client.Client
}

func newWatcher(api, key string) (watcher, error) {
	c, err := client.New(api, key)
	return watcher{c}, err
}

// ask looks up one indicator by its digest.
func (w watcher) ask(ctx context.Context, ref fraud.Ref) (client.Result, error) {
	return w.hub.LookupOne(ctx, client.Item{Type: ref.Type, Ref: ref})
}

// waitListed waits until an indicator is listed.
func (w watcher) waitListed(ctx context.Context, ref fraud.Ref) error {
	for {
		result, err := w.ask(ctx, ref)
		if err == nil && result.Verdict != fraud.NotListed && result.Verdict != fraud.Unsure {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// seed publishes the whole country through Kafka, once; the marker file remembers it.
func seed(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, hub watcher, marker string) error {
	done := fmt.Sprintf("%d indicators of seed %d\n", country.Len(), demoSeed)
	if was, err := os.ReadFile(marker); err == nil {
		if string(was) == done {
			return nil
		}
		fmt.Printf("The data hold %sKeeping them; run `make clean` first for a country of another size.\n", was)
		return nil
	}
	fmt.Printf("Seeding %d indicators through Kafka (once) …\n", country.Len())
	bar := progressbar.NewOptions(country.Len(), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		failure = make(chan error, 4)
		start   = time.Now()
	)
	const share = 2000 // cases a worker takes at a time: bundles of each partner come out well filled
	for range 4 {
		workers.Go(func() {
			for {
				from := int(next.Add(share)) - share
				if from >= country.Len() || ctx.Err() != nil {
					return
				}
				to := min(from+share, country.Len())
				if err := seedShare(ctx, country, partners, ring, from, to, start); err != nil {
					failure <- err
					return
				}
				_ = bar.Add(to - from)
			}
		})
	}
	workers.Wait()
	_ = bar.Finish()
	select {
	case err := <-failure:
		return fmt.Errorf("seed: %w", err)
	default:
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Printf("Published in %.1f s; waiting until the hub lists them …\n", time.Since(start).Seconds())
	if err := waitSeeded(ctx, country, ring, hub); err != nil {
		return err
	}
	return os.WriteFile(marker, []byte(done), 0o600)
}

func seedShare(ctx context.Context, country *nation.Set, partners simulated, ring *indicator.KeyRing, from, to int, now time.Time) error {
	events := map[string][]fraud.Event{}
	for i := from; i < to; i++ {
		c := country.Case(i)
		ref, err := c.Ref(ring)
		if err != nil {
			return fmt.Errorf("case %d: %w", i, err)
		}
		for _, w := range c.Words {
			events[w.Partner] = append(events[w.Partner], w.Event(ref, now))
		}
	}
	var group sync.WaitGroup
	errs := make(chan error, len(events))
	for partner, list := range events {
		group.Go(func() { errs <- partners[partner].Publish(ctx, list) })
	}
	group.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// waitSeeded waits until a sample that reaches over the whole set is listed.
func waitSeeded(ctx context.Context, country *nation.Set, ring *indicator.KeyRing, hub watcher) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	step := max(1, country.Len()/200)
	for i := country.Len() - 1; i >= 0; i -= step {
		c := country.Case(i)
		ref, err := c.Ref(ring)
		if err != nil {
			return err
		}
		if err := hub.waitListed(ctx, ref); err != nil {
			return fmt.Errorf("the hub has not caught up with the seeding: %w", err)
		}
	}
	return nil
}
