package boards

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// country is five platforms of their own organisation, two of which run something, with three others.
type country struct {
	platforms []fraud.PlatformScore
	partners  []fraud.PartnerScore
	asked     fraud.BoardQuestion
	few       bool
}

func (c *country) Revisions() []fraud.PartnerRevision {
	record := func(n fraud.PartnerNumber, id, name string, kind fraud.PartnerKind, runs ...string) fraud.PartnerRevision {
		return fraud.PartnerRevision{PartnerRecord: fraud.PartnerRecord{Name: name, Platforms: runs,
			Partner: fraud.Partner{Number: n, ID: id, Kind: kind, Organisation: id, State: fraud.Active}}}
	}
	all := []fraud.PartnerRevision{
		record(1, "platform-wau", "Platform Wau", fraud.Platform, "facebook", "instagram"),
		record(2, "market-gasing", "Market Gasing", fraud.Platform, "shopee"),
		record(3, "bank-kenari", "Bank Kenari", fraud.Bank),
		record(4, "regulator-comms", "Communications <Regulator> & Co", fraud.Regulator),
		record(5, "chat-sepah", "Chat Sepah", fraud.Platform, "telegram"),
		record(6, "chat-lawi", "Chat Lawi", fraud.Platform, "whatsapp"),
		record(7, "video-pipit", "Video Pipit", fraud.Platform, "tiktok"),
	}
	if c.few {
		all[6].Platforms = nil
	}
	all[2].State = fraud.Active
	return all
}

func (c *country) PlatformBoard(_ context.Context, q fraud.BoardQuestion) ([]fraud.PlatformScore, error) {
	c.asked = q
	return slices.Clone(c.platforms), nil
}

func (c *country) PartnerBoard(_ context.Context, q fraud.BoardQuestion) ([]fraud.PartnerScore, error) {
	c.asked = q
	return slices.Clone(c.partners), nil
}

func score(platform string, removed, blocked, none, withdrawn, late uint64, median time.Duration) fraud.PlatformScore {
	s := fraud.PlatformScore{Platform: platform, Withdrawn: withdrawn, Open: late + 3, Overdue: late, Median: median,
		P90: 3 * median}
	s.Acted[fraud.Removed], s.Acted[fraud.Blocked], s.Acted[fraud.NoAction] = removed, blocked, none
	s.Acted[0] = removed + blocked + none
	s.OverdueBy = [4]uint64{late / 2, late / 4, 0, late - late/2 - late/4}
	s.Signals = s.Acted[0] + s.Withdrawn + s.Open
	if none > 0 {
		s.Declared, s.DeclaredMedian = none, median/2
	}
	return s
}

func newCountry() *country {
	return &country{
		platforms: []fraud.PlatformScore{
			score("facebook", 812, 240, 31, 44, 96, 5*time.Hour+20*time.Minute), score("instagram", 120, 17, 4, 9, 12, 9*time.Hour),
			score("tiktok", 0, 0, 0, 2, 40, 0), score("whatsapp", 61, 300, 0, 5, 0, 70*time.Minute),
			score("telegram", 3, 0, 12, 1, 211, 61*time.Hour), score("shopee", 99, 0, 1, 3, 2, 3*time.Hour),
			score("jobstreet", 0, 0, 0, 0, 17, 0),
		},
		partners: []fraud.PartnerScore{
			{Partner: 1, Reports: 420, Indicators: 400, First: 200, Led: 60, Lead: 4 * time.Hour, Shared: 90, Confirmed: 80,
				Withdrawn: 3, Cleared: 1, Actions: 1083, Retracted: 5, Lookups: 90_000, Asked: 1_400_000, Hits: 5200},
			{Partner: 3, Reports: 2210, Indicators: 2105, First: 1900, Led: 800, Lead: 31 * time.Hour, Shared: 900, Confirmed: 1100,
				Withdrawn: 14, Cleared: 9, Retracted: 16, Clears: 9, Disputes: 2, Lookups: 200, Asked: 40_000, Hits: 900},
			{Partner: 4, Upheld: 1, Reports: 12, Indicators: 12, First: 2, Confirmed: 12},
			{Partner: 2, Actions: 100}, {Partner: 5, Actions: 15}, {Partner: 6, Actions: 361}, {Partner: 7, Lookups: 4},
		},
	}
}

var signing = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func newDesk(c *country) *Desk {
	return NewDesk(Config{Hub: "waspada", Overdue: 24 * time.Hour,
		Sign: func(message []byte) (string, []byte) { return "gateway-1", ed25519.Sign(signing, message) },
	}, c, c, func() time.Time { return now })
}

