package changes

import "github.com/prometheus/client_golang/prometheus"

type tailMetrics struct {
	applied              *prometheus.CounterVec
	lag                  *prometheus.GaugeVec
	unreadable, failures prometheus.Counter
}

func newTailMetrics(reg prometheus.Registerer) *tailMetrics {
	m := &tailMetrics{
		applied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_changes_applied_total", Help: "Opinions read from the change log.",
		}, []string{"partition"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "waspada_changes_lag_messages", Help: "Changes that the log holds and this node has not applied.",
		}, []string{"partition"}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_changes_unreadable_total", Help: "Changes that could not be read. Any is an alarm.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_changes_fetch_failures_total", Help: "Fetches that failed and were tried again.",
		}),
	}
	reg.MustRegister(m.applied, m.lag, m.unreadable, m.failures)
	return m
}
