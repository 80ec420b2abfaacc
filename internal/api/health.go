package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
)

// How long a check may take, and how long its answer is good: anybody may ask, and must not wear out what is checked.
const (
	checkLimit = time.Second
	checkedFor = time.Second
)

// readiness runs the checks.
type readiness struct {
	checks  []Check
	log     *slog.Logger
	failing *prometheus.GaugeVec

	mu   sync.Mutex
	at   time.Time
	last []checkResult
}

type checkResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Statuses of a check and of the node.
const (
	checkOK       = "ok"
	checkDegraded = "degraded"
	checkFailed   = "failed"
	nodeReady     = "ready"
	nodeUnready   = "unready"
)

// results runs every check at once, or repeats what they said a moment ago. Why a check fails stands in the log only:
// it may name hosts.
func (rd *readiness) results() []checkResult {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if rd.last != nil && time.Since(rd.at) < checkedFor {
		return rd.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
	defer cancel()
	next := make([]checkResult, len(rd.checks))
	var wait sync.WaitGroup
	for i, c := range rd.checks {
		wait.Go(func() {
			next[i] = checkResult{c.Name, checkOK}
			err := c.Run(ctx)
			rd.failing.WithLabelValues(c.Name).Set(0)
			if err != nil {
				rd.failing.WithLabelValues(c.Name).Set(1)
				next[i].Status = checkFailed
				if c.Degrades {
					next[i].Status = checkDegraded
				}
			}
			if before := rd.last; before == nil && err != nil || before != nil && before[i] != next[i] {
				rd.log.Info("check changed", "check", c.Name, "status", next[i].Status, "error", err)
			}
		})
	}
	wait.Wait()
	rd.at, rd.last = time.Now(), next
	return next
}

// livez answers GET /livez: the process runs.
func (s *Server) livez(r *request) error {
	return r.json(struct {
		Status string `json:"status"`
	}{checkOK})
}

// readyz answers GET /readyz: 200 when lookups are answered from full knowledge, 503 otherwise and while draining.
func (s *Server) readyz(r *request) error {
	answer := struct {
		Status string        `json:"status"`
		Checks []checkResult `json:"checks"`
	}{nodeReady, append([]checkResult{}, s.readiness.results()...)}
	for _, c := range answer.Checks {
		switch {
		case c.Status == checkFailed:
			answer.Status = nodeUnready
		case c.Status == checkDegraded && answer.Status == nodeReady:
			answer.Status = checkDegraded
		}
	}
	if s.draining.Load() {
		answer.Status = nodeUnready
		answer.Checks = append(answer.Checks, checkResult{"draining", checkFailed})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if answer.Status == nodeUnready {
		status = http.StatusServiceUnavailable
	}
	r.answer(status, jsonMedia, body)
	return nil
}
