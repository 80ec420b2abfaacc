package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Boards tells what became of what was reported. What they refuse is a *fraud.Fault whose pointer is the parameter.
type Boards interface {
	// Platforms and Partners answer whoever asks with what it may see; zero times are left to them.
	Platforms(ctx context.Context, who *fraud.Identity, from, to time.Time) (fraud.PlatformBoard, error)
	Partners(ctx context.Context, who *fraud.Identity, from, to time.Time) (fraud.PartnerBoard, error)
	// Evidence makes the evidence of a month: a page of HTML, or CSV. policy is the page's Content-Security-Policy.
	Evidence(ctx context.Context, q fraud.EvidenceQuestion) (page []byte, policy string, err error)
}

// boardLimit is how long a board may take; the rest of the caller's patience is for the answer.
const boardLimit = 9 * time.Second

type platformBoard struct {
	From         string          `json:"from"`
	To           string          `json:"to"`
	AsOf         string          `json:"as_of"`
	OverdueAfter float64         `json:"overdue_after_hours"`
	Platforms    []platformRow   `json:"platforms"`
	Peers        *platformMedian `json:"peers,omitzero"`
}

type platformRow struct {
	Platform  string            `json:"platform"`
	RunBy     []string          `json:"run_by"`
	Signals   uint64            `json:"signals"`
	Acted     uint64            `json:"acted"`
	Actions   map[string]uint64 `json:"actions"`
	Share     float64           `json:"share_acted"`
	Median    *float64          `json:"median_hours,omitzero"`
	P90       *float64          `json:"p90_hours,omitzero"`
	Declared  uint64            `json:"declared"`
	Claimed   *float64          `json:"declared_median_hours,omitzero"`
	Withdrawn uint64            `json:"withdrawn"`
	Open      uint64            `json:"open"`
	Overdue   uint64            `json:"overdue"`
	OverdueBy overdueAges       `json:"overdue_by_age"`
}

type overdueAges struct {
	Under3  uint64 `json:"under_3_days"`
	Under7  uint64 `json:"3_to_7_days"`
	Under30 uint64 `json:"7_to_30_days"`
	Longer  uint64 `json:"over_30_days"`
}

type platformMedian struct {
	Organisations int     `json:"organisations"`
	Share         float64 `json:"share_acted"`
	Median        float64 `json:"median_hours"`
}

type partnerBoard struct {
	From     string         `json:"from"`
	To       string         `json:"to"`
	AsOf     string         `json:"as_of"`
	Partners []partnerRow   `json:"partners"`
	Peers    *partnerMedian `json:"peers,omitzero"`
}

type partnerRow struct {
	Partner string       `json:"partner"`
	Kind    string       `json:"kind"`
	Given   givenJSON    `json:"given"`
	Taken   takenJSON    `json:"taken"`
	Said    correctsJSON `json:"corrections"`
}

type givenJSON struct {
	Reports    uint64   `json:"reports"`
	Indicators uint64   `json:"indicators"`
	First      uint64   `json:"first"`
	Led        uint64   `json:"followed"`
	Lead       *float64 `json:"median_lead_hours,omitzero"`
	Shared     uint64   `json:"shared"`
	Confirmed  uint64   `json:"confirmed"`
	Withdrawn  uint64   `json:"later_withdrawn"`
	Cleared    uint64   `json:"later_cleared"`
}

type takenJSON struct {
	Lookups uint64 `json:"lookups"`
	Asked   uint64 `json:"indicators"`
	Hits    uint64 `json:"hits"`
	Actions uint64 `json:"actions"`
}

type correctsJSON struct {
	Withdrawals uint64 `json:"withdrawals"`
	Clears      uint64 `json:"clears"`
	Disputes    uint64 `json:"disputes"`
	Upheld      uint64 `json:"upheld"`
}

type partnerMedian struct {
	Partners    int     `json:"partners"`
	Reports     uint64  `json:"reports"`
	Indicators  uint64  `json:"indicators"`
	Lookups     uint64  `json:"lookups"`
	FirstShare  float64 `json:"share_first"`
	SharedShare float64 `json:"share_shared"`
	Confirmed   float64 `json:"share_confirmed"`
}

// hours is a time in hours, nil for one that there is none of.
func hours(d time.Duration, of uint64) *float64 {
	if of == 0 {
		return nil
	}
	h := d.Hours()
	return &h
}

// boardWindow reads ?from= and ?to=.
func (r *request) boardWindow() (from, to time.Time, err error) {
	return from, to, r.query(func(name, value string) (bool, error) {
		switch name {
		case "from":
			return true, timeParameter(&from, name, value)
		case "to":
			return true, timeParameter(&to, name, value)
		}
		return false, nil
	})
}

// refusedParameter turns a fault of a question into a refusal of its parameter.
func refusedParameter(err error) error {
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return refuseParameter(strings.TrimPrefix(fault.Pointer, "/"), fault.Hint)
	}
	return err
}

