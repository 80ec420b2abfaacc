package api

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// metrics counts by route pattern, status, verdict and stage: nothing that a caller chooses is a label.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	lookups  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	denied   *prometheus.CounterVec
	quotas   *prometheus.CounterVec
	shed     *prometheus.CounterVec
	streams  prometheus.Gauge
	failing  *prometheus.GaugeVec
	// streamsEnded counts why.
	streamsEnded *prometheus.CounterVec
	// verdicts are the counters of lookups by status and stage, found beforehand: a batch counts 100,000 times.
	verdicts [fraud.Unsure + 1][fraud.ByIndex + 1]prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_api_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "waspada_api_request_duration_seconds",
			Help: "Time from the request's head to the end of its answer.",
			Buckets: []float64{50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.25, 0.5,
				1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "waspada_api_in_flight_requests", Help: "Requests under way.",
		}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_api_lookups_total",
			Help: "Indicators answered, by verdict and by the stage that answered.",
		}, []string{"verdict", "stage"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waspada_api_refused_events_total", Help: "Events refused at the door, by reason.",
		}, []string{"reason"}),
	}
	m.denied = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "waspada_api_denied_total", Help: "Requests refused because it is not known who asks, by reason.",
	}, []string{"reason"})
	m.quotas = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "waspada_api_refused_total", Help: "Requests refused because a quota is used up, by quota and kind of partner.",
	}, []string{"quota", "kind"})
	m.shed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "waspada_api_shed_total", Help: "Requests refused because the node is busy, by class.",
	}, []string{"class"})
	m.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "waspada_api_streams", Help: "Streams of changes that are open.",
	})
	m.failing = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "waspada_api_failing_checks", Help: "1 for each check of /readyz that fails or degrades, as it was last asked.",
	}, []string{"check"})
	m.streamsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "waspada_api_streams_ended_total", Help: "Streams of changes that ended, by why: left, slow, denied, draining, " +
			"passed, unavailable.",
	}, []string{"why"})
	for status := fraud.NotListed; status <= fraud.Unsure; status++ {
		for stage := range m.verdicts[status] {
			m.verdicts[status][stage] = m.lookups.WithLabelValues(status.String(), stageName(fraud.Stage(stage)))
		}
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight, m.lookups, m.refused, m.denied, m.quotas,
		m.shed, m.streams, m.streamsEnded, m.failing} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// stageName is the stage, "batch" for those of a batch that are not listed: the index does not tell their stage.
func stageName(s fraud.Stage) string {
	if s == 0 {
		return "batch"
	}
	return s.String()
}

func (m *metrics) count(v *fraud.Verdict) { m.verdicts[v.Status][v.AnsweredBy].Inc() }

// turnedAway counts what a quota or the gate refused, and who was not let in.
func (m *metrics) turnedAway(r *request, failure error) {
	var (
		used *quota.Refusal
		p    *problem
	)
	if denial := denialOf(failure); denial != nil {
		m.denied.WithLabelValues(denial.Code).Inc()
	}
	switch {
	case errors.As(failure, &used):
		m.quotas.WithLabelValues(used.Quota, r.who.Partner.Kind.String()).Inc()
	case errors.As(failure, &p) && p.Code == overloaded:
		m.shed.WithLabelValues(r.pass.class.String()).Inc()
	}
}

// routeMetrics are the metrics of one route.
type routeMetrics struct {
	requests *prometheus.CounterVec
	ok       func() prometheus.Counter // of status 200, found once: by its labels it is found in 0.15 µs
	duration prometheus.Observer
	inFlight prometheus.Gauge
}

func (m *metrics) of(rt route) routeMetrics {
	requests := m.requests.MustCurryWith(prometheus.Labels{"route": rt.path, "method": rt.method})
	return routeMetrics{
		requests, sync.OnceValue(func() prometheus.Counter { return requests.WithLabelValues("200") }),
		m.duration.WithLabelValues(rt.path, rt.method), m.inFlight,
	}
}

func (m routeMetrics) done(status int, took time.Duration) {
	if status == http.StatusOK {
		m.ok().Inc()
	} else {
		m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	m.duration.Observe(took.Seconds())
}
