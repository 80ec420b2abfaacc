package api

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// waiting turns away what has waited too long for a CPU. When CPUs are short, requests wait in sockets and in Go's
// scheduler before any code of ours sees them; the kernel tells since when:
//
//	received ──socket, poller, run queue──▶ head is read ──▶ has it waited longer than its class may? ──503──▶ hold
//	                                                      └──▶ who asks, quotas, gate …
//
// While the hub keeps up, a request may wait for long: something passes, as the collector or a neighbour on the machine.
// Once many requests queue all the time, waiting brings nothing: every queue that is allowed will be full, so only a short
// wait is allowed, and that is what overload adds to the time of those who are answered. This is CoDel's idea in the
// simpler form of "Fail at Scale" (B. Maurer, ACM Queue 13:8, 2015); as Go's scheduler is not fair, a quarter that waits
// stands for a queue, and not the shortest wait. No library that we know measures the wait before a handler.
//
// A refusal costs a good part of what a look-up costs, so beyond a number of them each second the hub holds: it has
// answered, and does not read on from that connection. What is sent meanwhile is refused after the hold, and the
// connection held again until there is room: see holds. So what refusing costs is bounded by the number of connections,
// whatever comes; and who waits as told is never held.
type waiting struct {
	queueing atomic.Bool
	usual    atomic.Int64 // what one in a hundred waits at calm, nanoseconds

	// A window ends at the first request after its end. Its requests: all, those that waited longer than usual, and longer
	// than is bearable; and those that were refused.
	end                      atomic.Int64 // Unix nanoseconds
	all, slow, long, refused atomic.Int64
	streak                   int // of windows, below 0 of such in which requests queued; for whoever ends a window
	// Since room was last asked for: requests, and those that waited longer than half of what is usual.
	recent, recentlySlow atomic.Int64
	refusals             *rate.Limiter
	holds                *holds
}

const (
	// longWait is what a request may wait while the hub keeps up. While it does not a look-up may wait twice what is usual
	// at calm, events half as long and analysis a quarter: where look-ups queue for as long as they may, the others are
	// refused altogether.
	longWait = time.Second
	// shortWait and twice mostUsual bound what a look-up may wait while the hub does not keep up.
	shortWait, mostUsual = 5 * time.Millisecond, 15 * time.Millisecond
	// queueWindows in a row tell that the hub does not keep up; calmWindows in which nobody is held and fewer than one in
	// calmShare are refused, that it does again.
	windowLength              = 50 * time.Millisecond
	queueWindows, calmWindows = 2, 10
	calmShare                 = 50
	// fewest is of how many requests a window must be to show that they queue.
	fewest = 10
	// refusalsPerCPU is how many requests are refused each second for each CPU before connections are held, and how many of
	// these are let go while there is room: each some 2 % of its time.
	refusalsPerCPU = 250
	// longestHold is shorter than what Retry-After says, and than what callers wait.
	longestHold = 800 * time.Millisecond
)

func newWaiting() *waiting {
	perSecond := refusalsPerCPU * runtime.GOMAXPROCS(0)
	w := &waiting{refusals: rate.NewLimiter(rate.Limit(perSecond), perSecond/10)}
	w.holds = &holds{room: w.room}
	w.usual.Store(int64(shortWait / 2))
	return w
}

var queueingMetric = prometheus.NewDesc("waspada_api_queueing",
	"1 while requests queue for a CPU and those that waited for too long are refused.", nil, nil)

// Describe is prometheus.Collector's.
func (w *waiting) Describe(to chan<- *prometheus.Desc) { to <- queueingMetric }

// Collect is prometheus.Collector's.
func (w *waiting) Collect(to chan<- prometheus.Metric) {
	value := 0.
	if w.queueing.Load() {
		value = 1
	}
	to <- prometheus.MustNewConstMetric(queueingMetric, prometheus.GaugeValue, value)
}

// refuses tells whether a request is turned away that waited so long for a CPU, and before that was held so long.
func (w *waiting) refuses(c class, waited, held time.Duration, now time.Time) bool {
	w.turn(now)
	usual := time.Duration(w.usual.Load())
	if held == 0 {
		w.all.Add(1)
		w.recent.Add(1)
		if waited > usual {
			w.slow.Add(1)
		}
		if waited > usual/2 {
			w.recentlySlow.Add(1)
		}
		if waited > 2*usual {
			w.long.Add(1)
		}
	}
	refused := waited > longWait
	if w.queueing.Load() {
		refused = waited > 2*usual>>c || held > 0
	}
	if refused && held == 0 {
		w.refused.Add(1)
	}
	return refused
}

// turn ends a window that is over.
func (w *waiting) turn(now time.Time) {
	end, at := w.end.Load(), now.UnixNano()
	if at <= end || !w.end.CompareAndSwap(end, at+int64(windowLength)) {
		return
	}
	all, slow, long, refused := w.all.Swap(0), w.slow.Swap(0), w.long.Swap(0), w.refused.Swap(0)
	switch {
	case all >= fewest && long*4 > all:
		if w.streak = min(w.streak, 0) - 1; w.streak <= -queueWindows {
			w.queueing.Store(true)
		}
	case refused*calmShare > all || w.queueing.Load() && w.holds.any():
		w.streak = 0
	default:
		if w.streak = max(w.streak, 0) + 1; w.streak >= calmWindows {
			w.queueing.Store(false)
		}
	}
	if w.streak <= 0 || w.queueing.Load() {
		return
	}
	if usual := w.usual.Load(); slow*100 > all {
		w.usual.Store(min(usual+usual/8, int64(mostUsual)))
	} else if all >= fewest {
		w.usual.Store(max(usual-usual/32, int64(shortWait/2)))
	}
}

// hold is how long at most nothing is read from a connection after a refusal. It was held before where its caller did not
// wait as told; where it was let go then, it begins afresh.
func (w *waiting) hold(before, letGo bool, now time.Time) time.Duration {
	if before && letGo || !before && w.refusals.AllowN(now, 1) {
		return 0
	}
	return longestHold - rand.N(longestHold/4) // not all at once
}

// room is how many connections may be let go that were held, asked once each letGoEvery: any number once the hub keeps up,
// none while those that are not held queue.
func (w *waiting) room() int {
	recent, slow := w.recent.Swap(0), w.recentlySlow.Swap(0)
	switch {
	case !w.queueing.Load():
		return math.MaxInt
	case slow*4 > recent:
		return 0
	}
	return max(1, int(float64(w.refusals.Limit())*letGoEvery.Seconds()))
}

// waiter is a connection that knows how long its last request has waited before it was read, and how long it was held.
type waiter interface {
	waited(now time.Time) (waited, held time.Duration)
	// resumes notes that a hold is over, because it was let go or because it took too long.
	resumes(now time.Time, letGo bool)
	// wasLetGo tells how the last one ended.
	wasLetGo() bool
}

type waiterKey struct{}

// remember is http.Server.ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	if w, ok := plain(conn).(waiter); ok {
		return context.WithValue(ctx, waiterKey{}, w)
	}
	return ctx
}

// waiterOf is one who never waits where nobody knows.
func waiterOf(ctx context.Context) waiter {
	if w, ok := ctx.Value(waiterKey{}).(waiter); ok {
		return w
	}
	return nobody{}
}

type nobody struct{}

func (nobody) waited(time.Time) (waited, held time.Duration) { return 0, 0 }
func (nobody) resumes(time.Time, bool)                       {}
func (nobody) wasLetGo() bool                                { return false }