// platformBoard answers GET /v1/scoreboards/platforms.
func (s *Server) platformBoard(r *request) error {
	from, to, err := r.boardWindow()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), boardLimit)
	defer cancel()
	b, err := s.boards.Platforms(ctx, &r.who, from, to)
	if err != nil {
		return refusedParameter(err)
	}
	answer := platformBoard{local(b.From), local(b.To), b.AsOf.UTC().Format(timeFormat), b.Overdue.Hours(),
		make([]platformRow, len(b.Rows)), nil}
	for i := range b.Rows {
		p := &b.Rows[i]
		row := platformRow{Platform: p.Platform, RunBy: p.RunBy, Signals: p.Signals, Acted: p.Acted[0],
			Actions: map[string]uint64{}, Share: p.Share(), Median: hours(p.Median, p.Acted[0]),
			P90: hours(p.P90, p.Acted[0]), Declared: p.Declared, Claimed: hours(p.DeclaredMedian, p.Declared),
			Withdrawn: p.Withdrawn, Open: p.Open, Overdue: p.Overdue,
			OverdueBy: overdueAges{p.OverdueBy[0], p.OverdueBy[1], p.OverdueBy[2], p.OverdueBy[3]}}
		if row.RunBy == nil {
			row.RunBy = []string{}
		}
		for a := fraud.Removed; a <= fraud.Disagreed; a++ {
			row.Actions[a.String()] = p.Acted[a]
		}
		answer.Platforms[i] = row
	}
	if p := b.Peers; p != nil {
		answer.Peers = &platformMedian{p.Organisations, p.Share, p.Median.Hours()}
	}
	return r.json(answer)
}

// partnerBoard answers GET /v1/scoreboards/partners.
func (s *Server) partnerBoard(r *request) error {
	from, to, err := r.boardWindow()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), boardLimit)
	defer cancel()
	b, err := s.boards.Partners(ctx, &r.who, from, to)
	if err != nil {
		return refusedParameter(err)
	}
	answer := partnerBoard{local(b.From), local(b.To), b.AsOf.UTC().Format(timeFormat), make([]partnerRow, len(b.Rows)), nil}
	for i := range b.Rows {
		p := &b.Rows[i]
		answer.Partners[i] = partnerRow{p.ID, p.Kind.String(),
			givenJSON{p.Reports, p.Indicators, p.First, p.Led, hours(p.Lead, p.Led), p.Shared, p.Confirmed, p.Withdrawn,
				p.Cleared},
			takenJSON{p.Lookups, p.Asked, p.Hits, p.Actions}, correctsJSON{p.Retracted, p.Clears, p.Disputes, p.Upheld}}
	}
	if p := b.Peers; p != nil {
		m := partnerMedian(*p)
		answer.Peers = &m
	}
	return r.json(answer)
}

// evidence answers GET /v1/reports/evidence.
func (s *Server) evidence(r *request) error {
	q := fraud.EvidenceQuestion{Language: "en", By: r.who.Partner.ID}
	for _, media := range strings.Split(r.Request.Header.Get("Accept"), ",") {
		q.CSV = q.CSV || strings.TrimSpace(strings.SplitN(media, ";", 2)[0]) == "text/csv"
	}
	err := r.query(func(name, value string) (known bool, err error) {
		switch name {
		case "month":
			month, err := time.Parse("2006-01", value)
			if err != nil || month.Year() < 2000 || month.Year() > 2100 {
				return true, refuseParameter(name, "is a month like 2026-10")
			}
			q.Month = month
		case "platform":
			code, ok := s.screen.Taxonomy.Platform.Code(value)
			if !ok || code == 0 {
				return true, refuseParameter(name, "is a term of the platform taxonomy")
			}
			q.Platform = value
		case "lang":
			if q.Language = value; value != "en" && value != "ms" {
				return true, refuseParameter(name, "is en or ms")
			}
		case "format":
			if q.CSV = value == "csv"; !q.CSV && value != "html" {
				return true, refuseParameter(name, "is html or csv")
			}
		default:
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if q.Month.IsZero() {
		return refuseParameter("month", "is required: a month like 2026-10")
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), boardLimit)
	defer cancel()
	page, policy, err := s.boards.Evidence(ctx, q)
	if err != nil {
		return refusedParameter(err)
	}
	// Before anything is told: what is taken away is audited.
	format := "html"
	if q.CSV {
		format = "csv"
	}
	act := fraud.Act{What: fraud.EvidenceExported, By: r.who.Partner.ID, Key: r.who.KeyID, At: s.now().UTC(), Object: format,
		Reason: fmt.Sprintf("%s %s", q.Month.Format("2006-01"), q.Platform)}
	act.Reason = strings.TrimSpace(act.Reason)
	if act.ID, err = uuid.NewV7(); err != nil {
		return err
	}
	if err := s.trail.RecordActs(ctx, act); err != nil {
		return err
	}
	h := r.Writer.Header()
	name := "waspada-evidence-" + q.Month.Format("2006-01")
	if q.CSV {
		h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
		r.answer(200, csvMedia, page)
		return nil
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Disposition", `inline; filename="`+name+`.html"`)
	r.answer(200, htmlMedia, page)
	return nil
}

var htmlMedia = []string{"text/html; charset=utf-8"}
