package console

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// chromium is the browser that the console is tested in.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("WASPADA_CHROMIUM"), "chromium", "chromium-browser", "google-chrome",
		"google-chrome-stable", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is missing: run internal/console/web/install.sh browser, or set WASPADA_CHROMIUM to one")
	return ""
}

// visit runs one of the scripts of web/test in a real browser against a real hub. Each line that it prints is a claim,
// with what is wrong about it, and becomes a test.
func visit(t *testing.T, script string, input map[string]any) {
	t.Helper()
	tool(t, "playwright-core")
	shots, err := filepath.Abs("screenshots")
	if err != nil {
		t.Fatal(err)
	}
	input["screenshots"] = shots
	told, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("web", "test", script))
	cmd.Env = append(os.Environ(), "WASPADA_VISIT="+string(told))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	claims := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var claim struct {
			Claim, Wrong string
			Took         int // milliseconds
		}
		if err := json.Unmarshal(lines.Bytes(), &claim); err != nil {
			t.Log(lines.Text())
			continue
		}
		claims++
		t.Run(claim.Claim, func(t *testing.T) {
			t.Logf("%d ms", claim.Took)
			if claim.Wrong != "" {
				t.Error(claim.Wrong)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", script, err)
	}
	if claims == 0 {
		t.Errorf("%s proved nothing", script)
	}
}

// season is a quarter of a year in the roll-up of trends, made of a formula: more by day than by night, and one class
// that breaks out in the last days. Through Kafka events can only come as old as they are accepted.
const season = `
	INSERT INTO trend_cells (hour, type, category, kind, partner, events)
	SELECT toStartOfHour(now()) - INTERVAL number HOUR AS at,
		['bank_account', 'phone', 'url', 'domain', 'social_account', 'payment_id'][1 + c % 6],
		[101, 201, 204, 302, 501, 508, 601, 403, 7, 105][1 + c],
		'report', 1 + c % 5,
		toUInt64((3 + cityHash64(c, number) % 5) * (1 + sin((toHour(at) + 2) * 0.2618)) * (10 - c) * 0.4
			* if(toDayOfWeek(at) > 5, 0.6, 1) * if(c = 3 AND number < 120, 9, 1)) AS n
	FROM numbers(24 * 90) ARRAY JOIN range(10) AS c WHERE n > 0`

// days is the same by days.
const days = `
	INSERT INTO trend_days (dimension, day, key, kind, partner, audience, events)
	SELECT one.1, toStartOfDay(hour, 'Asia/Kuala_Lumpur') AS at, one.2, kind, partner, audience, sum(events)
	FROM trend_cells ARRAY JOIN [('type', toUInt16(type)), ('category', category)] AS one
	GROUP BY one, at, kind, partner, audience`

// sums are both without partners, as answers are made of.
const sums = `
	INSERT INTO trend_sums (grain, dimension, partner, at, key, kind, audience, events, reporters)
	SELECT bucket.1, one.1, whose, bucket.2, one.2, kind, audience, sum(events), groupUniqArray(partner) FROM (
		SELECT *, arrayJoin([0, 65535]) AS whose,
			arrayJoin([('type', toUInt16(type)), ('category', category), ('partner_kind', partner)]) AS one,
			arrayJoin([('hour', hour), ('day', toDateTime(toStartOfDay(hour, 'Asia/Kuala_Lumpur'), 'UTC'))]) AS bucket
		FROM trend_cells FINAL)
	GROUP BY bucket, one, whose, kind, audience`

// said is what a partner says of something, some time ago.
func said(t *testing.T, hub *hubtest.Hub, kind fraud.Kind, about nation.Case, ago time.Duration) fraud.Event {
	t.Helper()
	ref, err := about.Ref(hub.Ring)
	if err != nil {
		t.Fatal(err)
	}
	e := fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Indicator: ref, IssuedAt: time.Now().Add(-ago).UTC()}
	if kind == fraud.Report {
		e.Category, e.Confidence = "telecommunication", 80
	}
	return e
}

func TestTheRecogniserKnowsWhatTheHubKnows(t *testing.T) {
	t.Parallel()
	visit(t, "recognise.mjs", map[string]any{})
}

func TestTheConsoleInARealBrowser(t *testing.T) {
	t.Parallel()
	hub := hubtest.Start(t, hubtest.Options{})
	hub.Query(t, season)
	hub.Query(t, days)
	hub.Query(t, sums)
	// A report that Kafka takes and the hub refuses, and a listing that the account's holder disputes.
	phone := nation.Case{Type: indicator.Phone, Raw: "013-345 6789"}
	account := nation.Case{Type: indicator.BankAccount, Raw: "maybank:1140 1234 0001"}
	hub.Publish(t, "bank-harimau", said(t, hub, fraud.Report, phone, fraud.MaxAge+24*time.Hour))
	hub.Publish(t, "bank-kenari", said(t, hub, fraud.Report, account, time.Minute))
	hub.Publish(t, "bank-penyu", said(t, hub, fraud.Dispute, account, 0))
	strict := hub.NewNode(t, hubtest.NodeOptions{Role: "api", Settings: map[string]any{"http.refuse_values": true}})
	strict.Restart(t)
	paid := results(t, hub)
	told := map[string]any{"chromium": chromium(t), "hub": hub.API, "strict": strict.API, "keys": hub.Keys.API}
	visit(t, "walk.mjs", maps.Clone(told))
	maps.Copy(told, resultsOf(t, hub, paid))
	visit(t, "results.mjs", told)
}
