package api

import (
	"io"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/time/rate"
)

// Most refusals are answered before the body is read. A caller that sends all of it before it reads would never see the
// answer, were its connection closed meanwhile: it would see that break. net/http reads up to 256 KiB of what is left and
// closes where there is more, so the rest of what any route takes is read here, and thrown away:
//
//	answer ──▶ hold ──▶ read what is left ──▶ the connection's next request
//	                └─▶ nothing left of what may be spent on that ──▶ the connection ends
//
// To refuse 10,000 digests costs 0.28 ms of CPU so, the caller's share included, and 0.51 ms where the caller has to connect
// again, without TLS. What reading costs in a storm is bounded all the same.
const (
	// readAnyway is net/http's maxPostHandlerReadBytes.
	readAnyway = 256 << 10
	// largestBody is what the route takes that takes most.
	largestBody = maxBatchBytes
	// unreadPerCPU is how many bytes of refused bodies are read each second for each CPU: some 4 % of its time.
	unreadPerCPU = 64 << 20
)

func newUnreadBudget() *rate.Limiter {
	perSecond := unreadPerCPU * runtime.GOMAXPROCS(0)
	return rate.NewLimiter(rate.Limit(perSecond), max(largestBody, perSecond/4))
}

// answerFirst lets a refusal go out before its body is read; readOn is then called after it.
func (r *request) answerFirst() {
	switch left := r.Request.ContentLength; {
	case r.read, left >= 0 && left <= readAnyway, left > largestBody:
		return
	case r.Request.Header.Get("Expect") != "": // its caller waits for a word before it sends a body, and hears this one
		return
	}
	r.unread = http.NewResponseController(r.Writer).EnableFullDuplex() == nil
}

// readOn reads the body of a request that was refused before, as long as a caller may take for it.
func (s *Server) readOn(r *request) {
	if !r.unread {
		return
	}
	r.Writer.Flush()
	left := r.Request.ContentLength
	if left < 0 {
		left = largestBody
	}
	if s.unread.AllowN(time.Now(), int(left)) {
		_, _ = io.CopyN(io.Discard, r.Request.Body, left)
	}
}
