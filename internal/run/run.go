// Package run starts long-running parts in order and drains them in reverse.
//
//	start:  index ▶ ingest ▶ api          each Run(ctx) in a goroutine
//	stop:   api ▶ ingest ▶ index          cancel one, wait until it has drained, then the next
//
// A part that ends before it was told to stops all the others, and its error is the group's.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Part is something that runs until its context ends and returns after its own drain.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// All runs the parts until ctx ends or one of them does, drains them in reverse order and returns what went wrong.
// A part that returns its context's error has ended well.
func All(ctx context.Context, log *slog.Logger, parts ...Part) error {
	type running struct {
		cancel context.CancelFunc
		done   chan error
	}
	var (
		started []running
		ended   = make(chan int, len(parts))
	)
	for i, p := range parts {
		// The part's context is its own: ctx ending must not stop it before those that depend on it.
		partCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{cancel, make(chan error, 1)}
		started = append(started, r)
		log.Debug("starting", "part", p.Name)
		go func() {
			r.done <- p.Run(partCtx)
			ended <- i
		}()
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case i := <-ended:
		log.Error("a part ended by itself, stopping the others", "part", parts[i].Name)
	}
	var errs []error
	for i := len(parts) - 1; i >= 0; i-- {
		started[i].cancel()
		if err := <-started[i].done; err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, fmt.Errorf("%s: %w", parts[i].Name, err))
		}
		log.Debug("stopped", "part", parts[i].Name)
	}
	return errors.Join(errs...)
}
