package index

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Config is what an operator may choose.
type Config struct {
	// Epoch is the hub's key epoch. A snapshot of another one is of no use.
	Epoch uint16
	// FreshnessLimit is the age of as_of beyond which not_listed becomes unsure.
	FreshnessLimit time.Duration
	// FoldEvery is how long changes stay in the delta at most; they leave it earlier when there are many.
	FoldEvery time.Duration
	// TombstoneAge is how long an opinion that says nothing any more (withdrawn, expired) is kept to overrule
	// older ones of its key that may still arrive. It must exceed [fraud.MaxAge] by more than the reports topic
	// retains, since a report may wait there for ingest that long.
	TombstoneAge time.Duration
	// SnapshotDir is where snapshots are kept; empty for none. Two nodes must not share it.
	SnapshotDir string
	// SnapshotEvery is the time between snapshots. One is also written at shutdown.
	SnapshotEvery time.Duration
}

// DefaultConfig is good for any size of index.
func DefaultConfig() Config {
	return Config{
		Epoch: 1, FreshnessLimit: 30 * time.Second, FoldEvery: 10 * time.Minute,
		TombstoneAge: fraud.MaxAge + 30*24*time.Hour, SnapshotEvery: 15 * time.Minute,
	}
}

// Changes is the log of changes, by partition.
type Changes interface {
	// Ends are the offsets that the next changes will get.
	Ends(ctx context.Context) (map[int]int64, error)
	// OffsetsAt are the offsets of the first changes appended at or after a time; the ends where there is none.
	OffsetsAt(ctx context.Context, at time.Time) (map[int]int64, error)
	// Run reads from the given offsets until ctx ends. It calls apply in the order of each partition's changes, with
	// the offset after them and the time up to which the partition has then been read, and also, with no opinions, every
	// now and then where nothing comes.
	Run(ctx context.Context, from map[int]int64,
		apply func(partition int, next int64, opinions []fraud.Opinion, asOf time.Time)) error
}

// Opinions is the store.
type Opinions interface {
	// Opinions passes on every current opinion, some at a time, in any order. The slice is each's only until it returns.
	Opinions(ctx context.Context, each func([]fraud.Opinion) error) error
}

// Backlog tells since when the store lacks something: the time at which the oldest report was appended that the store
// does not hold. any is false when it holds every report there is.
type Backlog func(ctx context.Context) (since time.Time, any bool, err error)

// Sources is where an index gets its opinions from.
type Sources struct {
	Changes  Changes
	Opinions Opinions
	Backlog  Backlog
}

// Index holds the current opinions in memory. All methods may be called concurrently; Run once.
type Index struct {
	cfg    Config
	policy *fraud.Policy
	from   Sources
	log    *slog.Logger
	now    func() time.Time

	// What lookups read, never under a lock.
	view   atomic.Pointer[view]
	asOf   atomic.Int64 // Unix milliseconds; 0 for never
	ready  atomic.Bool
	counts counts

	// What the writers share.
	mu         sync.Mutex
	next       *filter // of the view that a fold is about to make; nil when none is
	partitions map[int]position
	goal       map[int]int64 // the ends that were noted at the start; nil before
	waitingFor string
	fault      string // why what is waited for failed last, "" if it did not
	applied    atomic.Int64
	grown      chan struct{} // the delta or the filter wants a fold

	folds     sync.Mutex // one at a time
	factor    uint64
	decoys    uint64 // odd and random: which decoy goes with which digest is nobody's to know
	durations prometheus.Histogram
	snapshots prometheus.Counter
	failures  prometheus.Counter
}

// view is what a reader sees: everything that was applied before it took the view, however the tables change meanwhile.
type view struct {
	base    *frozen
	folding *delta // on its way into the next base; nil when no fold is running
	active  *delta
	filter  *filter
	// generation counts the bases.
	generation int
}

// position is how far a partition of the changes is applied.
type position struct {
	next int64
	asOf time.Time
}

// New makes an index that knows nothing yet: it answers unsure until Run has caught up. The policy must not change, but
// what it protects may be replaced: call [Index.Protect] then.
// reg may be nil.
func New(cfg Config, policy *fraud.Policy, from Sources, reg prometheus.Registerer, log *slog.Logger) *Index {
	x := &Index{
		cfg: cfg, policy: policy, from: from, log: log, now: time.Now,
		partitions: map[int]position{}, waitingFor: "start", grown: make(chan struct{}, 1), factor: rand.Uint64(),
		decoys: rand.Uint64() | 1,
	}
	first := &view{base: emptyFrozen, active: newDelta(x.factor), filter: newFilter(0)}
	first.filter.protect(policy.Protected)
	x.view.Store(first)
	x.register(reg)
	return x
}

// Protect makes what the policy protects known to the filter, so that it is answered as cleared although nobody lists
// it. Call it after the policy's set was replaced; what it protects no more needs no call.
func (x *Index) Protect() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.view.Load().filter.protect(x.policy.Protected)
	if x.next != nil {
		x.next.protect(x.policy.Protected)
	}
}

// Ready reports whether the index has caught up with what was known when it started, and what it waits for otherwise.
// Once ready it stays so: a node that is cut off keeps answering, and says how old its knowledge is.
func (x *Index) Ready() (ready bool, detail string) {
	if x.ready.Load() {
		return true, "caught up"
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	detail = "waits for " + x.waitingFor
	if x.fault != "" {
		detail += ": " + x.fault
	}
	return false, detail
}

// AsOf is the time up to which every change is applied; the zero time when that is not known yet.
func (x *Index) AsOf() time.Time { return timeOf(x.asOf.Load()) }

func timeOf(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli).UTC()
}

func (x *Index) waitFor(what string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waitingFor, x.fault = what, ""
	if err != nil {
		x.fault = err.Error()
	}
}
