package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goyaml "github.com/goccy/go-yaml"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// grafana is the folder of the dashboards.
var grafana = filepath.Join("..", "..", "deploy", "grafana")

// dashboard is what these tests read of one.
type dashboard struct {
	UID, Title, Timezone string
	Panels               []panel
	Templating           struct{ List []variable }
}

type panel struct {
	ID          int
	Type, Title string
	Interval    string
	Datasource  datasource
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RawSQL, Expr, LegendFormat string
		Datasource                 datasource
	}
}

type datasource struct{ Type, UID string }

type variable struct {
	Name, Type string
	Query      any
	Current    struct{ Value any }
}

func dashboards(t *testing.T) (all []dashboard) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(grafana, "dashboards", "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d dashboards, want 3: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if want := "waspada-" + strings.TrimSuffix(filepath.Base(file), ".json"); d.UID != want {
			t.Errorf("%s has the uid %q, want %q", file, d.UID, want)
		}
		all = append(all, d)
	}
	return all
}

func TestDashboardsAreWhole(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	var provisioned struct {
		Datasources []struct{ UID, Type string }
	}
	text, err := os.ReadFile(filepath.Join(grafana, "provisioning", "datasources", "waspada.yaml"))
	if err == nil {
		err = goyaml.Unmarshal(text, &provisioned)
	}
	if err != nil {
		t.Fatal(err)
	}
	known := map[datasource]bool{}
	for _, d := range provisioned.Datasources {
		known[datasource{d.Type, d.UID}] = true
	}
	words, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	vocabularies := map[string]*fraud.Vocabulary{"categories": words.Category, "platforms": words.Platform,
		"institutions": words.Institution, "regions": words.Region}
	for _, d := range dashboards(t) {
		t.Run(d.Title, func(t *testing.T) {
			if d.Timezone != "Asia/Kuala_Lumpur" {
				t.Errorf("it shows the times of %q", d.Timezone)
			}
			for _, v := range d.Templating.List {
				if vocabulary := vocabularies[v.Name]; vocabulary != nil {
					if diff := gocmp.Diff(termsOf(vocabulary), v.Query); diff != "" || v.Current.Value != v.Query {
						t.Errorf("the variable %s is not the taxonomy: put want (-) into query, text and value\n%s", v.Name, diff)
					}
				}
			}
			ids := map[int]bool{}
			for i, p := range d.Panels {
				if ids[p.ID] {
					t.Errorf("two panels have the id %d", p.ID)
				}
				ids[p.ID] = true
				if g := p.GridPos; g.W < 1 || g.H < 1 || g.X+g.W > 24 {
					t.Errorf("%q does not fit on the page: %+v", p.Title, g)
				}
				for _, q := range d.Panels[:i] {
					a, b := p.GridPos, q.GridPos
					if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
						t.Errorf("%q lies over %q", p.Title, q.Title)
					}
				}
				if p.Type != "row" && len(p.Targets) == 0 {
					t.Errorf("%q asks nothing", p.Title)
				}
				for _, target := range p.Targets {
					if !known[target.Datasource] || target.Datasource != p.Datasource {
						t.Errorf("%q asks %+v, which is not provisioned", p.Title, target.Datasource)
					}
				}
			}
		})
	}
}

// termsOf is a vocabulary as two arrays of SQL: codes and titles.
func termsOf(v *fraud.Vocabulary) string {
	var codes, titles []string
	names := v.Names()
	slices.SortFunc(names, func(a, b string) int { x, _ := v.Code(a); y, _ := v.Code(b); return int(x) - int(y) })
	for _, name := range names {
		code, _ := v.Code(name)
		codes = append(codes, strconv.Itoa(int(code)))
		titles = append(titles, "'"+strings.ReplaceAll(v.Title(name, "en"), "'", `\'`)+"'")
	}
	return "[" + strings.Join(codes, ",") + "], [" + strings.Join(titles, ",") + "]"
}

