package api

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Bounds of what is kept for callers who repeat a request. What is pushed out costs little: a repeat is sent once more,
// with the same ids.
const (
	keepFor        = 24 * time.Hour
	maxRepeats     = 10_000
	maxRepeatBytes = 64 << 20
)

// idempotencyKey reads the header Idempotency-Key, "" for none.
func idempotencyKey(r *request) (string, error) {
	values := r.Request.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	ok := len(values) == 1 && len(key) >= 1 && len(key) <= 128
	for _, c := range []byte(key) {
		ok = ok && c > ' ' && c < 0x7f
	}
	if !ok {
		return "", refuseParameter("Idempotency-Key", "is one header of 1 to 128 visible ASCII characters, such as a UUID")
	}
	return key, nil
}

// repeats keeps the answers that were given under idempotency keys, the newest last.
type repeats struct {
	now func() time.Time

	mu    sync.Mutex
	known map[repeatKey]*list.Element // of *repeat
	order *list.List
	bytes int
}

type repeatKey struct {
	partner fraud.PartnerNumber
	key     string
}

// repeat is one request under an idempotency key: under way, or answered.
type repeat struct {
	all    *repeats
	key    repeatKey
	body   [sha256.Size]byte
	begun  time.Time
	answer []byte // nil while it is under way
}

func newRepeats(now func() time.Time) *repeats {
	return &repeats{now: now, known: map[repeatKey]*list.Element{}, order: list.New()}
}

// begin returns the answer that was given under the key before, or enters the request as under way: its end must be
// called.
func (rs *repeats) begin(partner fraud.PartnerNumber, key string, body [sha256.Size]byte) ([]byte, *repeat, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := rs.now()
	for first := rs.order.Front(); first != nil; first = rs.order.Front() {
		old := first.Value.(*repeat)
		if rs.order.Len() < maxRepeats && rs.bytes <= maxRepeatBytes && now.Sub(old.begun) < keepFor {
			break
		}
		rs.remove(first)
	}
	k := repeatKey{partner, key}
	if found, ok := rs.known[k]; ok {
		switch before := found.Value.(*repeat); {
		case before.body != body:
			p := refuse("idempotency_key_reused", "this key was used for another body: a new request needs a new key")
			p.Parameter = "Idempotency-Key"
			return nil, nil, p
		case before.answer == nil:
			p := refuse("idempotency_key_in_use", "the same request is under way: ask again for its answer")
			p.Parameter, p.retryAfter = "Idempotency-Key", "1"
			return nil, nil, p
		default:
			return before.answer, nil, nil
		}
	}
	r := &repeat{all: rs, key: k, body: body, begun: now}
	rs.known[k] = rs.order.PushBack(r)
	return nil, r, nil
}

// keep enters the answer.
func (r *repeat) keep(answer []byte) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.answer = bytes.Clone(answer)
	if e, ok := r.all.known[r.key]; ok && e.Value == r {
		r.all.bytes += len(answer)
	}
}

// end forgets a request that ended without an answer to keep: the caller may try again, and mend the body.
func (r *repeat) end() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if e, ok := r.all.known[r.key]; ok && e.Value == r && r.answer == nil {
		r.all.remove(e)
	}
}

func (rs *repeats) remove(e *list.Element) {
	r := rs.order.Remove(e).(*repeat)
	delete(rs.known, r.key)
	rs.bytes -= len(r.answer)
}
