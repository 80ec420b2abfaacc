package sweeps

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// file is the file of canaries, which may change at any time.
type file struct {
	path string // empty for none
	ring *indicator.KeyRing
	seen []byte // what was read of it last
}

func (f *file) read() (*list, error) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("canaries: %w", err)
	}
	return f.take(data)
}

func (f *file) take(data []byte) (*list, error) {
	f.seen = data
	l, err := parse(data, f.ring)
	if err != nil {
		return nil, fmt.Errorf("canaries: %s: %w", f.path, err)
	}
	return l, nil
}

// Check reads a file of canaries and says what is wrong with it; path may be empty.
func Check(path string, ring *indicator.KeyRing) error {
	if path == "" {
		return nil
	}
	_, err := (&file{path: path, ring: ring}).read()
	return err
}

// followEvery is how long a changed file of canaries waits at most. It is read twice in that time, and what was seen
// twice is taken: half a file may be a good one, too.
const followEvery = 2 * time.Second

// follow puts what the file holds in force whenever that has changed, until ctx ends. What is refused changes nothing.
func (w *Watch) follow(ctx context.Context) {
	if w.file.path == "" {
		return
	}
	tick := time.NewTicker(followEvery / 2)
	defer tick.Stop()
	before, missing := w.file.seen, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		data, err := os.ReadFile(w.file.path)
		if err != nil {
			if !missing {
				w.log.Error("file of canaries cannot be read, the one before it stays in force", "error", err)
			}
			missing = true
			continue
		}
		if missing = false; !bytes.Equal(data, w.file.seen) && bytes.Equal(data, before) {
			if l, err := w.file.take(data); err != nil {
				w.log.Error("file of canaries refused, the one before it stays in force", "error", err)
			} else {
				w.list.Store(l)
				w.log.Info("canaries loaded", "digests", len(l.labels))
			}
		}
		before = data
	}
}
