package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var malaysia = time.FixedZone("MYT", 8*60*60)

// midnight is the beginning of the day so many days from today.
func midnight(days int) time.Time {
	now := time.Now().In(malaysia)
	return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, malaysia)
}

var compare = gocmp.AllowUnexported(place{}, number{})

// TestWhatAnalystsSeeIsTheLedger asks each endpoint of trends in each of its forms, counts for itself, and runs what
// Grafana asks, all with the rights of the analyst's user.
func TestWhatAnalystsSeeIsTheLedger(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	a := newAnalysts(t)
	t.Run("series are direct counts", a.series)
	t.Run("the heat strip is a direct count", a.heat)
	t.Run("what moved is of direct counts", a.top)
	t.Run("alarms are of direct counts", a.emerging)
	t.Run("exports are the same", a.exports)
	t.Run("a partner is told of each of its events", a.mine)
	t.Run("a campaign counts what stands", a.campaigns)
	t.Run("every panel of Grafana has an answer", a.panels)
	t.Run("every metric of Grafana is shown", a.metrics)
	t.Run("the analyst's user counts and does nothing else", a.rights)
	t.Run("too much is refused in words", a.limits)
}

func (a *analysts) series(t *testing.T) {
	turn, suppressed := 0, 0
	for _, metric := range metrics {
		for _, by := range dimensions {
			turn++
			for i, bucket := range []string{"hour", "day", "week"} {
				for j, who := range []analyst{a.regulator, a.bank} {
					if !testkit.Long() && (turn%3 != i || turn%2 != j) {
						continue // they take turns
					}
					set := patiently(t, func() (client.SeriesSet, error) {
						return who.Series(t.Context(), client.SeriesQuery{Metric: metric, By: by, Bucket: bucket,
							From: midnight(-5), To: midnight(1)})
					})
					got := map[place]number{}
					for _, line := range set.Series {
						for _, p := range line.Points {
							if p.Value > 0 || p.Suppressed {
								got[place{line.Key, p.At.Unix()}] = number{p.Value, p.Suppressed}
							}
							if p.Suppressed {
								suppressed++
							}
						}
					}
					want := a.direct(t, who, metric, by, bucket, set.From, set.To)
					if diff := gocmp.Diff(want, got, compare); diff != "" || len(want) == 0 {
						t.Errorf("%s by %s and %s, %+v: want -, got +\n%s", metric, by, bucket, who.sees, diff)
					}
				}
			}
		}
	}
	if suppressed == 0 {
		t.Error("nothing was suppressed: small groups were not tested")
	}
}

// heat is what the console adds up of hours, over four weeks.
func (a *analysts) heat(t *testing.T) {
	set := patiently(t, func() (client.SeriesSet, error) {
		return a.regulator.Series(t.Context(), client.SeriesQuery{Metric: "reports", By: "type", Bucket: "hour",
			From: midnight(-27), To: midnight(1)})
	})
	var got, want [7 * 24]uint64
	for _, line := range set.Series {
		for _, p := range line.Points {
			at := p.At.In(malaysia)
			got[(int(at.Weekday())+6)%7*24+at.Hour()] += p.Value
		}
	}
	for line := range strings.Lines(a.Query(t, `SELECT (toDayOfWeek(issued_at, 0, 'Asia/Kuala_Lumpur') - 1) * 24 +
		toHour(issued_at, 'Asia/Kuala_Lumpur') AS of_week, uniqExact(event_id) FROM events
		WHERE kind = 'report' GROUP BY of_week`)) {
		var hour, n int
		if _, err := fmt.Sscan(line, &hour, &n); err != nil {
			t.Fatal(err)
		}
		want[hour] = uint64(n)
	}
	if diff := gocmp.Diff(want, got); diff != "" || want == [7 * 24]uint64{} {
		t.Error(diff)
	}
}

