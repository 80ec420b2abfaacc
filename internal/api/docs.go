package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"net/http"
	"strings"

	"github.com/waspada-hub/waspada/schemas"
)

// docsFiles is Swagger UI as it was released, compressed, and a page for it: nothing is fetched from elsewhere.
//
//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the page run its own script and speak to this hub, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsMedia is what there is under /docs, by name.
var docsMedia = map[string]string{
	"index.html":           "text/html; charset=utf-8",
	"start.js":             "text/javascript; charset=utf-8",
	"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
	"swagger-ui.css":       "text/css; charset=utf-8",
	"page.css":             "text/css; charset=utf-8",
	"LICENSE":              "text/plain; charset=utf-8",
	"NOTICE":               "text/plain; charset=utf-8",
}

// openAPI answers GET /openapi.yaml: the contract.
func (s *Server) openAPI(r *request) error {
	r.Writer.Header().Set("Cache-Control", "no-cache")
	r.answer(http.StatusOK, []string{"application/yaml"}, schemas.OpenAPI())
	return nil
}

// docs answers GET /docs and the files that its page loads.
func (s *Server) docs(r *request) error {
	name := r.Param("file")
	if name == "" {
		name = "index.html"
	}
	media, ok := docsMedia[name]
	if !ok {
		return refuse("no_such_route", "there is no such file here; the page is at /docs")
	}
	h := r.Writer.Header()
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "public, max-age=3600")
	if data, err := docsFiles.ReadFile("docs/" + name); err == nil {
		r.answer(http.StatusOK, []string{media}, data)
		return nil
	}
	data, err := docsFiles.ReadFile("docs/" + name + ".gz")
	if err != nil {
		return err
	}
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Request.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
	} else if data, err = unzip(data); err != nil {
		return err
	}
	r.answer(http.StatusOK, []string{media}, data)
	return nil
}

func unzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
