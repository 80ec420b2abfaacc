package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// lacking are the codes by which ClickHouse refuses a user what it is not set up for. They do not pass by themselves.
var lacking = map[int32]bool{
	164: true, // READONLY
	452: true, // SETTING_CONSTRAINT_VIOLATION
	497: true, // ACCESS_DENIED
	516: true, // AUTHENTICATION_FAILED
}

// lacks reports whether ClickHouse says that a user lacks a right. It then names both, and never a row.
func lacks(err error) bool {
	var refused *clickhouse.Exception
	return errors.As(err, &refused) && lacking[refused.Code]
}

// withoutRight says what an operator can do.
func withoutRight(what string, err error) error {
	return fmt.Errorf("store: %s: %w: %w: grant what ClickHouse names to that user; if it is the analyst's, run "+
		"deploy/clickhouse/analyst.sql again: %w", what, fraud.ErrMisconfigured, fraud.ErrUnavailable, err)
}

// How long an answer about rights is good.
const (
	rightsKnown   = time.Minute
	rightsLacking = 5 * time.Second
)

// rights is what is known of those of a user.
type rights struct {
	mu    sync.Mutex
	until time.Time
	err   error
}

// Rights tells which right the analyst's user lacks to be asked whatever analysts ask: its error wraps
// [fraud.ErrMisconfigured]. Where ClickHouse cannot be reached it knows of none. Call it as often as you like.
func (a *Analyst) Rights(ctx context.Context) error {
	a.rights.mu.Lock()
	defer a.rights.mu.Unlock()
	if time.Now().Before(a.rights.until) {
		return a.rights.err
	}
	a.rights.err = nil
	good := rightsKnown
	for _, q := range questionsOfEachKind {
		if _, err := a.Series(ctx, q); err != nil {
			good = rightsLacking
			if errors.Is(err, fraud.ErrMisconfigured) {
				a.rights.err = err
				break
			}
		}
	}
	a.rights.until = time.Now().Add(good)
	return a.rights.err
}

// questionsOfEachKind are about one day of long ago, and read together whatever a question may.
var questionsOfEachKind = func() (all []fraud.SeriesQuestion) {
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, zone)
	add := func(metric fraud.Metric, by fraud.Dimension, bucket fraud.Bucket, across fraud.Dimension) {
		all = append(all, fraud.SeriesQuestion{Metric: metric, By: by, Bucket: bucket, Across: across, From: from,
			To: from.AddDate(0, 0, 1)})
	}
	add(fraud.EventCount, fraud.ByType, fraud.Hourly, 0)
	add(fraud.EventCount, fraud.ByRegion, fraud.Daily, 0)
	add(fraud.ReporterCount, fraud.ByCategory, fraud.Window, 0)
	add(fraud.IndicatorCount, fraud.ByPlatform, fraud.Daily, 0)
	add(fraud.IndicatorCount, fraud.ByCategory, fraud.Window, 0)
	add(fraud.IndicatorCount, fraud.ByInstitution, fraud.Hourly, fraud.ByKind)
	add(fraud.LossSum, fraud.ByLossBand, fraud.Hourly, fraud.ByPartnerKind)
	return all
}()