func identity(number fraud.PartnerNumber, id string, kind fraud.PartnerKind, scopes fraud.Scope) *fraud.Identity {
	return &fraud.Identity{Partner: &fraud.Partner{Number: number, ID: id, Kind: kind}, Scopes: scopes}
}

// Who sees what, with what nobody else may see.
func TestBoardsShowEachItsOwn(t *testing.T) {
	c := newCountry()
	every := fraud.MayLookup | fraud.MayReport | fraud.MayAnalyse | fraud.MayAdmin
	for _, who := range []struct {
		situation           string
		who                 *fraud.Identity
		platforms, partners int
		peers               bool // for platforms
	}{
		{"a platform of two", identity(1, "platform-wau", fraud.Platform, fraud.MayLookup), 2, 1, true},
		{"a platform with every scope", identity(5, "chat-sepah", fraud.Platform, every), 1, 1, true},
		{"a bank", identity(3, "bank-kenari", fraud.Bank, every), 0, 1, false},
		{"nobody of the boards", identity(99, "new", fraud.Bank, every), 0, 0, false},
		{"a regulator without the scope", identity(4, "regulator-comms", fraud.Regulator, every&^fraud.MayAnalyse), 0, 1, false},
		{"a regulator", identity(4, "regulator-comms", fraud.Regulator, fraud.MayAnalyse), 7, 7, false},
		{"the police", identity(90, "police", fraud.Police, fraud.MayAnalyse), 7, 7, false},
	} {
		platforms, err := newDesk(c).Platforms(t.Context(), who.who, time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		partners, err := newDesk(c).Partners(t.Context(), who.who, time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if len(platforms.Rows) != who.platforms || len(partners.Rows) != who.partners {
			t.Errorf("%s sees %d platforms and %d partners", who.situation, len(platforms.Rows), len(partners.Rows))
		}
		if (platforms.Peers != nil) != who.peers || (partners.Peers != nil) != who.peers {
			t.Errorf("%s: peers %v and %v", who.situation, platforms.Peers, partners.Peers)
		}
		for _, row := range platforms.Rows {
			if who.platforms < 7 && !slices.Equal(row.RunBy, []string{who.who.Partner.ID}) {
				t.Errorf("%s sees %s of %v", who.situation, row.Platform, row.RunBy)
			}
		}
		for _, row := range partners.Rows {
			if who.partners < 7 && row.ID != who.who.Partner.ID {
				t.Errorf("%s sees %s", who.situation, row.ID)
			}
		}
	}
}

func TestAMedianOfFewIsNotTold(t *testing.T) {
	c := newCountry()
	c.few = true // four organisations run platforms
	c.partners = slices.DeleteFunc(c.partners, func(s fraud.PartnerScore) bool { return s.Partner == 7 })
	who := identity(1, "platform-wau", fraud.Platform, fraud.MayLookup)
	platforms, err := newDesk(c).Platforms(t.Context(), who, time.Time{}, time.Time{})
	if err != nil || platforms.Peers != nil {
		t.Errorf("%v %v", platforms.Peers, err)
	}
	partners, err := newDesk(c).Partners(t.Context(), who, time.Time{}, time.Time{})
	if err != nil || partners.Peers != nil {
		t.Errorf("%v %v", partners.Peers, err)
	}
}

func TestTheWindowIsOfWholeDaysAndBounded(t *testing.T) {
	c := newCountry()
	who := identity(4, "regulator-comms", fraud.Regulator, fraud.MayAnalyse)
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, w := range []struct{ situation, from, to, wantFrom, wantTo, fault string }{
		{"nothing said", "", "", "2026-10-23T00:00:00+08:00", "2026-11-23T00:00:00+08:00", ""},
		{"parts of days", "2026-10-01T15:59:00Z", "2026-10-02T16:00:01Z", "2026-10-01T00:00:00+08:00", "2026-10-04T00:00:00+08:00", ""},
		{"midnights", "2026-10-01T00:00:00+08:00", "2026-10-02T00:00:00+08:00", "2026-10-01T00:00:00+08:00",
			"2026-10-02T00:00:00+08:00", ""},
		{"the end first", "2026-10-02T00:00:00Z", "2026-10-01T00:00:00Z", "", "", "/from"},
		{"400 days", "2025-01-01T00:00:00+08:00", "2026-02-05T00:00:00+08:00", "2025-01-01T00:00:00+08:00",
			"2026-02-05T00:00:00+08:00", ""},
		{"401 days", "2025-01-01T00:00:00+08:00", "2026-02-05T00:00:01+08:00", "", "", "/from"},
		{"another age", "1066-10-14T00:00:00Z", "", "", "", "/from"},
	} {
		var from, to time.Time
		if w.from != "" {
			from = at(w.from)
		}
		if w.to != "" {
			to = at(w.to)
		}
		_, err := newDesk(c).Platforms(t.Context(), who, from, to)
		var fault *fraud.Fault
		if errors.As(err, &fault); w.fault != "" {
			if fault == nil || fault.Pointer != w.fault {
				t.Errorf("%s: %v", w.situation, err)
			}
			continue
		}
		if err != nil || !c.asked.From.Equal(at(w.wantFrom)) || !c.asked.To.Equal(at(w.wantTo)) {
			t.Errorf("%s: %v to %v, %v", w.situation, c.asked.From, c.asked.To, err)
		}
	}
}

func evidence(t *testing.T, q fraud.EvidenceQuestion) (page, policy string) {
	t.Helper()
	q.Month, q.By = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), "regulator-comms"
	got, policy, err := newDesk(newCountry()).Evidence(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return string(got), policy
}

func TestEvidenceIsAsReviewed(t *testing.T) {
	for file, q := range map[string]fraud.EvidenceQuestion{
		"evidence.en.html": {Language: "en"}, "evidence.ms.html": {Language: "ms"},
		"facebook.en.html": {Language: "en", Platform: "facebook"}, "evidence.csv": {CSV: true},
	} {
		got, _ := evidence(t, q)
		path := "testdata/" + file
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-golden +now; -update rewrites it):\n%s", file, diff)
		}
	}
}

