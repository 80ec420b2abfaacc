package index

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

var (
	descLookups = desc("lookups_total", "Answers, by the stage that gave them and the verdict.", "stage", "verdict")
	descApplied = desc("applied_opinions_total", "Opinions applied, repeated ones too.")
	descDigests = desc("digests", "Digests in the index.")
	descHeld    = desc("opinions", "Opinions in the index, tombstones too.", "table")
	descBytes   = desc("memory_bytes", "Memory of the tables.", "table")
	descFill    = desc("filter_fill_ratio", "Share of the filter's bits that are set: 0.5 is its planned load.")
	descAlarm   = desc("filter_overfull", "1 when the filter is over 70 % full: rebuilding does not keep up.")
	descGen     = desc("generation", "Bases since the start.")
	descReady   = desc("ready", "1 when the index has caught up since its start.")
	descAge     = desc("as_of_age_seconds", "Age of what the index knows; absent before it knows anything.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("waspada_index_"+name, help, labels, nil)
}

func (x *Index) register(reg prometheus.Registerer) {
	x.durations = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "waspada_index_fold_seconds", Help: "Time to make a new base and filter.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
	})
	x.snapshots = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "waspada_index_snapshots_total", Help: "Snapshots written.",
	})
	x.failures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "waspada_index_snapshot_failures_total", Help: "Snapshots that could not be written.",
	})
	if reg != nil {
		reg.MustRegister(collector{x}, x.durations, x.snapshots, x.failures)
	}
}

// collector reads the index when it is asked, so that counting costs lookups next to nothing.
type collector struct{ x *Index }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descLookups, descApplied, descDigests, descHeld, descBytes, descFill, descAlarm, descGen, descReady, descAge,
	} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for by, row := range c.x.counts.total() {
		for status, n := range row {
			if by != 0 && status != 0 {
				counter(descLookups, n, fraud.Stage(by).String(), fraud.Status(status).String())
			}
		}
	}
	counter(descApplied, c.x.applied.Load())
	s := c.x.Stats()
	gauge(descDigests, float64(s.Digests))
	gauge(descHeld, float64(s.Opinions-s.DeltaOpinions), "base")
	gauge(descHeld, float64(s.DeltaOpinions), "delta")
	gauge(descBytes, float64(s.BaseBytes), "base")
	gauge(descBytes, float64(s.DeltaBytes), "delta")
	gauge(descBytes, float64(s.FilterBytes), "filter")
	gauge(descFill, s.FilterFill)
	gauge(descAlarm, one(s.FilterFill > alarmFill))
	gauge(descGen, float64(s.Generation))
	gauge(descReady, one(c.x.ready.Load()))
	if !s.AsOf.IsZero() {
		gauge(descAge, c.x.now().Sub(s.AsOf).Seconds())
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
