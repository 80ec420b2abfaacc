package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/go-json-experiment/json"
)

// maxAnswer bounds what is read of one answer, in bytes: far more than 1,000 results take.
const maxAnswer = 16 << 20

// minPause is the first pause between tries. A hub that asks for less gets the growing pauses instead, so that no
// answer can make a client hammer it.
const minPause = 100 * time.Millisecond

// request is one HTTP request as it is sent on every try: the body is made once.
type request struct {
	method, path string
	query        url.Values
	contentType  string
	body         []byte
	// idempotency is the Idempotency-Key, "" for what may be repeated anyway.
	idempotency string
	// ifMatch is the entity tag that a change is for, "" for none.
	ifMatch string
	// also is a status that carries an answer too, beside 200 to 299.
	also int
}

const (
	jsonType       = "application/json"
	mergePatchType = "application/merge-patch+json"
)

// call sends r until it is answered or the client's patience ends, and decodes the answer into out.
func (c *Client) call(ctx context.Context, r request, out any) error {
	body, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	// Members that are new to this client are let pass: a hub may be newer.
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not of the form that this client knows", r.method, r.path)
	}
	return nil
}

// send returns the body of the answer.
func (c *Client) send(ctx context.Context, r request) ([]byte, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = minPause
	pauses.Multiplier = 2
	pauses.MaxInterval = 5 * time.Second
	limit := backoff.WithMaxElapsedTime(c.patience)
	if c.patience <= 0 {
		limit = backoff.WithMaxTries(1)
	}
	tries := 0
	body, err := backoff.Retry(ctx, func() ([]byte, error) {
		tries++
		return c.try(ctx, r)
	}, backoff.WithBackOff(pauses), limit)
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return body, fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx))
	}
	err = backoff.AsRetryError(err).LastErr
	if tries > 1 {
		err = fmt.Errorf("gave up after %d tries: %w", tries, err)
	}
	return body, err
}

// try sends r once. Its error is permanent, or says when to try again, or is plainly temporary.
func (c *Client) try(ctx context.Context, r request) ([]byte, error) {
	target := c.server.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.idempotency != "" {
		req.Header.Set("Idempotency-Key", r.idempotency)
	}
	if r.ifMatch != "" {
		req.Header.Set("If-Match", r.ifMatch)
	}
	req.Header.Set("User-Agent", c.userAgent)
	answer, err := c.http.Do(req)
	if err != nil {
		if untrusted := new(tls.CertificateVerificationError); errors.As(err, &untrusted) || ctx.Err() != nil {
			return nil, backoff.Permanent(err)
		}
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: read the answer: %w", r.method, r.path, err)
	case len(body) > maxAnswer:
		return nil, backoff.Permanent(fmt.Errorf("%s %s: the answer is longer than %d bytes", r.method, r.path, maxAnswer))
	case answer.StatusCode >= 200 && answer.StatusCode < 300 || answer.StatusCode == r.also:
		return body, nil
	}
	problem := problemOf(answer, body)
	switch wait, asked := retryAfter(answer.Header, time.Now()); {
	case !problem.Temporary():
		return body, backoff.Permanent(problem)
	case asked && wait >= minPause:
		return body, backoff.RetryAfter(wait, problem)
	}
	return body, problem
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
