package audit

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics tell of the last audit that said something. Those without a label are vectors all the same, because only the
// node that audited last shall have them: two opinions of different nights would be one too many.
type metrics struct {
	ok, lastRun, duration, findings *prometheus.GaugeVec
	undone                          prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "waspada_audit_" + name, Help: help}, labels)
	}
	m := &metrics{
		ok: gauge("ok", "1 when the last audit proved that nothing is lost and nothing counts twice, 0 when it found fault. "+
			"Only on the node that audited last."),
		lastRun:  gauge("last_run_timestamp_seconds", "When the last audit began that proved this or found fault."),
		duration: gauge("duration_seconds", "How long it took."),
		findings: gauge("findings", "What it found wrong, by kind: messages, cells or opinions. Any is an alarm.", "kind"),
		undone: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waspada_audit_undone_total",
			Help: "Audits that found nothing wrong and could not check everything. They are repeated.",
		}),
	}
	reg.MustRegister(m.ok, m.lastRun, m.duration, m.findings, m.undone)
	return m
}

func (m *metrics) tell(r Report, begun time.Time, took time.Duration) {
	counts := map[string]uint64{}
	for _, kind := range FindingKinds() {
		counts[kind] = 0
	}
	for _, f := range r.Findings {
		counts[f.Kind] += f.Count
	}
	for kind, n := range counts {
		m.findings.WithLabelValues(kind).Set(float64(n))
	}
	ok := 0.0
	if r.OK {
		ok = 1
	}
	m.ok.WithLabelValues().Set(ok)
	m.lastRun.WithLabelValues().Set(float64(begun.UnixMilli()) / 1000)
	m.duration.WithLabelValues().Set(took.Seconds())
}

// forget is for a node that no longer audits.
func (m *metrics) forget() {
	for _, g := range []*prometheus.GaugeVec{m.ok, m.lastRun, m.duration, m.findings} {
		g.Reset()
	}
}
