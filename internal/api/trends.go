package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Trends answers analysts' questions. The question it answered is the one it returns, its bounds filled in. What it
// refuses is a *fraud.Fault whose pointer is the question's parameter: "/from".
type Trends interface {
	Series(ctx context.Context, q fraud.SeriesQuestion) (fraud.SeriesQuestion, []fraud.Series, error)
	// Top answers what moved, the largest change first.
	Top(ctx context.Context, q fraud.TopQuestion) (fraud.TopQuestion, []fraud.Mover, error)
	// Emerging answers which series of reports rise.
	Emerging(ctx context.Context, q fraud.EmergingQuestion) (fraud.Emerging, error)
}

// trendsLimit is how long a question may take.
const trendsLimit = 8 * time.Second

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
	At         string  `json:"at"`
	Value      *uint64 `json:"value,omitzero"`
	Suppressed bool    `json:"suppressed,omitzero"`
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
		return filter(&q.Only, name, value)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), trendsLimit)
	defer cancel()
	asked, lines, err := s.trends.Series(ctx, q)
	if err != nil {
		return parameterFault(err)
	}
	if f := exportOf(r); f != nil {
		return s.export(ctx, r, f, seriesRows(lines))
	}
	answer := seriesAnswer{asked.Metric, asked.By, asked.Bucket, local(asked.From), local(asked.To),
		make([]seriesLine, len(lines))}
	for i, line := range lines {
		points := make([]seriesPoint, len(line.Points))
		for j, p := range line.Points {
			points[j] = seriesPoint{At: local(p.At), Suppressed: p.Suppressed}
			if !p.Suppressed {
				points[j].Value = &line.Points[j].Value
			}
		}
		answer.Series[i] = seriesLine{line.Key, points}
	}
	return r.json(answer)
}

type topAnswer struct {
	Metric       fraud.Metric    `json:"metric"`
	By           fraud.Dimension `json:"by"`
	From         string          `json:"from"`
	To           string          `json:"to"`
	BaselineFrom string          `json:"baseline_from"`
	BaselineTo   string          `json:"baseline_to"`
	Movers       []mover         `json:"movers"`
}

type mover struct {
	Key        string   `json:"key"`
	Value      *uint64  `json:"value,omitzero"`
	Baseline   *uint64  `json:"baseline,omitzero"`
	Expected   *float64 `json:"expected,omitzero"`
	Change     *float64 `json:"change,omitzero"`
	Ratio      *float64 `json:"ratio,omitzero"`
	Suppressed bool     `json:"suppressed,omitzero"`
}

// top answers GET /v1/trends/top.
func (s *Server) top(r *request) error {
	q := fraud.TopQuestion{Metric: fraud.EventCount, Asker: r.who.Partner}
	err := r.query(func(name, value string) (_ bool, err error) {
		switch name {
		case "metric":
			return true, oneOf(name, q.Metric.UnmarshalText([]byte(value)))
		case "by":
			return true, oneOf(name, q.By.UnmarshalText([]byte(value)))
		case "from":
			return true, timeParameter(&q.From, name, value)
		case "to":
			return true, timeParameter(&q.To, name, value)
		case "baseline_from":
			return true, timeParameter(&q.BaselineFrom, name, value)
		case "baseline_to":
			return true, timeParameter(&q.BaselineTo, name, value)
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 {
				return true, refuseParameter(name, "is a number from 1")
			}
			return true, nil
		}
		return filter(&q.Only, name, value)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), trendsLimit)
	defer cancel()
	asked, movers, err := s.trends.Top(ctx, q)
	if err != nil {
		return parameterFault(err)
	}
	lines := make([]mover, len(movers))
	for i := range movers {
		lines[i] = moverOf(&movers[i])
	}
	if f := exportOf(r); f != nil {
		return s.export(ctx, r, f, topRows(lines))
	}
	return r.json(topAnswer{asked.Metric, asked.By, local(asked.From), local(asked.To), local(asked.BaselineFrom),
		local(asked.BaselineTo), lines})
}

