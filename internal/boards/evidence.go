package boards

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// pack is the evidence of a month, before it is written.
type pack struct {
	hub, by    string
	month      time.Time
	from, to   time.Time
	asOf       time.Time
	overdue    time.Duration
	platform   string
	over       bool // the month is
	platforms  []fraud.PlatformRow
	partners   []participant
	takingPart int
}

// participant is a partner that takes part, with what it gave and took.
type participant struct {
	fraud.PartnerScore
	ID, Name string
	Kind     fraud.PartnerKind
	State    fraud.PartnerState
}

// Evidence makes the evidence of a month, whole: the caller must have the right to it. It returns the page, or the
// numbers alone as CSV, and the policy that the page keeps to. Its error is a *fraud.Fault or the store's.
func (d *Desk) Evidence(ctx context.Context, q fraud.EvidenceQuestion) (page []byte, policy string, err error) {
	from := time.Date(q.Month.Year(), q.Month.Month(), 1, 0, 0, 0, 0, Malaysia)
	now := d.now()
	if from.After(now) {
		return nil, "", fraud.Refuse(fraud.ReasonSchema, "/month", "has not begun")
	}
	asked, records, err := d.question(from, from.AddDate(0, 1, 0))
	if err != nil {
		return nil, "", err
	}
	p := pack{hub: d.cfg.Hub, by: q.By, month: from, from: asked.From, to: asked.To, asOf: now, overdue: asked.Overdue,
		platform: q.Platform, over: !now.Before(asked.To)}
	platforms, err := d.store.PlatformBoard(ctx, asked)
	if err != nil {
		return nil, "", fmt.Errorf("boards: %w", err)
	}
	partners, err := d.store.PartnerBoard(ctx, asked)
	if err != nil {
		return nil, "", fmt.Errorf("boards: %w", err)
	}
	for _, s := range platforms {
		if q.Platform != "" && s.Platform != q.Platform {
			continue
		}
		row := fraud.PlatformRow{PlatformScore: s}
		for i := range records {
			if slices.Contains(records[i].Platforms, s.Platform) {
				row.RunBy = append(row.RunBy, records[i].ID)
			}
		}
		p.platforms = append(p.platforms, row)
	}
	for i := range records {
		r := &records[i]
		of := participant{ID: r.ID, Name: r.Name, Kind: r.Kind, State: r.State}
		if at := slices.IndexFunc(partners, func(s fraud.PartnerScore) bool { return s.Partner == r.Number }); at >= 0 {
			of.PartnerScore = partners[at]
			p.takingPart++
		}
		p.partners = append(p.partners, of)
	}
	numbers, err := p.numbers()
	if err != nil {
		return nil, "", fmt.Errorf("boards: %w", err)
	}
	seal := d.seal(numbers)
	if q.CSV {
		return append(numbers, seal.lines()...), "", nil
	}
	page, err = p.page(q.Language, numbers, seal)
	if err != nil {
		return nil, "", fmt.Errorf("boards: %w", err)
	}
	return page, pagePolicy, nil
}

// seal proves that numbers are the hub's.
type seal struct{ hash, key, signature string }

// sealedAs begins what is signed, so that the signature is good for nothing else.
const sealedAs = "waspada evidence v1\n"

func (d *Desk) seal(numbers []byte) seal {
	sum := sha256.Sum256(numbers)
	s := seal{hash: hex.EncodeToString(sum[:])}
	if d.cfg.Sign != nil {
		key, signature := d.cfg.Sign([]byte(sealedAs + s.hash))
		s.key, s.signature = key, base64.StdEncoding.EncodeToString(signature)
	}
	return s
}

// lines follow the numbers in CSV: the hash is over all bytes before them.
func (s seal) lines() string {
	return "seal,sha256,," + s.hash + "\nseal,ed25519," + s.key + "," + s.signature + "\n"
}