func (a *analysts) top(t *testing.T) {
	for m, metric := range metrics {
		for i, by := range dimensions {
			if !testkit.Long() && i%len(metrics) != m {
				continue // each dimension once, and each metric
			}
			who := []analyst{a.regulator, a.bank}[i%2]
			set := patiently(t, func() (client.TopSet, error) {
				return who.Top(t.Context(), client.TopQuery{Metric: metric, By: by, Limit: 100, From: midnight(-2),
					To: midnight(1), BaselineFrom: midnight(-5), BaselineTo: midnight(-2)})
			})
			want := map[string]client.Mover{}
			now := a.direct(t, who, metric, by, "all", set.From, set.To)
			before := a.direct(t, who, metric, by, "all", set.BaselineFrom, set.BaselineTo)
			for _, all := range []map[place]number{now, before} {
				for p := range all {
					want[p.key] = moved(p.key, now[p], before[p])
				}
			}
			got := map[string]client.Mover{}
			for _, m := range set.Movers {
				got[m.Key] = m
				if _, known := want[m.Key]; !known && m == (client.Mover{Key: m.Key}) {
					delete(got, m.Key) // seen, and nothing of what is counted
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%s by %s, %s: want -, got +\n%s", metric, by, who.sees, diff)
			}
		}
	}
}

// moved holds a number against that of as many days.
func moved(key string, now, before number) client.Mover {
	if now.suppressed || before.suppressed {
		return client.Mover{Key: key, Suppressed: true}
	}
	m := client.Mover{Key: key, Value: now.value, Baseline: before.value, Expected: float64(before.value),
		Change: float64(now.value) - float64(before.value)}
	if before.value > 0 {
		m.Ratio = float64(now.value) / float64(before.value)
	}
	return m
}

func (a *analysts) emerging(t *testing.T) {
	for _, by := range [][]string{{"category"}, {"category", "region"}} {
		for _, who := range []analyst{a.regulator, a.bank} {
			found := patiently(t, func() (client.EmergingSet, error) { return who.Emerging(t.Context(), by...) })
			keys := "tuple(category)"
			if len(by) == 2 {
				keys = "(category, region)"
			}
			since := func(hours int) string {
				return fmt.Sprintf("kind = 'report' AND %s AND issued_at < fromUnixTimestamp64Milli(%d) AND "+
					"issued_at >= fromUnixTimestamp64Milli(%d)", who.sees, found.AsOf.UnixMilli(),
					found.AsOf.Add(-time.Duration(hours)*time.Hour).UnixMilli())
			}
			watched := a.Query(t, "SELECT uniqExact("+keys+") FROM events WHERE "+since(29*24))
			if watched != strconv.Itoa(found.Watched) {
				t.Errorf("%d series of %v are watched, directly %s", found.Watched, by, watched)
			}
			rises := false
			for _, alarm := range found.Alarms {
				rises = rises || alarm.Keys[0] == risesIn
				where := since(alarm.WindowHours) + " AND category = " + a.code(t, a.words.Category, alarm.Keys[0])
				if len(by) == 2 {
					where += " AND region = " + a.code(t, a.words.Region, alarm.Keys[1])
				}
				var observed, reporters uint64
				if _, err := fmt.Sscan(a.Query(t, "SELECT uniqExact(event_id), uniqExact(partner) FROM events WHERE "+where),
					&observed, &reporters); err != nil {
					t.Fatal(err)
				}
				one := reporters == 1
				if !who.all {
					observed, reporters = observed/5*5, reporters/5*5
				}
				ratio := math.Round(10*float64(observed)/max(alarm.Expected, 0.1)) / 10
				if alarm.Observed != observed || alarm.Reporters != reporters || alarm.OneReporter != one || alarm.Ratio != ratio {
					t.Errorf("%+v; directly %d by %d, %v times", alarm, observed, reporters, ratio)
				}
			}
			if !rises {
				t.Errorf("of %v what rises was not found: %+v", by, found.Alarms)
			}
		}
	}
}

func (a *analysts) code(t *testing.T, v *fraud.Vocabulary, name string) string {
	t.Helper()
	code, ok := v.Code(name)
	if !ok && name != "" {
		t.Fatalf("%q is not in the taxonomy", name)
	}
	return strconv.Itoa(int(code))
}

// exports takes the same answers away as tables.
func (a *analysts) exports(t *testing.T) {
	span := url.Values{"from": {midnight(-5).Format(time.RFC3339)}, "to": {midnight(1).Format(time.RFC3339)}}
	for _, who := range []analyst{a.regulator, a.bank} {
		query := url.Values{"metric": {"losses"}, "by": {"category"}, "bucket": {"day"}, "from": span["from"],
			"to": span["to"]}
		want := a.direct(t, who, "losses", "category", "day", midnight(-5), midnight(1))
		if diff := gocmp.Diff(want, csvSeries(t, a.take(t, who, "text/csv", "series", query)), compare); diff != "" {
			t.Errorf("CSV: want -, got +\n%s", diff)
		}
		type row struct {
			At         time.Time `parquet:"at,timestamp(millisecond)"`
			Key        string    `parquet:"key"`
			Value      *int64    `parquet:"value,optional"`
			Suppressed bool      `parquet:"suppressed"`
		}
		got := map[place]number{}
		for _, r := range readParquet[row](t, a.take(t, who, "application/vnd.apache.parquet", "series", query)) {
			n := number{suppressed: r.Suppressed}
			if r.Value != nil {
				n.value = uint64(*r.Value)
			}
			if n != (number{}) {
				got[place{r.Key, r.At.Unix()}] = n
			}
		}
		if diff := gocmp.Diff(want, got, compare); diff != "" {
			t.Errorf("Parquet: want -, got +\n%s", diff)
		}

		query = url.Values{"metric": {"reports"}, "by": {"platform"}, "from": {midnight(-2).Format(time.RFC3339)},
			"to": span["to"], "baseline_from": span["from"]}
		now := a.direct(t, who, "reports", "platform", "all", midnight(-2), midnight(1))
		before := a.direct(t, who, "reports", "platform", "all", midnight(-5), midnight(-2))
		type mover struct {
			Key        string `parquet:"key"`
			Value      *int64 `parquet:"value,optional"`
			Baseline   *int64 `parquet:"baseline,optional"`
			Suppressed bool   `parquet:"suppressed"`
		}
		rows := readParquet[mover](t, a.take(t, who, "application/vnd.apache.parquet", "top", query))
		lines, err := csv.NewReader(bytes.NewReader(a.take(t, who, "text/csv", "top", query))).ReadAll()
		if err != nil || len(lines) != len(rows)+1 || len(rows) == 0 {
			t.Fatalf("%d lines of CSV, %d of Parquet: %v", len(lines), len(rows), err)
		}
		for i, r := range rows {
			p := place{key: r.Key}
			m, cells := moved(r.Key, now[p], before[p]), []string{r.Key, "", "", strconv.FormatBool(r.Suppressed)}
			told := client.Mover{Key: r.Key, Suppressed: r.Suppressed}
			if !r.Suppressed {
				told = m
				told.Value, told.Baseline = uint64(*r.Value), uint64(*r.Baseline)
				cells[1], cells[2] = strconv.FormatInt(*r.Value, 10), strconv.FormatInt(*r.Baseline, 10)
			}
			line := lines[i+1]
			if diff := gocmp.Diff(m, told); diff != "" {
				t.Errorf("Parquet: want -, got +\n%s", diff)
			}
			if diff := gocmp.Diff(cells, []string{line[0], line[1], line[2], line[6]}); diff != "" {
				t.Errorf("Parquet -, CSV +\n%s", diff)
			}
		}
	}
}

// take asks for an answer in a form of its own.
func (a *analysts) take(t *testing.T, who analyst, form, what string, query url.Values) []byte {
	t.Helper()
	return patiently(t, func() ([]byte, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.API+"/v1/trends/"+what+"?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+who.key)
		req.Header.Set("Accept", form)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s %s", what, resp.Status, body)
		}
		return body, err
	})
}

