package sweeps

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Config holds the settings of a Watch.
type Config struct {
	// Canaries is the file of canaries; empty for none.
	Canaries string
	// Ring lifts them to the hub's epoch.
	Ring *indicator.KeyRing
	// Bounds say who asks about much of which little is known.
	Bounds Bounds
	// Counts are what partners asked today; nil where nobody counts.
	Counts func() []Count
	// Now is the clock.
	Now func() time.Time
}

// Audit keeps acts. It may be told the same acts twice.
type Audit interface {
	PutActs(ctx context.Context, acts []fraud.Act) error
}

// Watch notices sweeps. Asked may be called concurrently; Run once.
type Watch struct {
	cfg     Config
	log     *slog.Logger
	list    atomic.Pointer[list]
	file    file
	alarms  *alarms
	touches *prometheus.CounterVec
	sweeps  *prometheus.CounterVec

	mu               sync.Mutex
	touched, noticed map[fraud.PartnerNumber]int64 // the day of the last alarm
}

// New reads the canaries and makes a Watch.
func New(cfg Config, audit Audit, reg prometheus.Registerer, log *slog.Logger) (*Watch, error) {
	w := &Watch{
		cfg: cfg, log: log, file: file{path: cfg.Canaries, ring: cfg.Ring}, alarms: newAlarms(audit, log),
		touches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_api_canary_touches_total", Help: "How often canaries were asked about, by kind of partner.",
		}, []string{"kind"}),
		sweeps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_api_sweeps_total",
			Help: "Partners that asked about much of which little is known, once a day each, by kind.",
		}, []string{"kind"}),
		touched: map[fraud.PartnerNumber]int64{}, noticed: map[fraud.PartnerNumber]int64{},
	}
	w.list.Store(none)
	if cfg.Canaries != "" {
		l, err := w.file.read()
		if err != nil {
			return nil, err
		}
		w.list.Store(l)
	}
	reg.MustRegister(w.touches, w.sweeps,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "waspada_api_canary_digests", Help: "Digests of canaries."},
			func() float64 { return float64(len(w.list.Load().labels)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "waspada_api_alarms_unwritten", Help: "Alarms that the audit does not hold yet.",
		}, func() float64 { return float64(w.alarms.unwritten()) }),
		w.alarms.lost)
	return w, nil
}

// Run follows the file of canaries, judges what partners ask and writes alarms down, until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { w.follow(ctx) })
	parts.Go(func() { w.judge(ctx) })
	w.alarms.run(ctx)
	parts.Wait()
	return nil
}

// Asked looks for canaries among the digests that a partner asks about, at the hub's epoch. The first that a partner
// touches in a day raises an alarm, and all are counted.
func (w *Watch) Asked(who *fraud.Identity, digests []indicator.Digest) {
	l := w.list.Load()
	if len(l.labels) == 0 {
		return
	}
	for i := range digests {
		if !l.mayHold(&digests[i]) {
			continue
		}
		if label, ok := l.labels[digests[i]]; ok {
			w.touch(who, label)
		}
	}
}

func (w *Watch) touch(who *fraud.Identity, label string) {
	w.touches.WithLabelValues(who.Partner.Kind.String()).Inc()
	now := w.cfg.Now()
	if !w.first(w.touched, who.Partner.Number, now) {
		return
	}
	w.alarms.raise("a canary was asked about: this partner may be going through numbers", fraud.Act{
		ID: uuid.Must(uuid.NewV7()), At: now, By: who.Partner.ID, Key: who.KeyID, What: fraud.CanaryTouched,
		Object: label, Reason: "the first of the day", Done: true,
	})
}

// first reports whether it is the partner's first alarm of the day at this node.
func (w *Watch) first(alarmed map[fraud.PartnerNumber]int64, n fraud.PartnerNumber, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	today := dayOf(now)
	if alarmed[n] == today {
		return false
	}
	alarmed[n] = today
	return true
}

// dayOf counts days in Malaysia, which knows no summer time.
func dayOf(now time.Time) int64 { return (now.Unix() + 8*60*60) / (24 * 60 * 60) }

// judgeEvery is how often what partners ask is judged.
const judgeEvery = 5 * time.Second

func (w *Watch) judge(ctx context.Context) {
	if w.cfg.Counts == nil {
		return
	}
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look()
		}
	}
}

// look alarms for each sweep that is not told of yet today.
func (w *Watch) look() {
	now := w.cfg.Now()
	for _, f := range w.cfg.Bounds.find(w.cfg.Counts()) {
		if !w.first(w.noticed, f.Partner.Number, now) {
			continue
		}
		w.sweeps.WithLabelValues(f.Partner.Kind.String()).Inc()
		w.alarms.raise("a partner asks about much of which little is known: it may be going through numbers", fraud.Act{
			ID: uuid.Must(uuid.NewV7()), At: now, What: fraud.SweepNoticed, Whom: f.Partner.ID, Done: true,
			Reason: fmt.Sprintf("%d of %d different indicators known, and %.1f were to be expected at least",
				f.Known, f.Distinct, f.expected),
		})
	}
}
