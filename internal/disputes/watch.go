package disputes

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type metrics struct {
	disputes *prometheus.GaugeVec
	overdue  *prometheus.GaugeVec
	unsaid   prometheus.Gauge
	looked   prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		disputes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "waspada_api_disputes",
			Help: "Disputes by state: those opened in the last 92 days, and older ones that are undecided.",
		}, []string{"state"}),
		overdue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "waspada_api_disputes_overdue", Help: "Undecided disputes with a clock that has run out, by clock.",
		}, []string{"clock"}),
		unsaid: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "waspada_api_disputes_unsaid",
			Help: "Decisions whose event the ledger does not hold after a minute: their authorities must repeat them.",
		}),
		looked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "waspada_api_disputes_as_of_seconds", Help: "Unix time at which disputes were counted last.",
		}),
	}
	registerer.MustRegister(m.disputes, m.overdue, m.unsaid, m.looked)
	return m
}

// sayWithin is how long the event of a decision may take into the ledger.
const sayWithin = time.Minute

// clockSay is the clock of a decision whose event was not sent.
const clockSay = "say"

// advice is what the log says of each clock that has run out.
var advice = map[string]string{
	"acknowledge": "a dispute is overdue: an authority must acknowledge it",
	"decide":      "a dispute is overdue: an authority must decide it",
	clockSay:      "a decision on a dispute was not sent: its authority must repeat the request",
}

// overdue is a clock of a dispute that has run out.
type overdue struct {
	dispute uuid.UUID
	clock   string
}

// Run counts disputes again and again until ctx ends, and logs each clock that runs out, and each decision that was not sent, once.
func (d *Desk) Run(ctx context.Context) error {
	failing := false
	for {
		err := d.look(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			d.log.Warn("disputes cannot be counted: the metrics show the last count", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(d.cfg.Every):
		}
	}
}

// look counts disputes once.
func (d *Desk) look(ctx context.Context) error {
	now := d.now()
	all, err := d.all(ctx)
	if err != nil {
		return err
	}
	states := map[fraud.DisputeState]int{}
	clocks := map[string]int{}
	told := map[overdue]bool{} // what was told of disputes that are still there
	for i := range all {
		c := &all[i]
		s := c.Status(d.policy, now)
		if !s.State.Undecided() && c.OpenedAt.Before(now.Add(-shown)) {
			continue
		}
		states[s.State]++
		runOut := s.Overdue.Names()
		if s.Pending && now.Sub(s.DecidedAt) > sayWithin {
			runOut = []string{clockSay}
		}
		for _, clock := range runOut {
			clocks[clock]++
			if one := (overdue{c.ID, clock}); !d.told[one] {
				d.told[one] = true
				d.log.Warn(advice[clock], "dispute", c.ID, "clock", clock, "state", s.State.String(), "opened_at", c.OpenedAt)
			}
		}
		for clock := range advice {
			if one := (overdue{c.ID, clock}); d.told[one] {
				told[one] = true
			}
		}
	}
	d.told = told
	for s := fraud.DisputeOpen; s <= fraud.DisputeLapsed; s++ {
		d.metrics.disputes.WithLabelValues(s.String()).Set(float64(states[s]))
	}
	for _, clock := range (fraud.AcknowledgeClock | fraud.DecideClock).Names() {
		d.metrics.overdue.WithLabelValues(clock).Set(float64(clocks[clock]))
	}
	d.metrics.unsaid.Set(float64(clocks[clockSay]))
	d.metrics.looked.Set(float64(now.Unix()))
	return nil
}
