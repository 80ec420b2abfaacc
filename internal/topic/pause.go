package topic

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Passing reports whether an error may pass by itself.
func Passing(err error) bool { return errors.Is(err, fraud.ErrUnavailable) }

// Pause is how long to wait before trying again: from 50 ms, doubled up to 5 s, and shortened at random by up to half,
// so that those who failed together do not come back together.
type Pause struct{ next time.Duration }

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// Wait waits and reports false when the context ended first.
func (p *Pause) Wait(ctx context.Context) bool {
	p.next = min(max(2*p.next, shortestPause), longestPause)
	timer := time.NewTimer(p.next - rand.N(p.next/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Reset is for after a success.
func (p *Pause) Reset() { p.next = 0 }
