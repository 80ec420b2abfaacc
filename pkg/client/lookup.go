package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// MaxLookup is how many indicators one request holds at most. [Client.Lookup] splits what is more.
const MaxLookup = 1000

// Item is one indicator to ask about: a value, or digests that were made elsewhere.
type Item struct {
	Type indicator.Type
	// Value is the value as somebody typed it.
	Value indicator.Raw
	// Ref is asked about instead if its digest is set; its type is then the item's.
	Ref fraud.Ref
}

// Result is the hub's answer about one item.
type Result struct {
	Verdict fraud.Status `json:"verdict"`
	// KnownFraud is true for a confirmed listing alone.
	KnownFraud bool `json:"known_fraud"`
	// Score is 0 to 100.
	Score      uint8    `json:"score"`
	Categories []string `json:"categories"`
	// Reporters counts independent organisations.
	Reporters int `json:"reporters"`
	// FirstReported and LastReported span the standing listings, zero without any.
	FirstReported time.Time `json:"first_reported,omitzero"`
	LastReported  time.Time `json:"last_reported,omitzero"`
	// Advice is what one may do, 0 for nothing to do.
	Advice fraud.Advice `json:"advice,omitzero"`
	// Matched is the grade of the expression that decided, 0 when none did. A weak one may be somebody else's.
	Matched    indicator.Grade `json:"matched,omitzero"`
	AnsweredBy fraud.Stage     `json:"answered_by,omitzero"`
	// AsOf is the time up to which the hub knows every change.
	AsOf time.Time `json:"as_of,omitzero"`
	// Fault tells why there is no answer about this item; everything else is then zero.
	Fault *ItemError `json:"error,omitzero"`
}

// ItemError is the fault of one item or event of many. It never holds the value.
type ItemError struct {
	// Code is stable: the rule that a value broke ("phone/not_a_number") or the reason of a refusal ("protected").
	Code    string `json:"code"`
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail"`
}

func (e *ItemError) Error() string { return e.Detail + " (" + e.Code + ")" }

// itemError is the fault for which a value is not even sent.
func itemError(err error) *ItemError {
	if broken := new(indicator.Error); errors.As(err, &broken) {
		return &ItemError{Code: broken.Rule, Detail: broken.Hint}
	}
	return &ItemError{Code: "indicator", Detail: err.Error()}
}

// probe is an item on the wire.
type probe struct {
	Type   indicator.Type   `json:"type"`
	Value  string           `json:"value,omitempty"`
	Epoch  uint16           `json:"epoch,omitzero"`
	Digest indicator.Digest `json:"digest,omitzero"`
	// Grade is that of the digest; absent means exact.
	Grade indicator.Grade `json:"grade,omitzero"`
	Also  []fraud.Also    `json:"also,omitempty"`
}

// probeOf says an item in digests where the client can.
func (c *Client) probeOf(item Item) (probe, error) {
	switch ref := item.Ref; {
	case !ref.Digest.IsZero():
		t := ref.Type
		if t == 0 {
			t = item.Type
		}
		return probe{Type: t, Epoch: ref.Epoch, Digest: ref.Digest, Also: ref.Also}, nil
	case c.ring == nil:
		return probe{Type: item.Type, Value: string(item.Value)}, nil
	}
	in, err := indicator.Parse(item.Type, item.Value)
	if err != nil {
		return probe{}, err
	}
	ref := refTo(c.ring, in.Type, in.Lookup)
	p := probe{Type: ref.Type, Epoch: ref.Epoch, Digest: ref.Digest, Also: ref.Also}
	if grade := in.Lookup[0].Grade; grade != indicator.Exact {
		p.Grade = grade
	}
	return p, nil
}

// refTo digests expressions, the first of which is the indicator itself.
func refTo(ring *indicator.KeyRing, t indicator.Type, forms []indicator.Expression) fraud.Ref {
	ref := fraud.Ref{Type: t, Epoch: ring.Epoch(), Digest: ring.Digest(forms[0].Type, forms[0].Canonical)}
	for _, form := range forms[1:] {
		ref.Also = append(ref.Also, fraud.Also{Grade: form.Grade, Digest: ring.Digest(form.Type, form.Canonical)})
	}
	return ref
}

// LookupOne asks about one indicator. A value that breaks a rule of its type is an [*ItemError].
func (c *Client) LookupOne(ctx context.Context, item Item) (Result, error) {
	results, err := c.Lookup(ctx, []Item{item})
	if err != nil {
		return Result{}, err
	}
	if fault := results[0].Fault; fault != nil {
		return Result{}, fault
	}
	return results[0], nil
}

// Lookup asks about many indicators and returns a result for each, in order. A value that breaks a rule of its type
// is a result with a Fault, and the others are answered. An error means that nothing is known about any of them.
func (c *Client) Lookup(ctx context.Context, items []Item) ([]Result, error) {
	var (
		results = make([]Result, len(items))
		batch   lookupBatch
	)
	for i, item := range items {
		p, err := c.probeOf(item)
		if err != nil {
			results[i] = Result{Fault: itemError(err)}
			continue
		}
		text, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("look up: item %d: %w", i, err)
		}
		if batch.fullWith(text) {
			if err := c.lookup(ctx, &batch, results); err != nil {
				return nil, fmt.Errorf("look up: %w", err)
			}
		}
		batch.add(text, i)
	}
	if err := c.lookup(ctx, &batch, results); err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	return results, nil
}

// lookupBatch is one request as it grows.
type lookupBatch struct {
	Indicators []jsontext.Value `json:"indicators"`
	places     []int            // of each in the results
	bytes      int
}

// maxLookupBytes keeps the body below the hub's 256 KiB: a URL may have 48 digests.
const maxLookupBytes = 250 << 10

func (b *lookupBatch) fullWith(probe jsontext.Value) bool {
	return len(b.places) == MaxLookup || len(b.places) > 0 && b.bytes+len(probe) > maxLookupBytes
}

func (b *lookupBatch) add(probe jsontext.Value, place int) {
	b.Indicators, b.places = append(b.Indicators, probe), append(b.places, place)
	b.bytes += len(probe) + 1
}

// lookup sends the batch, fills its places in results and empties it.
func (c *Client) lookup(ctx context.Context, batch *lookupBatch, results []Result) error {
	if len(batch.places) == 0 {
		return nil
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	var answer struct {
		Results []Result `json:"results"`
	}
	question := request{method: http.MethodPost, path: "/v1/lookup", contentType: jsonType, body: body}
	if err := c.call(ctx, question, &answer); err != nil {
		return err
	}
	if len(answer.Results) != len(batch.places) {
		return fmt.Errorf("the hub answered %d of %d questions", len(answer.Results), len(batch.places))
	}
	for i, place := range batch.places {
		results[place] = answer.Results[i]
	}
	*batch = lookupBatch{}
	return nil
}