// panels runs the query of each panel as the plugin would send it, with the analyst's rights.
func (a *analysts) panels(t *testing.T) {
	testkit.Eventually(t, time.Minute, func() error {
		if n := a.Query(t, "SELECT count() FROM usage WHERE class LIKE 'lookup%'"); n == "0" {
			lookup(t, a.Hub, account(1))
			return errors.New("how much was asked is not written yet")
		}
		if n := a.Query(t, "SELECT countIf(s.state = 1) FROM board_indicators ARRAY JOIN signals AS s"); n == "0" {
			return errors.New("no action stands in the boards yet")
		}
		return nil
	})
	asked := 0
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if target.RawSQL == "" {
					continue
				}
				asked++
				t.Run(d.Title+"/"+p.Title, func(t *testing.T) {
					a.wantAnswer(t, &p, expand(t, &d, &p, target.RawSQL))
				})
			}
		}
	}
	if asked < 20 {
		t.Errorf("%d panels have SQL", asked)
	}
}

// wantAnswer runs a panel's query and wants what the panel can show.
func (a *analysts) wantAnswer(t *testing.T, p *panel, query string) {
	t.Helper()
	status, body := a.as(t, a.user.Name, a.user.Password, query+"\nFORMAT JSONCompact")
	var answer struct {
		Meta []struct{ Name, Type string }
		Data [][]any
	}
	if status != http.StatusOK {
		t.Fatalf("%s\n%s", body, query)
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Data) == 0 {
		t.Errorf("no row\n%s", query)
	}
	var times, words, numbers int
	for i, column := range answer.Meta {
		switch kind := strings.TrimSuffix(strings.TrimPrefix(column.Type, "Nullable("), ")"); {
		case strings.HasPrefix(kind, "DateTime"):
			if times++; p.Type == "timeseries" && (column.Name != "time" || i != 0) {
				t.Errorf("column %d, %s, is the time: it comes first and is called so", i, column.Name)
			}
		case strings.Contains(kind, "String"):
			words++
		case strings.HasPrefix(kind, "UInt"), strings.HasPrefix(kind, "Int"), strings.HasPrefix(kind, "Float"):
			numbers++
		default:
			t.Errorf("column %s is %s, which no panel shows", column.Name, column.Type)
		}
	}
	fits := map[string]bool{
		"timeseries": times == 1 && words <= 1 && numbers > 0, "stat": times == 0 && words == 0 && numbers == 1,
		"table": numbers > 0, "bargauge": times == 0 && words == 1 && numbers == 1,
	}
	if !fits[p.Type] {
		t.Errorf("a %s of %d times, %d words and %d numbers", p.Type, times, words, numbers)
	}
	for i := 1; p.Type == "timeseries" && i < len(answer.Data); i++ {
		if fmt.Sprint(answer.Data[i-1][0]) > fmt.Sprint(answer.Data[i][0]) {
			t.Fatal("the rows are not in the order of time")
		}
	}
	if p.Type == "stat" && fmt.Sprint(answer.Data[0][0]) == "0" {
		t.Error("the number is 0")
	}
}

// as asks ClickHouse over HTTP as one of its users.
func (a *analysts) as(t *testing.T, user, password, query string) (status int, body string) {
	t.Helper()
	values := url.Values{"user": {user}, "password": {password}, "database": {a.Database}, "wait_end_of_query": {"1"}}
	resp, err := http.Post("http://"+a.engine.HTTPAddr()+"/?"+values.Encode(), "text/plain", strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

var (
	macro    = regexp.MustCompile(`\$__(\w+)(?:\(([^()]*)\))?`)
	withForm = regexp.MustCompile(`\$\{(\w+):(\w+)\}`)
)

// expand fills in variables as Grafana's page does and then macros as the plugin's server does, over the last week.
func expand(t *testing.T, d *dashboard, p *panel, query string) string {
	t.Helper()
	query = withForm.ReplaceAllStringFunc(query, func(found string) string {
		m := withForm.FindStringSubmatch(found)
		i := slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == m[1] })
		if i < 0 {
			t.Fatalf("there is no variable %s", m[1])
		}
		var values []string
		switch value := d.Templating.List[i].Current.Value.(type) {
		case string:
			values = []string{value}
		case []any:
			for _, v := range value {
				values = append(values, fmt.Sprint(v))
			}
		}
		switch m[2] {
		case "raw":
			return strings.Join(values, ",")
		case "singlequote":
			return "'" + strings.Join(values, "','") + "'"
		}
		t.Fatalf("a form that this test does not know: %s", m[2])
		return ""
	})
	step := time.Minute
	if p.Interval != "" {
		var err error
		if step, err = time.ParseDuration(p.Interval); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	from, to := fmt.Sprintf("toDateTime(%d)", now.Add(-7*24*time.Hour).Unix()), fmt.Sprintf("toDateTime(%d)", now.Unix())
	query = macro.ReplaceAllStringFunc(query, func(found string) string {
		m := macro.FindStringSubmatch(found)
		switch m[1] {
		case "fromTime":
			return from
		case "toTime":
			return to
		case "timeFilter":
			return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s <= %[3]s", m[2], from, to)
		case "timeInterval":
			return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", m[2], int(step.Seconds()))
		}
		t.Fatalf("a macro that this test does not know: %s", found)
		return ""
	})
	if strings.Contains(query, "$") {
		t.Fatalf("something was not filled in:\n%s", query)
	}
	return query
}

// promWords are the words of PromQL that are neither metrics nor labels.
var promWords = strings.Fields("sum min max count by rate increase histogram_quantile time vector or and")

var (
	promName    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	promMatcher = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)?\{([^}]*)\}`)
	promBy      = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
	promLabel   = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"`)
	promRange   = regexp.MustCompile(`\[[^\]]*\]`)
	promNumber  = regexp.MustCompile(`\b[0-9.]+\b`)
	legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// family is what is shown of a metric.
