package store_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/trends"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestAQuestionThatTakesTooMuchIsRefused(t *testing.T) {
	for _, code := range []int32{158, 159, 160, 241, 307, 396} {
		if f := faultOf(store.TooMuch(&clickhouse.Exception{Code: code})); f == nil || f.Pointer != "/from" {
			t.Errorf("code %d: %v", code, f)
		}
	}
	if f := faultOf(store.TooMuch(&clickhouse.Exception{Code: 210})); f != nil {
		t.Errorf("a network error: %v", f)
	}
}

// TestAnOutbreakIsFoundInTheLedgerWithItsNumbers plays four weeks of quiet and five hours of an outbreak.
func TestAnOutbreakIsFoundInTheLedgerWithItsNumbers(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var entries []fraud.Entry
	add := func(at time.Time, category fraud.Code) {
		e := m.entry(at)
		e.Event.Kind, e.Event.Confidence, e.Event.Action, e.Category = fraud.Report, 50, 0, category
		speak(&e)
		entries = append(entries, e)
	}
	for h := range 29 * 24 {
		for c := range 4 {
			if (h+c)%2 == 0 {
				add(noon.Add(-time.Duration(h)*time.Hour-30*time.Minute), fraud.Code(1+c))
			}
		}
	}
	for i := range 60 {
		add(noon.Add(-time.Duration(i%5)*time.Hour-20*time.Minute), 3)
	}
	d.insert(t, messages(0, 0, entries), messages(1, 0, entries)) // each came twice
	found, err := trends.NewDesk(d.Analyst, func() time.Time { return noon.Add(10 * time.Minute) }).Emerging(t.Context(),
		fraud.EmergingQuestion{By: fraud.ByCategory, Asker: &partners[4]})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Alarms) != 1 || found.Watched != 4 || !found.AsOf.Equal(noon) {
		t.Fatalf("%+v", found)
	}
	a := found.Alarms[0]
	direct := func(what string) uint64 {
		sql := "SELECT " + what + " FROM " + d.Database + ".events WHERE kind = 'report' AND category = 3 AND issued_at < " +
			"fromUnixTimestamp64Milli(" + strconv.FormatInt(noon.UnixMilli(), 10) + ") AND issued_at >= fromUnixTimestamp64Milli(" +
			strconv.FormatInt(noon.Add(-a.Window).UnixMilli(), 10) + ")"
		n, err := strconv.ParseUint(strings.TrimSpace(d.query(t, sql)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a.Key != coded(taxonomy().Category, 3) || a.Observed != direct("count(DISTINCT event_id)") ||
		a.Reporters != direct("count(DISTINCT partner)") || a.OneReporter || a.Ratio < 4 || a.RisingFor > 6*time.Hour {
		t.Errorf("%+v; directly %d by %d", a, direct("count(DISTINCT event_id)"), direct("count(DISTINCT partner)"))
	}
}
