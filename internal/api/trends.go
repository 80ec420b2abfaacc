package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type seriesAnswer struct {
	Metric fraud.Metric    `json:"metric"`
	By     fraud.Dimension `json:"by"`
	Bucket fraud.Bucket    `json:"bucket"`
	From   string          `json:"from"`
	To     string          `json:"to"`
	Series []seriesLine    `json:"series"`
}

type seriesLine struct {
	Key    string        `json:"key"`
	Points []seriesPoint `json:"points"`
}

type seriesPoint struct {
	At    string `json:"at"`
	Value uint64 `json:"value"`
}

// series answers GET /v1/trends/series.
func (s *Server) series(r *request) error {
	q := fraud.SeriesQuestion{Metric: fraud.EventCount, Asker: r.who.Partner}
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "metric":
			return true, oneOf(name, q.Metric.UnmarshalText([]byte(value)))
		case "by":
			return true, oneOf(name, q.By.UnmarshalText([]byte(value)))
		case "bucket":
			return true, oneOf(name, q.Bucket.UnmarshalText([]byte(value)))
		case "from":
			return true, timeParameter(&q.From, name, value)
		case "to":
			return true, timeParameter(&q.To, name, value)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), 8*time.Second)
	defer cancel()
	asked, lines, err := s.trends.Series(ctx, q)
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return refuseParameter(strings.TrimPrefix(fault.Pointer, "/"), fault.Hint)
	}
	if err != nil {
		return err
	}
	answer := seriesAnswer{asked.Metric, asked.By, asked.Bucket, local(asked.From), local(asked.To),
		make([]seriesLine, len(lines))}
	for i, line := range lines {
		points := make([]seriesPoint, len(line.Points))
		for j, p := range line.Points {
			points[j] = seriesPoint{local(p.At), p.Value}
		}
		answer.Series[i] = seriesLine{line.Key, points}
	}
	return r.json(answer)
}

// local writes a time in its own zone: the beginnings of days are those of Malaysia, and should look so.
func local(t time.Time) string { return t.Format(time.RFC3339) }

// oneOf makes a refusal of a word that is not in its vocabulary; the error lists the vocabulary and not the word.
func oneOf(parameter string, err error) error {
	if err == nil {
		return nil
	}
	return refuseParameter(parameter, err.Error())
}

func timeParameter(to *time.Time, name, value string) (err error) {
	if *to, err = time.Parse(time.RFC3339, value); err != nil {
		return refuseParameter(name, "is a time like 2026-11-01T00:00:00+08:00, with the + written as %2B")
	}
	return nil
}