// patiently asks until there is an answer: where others have the CPU, a question may meet its limit of time.
func patiently[T any](t *testing.T, ask func() (T, error)) (answer T) {
	t.Helper()
	testkit.Eventually(t, time.Minute, func() (err error) {
		answer, err = ask()
		return err
	})
	return answer
}

func csvSeries(t *testing.T, body []byte) map[place]number {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[place]number{}
	for _, line := range lines[1:] {
		at, err := time.Parse(time.RFC3339, line[0])
		if err != nil {
			t.Fatal(err)
		}
		n := number{suppressed: line[3] == "true"}
		n.value, _ = strconv.ParseUint(line[2], 10, 64)
		if n != (number{}) {
			all[place{line[1], at.Unix()}] = n
		}
	}
	return all
}

func readParquet[R any](t *testing.T, body []byte) []R {
	t.Helper()
	rows, err := parquet.Read[R](bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// mine holds what a bank is told of its own events against the ledger: each delivery to its own place stands there.
func (a *analysts) mine(t *testing.T) {
	bank := a.Client(t, "bank")
	got := map[string]int{}
	for q := (client.ArrivalQuery{Limit: 100}); ; {
		page, err := bank.Arrivals(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got[e.Kind+" "+e.Status]++
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	want := map[string]int{}
	for line := range strings.Lines(a.Query(t, `SELECT toString(kind), if(any(held), 'held', 'stored'),
		uniqExact(kafka_partition, kafka_offset, bundle_index) FROM events WHERE partner = 1 GROUP BY kind, held`)) {
		var kind, state string
		var n int
		if _, err := fmt.Sscan(line, &kind, &state, &n); err != nil {
			t.Fatal(err)
		}
		want[kind+" "+state] = n
	}
	if diff := gocmp.Diff(want, got); diff != "" || len(want) < 3 {
		t.Errorf("want -, got +\n%s", diff)
	}
}

// campaigns holds what is told of a campaign against its case, after a report of it was taken back.
func (a *analysts) campaigns(t *testing.T) {
	refs := make([]fraud.Ref, 4)
	for i := range refs {
		c := account(700 + i)
		var err error
		if refs[i], err = c.Ref(a.Ring); err != nil {
			t.Fatal(err)
		}
	}
	event := func(i int, kind fraud.Kind) fraud.Event {
		e := fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Indicator: refs[i],
			IssuedAt: time.Now().UTC().Truncate(time.Millisecond)}
		if kind == fraud.Report {
			e.Category, e.Confidence, e.Case, e.LossBand = "loan", 90, tradeOfOne, fraud.LossBand(2+i)
		}
		return e
	}
	for i := range refs { // each in a message of its own
		e := event(i, fraud.Report)
		a.Publish(t, "bank-penyu", e)
		a.Publish(t, "bank-penyu", e)
	}
	a.Publish(t, "bank-penyu", event(3, fraud.Withdraw))
	const standing = `FROM (SELECT digest, argMax(kind, issued_at) AS last, minIf(issued_at, kind = 'report') AS first,
		uniqExactIf(event_id, kind = 'report') AS reports FROM events
		WHERE partner = 3 AND digest GLOBAL IN (SELECT digest FROM events WHERE case_id = '` + tradeOfOne + `') GROUP BY digest)
		WHERE last = 'report'`
	// A node that was killed in its turn leaves the campaigns to the next one after two minutes.
	testkit.Eventually(t, 5*time.Minute, func() error {
		page, err := a.regulator.Campaigns(t.Context(), client.CampaignQuery{Category: "loan",
			Type: refs[0].Type, Limit: 200})
		if err != nil {
			return err
		}
		var told []string
		for _, c := range page.Campaigns {
			told = append(told, fmt.Sprintf("%d %d %d %d", c.Members, c.Reports, c.Partners, c.FirstReported.UnixMilli()))
		}
		direct := a.Query(t, "SELECT concat(toString(count()), ' ', toString(sum(reports)), ' 1 ', "+
			"toString(toUnixTimestamp64Milli(min(first)))) "+standing)
		for _, c := range told {
			if c == direct && strings.HasPrefix(c, "3 3 ") {
				return nil
			}
		}
		return fmt.Errorf("directly %q, told %q", direct, told)
	})
}
