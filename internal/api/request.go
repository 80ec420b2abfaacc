package api

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// request is one request on its way through the package.
type request struct {
	*gin.Context
	id string
	// begun is when the request's head was read; arrived, by the hub's clock, when it or the whole body was: a clock costs
	// 50 ns.
	begun, arrived time.Time
	who            fraud.Identity
	code           string // of the problem that was answered, for the log
	// certificate is the caller's, verified; nil where it has shown none.
	certificate *fraud.Certificate

	server  *Server
	account *quota.Account // nil where nothing is bounded
	use     quota.Use
	pass    pass // through the gate
	// verdicts are those that the answer holds.
	verdicts fraud.Verdicts
	held     bool      // its caller did not wait as told after a refusal
	read     bool      // its body was, as far as that went
	unread   bool      // it was refused before its body was read, which may be large
	own      [3]string // values of header lines: see header
}

// Header values that are shared between answers, so that an answer allocates none.
var (
	jsonMedia    = []string{"application/json"}
	problemMedia = []string{"application/problem+json"}
	octetMedia   = []string{"application/octet-stream"}
	noStore      = []string{"no-store"}
	noSniff      = []string{"nosniff"}
)

// Header lines whose value is the answer's own.
const (
	idLine = iota
	lengthLine
	quotaLine
)

// header is the value of such a line, as net/http wants it, in memory that comes with the request.
func (r *request) header(line int, value string) []string {
	r.own[line] = value
	return r.own[line : line+1 : line+1]
}

// answer writes a whole answer. The work is over by then: who reads slowly keeps nobody from it.
func (r *request) answer(status int, media []string, body []byte) {
	r.pass.end()
	h := r.Writer.Header()
	r.tellQuotas(h)
	h["Content-Type"] = media
	h["Content-Length"] = r.header(lengthLine, strconv.Itoa(len(body)))
	r.Writer.WriteHeader(status)
	r.Writer.Write(body) // a caller that has gone away is no error of ours
}

// bodies holds buffers for bodies, empty: what was in them may have been a raw value.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// body reads a body of at most limit bytes and of the given media type; release gives its memory back. With the whole
// body there, the request is at work.
func (r *request) body(limit int64, media string) (data []byte, release func(), err error) {
	none := func() {}
	if r.Request.Header.Get("Content-Encoding") != "" {
		return nil, none, refuse("unsupported_encoding", "send the body as it is, without Content-Encoding")
	}
	got, parameters, err := mime.ParseMediaType(r.Request.Header.Get("Content-Type"))
	charset := parameters["charset"]
	if err != nil || got != media || charset != "" && charset != "utf-8" && charset != "UTF-8" {
		return nil, none, refuse("unsupported_media_type", "send the header Content-Type: "+media)
	}
	if r.Request.ContentLength > limit {
		return nil, none, &http.MaxBytesError{Limit: limit}
	}
	r.read = true
	buffer := bodies.Get().(*[]byte)
	release = func() { clear(*buffer); bodies.Put(buffer) }
	// One more than is announced, so that the end is found without growing; but what is announced may never come.
	if n := min(r.Request.ContentLength+1, believedLength); n > int64(cap(*buffer)) {
		*buffer = make([]byte, 0, n)
	}
	*buffer, err = readAll((*buffer)[:0], http.MaxBytesReader(r.Writer, r.Request.Body, limit))
	if err != nil {
		release()
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, none, err
		}
		return nil, none, refuse("malformed", "the body ended too early or came too slowly")
	}
	if err = r.pass.work(); err != nil {
		release()
		return nil, none, err
	}
	r.arrived = r.server.now()
	return *buffer, release, nil
}

// believedLength is how much memory a request gets on its word alone. Beyond, it has at most twice what has come:
// 500 callers that announce 4 MiB each and send nothing cost 32 MiB and not 2 GiB.
const believedLength = 64 << 10

// readAll is io.ReadAll into memory that is there already. What it outgrows it leaves empty.
func readAll(b []byte, from io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			larger := append(make([]byte, 0, max(512, 2*cap(b))), b...)
			clear(b)
			b = larger
		}
		n, err := from.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// serve runs one route: it is the whole middleware, in the order of the package comment.