func moverOf(m *fraud.Mover) mover {
	if m.Suppressed {
		return mover{Key: m.Key, Suppressed: true}
	}
	line := mover{Key: m.Key, Value: &m.Value, Baseline: &m.Baseline, Expected: &m.Expected, Change: &m.Change}
	if m.Expected > 0 {
		line.Ratio = &m.Ratio
	}
	return line
}

type emergingAnswer struct {
	By               []fraud.Dimension `json:"by"`
	AsOf             string            `json:"as_of"`
	Watched          int               `json:"watched"`
	BaselineDays     int               `json:"baseline_days"`
	FalseDiscoveries float64           `json:"false_discoveries"`
	AtLeast          uint64            `json:"at_least"`
	LeastRatio       float64           `json:"least_ratio"`
	Alarms           []alarm           `json:"alarms"`
}

type alarm struct {
	Keys           []string `json:"keys"`
	WindowHours    int      `json:"window_hours"`
	Observed       uint64   `json:"observed"`
	Expected       float64  `json:"expected"`
	Ratio          float64  `json:"ratio"`
	Chance         float64  `json:"chance"`
	RisingForHours int      `json:"rising_for_hours"`
	Reporters      uint64   `json:"reporters,omitzero"`
	OneReporter    bool     `json:"one_reporter"`
	Reason         string   `json:"reason"`
}

// emerging answers GET /v1/trends/emerging.
func (s *Server) emerging(r *request) error {
	q := fraud.EmergingQuestion{By: fraud.ByCategory, Asker: r.who.Partner}
	err := r.query(func(name, value string) (bool, error) {
		if name != "by" {
			return false, nil
		}
		first, second, two := strings.Cut(value, ",")
		err := q.By.UnmarshalText([]byte(first))
		if err == nil && two {
			err = q.Across.UnmarshalText([]byte(second))
		}
		return true, oneOf(name, err)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), trendsLimit)
	defer cancel()
	found, err := s.trends.Emerging(ctx, q)
	if err != nil {
		return parameterFault(err)
	}
	answer := emergingAnswer{By: []fraud.Dimension{q.By}, AsOf: local(found.AsOf), Watched: found.Watched,
		BaselineDays: found.BaselineDays, FalseDiscoveries: found.FalseDiscoveries, AtLeast: found.AtLeast,
		LeastRatio: found.Ratio, Alarms: make([]alarm, len(found.Alarms))}
	if q.Across != 0 {
		answer.By = append(answer.By, q.Across)
	}
	for i, a := range found.Alarms {
		answer.Alarms[i] = alarm{[]string{a.Key}, int(a.Window.Hours()), a.Observed, a.Expected, a.Ratio, a.Chance,
			int(a.RisingFor.Hours()), a.Reporters, a.OneReporter, a.Reason}
		if q.Across != 0 {
			answer.Alarms[i].Keys = append(answer.Alarms[i].Keys, a.Across)
		}
	}
	return r.json(answer)
}

// maxFilterWords bounds a filter by one dimension.
const maxFilterWords = 50

// filter reads a parameter that narrows a question: the name of a dimension, and words of it with commas; an empty one is
// what has none.
func filter(only *map[fraud.Dimension][]string, name, value string) (bool, error) {
	var d fraud.Dimension
	if d.UnmarshalText([]byte(name)) != nil {
		return false, nil
	}
	words := strings.Split(value, ",")
	if len(words) > maxFilterWords {
		return true, refuseParameter(name, "names "+strconv.Itoa(maxFilterWords)+" words at most")
	}
	if *only == nil {
		*only = map[fraud.Dimension][]string{}
	}
	slices.Sort(words)
	(*only)[d] = slices.Compact(words)
	return true, nil
}

// parameterFault is a refusal of a question as one of the parameter.
func parameterFault(err error) error {
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return refuseParameter(strings.TrimPrefix(fault.Pointer, "/"), fault.Hint)
	}
	return err
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
