package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// fakeBoards remembers what it was asked.
type fakeBoards struct {
	who      string
	from, to time.Time
	evidence fraud.EvidenceQuestion
	err      error
}

func (f *fakeBoards) Platforms(_ context.Context, who *fraud.Identity, from, to time.Time) (fraud.PlatformBoard, error) {
	f.who, f.from, f.to = who.Partner.ID, from, to
	score := fraud.PlatformScore{Platform: "facebook", Signals: 5, Withdrawn: 1, Open: 2, Overdue: 1, Median: 90 * time.Minute,
		P90: 3 * time.Hour, Declared: 1, DeclaredMedian: -time.Hour}
	score.Acted[0], score.Acted[fraud.Blocked], score.OverdueBy[1] = 2, 2, 1
	return fraud.PlatformBoard{From: now, To: now.Add(time.Hour), AsOf: now, Overdue: 24 * time.Hour,
		Rows:  []fraud.PlatformRow{{PlatformScore: score, RunBy: []string{"agora"}}, {PlatformScore: fraud.PlatformScore{Platform: "x"}}},
		Peers: &fraud.PlatformPeers{Organisations: 6, Share: 0.5, Median: time.Hour}}, f.err
}

func (f *fakeBoards) Partners(_ context.Context, who *fraud.Identity, from, to time.Time) (fraud.PartnerBoard, error) {
	f.who, f.from, f.to = who.Partner.ID, from, to
	return fraud.PartnerBoard{From: now, To: now.Add(time.Hour), AsOf: now, Rows: []fraud.PartnerRow{{ID: "alpha",
		Kind: fraud.Bank, PartnerScore: fraud.PartnerScore{Reports: 9, Indicators: 8, First: 4, Led: 2, Lead: time.Hour,
			Shared: 3, Confirmed: 2, Withdrawn: 1, Cleared: 1, Actions: 7, Lookups: 6, Asked: 60, Hits: 5, Retracted: 1,
			Clears: 2, Disputes: 3, Upheld: 4}}},
		Peers: &fraud.PartnerPeers{Partners: 5, Reports: 3, FirstShare: 0.5}}, f.err
}

func (f *fakeBoards) Evidence(_ context.Context, q fraud.EvidenceQuestion) ([]byte, string, error) {
	f.evidence = q
	return []byte("evidence"), "default-src 'none'", f.err
}

func TestBoardsTellWhatTheyAreGiven(t *testing.T) {
	h := newHub(t, watchdog)
	got := h.do(t, ask{method: "GET", path: "/v1/scoreboards/platforms?from=2026-10-01T00:00:00%2B08:00"})
	for _, part := range []string{`"platform":"facebook"`, `"run_by":["agora"]`, `"signals":5`, `"acted":2`, `"blocked":2`,
		`"removed":0`, `"share_acted":0.5`, `"median_hours":1.5`, `"p90_hours":3`, `"declared_median_hours":-1`, `"withdrawn":1`,
		`"open":2`, `"overdue":1`, `"3_to_7_days":1`, `"overdue_after_hours":24`, `"organisations":6`, `"run_by":[]`} {
		if !strings.Contains(got.Body, part) {
			t.Errorf("platforms: no %s in %s", part, got.Body)
		}
	}
	if want := time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC); !h.boards.from.Equal(want) || !h.boards.to.IsZero() {
		t.Errorf("asked from %v to %v", h.boards.from, h.boards.to)
	}
	got = h.do(t, ask{method: "GET", path: "/v1/scoreboards/partners"})
	for _, part := range []string{`"partner":"alpha","kind":"bank"`, `"reports":9,"indicators":8,"first":4,"followed":2,` +
		`"median_lead_hours":1,"shared":3,"confirmed":2,"later_withdrawn":1,"later_cleared":1`,
		`"taken":{"lookups":6,"indicators":60,"hits":5,"actions":7}`,
		`{"withdrawals":1,"clears":2,"disputes":3,"upheld":4}`, `"share_first":0.5`} {
		if !strings.Contains(got.Body, part) {
			t.Errorf("partners: no %s in %s", part, got.Body)
		}
	}
	h.boards.err = fraud.Refuse(fraud.ReasonSchema, "/from", "must be before to")
	for _, path := range []string{"/v1/scoreboards/platforms", "/v1/scoreboards/partners"} {
		if got := h.do(t, ask{method: "GET", path: path}); got.Status != 400 || !strings.Contains(got.Body, `"parameter":"from"`) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

// Taking the evidence is audited before it is told, and what cannot be audited is not told.
func TestEvidenceIsAudited(t *testing.T) {
	h := newHub(t, watchdog)
	for _, c := range []struct {
		situation, query, accept string
		want                     fraud.EvidenceQuestion
		media, reason            string
	}{
		{"a page", "?month=2026-10", "", fraud.EvidenceQuestion{Language: "en"}, "text/html", "2026-10"},
		{"in Malay, of one platform", "?month=2026-10&lang=ms&platform=facebook", "text/html",
			fraud.EvidenceQuestion{Language: "ms", Platform: "facebook"}, "text/html", "2026-10 facebook"},
		{"numbers, by the header", "?month=2026-10", "text/csv;q=1, */*", fraud.EvidenceQuestion{Language: "en", CSV: true}, "text/csv",
			"2026-10"},
		{"numbers, by the parameter", "?month=2026-10&format=csv", "", fraud.EvidenceQuestion{Language: "en", CSV: true}, "text/csv",
			"2026-10"},
		{"the parameter over the header", "?month=2026-10&format=html", "text/csv", fraud.EvidenceQuestion{Language: "en"}, "text/html",
			"2026-10"},
	} {
		h.recorded = nil
		a := ask{method: "GET", path: "/v1/reports/evidence" + c.query}
		if c.accept != "" {
			a.header = map[string]string{"Accept": c.accept}
		}
		got := h.do(t, a)
		if got.Status != 200 || got.Body != "evidence" || !strings.HasPrefix(got.Header.Get("Content-Type"), c.media) {
			t.Errorf("%s: %d %s %s", c.situation, got.Status, got.Header.Get("Content-Type"), got.Body)
		}
		c.want.Month = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		if diff := cmp.Diff(c.want, h.boards.evidence, cmpopts.IgnoreFields(fraud.EvidenceQuestion{}, "By")); diff != "" {
			t.Errorf("%s: %s", c.situation, diff)
		}
		if len(h.recorded) != 1 || h.recorded[0].What != fraud.EvidenceExported || h.recorded[0].Reason != c.reason {
			t.Errorf("%s: audited as %+v", c.situation, h.recorded)
		}
		if c.media == "text/html" && got.Header.Get("Content-Security-Policy") != "default-src 'none'" {
			t.Errorf("%s: policy %q", c.situation, got.Header.Get("Content-Security-Policy"))
		}
	}
	for _, query := range []string{"", "?month=2026-13", "?month=10-2026", "?month=2026-10&platform=nowhere", "?month=2026-10&lang=fr",
		"?month=2026-10&format=pdf", "?month=2026-10&dry=1"} {
		if got := h.do(t, ask{method: "GET", path: "/v1/reports/evidence" + query, raw: true}); got.Status != 400 {
			t.Errorf("%q: %d", query, got.Status)
		}
	}
	h.storeErr = fraud.ErrUnavailable
	if got := h.do(t, ask{method: "GET", path: "/v1/reports/evidence?month=2026-10"}); got.Body == "evidence" {
		t.Error("told without being audited")
	}
}
