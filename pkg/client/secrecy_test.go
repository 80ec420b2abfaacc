package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// vectorFile is a file of schemas/vectors that tells of one type.
type vectorFile struct {
	Type    indicator.Type `json:"type"`
	Vectors []struct {
		Raw       string `json:"raw"`
		Canonical string `json:"canonical"`
	} `json:"vectors"`
}

func loadVectors(t *testing.T) []vectorFile {
	t.Helper()
	var all []vectorFile
	for _, typ := range indicator.Types() {
		data, err := os.ReadFile(filepath.Join("../../schemas/vectors", typ.String()+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(data, &file); err != nil || file.Type != typ || len(file.Vectors) < 10 {
			t.Fatalf("%s: %d vectors, %v", typ, len(file.Vectors), err)
		}
		all = append(all, file)
	}
	return all
}

// digestsOnly is everything that a look-up may hold when there is a key ring.
type digestsOnly struct {
	Indicators []struct {
		fraud.Ref
		Grade indicator.Grade `json:"grade"`
	} `json:"indicators"`
}

// TestNoValueLeavesWithAKeyRing sends every vector, valid and not, and anything else that rapid thinks of. A body must
// decode into digests and closed vocabularies alone, in which there is no room for a value; and no error may hold one.
func TestNoValueLeavesWithAKeyRing(t *testing.T) {
	h := &hub{answer: func(s sent) reply {
		if s.target == "/v1/lookup" {
			return notListed(len(bodyOf[digestsOnly](t, s).Indicators))
		}
		return accepted(len(bodyOf[told](t, s).Events))
	}}
	c := h.client(t, client.WithKeyRing(testRing(t)), client.WithPatience(0))
	check := func(t rapid.TB, ctx context.Context, typ indicator.Type, raw, canonical string) {
		h.sent = h.sent[:0]
		_, err1 := c.LookupOne(ctx, client.Item{Type: typ, Value: indicator.Raw(raw)})
		_, err2 := c.Report(ctx, client.NewReport(typ, indicator.Raw(raw), "loan"))
		_, err3 := c.Report(ctx, client.NewWithdrawal(typ, indicator.Raw(raw)))
		for _, err := range []error{err1, err2, err3} {
			if err == nil || len(raw) <= 6 {
				continue
			}
			text := err.Error()
			if broken := new(client.ItemError); errors.As(err, &broken) {
				// The hint of a rule is a constant, whose example may be this very vector.
				text = strings.ReplaceAll(text, broken.Detail, "")
			}
			if strings.Contains(text, raw) {
				t.Errorf("%s: an error holds the value: %v", typ, err)
			}
		}
		for _, s := range h.sent {
			for _, secret := range []string{raw, canonical} {
				// Shorter ones stand in any text by chance.
				if len(secret) > 6 && (strings.Contains(s.body, secret) || strings.Contains(s.target, secret)) {
					t.Errorf("%s: a value left: %s", typ, s.body)
				}
			}
		}
	}
	sentSome := 0
	for _, file := range loadVectors(t) {
		for _, v := range file.Vectors {
			check(t, t.Context(), file.Type, v.Raw, v.Canonical)
			sentSome += len(h.sent)
		}
	}
	if sentSome < 500 {
		t.Errorf("only %d requests: the vectors were not sent", sentSome)
	}
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(indicator.Types()).Draw(t, "type")
		check(t, t.Context(), typ, rapid.String().Draw(t, "raw"), "")
	})
}
