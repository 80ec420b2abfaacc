package audit

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/store"
)

// script is an auditor and a group that answer as a test says, and note when they were asked to audit.
type script struct {
	mu             sync.Mutex
	answers        []func() (Report, error)
	audits         []string
	holds, settled bool
}

func (s *script) Run(context.Context) (Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audits = append(s.audits, time.Now().UTC().Format("02 15:04"))
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return answer()
}

func (s *script) Holds(partition int) (bool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds && partition == 0, s.settled
}

func (s *script) assign(holds, settled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds, s.settled = holds, settled
}

func fine() (Report, error) {
	return Report{AuditReport: store.AuditReport{OK: true}, Complete: true}, nil
}

func halfDone() (Report, error) {
	return Report{AuditReport: store.AuditReport{OK: true}, Unchecked: []string{"Kafka is away"}}, nil
}

func failed() (Report, error) { return Report{}, errors.New("ClickHouse is away") }

func faulty() (Report, error) {
	return Report{Complete: true, Findings: []store.Finding{
		{Kind: store.MissingMessages, Count: 3, Text: "partition 1: the ledger lacks the messages 50-52"},
		{Kind: store.MissingMessages, Count: 1, Text: "partition 2: the ledger lacks the messages 7-7"},
	}}, nil
}

// nights lets some nights pass, from midnight in UTC before the first of January 2000, with an audit at 03:30 in
// Malaysia: 19:30 in UTC. It returns what is logged.
func nights(t *testing.T, s *script, pass ...func(reg *prometheus.Registry)) (log string) {
	t.Helper()
	var out bytes.Buffer
	reg := prometheus.NewRegistry()
	at, err := ParseTimeOfDay("03:30")
	if err != nil {
		t.Fatal(err)
	}
	n := NewNightly(at, s, s, reg, slog.New(slog.NewTextHandler(&out, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	for _, look := range pass {
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		look(reg)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// gauges are the metrics without their common prefix; the time and the duration only by their presence.
func gauges(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "waspada_audit_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got
}

func wantGauges(t *testing.T, want map[string]float64) func(*prometheus.Registry) {
	return func(reg *prometheus.Registry) {
		t.Helper()
		if diff := cmp.Diff(want, gauges(t, reg)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	}
}

// told is what the metrics show after an audit at 19:30 of a day of January 2000.
func told(day int, ok, missing, undone float64) map[string]float64 {
	all := map[string]float64{
		"ok": ok, "undone_total": undone, "duration_seconds": 0,
		"last_run_timestamp_seconds": float64(time.Date(2000, 1, day, 19, 30, 0, 0, time.UTC).Unix()),
	}
	for _, kind := range FindingKinds() {
		all["findings "+kind] = 0
	}
	all["findings "+store.MissingMessages] = missing
	return all
}

func wantAudits(t *testing.T, s *script, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.audits); diff != "" {
		t.Errorf("audits (-want +got):\n%s", diff)
	}
}

func TestNightlyAuditsOnceANightAndShowsWhatItFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{holds: true, settled: true, answers: []func() (Report, error){fine, faulty, fine}}
		log := nights(t, s, wantGauges(t, told(1, 1, 0, 0)), wantGauges(t, told(2, 0, 4, 0)), wantGauges(t, told(3, 1, 0, 0)))
		wantAudits(t, s, "01 19:30", "02 19:30", "03 19:30")
		for _, want := range []string{
			`level=ERROR msg="the audit found fault" kind=missing_messages count=3 finding="partition 1: the ledger lacks`,
			`level=ERROR msg="the audit found fault" kind=missing_messages count=1 finding="partition 2: the ledger lacks`,
		} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %s:\n%s", want, log)
			}
		}
	})
}

func TestNightlyIsDoneByTheHolderOfPartition0Alone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{holds: true, settled: true, answers: []func() (Report, error){faulty}}
		nights(t, s,
			func(reg *prometheus.Registry) {
				wantGauges(t, told(1, 0, 4, 0))(reg)
				s.assign(false, true)
			},
			// What this node found on another night is no longer the last word.
			wantGauges(t, map[string]float64{"undone_total": 0}))
		wantAudits(t, s, "01 19:30")
	})
}

func TestNightlyWaitsForTheEndOfARebalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func() (Report, error){fine}}
		time.AfterFunc(20*time.Hour, func() { s.assign(true, true) })
		nights(t, s, func(*prometheus.Registry) {})
		wantAudits(t, s, "01 20:00")
	})
}

func TestNightlyTriesAgainWhatCouldNotBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{holds: true, settled: true, answers: []func() (Report, error){failed, halfDone, fine}}
		log := nights(t, s, func(reg *prometheus.Registry) {
			got := gauges(t, reg)
			if got["ok"] != 1 || got["undone_total"] != 2 {
				t.Errorf("metrics %v", got)
			}
		})
		wantAudits(t, s, "01 19:30", "01 19:40", "01 19:50")
		for _, want := range []string{"ClickHouse is away", "Kafka is away"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
	})
}

func TestNothingIsClaimedBeforeTheFirstAuditOrAfterOneThatCouldNotBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{holds: true, settled: true, answers: []func() (Report, error){halfDone}}
		nights(t, s, func(reg *prometheus.Registry) {
			if got := gauges(t, reg); len(got) != 1 || got["undone_total"] < 20 {
				t.Errorf("metrics %v", got)
			}
		})
	})
}