type family struct {
	histogram bool
	labels    []string
}

// metrics holds every metric and label of the dashboards against what the daemon shows.
func (a *analysts) metrics(t *testing.T) {
	stranger, err := client.New(a.API, "wsp_live_nobody_nothing")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Me(t.Context()); err == nil {
		t.Error("a stranger is let in")
	}
	resp, err := http.Get(a.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	// These are shown by the node that has audited, at night, and once something has happened.
	shown := map[string]family{
		"waspada_audit_ok": {}, "waspada_audit_last_run_timestamp_seconds": {},
		"waspada_api_refused_total":        {labels: []string{"instance", "quota", "kind"}},
		"waspada_api_shed_total":           {labels: []string{"instance", "class"}},
		"waspada_api_canary_touches_total": {labels: []string{"instance", "kind"}},
		"waspada_api_sweeps_total":         {labels: []string{"instance", "kind"}},
	}
	for name, f := range families {
		s := family{labels: []string{"instance"}} // Prometheus adds this one
		for _, l := range f.GetMetric()[0].GetLabel() {
			s.labels = append(s.labels, l.GetName())
		}
		if s.histogram = f.GetMetric()[0].GetHistogram() != nil; s.histogram {
			s.labels = append(s.labels, "le")
		}
		shown[name] = s
	}
	asked := 0
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if target.Expr == "" {
					continue
				}
				asked++
				if err := wantShown(target.Expr, target.LegendFormat, shown); err != nil {
					t.Errorf("%s, %q: %v\n%s", d.Title, p.Title, err, target.Expr)
				}
			}
		}
	}
	if asked < 30 {
		t.Errorf("%d queries of metrics", asked)
	}
}

// wantShown finds each metric of a query among those that are shown, and each label of the query and its legend.
func wantShown(expr, legend string, shown map[string]family) error {
	expr = promRange.ReplaceAllString(expr, "")
	var labels []string // of all metrics of the query
	for _, m := range promMatcher.FindAllStringSubmatch(expr, -1) {
		for _, l := range promLabel.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
	}
	for _, m := range promBy.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			labels = append(labels, strings.TrimSpace(label))
		}
	}
	for _, l := range legendLabel.FindAllStringSubmatch(legend, -1) {
		labels = append(labels, l[1])
	}
	found := 0
	bare := promNumber.ReplaceAllString(promBy.ReplaceAllString(promMatcher.ReplaceAllString(expr, "$1"), ""), "")
	for _, name := range promName.FindAllString(bare, -1) {
		if slices.Contains(promWords, name) {
			continue
		}
		f, ok := shown[name]
		if plain, bucket := strings.CutSuffix(name, "_bucket"); bucket && shown[plain].histogram {
			f, ok = shown[plain], true
		}
		if !ok {
			return fmt.Errorf("no node shows %s", name)
		}
		found++
		for _, label := range labels {
			if !slices.Contains(f.labels, label) {
				return fmt.Errorf("%s has no label %s", name, label)
			}
		}
	}
	if found == 0 {
		return errors.New("it asks for nothing")
	}
	return nil
}
