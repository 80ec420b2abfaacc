package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
)

// load publishes at an even pace: reports of ever new indicators, of which every fifth is withdrawn some bundles later,
// and some bundles are sent twice. What is not acknowledged is sent until it is.
type load struct {
	book   *Book
	pub    *publisher.Publisher
	epoch  uint16
	random *rand.Rand
	// skew is by how much the partner's clock is ahead.
	skew time.Duration
	// refused counts contributions over HTTP that were answered with an error, and sent again.
	refused atomic.Int64

	// reported and withdrawn are the last ones to be acknowledged, for those who measure how fast they show.
	reported, withdrawn latest
}

// news is an event that was acknowledged at some time.
type news struct {
	entry *entry
	at    time.Time
}

// latest is the newest of its kind; its zero value has no entry.
type latest struct {
	mu   sync.Mutex
	news news
}

func (l *latest) get() news {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news
}

func (l *latest) set(e *entry, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news = news{e, at}
}

const (
	bundleSize  = 20
	withdrawAt  = 5  // every fifth indicator is taken back…
	withdrawLag = 25 // …when so many more have been reported
	repeatAt    = 11 // every eleventh bundle is sent twice
)

// event says something about a digest at the partner's time.
func (l *load) event(kind fraud.Kind, ref fraud.Ref) fraud.Event {
	at := time.Now().Add(l.skew).UTC().Truncate(time.Millisecond)
	e := fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, IssuedAt: at, Indicator: ref}
	if kind == fraud.Report {
		e.Category, e.Confidence, e.TLP, e.Evidence = "telecommunication", 80, fraud.TLPAmber, fraud.BankSuspected
		e.Role, e.Advice = fraud.Mule, fraud.Hold
	}
	return e
}

// fresh is an indicator of which nobody has heard. The load draws digests as they are: partners never send anything else.
func (l *load) fresh() fraud.Ref {
	types := []indicator.Type{indicator.BankAccount, indicator.BankAccount, indicator.Phone, indicator.URL}
	ref := fraud.Ref{Type: types[l.random.IntN(len(types))], Epoch: l.epoch}
	for i := range ref.Digest {
		ref.Digest[i] = byte(l.random.Uint32())
	}
	return ref
}

// run publishes rate events a second until stop is closed. What is then on its way is seen through until ctx ends.
func (l *load) run(ctx context.Context, stop <-chan struct{}, rate int) error {
	tick := time.NewTicker(time.Second * bundleSize / time.Duration(rate))
	defer tick.Stop()
	var standing []*entry // acknowledged and to be withdrawn one day
	for n := 1; ; n++ {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		var events []fraud.Event
		var back []*entry
		for len(standing) > withdrawLag && len(back) < bundleSize/withdrawAt {
			i := l.random.IntN(len(standing))
			back = append(back, standing[i])
			standing[i] = standing[len(standing)-1]
			standing = standing[:len(standing)-1]
		}
		reports := bundleSize - len(back)
		for range reports {
			events = append(events, l.event(fraud.Report, l.fresh()))
		}
		for _, e := range back {
			events = append(events, l.event(fraud.Withdraw, e.ref))
		}
		l.book.taking(time.Now(), back...)
		for again := n%repeatAt == 0; ; again = false {
			if err := l.pub.Publish(ctx, events); err != nil {
				return err
			}
			if !again {
				break
			}
		}
		now := time.Now()
		added := l.book.report(now, events[:reports])
		l.book.withdraw(now, events[reports:], back)
		standing = append(standing, added[:len(added)/2]...)
		l.reported.set(added[len(added)-1], now) // from the half that is never withdrawn
		if len(back) > 0 {
			l.withdrawn.set(back[0], now)
		}
	}
}

// contribute reports over HTTP, as partners without Kafka do, every so often until stop is closed; what is refused is
// sent again, for as long as it takes.
func (l *load) contribute(ctx context.Context, stop <-chan struct{}, c *client.Client, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		e := l.event(fraud.Report, l.fresh())
		for {
			receipt, err := c.Report(ctx, client.Event{Event: e})
			if err == nil {
				if r := receipt.Results[0]; r.Status != client.Accepted {
					return fmt.Errorf("a contribution was refused: %s %s", r.Reason, r.Detail)
				}
				l.book.report(time.Now(), []fraud.Event{e})
				break
			}
			var problem *client.Problem
			if ctx.Err() != nil || errors.As(err, &problem) && !problem.Temporary() {
				return err
			}
			l.refused.Add(1)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}
