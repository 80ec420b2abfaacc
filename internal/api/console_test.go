package api

import (
	"net/http"
	"testing"
)

// oneFile is a console of a page and one file.
type oneFile struct{}

func (oneFile) Serve(w http.ResponseWriter, _ *http.Request, name string) bool {
	media := map[string]string{"": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}[name]
	if media != "" {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Cache-Control", "public")
		_, _ = w.Write([]byte(" "))
	}
	return media != ""
}

func TestTheConsoleIsWhereTheHubsAddressLeads(t *testing.T) {
	with := newHub(t, func(_ *Config, d *Deps) { d.Console = oneFile{} })
	without := newHub(t)
	for path, want := range map[string]int{"/": 302, "/console": 200, "/console/app.js": 200, "/console/other.js": 404} {
		got := with.do(t, ask{method: "GET", path: path})
		if got.Status != want || want == 200 && got.Header.Get("Cache-Control") != "public" {
			t.Errorf("%s: %d with %v, want %d", path, got.Status, got.Header, want)
		}
		if want == 302 && got.Header.Get("Location") != "/console" {
			t.Errorf("%s leads to %s", path, got.Header.Get("Location"))
		}
		if got := without.do(t, ask{method: "GET", path: path}); got.Status != 404 {
			t.Errorf("%s without a console: %d", path, got.Status)
		}
	}
}
