package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type metrics struct {
	bundles, accepted, opinions, stored, unstamped prometheus.Counter
	refused, held                                  *prometheus.CounterVec
	returned, stuck, lost, gaps                    prometheus.Counter
	assigned, refusedShare, ledgerDown             prometheus.Gauge
	lag, committed, behind                         *prometheus.GaugeVec
	insert, announce, visible                      prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "waspada_ingest_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "waspada_ingest_" + name, Help: help})
	}
	perPartition := func(name, help string) *prometheus.GaugeVec {
		opts := prometheus.GaugeOpts{Name: "waspada_ingest_" + name, Help: help}
		return prometheus.NewGaugeVec(opts, []string{"partition"})
	}
	seconds := func(name, help string, buckets []float64) prometheus.Histogram {
		opts := prometheus.HistogramOpts{Name: "waspada_ingest_" + name, Help: help, Buckets: buckets}
		return prometheus.NewHistogram(opts)
	}
	m := &metrics{
		bundles:  counter("bundles_total", "Messages read from the reports topic."),
		accepted: counter("events_accepted_total", "Events that passed every check, repeats included."),
		opinions: counter("opinions_announced_total", "Opinions appended to the change log, repeats included."),
		stored:   counter("rows_stored_total", "Events and dead letters that the ledger took, repeats included."),
		unstamped: counter("bundles_unstamped_total",
			"Messages whose time is the producer's: set message.timestamp.type=LogAppendTime on the topic."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_ingest_dead_letters_total", Help: "What was refused for good, by reason.",
		}, []string{"reason"}),
		held: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_ingest_held_total",
			Help: "Events beyond their partner's allowance of the day, which wait for the hub's operators, by kind; repeats included.",
		}, []string{"kind"}),
		returned:     counter("partitions_returned_total", "Partitions given back after an error."),
		stuck:        counter("partitions_stuck_total", "Partitions given back by the watchdog."),
		lost:         counter("messages_lost_total", "Messages that Kafka deleted before they were stored. Any is an alarm."),
		gaps:         counter("gaps_total", "Offsets that were missing. Any is an alarm."),
		assigned:     gauge("partitions_assigned", "Partitions that this member has."),
		refusedShare: gauge("refused_share_ratio", "Share of refused events in the last full window."),
		ledgerDown:   gauge("ledger_down", "1 while the ledger does not take events."),
		lag:          perPartition("lag_messages", "Messages that are not read yet."),
		committed:    perPartition("committed_offset", "Offset up to which everything is stored and committed."),
		behind: perPartition("ledger_behind_messages",
			"Messages by which the ledger was behind the commit at the start. Any is an alarm."),
		insert: seconds("insert_seconds", "Time of one insert into the ledger.",
			prometheus.ExponentialBuckets(0.005, 2, 13)),
		announce: seconds("announce_seconds", "Time of one append to the change log.",
			prometheus.ExponentialBuckets(0.001, 2, 13)),
		visible: seconds("visible_seconds", "From Kafka's taking of a bundle to its opinions in the change log.",
			prometheus.ExponentialBuckets(0.002, 1.6, 20)),
	}
	for _, reason := range fraud.Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, kind := range []fraud.Kind{fraud.Report, fraud.Uphold, fraud.Clear, fraud.Dispute} {
		m.held.WithLabelValues(kind.String())
	}
	reg.MustRegister(m.held, m.bundles, m.accepted, m.opinions, m.stored, m.unstamped, m.refused, m.returned, m.stuck,
		m.lost, m.gaps, m.assigned, m.refusedShare, m.ledgerDown, m.lag, m.committed, m.behind, m.insert, m.announce, m.visible)
	return m
}

type partitionMetrics struct {
	all                    *metrics
	label                  string
	lag, committed, behind prometheus.Gauge
}

func (m *metrics) partition(label string) partitionMetrics {
	return partitionMetrics{
		m, label, m.lag.WithLabelValues(label), m.committed.WithLabelValues(label), m.behind.WithLabelValues(label),
	}
}

// forget takes away what only the partition's owner knows.
func (p partitionMetrics) forget() {
	for _, g := range []*prometheus.GaugeVec{p.all.lag, p.all.committed, p.all.behind} {
		g.DeleteLabelValues(p.label)
	}
}
