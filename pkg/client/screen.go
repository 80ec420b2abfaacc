package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// MaxScreen is how many digests one request holds: 4 MiB. [Client.LookupDigests] splits what is more.
const MaxScreen = 4 << 20 / len(indicator.Digest{})

// Screening is the answer about a whole book of digests.
type Screening struct {
	// AsOf is the time up to which the hub knows every change, zero where it does not know.
	AsOf time.Time
	// Hits are the digests about which there is anything to say, in order; every other one is not listed.
	Hits []Hit
}

// Hit is the answer about one digest that is listed, cleared or disputed, or that the hub cannot know.
type Hit struct {
	// Index is the place of the digest in the question, from 0.
	Index   int
	Verdict fraud.Status
	// Score is 0 to 100.
	Score      uint8
	Advice     fraud.Advice
	AnsweredBy fraud.Stage
	Reporters  int
	// Categories are up to three, the best supported first, by their code in schemas/taxonomy/category.json.
	Categories []fraud.Code
	// FirstReported and LastReported have a precision of seconds; zero without a standing listing.
	FirstReported, LastReported time.Time
}

// KnownFraud is true for a confirmed listing alone.
func (h *Hit) KnownFraud() bool { return h.Verdict == fraud.Confirmed }

// LookupDigests asks about digests of the exact form that were made at one key epoch ([indicator.KeyRing.Epoch]): it
// screens a book of a million accounts in seconds. It knows nothing of the weaker forms that [Client.Lookup] tests.
func (c *Client) LookupDigests(ctx context.Context, epoch uint16, digests []indicator.Digest) (Screening, error) {
	var all Screening
	for start := 0; start < len(digests); start += MaxScreen {
		part := digests[start:min(start+MaxScreen, len(digests))]
		s, err := c.screen(ctx, epoch, part)
		if err != nil {
			return Screening{}, fmt.Errorf("look up digests: %w", err)
		}
		if start == 0 || s.AsOf.Before(all.AsOf) {
			all.AsOf = s.AsOf
		}
		for _, h := range s.Hits {
			h.Index += start
			all.Hits = append(all.Hits, h)
		}
	}
	return all, nil
}

func (c *Client) screen(ctx context.Context, epoch uint16, digests []indicator.Digest) (Screening, error) {
	body := make([]byte, 0, len(digests)*len(indicator.Digest{}))
	for i := range digests {
		body = append(body, digests[i][:]...)
	}
	answer, err := c.send(ctx, request{
		method: http.MethodPost, path: "/v1/lookup/batch", contentType: "application/octet-stream", body: body,
		query: url.Values{"epoch": {strconv.Itoa(int(epoch))}},
	})
	if err != nil {
		return Screening{}, err
	}
	return decodeScreening(answer, len(digests))
}

// The answer's form, as schemas/openapi/hub.v1.yaml describes it; integers are big-endian.
const (
	screenMagic   = "WSPB"
	screenVersion = 1
	screenHead    = 24 // magic, version, 0, epoch, digests, hits, as_of
	screenHit     = 24 // index, verdict, score, advice, stage, reporters, 3 categories, first, last
)

var errScreening = errors.New("the answer is not of the form that this client knows")

func decodeScreening(b []byte, digests int) (Screening, error) {
	bitmap := (digests + 7) / 8
	if len(b) < screenHead+bitmap || string(b[:4]) != screenMagic || b[4] != screenVersion ||
		int(binary.BigEndian.Uint32(b[8:])) != digests {
		return Screening{}, errScreening
	}
	hits := int(binary.BigEndian.Uint32(b[12:]))
	if hits > digests || len(b) != screenHead+bitmap+hits*screenHit {
		return Screening{}, errScreening
	}
	var s Screening
	if ms := binary.BigEndian.Uint64(b[16:]); ms != 0 {
		s.AsOf = time.UnixMilli(int64(ms)).UTC()
	}
	for h := b[screenHead+bitmap:]; len(h) > 0; h = h[screenHit:] {
		hit := Hit{
			Index: int(binary.BigEndian.Uint32(h)), Verdict: fraud.Status(h[4]), Score: h[5],
			Advice: fraud.Advice(h[6]), AnsweredBy: fraud.Stage(h[7]), Reporters: int(binary.BigEndian.Uint16(h[8:])),
			FirstReported: seconds(h[16:]), LastReported: seconds(h[20:]),
		}
		for i := 10; i < 16; i += 2 {
			if code := fraud.Code(binary.BigEndian.Uint16(h[i:])); code != 0 {
				hit.Categories = append(hit.Categories, code)
			}
		}
		if hit.Index >= digests || hit.Verdict.String() == "" {
			return Screening{}, errScreening
		}
		s.Hits = append(s.Hits, hit)
	}
	return s, nil
}

func seconds(b []byte) time.Time {
	if s := binary.BigEndian.Uint32(b); s != 0 {
		return time.Unix(int64(s), 0).UTC()
	}
	return time.Time{}
}