func (s *Server) serve(rt route) gin.HandlerFunc {
	measure := s.metrics.of(rt)
	return func(c *gin.Context) {
		begin := time.Now()
		measure.inFlight.Inc()
		r := &request{Context: c, id: newRequestID(), begun: begin, server: s}
		h := c.Writer.Header()
		h["X-Request-Id"] = r.header(idLine, r.id)
		h["X-Content-Type-Options"] = noSniff
		h["Cache-Control"] = noStore
		var failure error
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				failure = s.recovered(r, rt, p)
			}
			r.pass.leave()
			s.count(r, rt, failure)
			measure.inFlight.Dec()
			took := time.Since(begin)
			measure.done(c.Writer.Status(), took)
			s.logAccess(r, rt, failure, took)
			s.slowDown(r)
			s.readOn(r)
		}()
		if failure = s.run(r, rt); failure != nil {
			s.metrics.turnedAway(r, failure)
			problemFor(failure).write(r)
		}
	}
}

func (s *Server) run(r *request, rt route) error {
	if err := s.bear(r, rt); err != nil {
		return err
	}
	if rt.scope != public {
		r.arrived = s.now()
		if err := s.identify(r, r.arrived); err != nil {
			return err
		}
		if !mayEnter(&r.who, rt.scope) {
			return refuse("missing_scope", "this needs an API key or a certificate with the scope "+needed(rt.scope))
		}
		if err := s.enter(r, rt); err != nil {
			return err
		}
	}
	return rt.handle(s, r)
}

// bear refuses what has waited too long, before anything else is done for it: who asks does not matter then, and
// refusing must cost little. Probes and the documentation are always answered.
func (s *Server) bear(r *request, rt route) error {
	if rt.scope == public {
		return nil
	}
	r.pass.class = classOf(rt)
	if !s.cfg.Shed {
		return nil
	}
	waited, held := waiterOf(r.Request.Context()).waited(r.begun)
	r.held = held > 0
	if s.waiting.refuses(r.pass.class, waited, held, r.begun) {
		return errBusy
	}
	return nil
}

// slowDown holds the connection of a request that was refused because the node is busy, once its caller has the answer.
func (s *Server) slowDown(r *request) {
	if r.code != overloaded {
		return
	}
	from := waiterOf(r.Request.Context())
	longest := s.waiting.hold(r.held, from.wasLetGo(), time.Now())
	if longest == 0 {
		return
	}
	r.Writer.Flush()
	letGo := s.waiting.holds.wait(longest)
	from.resumes(time.Now(), letGo)
}

// recovered answers after a panic. Neither the answer nor the log has what was thrown, which may hold anything; a
// run-time error's text holds numbers only.
func (s *Server) recovered(r *request, rt route, thrown any) error {
	what := fmt.Sprintf("%T", thrown)
	if bug, ok := thrown.(runtime.Error); ok {
		what = bug.Error()
	}
	s.log.Error("a handler panicked", "route", rt.path, "request_id", r.id, "what", what, "stack", string(debug.Stack()))
	failure := fmt.Errorf("panic: %s", what)
	if !r.Writer.Written() {
		problemFor(failure).write(r)
	}
	return failure
}

// logAccess logs the route's pattern and never its path, query, headers or body.
func (s *Server) logAccess(r *request, rt route, failure error, took time.Duration) {
	status, level := r.Writer.Status(), slog.LevelDebug
	switch {
	case rt.scope == public: // probes ask all the time, and the readiness logs what changes
	case errors.Is(failure, context.Canceled): // the caller has gone away
		level = slog.LevelInfo
	case status == http.StatusTooManyRequests || r.code == overloaded: // metrics count them: a log would add to the load
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= 500:
		level = slog.LevelError
	case status >= 400:
		level = slog.LevelInfo
	}
	ctx := r.Request.Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", rt.method), slog.String("route", rt.path), slog.Int("status", status),
		slog.Duration("took", took), slog.Int("bytes", r.Writer.Size()), slog.String("request_id", r.id),
	}
	if r.who.Partner != nil {
		attrs = append(attrs, slog.String("partner", r.who.Partner.ID), slog.String("key", r.who.KeyID))
	}
	if r.code != "" {
		attrs = append(attrs, slog.String("code", r.code))
	}
	if denial := denialOf(failure); denial != nil {
		attrs = append(attrs, slog.String("denied", denial.Code))
	}
	if r.certificate != nil {
		attrs = append(attrs, slog.String("certificate", r.certificate.ID))
	}
	if status >= 500 && failure != nil {
		attrs = append(attrs, slog.Any("error", failure))
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

// newRequestID is ours alone: one that a caller sends could hold anything, and would stand in the log.
func newRequestID() string {
	var random [8]byte
	var digits [16]byte
	binary.LittleEndian.PutUint64(random[:], rand.Uint64())
	hex.Encode(digits[:], random[:])
	return string(digits[:])
}

// json answers 200 with a value; for answers that are few.
func (r *request) json(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r.answer(http.StatusOK, jsonMedia, body)
	return nil
}
