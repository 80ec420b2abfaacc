// Package boards tells what became of what was reported: what each platform did about what it was told and how fast,
// and who of the partners gives and takes. It cuts what the store counts to what the asker may see, and makes the
// evidence of a month that a regulator prints.
//
//	question ──whole days, bounds──▶ store: counts over the ledger ──▶ rows ──own or all──▶ board
//	month ──▶ both boards, whole ──▶ numbers (CSV) ──SHA-256, signed──▶ page in English or Malay
//
// A partner is told its own row, and the median of its kind where at least five are of it; regulators and the police,
// with the scope analyse, everything. What the numbers mean stands in pkg/fraud at [fraud.PlatformScore] and
// [fraud.PartnerScore], and on the page.
package boards

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Malaysia is the time zone of days and months.
var Malaysia = time.FixedZone("Asia/Kuala_Lumpur", 8*60*60)

// MaxDays is how many days one question may span: a year with room to compare.
const MaxDays = 400

const (
	day       = 24 * time.Hour
	usualDays = 30
)

// Store counts.
type Store interface {
	PlatformBoard(ctx context.Context, q fraud.BoardQuestion) ([]fraud.PlatformScore, error)
	PartnerBoard(ctx context.Context, q fraud.BoardQuestion) ([]fraud.PartnerScore, error)
}

// Registry knows the partners.
type Registry interface {
	Revisions() []fraud.PartnerRevision
}

// Signer signs the numbers of an evidence pack: it returns the id of its key.
type Signer func(message []byte) (key string, signature []byte)

// Config holds the settings of a Desk.
type Config struct {
	// Hub names the hub on its pages.
	Hub string
	// Overdue is the age at which an open signal is overdue.
	Overdue time.Duration
	Sign    Signer
}

// Desk answers questions about results.
type Desk struct {
	cfg      Config
	store    Store
	registry Registry
	now      func() time.Time
}

// NewDesk makes a Desk.
func NewDesk(cfg Config, store Store, registry Registry, now func() time.Time) *Desk {
	return &Desk{cfg, store, registry, now}
}

// seesAll reports whether somebody is told of everybody.
func seesAll(who *fraud.Identity) bool {
	return who.Partner.Kind.Authority() && who.Scopes.Has(fraud.MayAnalyse)
}

// question completes and bounds the time: zero leaves it to the desk. A fault's pointer is the parameter.
func (d *Desk) question(from, to time.Time) (q fraud.BoardQuestion, records []fraud.PartnerRevision, err error) {
	now := d.now()
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.AddDate(0, 0, -usualDays)
	}
	if !from.Before(to) {
		return q, nil, fraud.Refuse(fraud.ReasonSchema, "/from", "must be before to")
	}
	for pointer, at := range map[string]time.Time{"/from": from, "/to": to} {
		if year := at.Year(); year < 2000 || year > 2100 {
			return q, nil, fraud.Refuse(fraud.ReasonSchema, pointer, "must be in the years 2000 to 2100")
		}
	}
	from = midnight(from)
	if end := midnight(to); end.Before(to) {
		to = end.Add(day)
	} else {
		to = end
	}
	if days := to.Sub(from) / day; days > MaxDays {
		return q, nil, fraud.Refuse(fraud.ReasonSchema, "/from",
			fmt.Sprintf("%d days lie between from and to, and %d may: ask in parts", days, MaxDays))
	}
	records = d.registry.Revisions()
	partners := make([]fraud.Partner, len(records))
	for i := range records {
		partners[i] = records[i].Partner
	}
	return fraud.BoardQuestion{From: from, To: to, Now: now, Overdue: d.cfg.Overdue, Partners: partners}, records, nil
}

func midnight(t time.Time) time.Time {
	t = t.In(Malaysia)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, Malaysia)
}