// The hash in the page and in the CSV are of the same numbers, and the signature is the hub's.
func TestEvidenceProvesItself(t *testing.T) {
	csv, _ := evidence(t, fraud.EvidenceQuestion{CSV: true})
	page, _ := evidence(t, fraud.EvidenceQuestion{Language: "en"})
	numbers, seal, found := strings.Cut(csv, "seal,sha256,,")
	if !found {
		t.Fatal("no seal")
	}
	sum := sha256.Sum256([]byte(numbers))
	hash := hex.EncodeToString(sum[:])
	if !strings.HasPrefix(seal, hash) || !strings.Contains(page, hash) {
		t.Error("the hash is not that of the numbers")
	}
	_, text, _ := strings.Cut(strings.TrimSpace(seal), "seal,ed25519,gateway-1,")
	signature, err := base64.StdEncoding.DecodeString(text)
	public := signing.Public().(ed25519.PublicKey)
	if err != nil || !ed25519.Verify(public, []byte("waspada evidence v1\n"+hash), signature) {
		t.Error("the signature is not the hub's")
	}
}

// The page runs nothing and loads nothing, and its policy lets it.
func TestThePageIsInert(t *testing.T) {
	page, policy := evidence(t, fraud.EvidenceQuestion{Language: "ms"})
	if regexp.MustCompile(`(?i)<script|\son\w+=|https?:|url\(|@import|<img|<link|\sstyle=`).MatchString(page) {
		t.Error("something in the page runs or loads")
	}
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) ||
		!strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(page, "<Regulator>") {
		t.Error("a name is not escaped")
	}
}

func TestAMonthThatHasNotBegunIsRefused(t *testing.T) {
	_, _, err := newDesk(newCountry()).Evidence(t.Context(), fraud.EvidenceQuestion{Language: "en",
		Month: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
	var fault *fraud.Fault
	if !errors.As(err, &fault) || fault.Pointer != "/month" {
		t.Error(err)
	}
	page, _, err := newDesk(newCountry()).Evidence(t.Context(), fraud.EvidenceQuestion{Language: "en",
		Month: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil || !strings.Contains(string(page), "provisional") {
		t.Error("a month that is not over is not called so", err)
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	en, ms := slices.Sorted(maps.Keys(words["en"])), slices.Sorted(maps.Keys(words["ms"]))
	if diff := cmp.Diff(en, ms); diff != "" {
		t.Errorf("-en +ms\n%s", diff)
	}
	for _, name := range regexp.MustCompile(`\.T\.(\w+)`).FindAllStringSubmatch(pageText, -1) {
		if words["en"][name[1]] == "" {
			t.Errorf("the page says %q, and there are no words for it", name[1])
		}
	}
}
