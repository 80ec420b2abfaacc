package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// SeriesQuery asks for counts over time. Buckets are those of the clock in Asia/Kuala_Lumpur.
type SeriesQuery struct {
	// Metric is what is counted; "" means "events".
	Metric string
	// By splits the counts: "type", "category" or "partner_kind".
	By string
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
	// Key is the type, category or kind of partner that is counted.
	Key    string  `json:"key"`
	Points []Point `json:"points"`
}

// Point is one bucket.
type Point struct {
	// At is when the bucket begins.
	At    time.Time `json:"at"`
	Value uint64    `json:"value"`
}

// Series counts over time. It needs a key with the scope analyse.
func (c *Client) Series(ctx context.Context, q SeriesQuery) (SeriesSet, error) {
	query := url.Values{}
	for name, value := range map[string]string{"metric": q.Metric, "by": q.By, "bucket": q.Bucket} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	var set SeriesSet
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/trends/series", query: query}, &set)
	if err != nil {
		return SeriesSet{}, fmt.Errorf("series: %w", err)
	}
	return set, nil
}