// Platforms tells what became of the signals that began in the days from one time to another. Its error is a
// *fraud.Fault or the store's.
func (d *Desk) Platforms(ctx context.Context, who *fraud.Identity, from, to time.Time) (fraud.PlatformBoard, error) {
	q, records, err := d.question(from, to)
	if err != nil {
		return fraud.PlatformBoard{}, err
	}
	scores, err := d.store.PlatformBoard(ctx, q)
	if err != nil {
		return fraud.PlatformBoard{}, fmt.Errorf("boards: %w", err)
	}
	board := fraud.PlatformBoard{From: q.From, To: q.To, AsOf: q.Now, Overdue: q.Overdue}
	var (
		peers         []fraud.PlatformScore
		organisations = map[string]bool{}
	)
	for _, s := range scores {
		row := fraud.PlatformRow{PlatformScore: s}
		own, peer := seesAll(who), false
		for i := range records {
			r := &records[i]
			if !slices.Contains(r.Platforms, s.Platform) {
				continue
			}
			row.RunBy = append(row.RunBy, r.ID)
			own = own || r.Number == who.Partner.Number
			if r.Kind == who.Partner.Kind {
				organisations[r.Organisation], peer = true, true
			}
		}
		if peer {
			peers = append(peers, s)
		}
		if own {
			board.Rows = append(board.Rows, row)
		}
	}
	if !seesAll(who) { // who else runs the same platform is no business of one partner's
		for i := range board.Rows {
			board.Rows[i].RunBy = []string{who.Partner.ID}
		}
	}
	if len(organisations) >= fraud.LeastPeers {
		board.Peers = &fraud.PlatformPeers{
			Organisations: len(organisations),
			Share:         medianOf(peers, func(s *fraud.PlatformScore) float64 { return s.Share() }),
			Median:        time.Duration(medianOf(peers, func(s *fraud.PlatformScore) float64 { return float64(s.Median) })),
		}
	}
	return board, nil
}

// Partners tells what partners gave and took in the days from one time to another. Its error is a *fraud.Fault or the
// store's.
func (d *Desk) Partners(ctx context.Context, who *fraud.Identity, from, to time.Time) (fraud.PartnerBoard, error) {
	q, records, err := d.question(from, to)
	if err != nil {
		return fraud.PartnerBoard{}, err
	}
	scores, err := d.store.PartnerBoard(ctx, q)
	if err != nil {
		return fraud.PartnerBoard{}, fmt.Errorf("boards: %w", err)
	}
	board := fraud.PartnerBoard{From: q.From, To: q.To, AsOf: q.Now}
	var peers []fraud.PartnerScore
	for _, s := range scores {
		i := slices.IndexFunc(records, func(r fraud.PartnerRevision) bool { return r.Number == s.Partner })
		row := fraud.PartnerRow{PartnerScore: s, ID: fmt.Sprint(s.Partner)}
		if i >= 0 {
			row.ID, row.Kind = records[i].ID, records[i].Kind
		}
		if row.Kind == who.Partner.Kind {
			peers = append(peers, s)
		}
		if seesAll(who) || s.Partner == who.Partner.Number {
			board.Rows = append(board.Rows, row)
		}
	}
	if len(peers) >= fraud.LeastPeers {
		of := func(value func(*fraud.PartnerScore) float64) float64 { return medianOf(peers, value) }
		board.Peers = &fraud.PartnerPeers{
			Partners:    len(peers),
			Reports:     uint64(of(func(s *fraud.PartnerScore) float64 { return float64(s.Reports) })),
			Indicators:  uint64(of(func(s *fraud.PartnerScore) float64 { return float64(s.Indicators) })),
			Lookups:     uint64(of(func(s *fraud.PartnerScore) float64 { return float64(s.Lookups) })),
			FirstShare:  of(func(s *fraud.PartnerScore) float64 { return s.Share(s.First) }),
			SharedShare: of(func(s *fraud.PartnerScore) float64 { return s.Share(s.Shared) }),
			Confirmed:   of(func(s *fraud.PartnerScore) float64 { return s.Share(s.Confirmed) }),
		}
	}
	return board, nil
}

// medianOf is the middle value, the lower one of two.
func medianOf[S any](all []S, value func(*S) float64) float64 {
	values := make([]float64, len(all))
	for i := range all {
		values[i] = value(&all[i])
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
