package campaigns

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	steps     *prometheus.CounterVec
	durations prometheus.Histogram
	behind    prometheus.Gauge
	touched   prometheus.Counter
	written   prometheus.Counter
	cut       prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_campaigns_steps_total", Help: "Steps that brought campaigns up to date, by result.",
		}, []string{"result"}),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "waspada_campaigns_step_seconds", Help: "How long a step took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 8),
		}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "waspada_campaigns_behind_messages", Help: "Stored messages that campaigns did not know when this node last looked.",
		}),
		touched: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_campaigns_touched_total", Help: "Indicators of which something changed that campaigns may depend on.",
		}),
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_campaigns_written_total", Help: "Campaigns that were written because they changed.",
		}),
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_campaigns_cut_total", Help: "Times that more hung together than is looked at together.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.steps, m.durations, m.behind, m.touched, m.written, m.cut)
	}
	return m
}

func (m *metrics) step(took time.Duration, err error) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.steps.WithLabelValues(result).Inc()
	m.durations.Observe(took.Seconds())
}
