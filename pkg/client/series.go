package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SeriesQuery asks for counts over time. Buckets are those of the clock in Asia/Kuala_Lumpur.
type SeriesQuery struct {
	// Metric is what is counted: "events", "reports", "indicators", "reporters" or "losses"; "" means "events".
	Metric string
	// By splits the counts: "type", "category", "partner_kind", "kind", "platform", "institution", "region" or "loss_band".
	By string
	// Only narrows to some values of dimensions, by their names.
	Only map[string][]string
	// Bucket is "hour", "day" or "week".
	Bucket string
	// From (included) and To (excluded) bound the time; zero leaves it to the hub.
	From, To time.Time
}

// SeriesSet is the answer to a [SeriesQuery].
type SeriesSet struct {
	Metric string    `json:"metric"`
	By     string    `json:"by"`
	Bucket string    `json:"bucket"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Series []Series  `json:"series"`
}

// Series is one line of the answer.
type Series struct {
	// Key is the value of the dimension that is counted; "" where events have none.
	Key    string  `json:"key"`
	Points []Point `json:"points"`
}

// Point is one bucket.
type Point struct {
	// At is when the bucket begins.
	At    time.Time `json:"at"`
	Value uint64    `json:"value"`
	// Suppressed says that the value is of too few to be told; Value is then 0.
	Suppressed bool `json:"suppressed,omitempty"`
}

// Series counts over time. It needs a key with the scope analyse.
func (c *Client) Series(ctx context.Context, q SeriesQuery) (SeriesSet, error) {
	query := trendsQuery(map[string]string{"metric": q.Metric, "by": q.By, "bucket": q.Bucket},
		map[string]time.Time{"from": q.From, "to": q.To}, q.Only)
	var set SeriesSet
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/trends/series", query: query}, &set)
	if err != nil {
		return SeriesSet{}, fmt.Errorf("series: %w", err)
	}
	return set, nil
}

func trendsQuery(words map[string]string, times map[string]time.Time, only map[string][]string) url.Values {
	query := url.Values{}
	for name, value := range words {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range times {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	for name, values := range only {
		query.Set(name, strings.Join(values, ","))
	}
	return query
}

// TopQuery asks what moved. Days are those of the clock in Asia/Kuala_Lumpur.
type TopQuery struct {
	// Metric, By and Only are as in [SeriesQuery].
	Metric, By string
	Only       map[string][]string
	// From (included) and To (excluded) bound the time asked about, and BaselineFrom and BaselineTo what it is held against;
	// zero leaves them to the hub: seven whole days, against the seven before.
	From, To, BaselineFrom, BaselineTo time.Time
	// Limit is how many lines to answer, 100 at most; 0 leaves it to the hub.
	Limit int
}

// TopSet is the answer to a [TopQuery].
type TopSet struct {
	Metric       string    `json:"metric"`
	By           string    `json:"by"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	BaselineFrom time.Time `json:"baseline_from"`
	BaselineTo   time.Time `json:"baseline_to"`
	Movers       []Mover   `json:"movers"`
}

// Mover is one line of the answer.
type Mover struct {
	Key      string  `json:"key"`
	Value    uint64  `json:"value"`
	Baseline uint64  `json:"baseline"`
	Expected float64 `json:"expected"`
	Change   float64 `json:"change"`
	// Ratio is 0 where nothing was expected.
	Ratio float64 `json:"ratio,omitempty"`
	// Suppressed says that a number is of too few to be told; all are then 0.
	Suppressed bool `json:"suppressed,omitempty"`
}

// Top asks what moved, the largest change first. It needs a key with the scope analyse.
func (c *Client) Top(ctx context.Context, q TopQuery) (TopSet, error) {
	words := map[string]string{"metric": q.Metric, "by": q.By}
	if q.Limit != 0 {
		words["limit"] = strconv.Itoa(q.Limit)
	}
	query := trendsQuery(words, map[string]time.Time{"from": q.From, "to": q.To, "baseline_from": q.BaselineFrom,
		"baseline_to": q.BaselineTo}, q.Only)
	var set TopSet
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/trends/top", query: query}, &set)
	if err != nil {
		return TopSet{}, fmt.Errorf("top: %w", err)
	}
	return set, nil
}

// EmergingSet is what rises, and how it was looked for.
type EmergingSet struct {
	By []string `json:"by"`
	// AsOf is the end of the windows.
	AsOf time.Time `json:"as_of"`
	// Watched is how many series were looked at.
	Watched      int `json:"watched"`
	BaselineDays int `json:"baseline_days"`
	// FalseDiscoveries bounds the share of alarms that are chance.
	FalseDiscoveries float64 `json:"false_discoveries"`
	AtLeast          uint64  `json:"at_least"`
	LeastRatio       float64 `json:"least_ratio"`
	Alarms           []Alarm `json:"alarms"`
}

// Alarm is a series of reports that rises.
type Alarm struct {
	// Keys are a value of each dimension.
	Keys        []string `json:"keys"`
	WindowHours int      `json:"window_hours"`
	Observed    uint64   `json:"observed"`
	Expected    float64  `json:"expected"`
	Ratio       float64  `json:"ratio"`
	// Chance is the probability of as many or more, were nothing new.
	Chance         float64 `json:"chance"`
	RisingForHours int     `json:"rising_for_hours"`
	// Reporters is how many organisations reported; 0 where they are too few to be told.
	Reporters   uint64 `json:"reporters,omitempty"`
	OneReporter bool   `json:"one_reporter"`
	// Reason says it in English.
	Reason string `json:"reason"`
}

// Emerging asks what rises, of the values of a dimension or the pairs of two. It needs a key with the scope analyse.
func (c *Client) Emerging(ctx context.Context, by ...string) (EmergingSet, error) {
	query := trendsQuery(map[string]string{"by": strings.Join(by, ",")}, nil, nil)
	var set EmergingSet
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/trends/emerging", query: query}, &set)
	if err != nil {
		return EmergingSet{}, fmt.Errorf("emerging: %w", err)
	}
	return set, nil
}
