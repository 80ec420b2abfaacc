package client

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// Problem is a refusal by the hub, in the form of RFC 9457. Find it with errors.As.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says in words what is wrong and what would be right.
	Detail string `json:"detail"`
	// Code is stable: "unauthorized", "too_many_requests". It is "http_<status>" where something other than the hub
	// answered, such as a proxy.
	Code string `json:"code"`
	// Pointer is the JSON Pointer of the field at fault.
	Pointer string `json:"pointer"`
	// Parameter is the query, path or header parameter at fault.
	Parameter string `json:"parameter"`
	// RequestID finds this request in the hub's logs.
	RequestID string `json:"request_id"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the hub answered %d: ", p.Status)
	switch {
	case p.Detail != "":
		b.WriteString(p.Detail)
	default:
		b.WriteString(p.Title)
	}
	b.WriteString(" (" + p.Code)
	if p.Pointer != "" {
		b.WriteString(" at " + p.Pointer)
	}
	if p.Parameter != "" {
		b.WriteString(" in " + p.Parameter)
	}
	if p.RequestID != "" {
		b.WriteString(", request " + p.RequestID)
	}
	return b.String() + ")"
}

// Temporary reports whether the same request may succeed later.
func (p *Problem) Temporary() bool {
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return p.Code == codeInUse
}

// codeInUse is a 409: an earlier try of the same request is under way still, and its answer can be had later.
const codeInUse = "idempotency_key_in_use"

// problemOf reads a refusal. The body of what is no problem document is left out: it is not ours to show.
func problemOf(answer *http.Response, body []byte) *Problem {
	p := &Problem{}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if media != "application/problem+json" || json.Unmarshal(body, p) != nil || p.Code == "" {
		p = &Problem{Code: fmt.Sprintf("http_%d", answer.StatusCode), Title: http.StatusText(answer.StatusCode)}
		switch {
		case answer.StatusCode >= 300 && answer.StatusCode < 400:
			p.Detail = "it sends the client elsewhere, which is not followed; see that the address is the hub's own"
		default:
			p.Detail = "something other than the hub seems to have answered; see that the address is the hub's"
		}
	}
	p.Status = answer.StatusCode
	if p.RequestID == "" {
		p.RequestID = answer.Header.Get("X-Request-Id")
	}
	return p
}
