package console

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
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
	input["chromium"] = chromium(t)
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
		var claim struct{ Claim, Wrong string }
		if err := json.Unmarshal(lines.Bytes(), &claim); err != nil {
			t.Log(lines.Text())
			continue
		}
		claims++
		t.Run(claim.Claim, func(t *testing.T) {
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

func TestTheConsoleInARealBrowser(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	visit(t, "walk.mjs", map[string]any{"hub": hub.API, "keys": hub.Keys.API})
}