// numbers is everything that is counted, as CSV with a line for each number.
func (p *pack) numbers() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	line := func(section, subject, measure string, value any) {
		text := fmt.Sprint(value)
		if f, ok := value.(float64); ok {
			text = strconv.FormatFloat(f, 'f', 3, 64)
		}
		_ = w.Write([]string{section, subject, measure, text}) // Error tells
	}
	line("section", "subject", "measure", "value")
	line("pack", p.hub, "month", p.month.Format("2006-01"))
	line("pack", p.hub, "from", p.from.Format(time.RFC3339))
	line("pack", p.hub, "to", p.to.Format(time.RFC3339))
	line("pack", p.hub, "as_of", p.asOf.In(Malaysia).Format(time.RFC3339))
	line("pack", p.hub, "month_is_over", p.over)
	line("pack", p.hub, "overdue_after_hours", p.overdue.Hours())
	if p.platform != "" {
		line("pack", p.hub, "platform", p.platform)
	}
	for i := range p.platforms {
		s := &p.platforms[i]
		say := func(measure string, value any) { line("platform", s.Platform, measure, value) }
		say("run_by", strings.Join(s.RunBy, " "))
		say("signals", s.Signals)
		say("acted", s.Acted[0])
		for a := fraud.Removed; a <= fraud.Disagreed; a++ {
			say("acted_"+a.String(), s.Acted[a])
		}
		say("share_acted", s.Share())
		if s.Acted[0] > 0 {
			say("median_hours", s.Median.Hours())
			say("p90_hours", s.P90.Hours())
		}
		say("declared", s.Declared)
		if s.Declared > 0 {
			say("declared_median_hours", s.DeclaredMedian.Hours())
		}
		say("withdrawn", s.Withdrawn)
		say("open", s.Open)
		say("overdue", s.Overdue)
		for i, name := range []string{"under_3_days", "3_to_7_days", "7_to_30_days", "over_30_days"} {
			say("overdue_"+name, s.OverdueBy[i])
		}
	}
	for i := range p.partners {
		s := &p.partners[i]
		say := func(measure string, value any) { line("partner", s.ID, measure, value) }
		say("kind", s.Kind.String())
		say("state", s.State.String())
		say("reports", s.Reports)
		say("indicators", s.Indicators)
		say("first", s.First)
		say("followed", s.Led)
		if s.Led > 0 {
			say("median_lead_hours", s.Lead.Hours())
		}
		say("shared", s.Shared)
		say("confirmed", s.Confirmed)
		say("later_withdrawn", s.Withdrawn)
		say("later_cleared", s.Cleared)
		say("withdrawals", s.Retracted)
		say("clears", s.Clears)
		say("disputes", s.Disputes)
		say("upheld", s.Upheld)
		say("actions", s.Actions)
		say("lookups", s.Lookups)
		say("lookup_indicators", s.Asked)
		say("lookup_hits", s.Hits)
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

//go:embed evidence.html
var pageText string

//go:embed evidence.css
var pageStyle string

var (
	pageTemplate = template.Must(template.New("evidence").
			Funcs(template.FuncMap{"n": thousands}).Parse(pageText))
	// pagePolicy lets the page's own style in and nothing else: no script, no address.
	pagePolicy = func() string {
		sum := sha256.Sum256([]byte(pageStyle))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
	platforms = func() *fraud.Vocabulary {
		t, err := fraud.LoadTaxonomy(schemas.Taxonomy())
		if err != nil {
			panic(err) // of an embedded file: a test loads it
		}
		return t.Platform
	}()
)

// page writes the page in a language.
func (p *pack) page(language string, numbers []byte, s seal) ([]byte, error) {
	t := words[language]
	title := func(name string) string {
		if title := platforms.Title(name, language); title != "" {
			return title
		}
		return name
	}
	type bar struct{ Acted, Withdrawn, Overdue int }
	type platformLine struct {
		fraud.PlatformRow
		Title, Who, ShareText, MedianText, P90Text, ClaimedText string
		Bar                                                     bar
	}
	type partnerLine struct {
		participant
		KindText, FirstText, LeadText, ConfirmedText string
	}
	v := struct {
		T                                        map[string]string
		Style                                    template.CSS
		Language, Hub, Month, From, To, AsOf, By string
		Only, Overdue                            string
		Over                                     bool
		Total                                    platformLine
		Platforms, Late                          []platformLine
		Partners                                 []partnerLine
		Sum                                      fraud.PartnerScore
		TakingPart                               int
		Numbers, Hash, Key, Signature, SealedAs  string
		Ages                                     []string
	}{
		T: t, Style: template.CSS(pageStyle), Language: language, Hub: p.hub, By: p.by, Over: p.over,
		Month: t["month"+strconv.Itoa(int(p.month.Month()))] + p.month.Format(" 2006"), From: date(t, p.from),
		To: date(t, p.to.Add(-time.Second)), AsOf: date(t, p.asOf.In(Malaysia)) + p.asOf.In(Malaysia).Format(" 15:04"),
		Overdue: strconv.FormatFloat(p.overdue.Hours(), 'f', -1, 64), TakingPart: p.takingPart, Numbers: string(numbers),
		Hash: s.hash, Key: s.key, Signature: s.signature, SealedAs: strings.TrimSpace(sealedAs),
	}
	if p.platform != "" {
		v.Only = title(p.platform)
	}
	fill := func(row fraud.PlatformRow) platformLine {
		l := platformLine{PlatformRow: row, Title: title(row.Platform), Who: strings.Join(row.RunBy, ", "), ShareText: "–",
			MedianText: "–", P90Text: "–", ClaimedText: "–"}
		if row.Signals > row.Withdrawn {
			l.ShareText = percent(row.Share())
		}
		if row.Acted[0] > 0 {
			l.MedianText, l.P90Text = inHours(row.Median), inHours(row.P90)
		}
		if row.Declared > 0 {
			l.ClaimedText = inHours(row.DeclaredMedian)
		}
		if n := float64(row.Signals); n > 0 {
			l.Bar = bar{int(100 * float64(row.Acted[0]) / n), int(100 * float64(row.Withdrawn) / n), int(100 * float64(row.Overdue) / n)}
		}
		return l
	}
	var total fraud.PlatformRow
	for _, row := range p.platforms {
		l := fill(row)
		v.Platforms = append(v.Platforms, l)
		if row.Overdue > 0 {
			v.Late = append(v.Late, l)
		}
		total.Signals += row.Signals
		total.Withdrawn += row.Withdrawn
		total.Open += row.Open
		total.Overdue += row.Overdue
		for i, n := range row.Acted {
			total.Acted[i] += n
		}
		for i, n := range row.OverdueBy {
			total.OverdueBy[i] += n
		}
	}
	slices.SortStableFunc(v.Platforms, func(a, b platformLine) int { return int(b.Signals) - int(a.Signals) })
	slices.SortStableFunc(v.Late, func(a, b platformLine) int { return int(b.Overdue) - int(a.Overdue) })
	v.Total = fill(total)
	for _, of := range p.partners {
		l := partnerLine{participant: of, KindText: t["kind_"+of.Kind.String()], FirstText: "–", LeadText: "–", ConfirmedText: "–"}
		if of.Indicators > 0 {
			l.FirstText, l.ConfirmedText = percent(of.Share(of.First)), percent(of.Share(of.Confirmed))
		}
		if of.Led > 0 {
			l.LeadText = inHours(of.Lead)
		}
		v.Partners = append(v.Partners, l)
		v.Sum.Reports += of.Reports
		v.Sum.Retracted += of.Retracted
		v.Sum.Clears += of.Clears
		v.Sum.Disputes += of.Disputes
		v.Sum.Upheld += of.Upheld
		v.Sum.Lookups += of.Lookups
		v.Sum.Asked += of.Asked
		v.Sum.Hits += of.Hits
		v.Sum.Withdrawn += of.Withdrawn
		v.Sum.Cleared += of.Cleared
		v.Sum.Indicators += of.Indicators
	}
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, v)
	return out.Bytes(), err
}

func date(t map[string]string, at time.Time) string {
	return strconv.Itoa(at.Day()) + " " + t["month"+strconv.Itoa(int(at.Month()))] + at.Format(" 2006")
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }

// thousands writes 1234567 as 1,234,567, in both languages.
func thousands(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// inHours is to a tenth of an hour, and below one to a hundredth.
func inHours(d time.Duration) string {
	if d.Abs() < time.Hour {
		return strconv.FormatFloat(d.Hours(), 'f', 2, 64)
	}
	return strconv.FormatFloat(d.Hours(), 'f', 1, 64)
}
