package deadletters

import (
	"context"
	"time"
)

// pace keeps a number of things a second.
type pace struct {
	perSecond int
	free      time.Time // when what was let through has been paid for
}

// wait returns when n more may go, false when the context ended first. What one batch costs is waited for before the
// next, so the first goes at once.
func (p *pace) wait(ctx context.Context, n int) bool {
	now := time.Now()
	if d := p.free.Sub(now); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		now = time.Now()
	}
	p.free = now.Add(time.Duration(n) * time.Second / time.Duration(p.perSecond))
	return ctx.Err() == nil
}
