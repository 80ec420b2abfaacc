package api

import (
	"encoding/binary"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The binary batch, version 1; integers are big-endian. The contract's description of POST /v1/lookup/batch is the
// same for other languages.
//
// The request is the digests of exact expressions, 32 bytes each, all of one epoch, which stands in the query.
// The answer:
//
//	 0  4  "WSPB"
//	 4  1  version, 1
//	 5  1  0
//	 6  2  the hub's key epoch
//	 8  4  n, the number of digests
//	12  4  h, the number of hits
//	16  8  as_of, Unix milliseconds; 0 while it is not known
//	24     bitmap of ceil(n/8) bytes: digest i is a hit when bit i%8, from the lowest, of byte i/8 is set
//	       then h hits of 24 bytes in the order of the digests:
//
//	 0  4  index of the digest
//	 4  1  verdict: 2 cleared, 3 disputed, 4 suspected, 5 confirmed, 6 unsure
//	 5  1  score, 0 to 100
//	 6  1  advice: 0 none, 1 observe, 2 warn, 3 hold, 4 block
//	 7  1  answered by: 0 none, 1 filter, 2 index
//	 8  2  reporters
//	10  6  up to three categories by their code in the taxonomy, the best supported first; 0 none
//	16  4  first reported, Unix seconds; 0 none
//	20  4  last reported, Unix seconds; 0 none
//
// A hit is every verdict but not_listed: what the node cannot know is a hit too, and never silently clean.
const (
	maxBatchBytes   = 4 << 20
	digestSize      = 32
	batchVersion    = 1
	batchHeaderSize = 24
	batchHitSize    = 24
)

// batchEncoder writes the answer to a batch: the head and the bitmap are there from the start, and hits are appended.
type batchEncoder struct {
	b    []byte
	hits uint32
}

func newBatchEncoder(b []byte, n int, epoch uint16) *batchEncoder {
	size := batchHeaderSize + (n+7)/8
	if cap(b) < size {
		b = make([]byte, size)
	}
	e := &batchEncoder{b: b[:size]}
	clear(e.b)
	copy(e.b, "WSPB")
	e.b[4] = batchVersion
	binary.BigEndian.PutUint16(e.b[6:], epoch)
	binary.BigEndian.PutUint32(e.b[8:], uint32(n))
	return e
}

func (e *batchEncoder) hit(i int, v *fraud.Verdict) {
	e.hits++
	e.b[batchHeaderSize+i/8] |= 1 << (i % 8)
	e.b = binary.BigEndian.AppendUint32(e.b, uint32(i))
	e.b = append(e.b, byte(v.Status), v.Score, byte(v.Advice), byte(v.AnsweredBy))
	e.b = binary.BigEndian.AppendUint16(e.b, uint16(min(v.Reporters, 1<<16-1)))
	for c := range 3 {
		var code fraud.Code
		if c < len(v.Categories) {
			code = v.Categories[c]
		}
		e.b = binary.BigEndian.AppendUint16(e.b, uint16(code))
	}
	e.b = binary.BigEndian.AppendUint32(e.b, uint32(fraud.SecondsOf(v.FirstReported)))
	e.b = binary.BigEndian.AppendUint32(e.b, uint32(fraud.SecondsOf(v.LastReported)))
}

func (e *batchEncoder) end(asOf time.Time) []byte {
	binary.BigEndian.PutUint32(e.b[12:], e.hits)
	if !asOf.IsZero() {
		binary.BigEndian.PutUint64(e.b[16:], uint64(asOf.UnixMilli()))
	}
	return e.b
}

// decodeBatch appends the digests of a body.
func decodeBatch(to []indicator.Digest, body []byte) ([]indicator.Digest, error) {
	if len(body) == 0 || len(body)%digestSize != 0 {
		return to, refuse("bad_batch", "a batch is one or more digests of 32 bytes each, and nothing else")
	}
	to = slices.Grow(to, len(body)/digestSize)
	for ; len(body) > 0; body = body[digestSize:] {
		to = append(to, indicator.Digest(body[:digestSize]))
	}
	return to, nil
}

// batchspace is the memory of one batch, reused by the next.
type batchspace struct {
	bulk
	answer []byte
}

var batchspaces = sync.Pool{New: func() any { return new(batchspace) }}

// lookupBatch answers POST /v1/lookup/batch.
func (s *Server) lookupBatch(r *request) error {
	k, err := s.queryKeyed(r, false)
	if err != nil {
		return err
	}
	body, release, err := r.body(maxBatchBytes, "application/octet-stream")
	if err != nil {
		return err
	}
	defer release()
	w := batchspaces.Get().(*batchspace)
	defer batchspaces.Put(w)
	if w.asked, err = decodeBatch(w.asked[:0], body); err != nil {
		return err
	}
	if k.epoch != s.keys.Epoch() {
		for i := range w.asked {
			if w.asked[i], err = s.keys.Lift(w.asked[i], k.epoch); err != nil {
				return refuse("unknown_epoch", s.epochHint())
			}
		}
	}
	if err := r.charge(len(w.asked), w.asked); err != nil {
		return err
	}
	w.lookUp(s.index, r.who.Partner)
	r.found(w.known, true)
	s.countBulk(r, &w.bulk)
	w.answer = s.encodeBatch(w)
	r.answer(http.StatusOK, octetMedia, w.answer)
	return nil
}

// encodeBatch writes the answer.
func (s *Server) encodeBatch(w *batchspace) []byte {
	e := newBatchEncoder(w.answer, len(w.statuses), s.keys.Epoch())
	hits := w.hits
	for i, status := range w.statuses {
		switch {
		case len(hits) > 0 && hits[0].index == i:
			e.hit(i, &hits[0].verdict)
			hits = hits[1:]
		case status != fraud.NotListed:
			e.hit(i, &fraud.Verdict{Status: status})
		}
	}
	return e.end(w.asOf)
}
