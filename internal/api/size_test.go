package api

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// longest are the categories with the longest names, the longest first.
func longest(t testing.TB, h *hub) []fraud.Code {
	t.Helper()
	var codes []fraud.Code
	for code, name := range h.server.categories {
		if name != "" {
			codes = append(codes, fraud.Code(code))
		}
	}
	slices.SortFunc(codes, func(a, b fraud.Code) int {
		return len(h.server.categories[b]) - len(h.server.categories[a])
	})
	return codes
}

// TestNeitherSizeNorHeadTellsAHitFromAMiss asks the same number of indicators with every verdict among the answers, and
// sees what an eavesdropper on the encrypted connection does: lengths, and what surrounds the body.
func TestNeitherSizeNorHeadTellsAHitFromAMiss(t *testing.T) {
	h := newHub(t)
	digest := func(i int) indicator.Digest { return indicator.Digest{31: byte(i + 1)} }
	verdicts := []fraud.Verdict{{Status: fraud.NotListed, AnsweredBy: fraud.ByFilter, AsOf: now}, confirmed(),
		{Status: fraud.ClearedUp, AnsweredBy: fraud.ByIndex, AsOf: now},
		{Status: fraud.NotListed, AnsweredBy: fraud.ByIndex, AsOf: now},
		{Status: fraud.InDispute, Score: 7, Categories: []fraud.Code{2}, Reporters: 1, FirstReported: now,
			LastReported: now, Advice: fraud.Observe, AnsweredBy: fraud.ByIndex, AsOf: now}}
	widest := confirmed()
	widest.Score, widest.Reporters, widest.Categories = 100, 1000, longest(t, h)[:3]
	widest.Advice, widest.FirstReported = fraud.Observe, now.Add(-999*time.Hour)
	verdicts = append(verdicts, widest)
	for i, v := range verdicts {
		if v.Status != fraud.NotListed || v.AnsweredBy != fraud.ByFilter {
			h.listed[digest(i)] = v
		}
	}
	question := func(i int) string {
		return fmt.Sprintf(`{"type":"phone","epoch":2,"digest":"%s","grade":"prefix"}`, digest(i))
	}
	for _, way := range []struct {
		situation string
		ask       func(i int) ask
	}{
		{"one, by GET", func(i int) ask {
			d := digest(i)
			return ask{method: "GET", path: "/v1/lookup/phone/" + hex.EncodeToString(d[:]) + "?epoch=2&grade=prefix"}
		}},
		{"one, by POST", func(i int) ask { return lookup(`{"indicators":[` + question(i) + `]}`) }},
		{"fifty, all with the same verdict", func(i int) ask {
			return lookup(`{"indicators":[` + strings.Repeat(question(i)+",", 49) + question(i) + `]}`)
		}},
	} {
		t.Run(way.situation, func(t *testing.T) {
			type seen struct {
				Status, Length int
				Header         http.Header
			}
			var first seen
			for i := range verdicts {
				a := way.ask(i)
				a.key = "lookup"
				got := h.do(t, a)
				if !strings.Contains(got.Body, `"`+verdicts[i].Status.String()+`"`) {
					t.Fatalf("verdict %d: %s", i, got.Body)
				}
				header := maps.Clone(got.Header)
				if len(header.Get("X-Request-Id")) != 16 {
					t.Error("request ids differ in length")
				}
				delete(header, "X-Request-Id")
				now := seen{got.Status, len(got.Body), header}
				if i == 0 {
					first = now
				}
				if diff := cmp.Diff(first, now); diff != "" {
					t.Errorf("verdict %d is told from not_listed (-not_listed +it):\n%s", i, diff)
				}
			}
		})
	}
}

// A verdict with more than fits is as wide as two.
func TestAVerdictWithManyCategoriesTakesTheNextWidth(t *testing.T) {
	h := newHub(t)
	v := confirmed()
	for n, all := 0, longest(t, h); n < 12; n++ {
		v.Categories = all[:n]
		e := verdictEncoder{categories: h.server.categories}
		e.verdict(&v)
		if len(e.b)%resultWidth != 0 || n <= 3 && len(e.b) != resultWidth {
			t.Errorf("%d categories take %d bytes", n, len(e.b))
		}
	}
}

// TestWhatMayNotBeToldReadsLikeWhatIsUnknown: a listing that the asker may not see, or one that was taken back, is found
// in the index and answered as not listed.
func TestWhatMayNotBeToldReadsLikeWhatIsUnknown(t *testing.T) {
	encode := func(v fraud.Verdict) string {
		e := verdictEncoder{}
		e.verdict(&v)
		return string(e.b)
	}
	for _, status := range []fraud.Status{fraud.NotListed, fraud.Unsure} {
		unknown := encode(fraud.Verdict{Status: status, AnsweredBy: fraud.ByFilter, AsOf: now})
		if told := encode(fraud.Verdict{Status: status, AnsweredBy: fraud.ByIndex, AsOf: now}); told != unknown {
			t.Errorf("%s from the index reads\n%s\nand from the filter\n%s", status, told, unknown)
		}
	}
}
