package run_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waspada-hub/waspada/internal/run"
)

var quiet = slog.New(slog.DiscardHandler)

// diary notes what happened in which order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) part(name string, drain time.Duration) run.Part {
	return run.Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(drain)
		d.note(name)
		return ctx.Err()
	}}
}

func TestPartsDrainInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := run.All(ctx, quiet, d.part("index", 0), d.part("ingest", time.Second), d.part("api", time.Hour))
		if want := []string{"api", "ingest", "index"}; err != nil || !slices.Equal(d.lines, want) {
			t.Fatalf("drained %v, error %v; want %v and no error", d.lines, err, want)
		}
	})
}

func TestAPartThatFailsStopsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		broken := run.Part{Name: "ingest", Run: func(context.Context) error { return errors.New("log start has passed us") }}
		err := run.All(t.Context(), quiet, d.part("index", 0), broken, d.part("api", 0))
		if err == nil || !strings.Contains(err.Error(), "ingest: log start has passed us") {
			t.Fatalf("error %v does not tell which part failed and why", err)
		}
		if want := []string{"api", "index"}; !slices.Equal(d.lines, want) {
			t.Fatalf("drained %v, want %v", d.lines, want)
		}
	})
}
