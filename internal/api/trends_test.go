package api

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

var malaysianDay = time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))

// twoDays answer every question about a series: a number, and one that is of too few to tell.
func twoDays(fraud.SeriesQuestion) ([]fraud.Series, error) {
	return []fraud.Series{{Key: "phone", Points: []fraud.Point{
		{At: malaysianDay, Value: 15, Behind: 15}, {At: malaysianDay.AddDate(0, 0, 1), Suppressed: true}}}}, nil
}

func TestFiltersAreTheNamesOfDimensions(t *testing.T) {
	h := newHub(t)
	var asked fraud.SeriesQuestion
	h.series = func(q fraud.SeriesQuestion) ([]fraud.Series, error) {
		asked = q
		return twoDays(q)
	}
	got := h.do(t, ask{method: "GET", key: "analyse",
		path: "/v1/trends/series?metric=losses&bucket=day&by=region&platform=telegram,whatsapp,telegram&loss_band="})
	want := map[fraud.Dimension][]string{fraud.ByPlatform: {"telegram", "whatsapp"}, fraud.ByLossBand: {""}}
	if diff := cmp.Diff(want, asked.Only); diff != "" || asked.Metric != fraud.LossSum || asked.By != fraud.ByRegion {
		t.Errorf("%+v %s", asked, diff)
	}
	if !strings.Contains(got.Body, `"points":[{"at":"2026-11-01T00:00:00+08:00","value":15},`+
		`{"at":"2026-11-02T00:00:00+08:00","suppressed":true}]`) {
		t.Error(got.Body)
	}
	if got := h.do(t, ask{method: "GET", key: "analyse", path: "/v1/trends/series?colour=red", raw: true}); got.Status != 400 {
		t.Errorf("%d", got.Status)
	}
}

func TestTopAnswersNumbersOrNone(t *testing.T) {
	h := newHub(t)
	h.movers = []fraud.Mover{{Key: "love", Value: 30, Baseline: 10, Expected: 10, Change: 20, Ratio: 3}, {Key: "new", Value: 9, Change: 9},
		{Key: "few", Suppressed: true}}
	got := h.do(t, ask{method: "GET", key: "analyse", path: "/v1/trends/top?by=category&metric=reports&limit=3&region=johor"})
	if !strings.Contains(got.Body, `"movers":[{"key":"love","value":30,"baseline":10,"expected":10,"change":20,"ratio":3},`+
		`{"key":"new","value":9,"baseline":0,"expected":0,"change":9},{"key":"few","suppressed":true}]`) {
		t.Error(got.Body)
	}
	if q := h.askedTop; q.Limit != 3 || q.Metric != fraud.ReportCount || q.Only[fraud.ByRegion][0] != "johor" || q.Asker == nil {
		t.Errorf("%+v", q)
	}
}

func TestEmergingAnswersTheNumbersBehindEachAlarm(t *testing.T) {
	h := newHub(t)
	h.rises = fraud.Emerging{AsOf: malaysianDay, Watched: 4, BaselineDays: 28, FalseDiscoveries: 0.0004, AtLeast: 12, Ratio: 2,
		Alarms: []fraud.Alarm{{Key: "love", Across: "johor", Window: 6 * time.Hour, Observed: 54, Expected: 9, Ratio: 6, Chance: 1e-9,
			RisingFor: 8 * time.Hour, Reporters: 1, OneReporter: true, Reason: "so it is"}}}
	got := h.do(t, ask{method: "GET", key: "analyse", path: "/v1/trends/emerging?by=category,region"})
	want := `{"by":["category","region"],"as_of":"2026-11-01T00:00:00+08:00","watched":4,"baseline_days":28,` +
		`"false_discoveries":0.0004,"at_least":12,"least_ratio":2,"alarms":[{"keys":["love","johor"],"window_hours":6,` +
		`"observed":54,"expected":9,"ratio":6,"chance":1e-9,"rising_for_hours":8,"reporters":1,"one_reporter":true,"reason":"so it is"}]}`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Error(diff)
	}
	if q := h.askedRise; q.By != fraud.ByCategory || q.Across != fraud.ByRegion || q.Asker == nil {
		t.Errorf("%+v", q)
	}
	for _, by := range []string{"", "category,", "category,colour", "category,region,type"} {
		if got := h.do(t, ask{method: "GET", key: "analyse", path: "/v1/trends/emerging?by=" + by, raw: true}); got.Status != 400 {
			t.Errorf("by=%s: %d", by, got.Status)
		}
	}
}

func TestTrendsAreTakenAwayAsTablesAndTheAuditKnows(t *testing.T) {
	h := newHub(t)
	h.series = twoDays
	h.movers = []fraud.Mover{{Key: "love", Value: 30, Baseline: 10, Expected: 10, Change: 20, Ratio: 3}, {Key: "few", Suppressed: true}}
	take := func(path, media string) answer {
		return h.do(t, ask{method: "GET", key: "analyse", path: path, header: map[string]string{"Accept": media}})
	}
	got := take("/v1/trends/series?by=type", "text/csv;q=0.9, application/json")
	want := "at,key,value,suppressed\n2026-11-01T00:00:00+08:00,phone,15,false\n2026-11-02T00:00:00+08:00,phone,,true\n"
	if diff := cmp.Diff(want, got.Body); diff != "" || got.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%v %s", got.Header, diff)
	}
	got = take("/v1/trends/top", "text/csv")
	want = "key,value,baseline,expected,change,ratio,suppressed\nlove,30,10,10,20,3,false\nfew,,,,,,true\n"
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Error(diff)
	}
	got = take("/v1/trends/series?by=type", "application/vnd.apache.parquet")
	rows := parquetRows[seriesRow](t, got.Body)
	value := int64(15)
	if diff := cmp.Diff([]seriesRow{{At: malaysianDay, Key: "phone", Value: &value},
		{At: malaysianDay.AddDate(0, 0, 1), Key: "phone", Suppressed: true}}, rows,
		cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if rows := parquetRows[topRow](t, take("/v1/trends/top", "application/vnd.apache.parquet").Body); len(rows) != 2 ||
		*rows[0].Change != 20 || rows[1].Value != nil || !rows[1].Suppressed {
		t.Errorf("%+v", rows)
	}
	var acts []fraud.Act
	for _, act := range h.recorded {
		if act.ID.Version() != 7 || !act.At.Equal(now) {
			t.Errorf("%+v", act)
		}
		acts = append(acts, fraud.Act{What: act.What, Object: act.Object, Reason: act.Reason, By: act.By, Key: act.Key})
	}
	who := callers["Bearer analyse"]
	var wantActs []fraud.Act
	for _, a := range [][2]string{{"csv", "series?by=type"}, {"csv", "top?"}, {"parquet", "series?by=type"}, {"parquet", "top?"}} {
		wantActs = append(wantActs, fraud.Act{What: fraud.TrendsExported, Object: a[0], Reason: a[1], By: who.Partner.ID, Key: who.KeyID})
	}
	if diff := cmp.Diff(wantActs, acts); diff != "" {
		t.Error(diff)
	}
	if take("/v1/trends/top", "application/json"); len(h.recorded) != 4 {
		t.Error("reading is an act")
	}
	h.storeErr = errSecret // of the audit alone: the fake series knows none
	if got := take("/v1/trends/series?by=type", "text/csv"); got.Status != 500 {
		t.Errorf("an export that is not audited is answered: %d", got.Status)
	}
}

func parquetRows[R any](t *testing.T, body string) []R {
	t.Helper()
	rows, err := parquet.Read[R](bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
