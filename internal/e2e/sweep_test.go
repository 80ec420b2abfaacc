package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goyaml "github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// TestASweepIsStoppedAndACanaryAlarmsOnFirstTouch goes through random telephone numbers with a platform's key: a
// million with the default quotas in the long form, fewer with smaller ones in the short. Canaries stand among them.
func TestASweepIsStoppedAndACanaryAlarmsOnFirstTouch(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	size, batch, distinct := 20_000, 500, 5_000
	quotas := map[string]int{"distinct": distinct}
	if testkit.Long() {
		size, batch, distinct, quotas = 1_000_000, 5_000, 500_000, nil
	}
	random := testkit.Seed(t)
	numbers := make([]string, size)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+601%c%07d", "2367"[random.IntN(4)], 2_000_000+random.IntN(8_000_000))
	}
	first, second := distinct*2/5, distinct*3/5 // where the canaries stand

	canaries := filepath.Join(t.TempDir(), "canaries.yaml")
	hub := hubtest.Start(t, hubtest.Options{NotStarted: true, NodeOptions: hubtest.NodeOptions{Settings: map[string]any{
		"sweeps.canaries_file": canaries, "sweeps.distinct": distinct / 5, "sweeps.hit_floor": 0.01,
	}}})
	setQuotas(t, hub, "platform-wau", quotas)
	keyring := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(keyring, []byte("key_ring: "+hub.Keys.File("keyring.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), hubtest.Binary(t, "waspadad"), "canary", "make", "--type", "phone",
		"--config", keyring)
	command.Stdin = strings.NewReader(numbers[first] + "\n" + numbers[second] + "\n")
	made, err := command.Output()
	if err == nil {
		err = os.WriteFile(canaries, made, 0o600)
	}
	if err != nil {
		t.Fatal(err, string(made))
	}
	hub.Restart(t)
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	becomesFor(t, hub, "bank", caller, fraud.Suspected)

	answered, refused := 0, 0
	for from := 0; from < size; {
		var body []byte
		for _, number := range numbers[from : from+batch] {
			d := hub.Ring.Digest(indicator.Phone, number)
			body = append(body, d[:]...)
		}
		switch code, wait := askBatch(t, hub, "platform", body); code {
		case "":
			if refused > 0 {
				t.Fatalf("the sweep went on after its end, at number %d", from)
			}
			answered += batch
		case "quota_distinct":
			if refused++; wait < time.Second {
				t.Errorf("Retry-After: %s", wait)
			}
		case "quota_indicators", "quota_requests":
			time.Sleep(wait)
			continue
		default:
			t.Fatalf("answered %s", code)
		}
		if touched := from <= first && first < from+batch; touched {
			testkit.Eventually(t, 10*time.Second, func() error { return alarms(t, hub, "canary=", 1) })
		}
		from += batch
	}
	t.Logf("of %d numbers %d were answered, at a quota of %d; %d requests were refused", size, answered, distinct,
		refused)
	if answered < distinct*97/100-batch || answered > distinct*103/100 || refused < (size-answered)/batch {
		t.Error("the sweep did not end at the quota")
	}

	// Its neighbour notices nothing.
	if got := lookupFor(t, hub, "bank", caller); got.Verdict != fraud.Suspected {
		t.Errorf("its neighbour is told %s", got.Verdict)
	}
	if code, _ := askBatch(t, hub, "bank", bytes.Repeat([]byte("neighbour's digest, 32 bytes...!"), 100)); code != "" {
		t.Errorf("its neighbour is refused: %s", code)
	}

	// What people are told of it: one alarm for the canaries, one for the sweep, and no number.
	var known []struct{ Label string }
	if err := goyaml.Unmarshal(made, &known); err != nil || len(known) != 2 {
		t.Fatal(known, err)
	}
	want := "touch_canary\tplatform-wau\tplatform\t\t" + known[0].Label + "\nsweep\t\t\tplatform-wau\t"
	testkit.Eventually(t, 30*time.Second, func() error {
		got := hub.Query(t, `SELECT what, by, key, whom, object FROM acts FINAL
			WHERE what IN ('touch_canary', 'sweep') ORDER BY what DESC`)
		if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" {
			return fmt.Errorf("audit (-want +got):\n%s", diff)
		}
		return nil
	})
	if err := alarms(t, hub, "canary=", 1); err != nil {
		t.Error(err)
	}
	if err := alarms(t, hub, "what=sweep", 1); err != nil {
		t.Error(err)
	}
	if n := hub.Metric(t, "waspada_api_canary_touches_total"); n != 2 {
		t.Errorf("%v touches are counted, want 2", n)
	}
	if n := hub.Metric(t, "waspada_api_sweeps_total"); n != 1 {
		t.Errorf("%v sweeps are counted, want 1", n)
	}
	log, err := os.ReadFile(hub.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{numbers[first], numbers[second]} {
		d := hub.Ring.Digest(indicator.Phone, number).String()
		for place, text := range map[string]string{"the log": string(log), "the file of canaries": string(made)} {
			if strings.Contains(text, number[3:]) || place == "the log" && strings.Contains(text, d) {
				t.Errorf("%s tells which number is a canary", place)
			}
		}
	}
}

// alarms reports whether the hub's log has so many errors with a mark in them: attribute=, or attribute=value.
func alarms(t *testing.T, hub *hubtest.Hub, mark string, want int) error {
	t.Helper()
	data, err := os.ReadFile(hub.LogFile)
	if err != nil {
		return err
	}
	name, value, _ := strings.Cut(mark, "=")
	n := 0
	for line := range bytes.Lines(data) {
		var record map[string]any
		if json.Unmarshal(line, &record) != nil || record["level"] != "ERROR" || record["partner"] != "platform-wau" {
			continue
		}
		if got, ok := record[name]; ok && (value == "" || got == value) {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("%d alarms with %s in the log, want %d", n, mark, want)
	}
	return nil
}

// setQuotas replaces a partner's quotas in the partner file; what is not set is the default of its kind.
func setQuotas(t *testing.T, hub *hubtest.Hub, partner string, quotas map[string]int) {
	t.Helper()
	path := hub.Keys.File("partners.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := goyaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, p := range file["partners"].([]any) {
		if p := p.(map[string]any); p["id"] == partner {
			p["quotas"] = quotas
		}
	}
	if data, err = goyaml.Marshal(file); err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// askBatch sends a binary batch; code is "" for an answer, and else the refusal's, with how long to wait.
func askBatch(t *testing.T, hub *hubtest.Hub, role string, body []byte) (code string, wait time.Duration) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hub.API+"/v1/lookup/batch?epoch=1",
		bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+hub.Keys.API[role])
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return "", 0
	}
	var problem struct{ Code string }
	if err := json.Unmarshal(answer, &problem); err != nil {
		t.Fatalf("%s %s", resp.Status, answer)
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return problem.Code, time.Duration(seconds) * time.Second
}
