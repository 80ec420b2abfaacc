// Package console is the web console: what analysts, bank staff and regulators work with.
//
//	web/src ──make console──▶ dist ──embed──▶ Console ──Serve──▶ /console, /console/{file}
//	hub.v1.yaml ─┘ (types)                       the page asks the hub's own API, with its reader's key
//
// The built files are in the repository, so that building the hub needs no Node.js; a test builds them again and
// compares. A file's name has its content's hash, so browsers keep it for ever; the page is asked for each time. The page
// may load from this hub, speak to this hub, and nothing else: see policy.
package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// page is what stands at the console's own address.
const page = "index.html"

// policy lets the page run its own script and speak to its own hub. No script or style stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var media = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
}

// Console serves the built files from memory.
type Console struct{ files map[string]file }

type file struct {
	media, cache  string
	plain, zipped []byte
}

// New compresses the built files.
func New() (*Console, error) {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{files: make(map[string]file)}
	for _, entry := range entries {
		name := entry.Name()
		plain, err := dist.ReadFile("dist/" + name)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		f := file{media: media[path.Ext(name)], cache: "no-cache", plain: plain, zipped: zip(plain)}
		if f.media == "" {
			return nil, fmt.Errorf("console: no media type is known for %s", name)
		}
		if ext := path.Ext(name); ext == ".js" || ext == ".css" { // its name has its hash
			f.cache = "public, max-age=31536000, immutable"
		}
		c.files[name] = f
	}
	if _, ok := c.files[page]; !ok {
		return nil, fmt.Errorf("console: %s was not built: run make console", page)
	}
	return c, nil
}

// zip cannot fail: it writes to memory.
func zip(plain []byte) []byte {
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	_, _ = z.Write(plain)
	_ = z.Close()
	return zipped.Bytes()
}

// Serve answers with the file of that name, the page for "". It returns false, and has written nothing, when there is none.
func (c *Console) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	if name == "" {
		name = page
	}
	f, ok := c.files[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a reader that has gone away is no error of ours
	return true
}

// takesGzip reads Accept-Encoding: gzip is listed, and not with a weight of 0.
func takesGzip(accepted string) bool {
	return slices.ContainsFunc(strings.Split(accepted, ","), func(one string) bool {
		coding, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		refused := strings.Trim(strings.ReplaceAll(weight, " ", ""), "0.") == "q="
		return strings.TrimSpace(coding) == "gzip" && !refused
	})
}
