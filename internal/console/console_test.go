package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func serve(t *testing.T, name, accepted string) *httptest.ResponseRecorder {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/console/"+name, nil)
	r.Header.Set("Accept-Encoding", accepted)
	w := httptest.NewRecorder()
	if !c.Serve(w, r, name) {
		t.Fatalf("there is no %q", name)
	}
	return w
}

func TestThePageLoadsItsOwnFilesAndNothingElse(t *testing.T) {
	got := serve(t, "", "")
	body := got.Body.String()
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(links) < 3 {
		t.Fatalf("links %v", links)
	}
	for _, link := range links {
		name, own := strings.CutPrefix(link[1], "/console/")
		switch {
		case link[1] == "data:,":
		case !own:
			t.Errorf("the page loads %s", link[1])
		default:
			if cache := serve(t, name, "").Header().Get("Cache-Control"); !strings.Contains(cache, "immutable") {
				t.Errorf("%s: Cache-Control %q", name, cache)
			}
		}
	}
	if strings.Contains(body, "<style") || strings.Contains(body, "style=") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(body) {
		t.Error("script or style stands in the page itself")
	}
	h := got.Header()
	if h.Get("Cache-Control") != "no-cache" || h.Get("Content-Security-Policy") != policy || strings.Contains(policy, "unsafe") {
		t.Errorf("the page's headers: %v", h)
	}
}

func TestFilesAreTheSameCompressedOrNot(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name := range c.files {
		plain, zipped := serve(t, name, "br, gzip;q=0"), serve(t, name, "deflate, gzip;q=0.5")
		if plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: encodings %v and %v", name, plain.Header(), zipped.Header())
		}
		total += zipped.Body.Len()
		z, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(unzipped, plain.Body.Bytes()) {
			t.Errorf("%s differs when it is compressed: %v", name, err)
		}
	}
	t.Logf("%d files, %d bytes compressed", len(c.files), total)
	if total > 128<<10 {
		t.Errorf("the console takes %d bytes: it must stay small", total)
	}
}

func TestWhatIsNotAFileIsNotServed(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"..", "../console.go", "app.js", "dist", "dist/index.html", "index.html.gz"} {
		if w := httptest.NewRecorder(); c.Serve(w, httptest.NewRequest("GET", "/console", nil), name) || w.Body.Len() > 0 {
			t.Errorf("%s is served", name)
		}
	}
}
