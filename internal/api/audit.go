package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Trail is the audit: who did what.
type Trail interface {
	// AuditTrail reads it, the newest first.
	AuditTrail(ctx context.Context, q fraud.AuditQuery) ([]fraud.AuditRecord, error)
	// RecordActs adds to it and returns when what is added is durable.
	RecordActs(ctx context.Context, acts ...fraud.Act) error
}

// Bounds of one question about the audit.
const (
	maxAuditPage     = 1000
	maxAuditExport   = 10_000
	defaultAuditPage = 100
	defaultWindow    = 24 * time.Hour
	// What partners said is much, and repeats take a look at all of it; of one indicator and of operators there is little.
	maxWindow       = 31 * 24 * time.Hour
	maxRepeatWindow = 7 * 24 * time.Hour
	maxNarrowWindow = 366 * 24 * time.Hour
)

// auditRecord is a line of the audit in every format; its fields are the columns of CSV.
type auditRecord struct {
	Cursor     string    `json:"cursor"`
	At         string    `json:"at"`
	Kind       string    `json:"kind"`
	What       string    `json:"what"`
	By         string    `json:"by,omitzero"`
	Place      string    `json:"place,omitzero"`
	First      string    `json:"first,omitzero"`
	EventID    uuid.UUID `json:"event_id,omitzero"`
	Type       string    `json:"type,omitzero"`
	IssuedAt   string    `json:"issued_at,omitzero"`
	ID         uuid.UUID `json:"id,omitzero"`
	Key        string    `json:"key,omitzero"`
	Whom       string    `json:"whom,omitzero"`
	Object     string    `json:"object,omitzero"`
	Reason     string    `json:"reason,omitzero"`
	Done       *bool     `json:"done,omitzero"`
	Node       string    `json:"node,omitzero"`
	Calls      uint64    `json:"calls,omitzero"`
	Refused    uint64    `json:"refused,omitzero"`
	Indicators uint64    `json:"indicators,omitzero"`
	NotListed  uint64    `json:"not_listed,omitzero"`
	Cleared    uint64    `json:"cleared,omitzero"`
	Disputed   uint64    `json:"disputed,omitzero"`
	Suspected  uint64    `json:"suspected,omitzero"`
	Confirmed  uint64    `json:"confirmed,omitzero"`
	Unsure     uint64    `json:"unsure,omitzero"`
}

// audit answers GET /v1/audit.
func (s *Server) audit(r *request) error {
	q, format, err := s.auditQuery(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), adminLimit)
	defer cancel()
	if q.Digest != nil {
		if err := r.charge(1, []indicator.Digest{*q.Digest}); err != nil {
			return err
		}
	}
	// Before anything is told: what is taken away, and whose record is looked at, is audited too.
	if act, ok := auditAct(&q, format); ok {
		act.By, act.Key, act.At = r.who.Partner.ID, r.who.KeyID, s.now().UTC()
		if act.ID, err = uuid.NewV7(); err != nil {
			return err
		}
		if err := s.trail.RecordActs(ctx, act); err != nil {
			return err
		}
	}
	records, err := s.trail.AuditTrail(ctx, q)
	if err != nil {
		return err
	}
	lines := make([]auditRecord, len(records))
	for i := range records {
		lines[i] = auditRecordOf(&records[i])
	}
	switch format {
	case "ndjson":
		return r.auditLines(lines)
	case "csv":
		return r.auditTable(lines)
	}
	answer := struct {
		From    string        `json:"from"`
		To      string        `json:"to"`
		Records []auditRecord `json:"records"`
		Next    string        `json:"next,omitempty"`
	}{q.From.UTC().Format(timeFormat), q.To.UTC().Format(timeFormat), lines, ""}
	if len(lines) == q.Limit {
		answer.Next = lines[len(lines)-1].Cursor
	}
	return r.json(answer)
}

// auditAct is what the question itself leaves in the audit: never of which indicator it was.
func auditAct(q *fraud.AuditQuery, format string) (fraud.Act, bool) {
	act := fraud.Act{What: fraud.AuditExported, Object: format}
	switch {
	case q.Digest != nil:
		act.What, act.Object = fraud.IndicatorAudited, q.Type.String()
	case format == "json":
		return act, false
	}
	kinds := make([]string, len(q.Kinds))
	for i, k := range q.Kinds {
		kinds[i] = k.String()
	}
	act.Reason = fmt.Sprintf("%s to %s: %s %s", q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339),
		strings.Join(kinds, ","), strings.Join(q.What, ","))
	if q.Partner != "" {
		act.Reason += " of " + q.Partner
	}
	act.Reason = act.Reason[:min(len(act.Reason), maxReason)]
	return act, true
}

// auditQuery reads and bounds the question.
func (s *Server) auditQuery(r *request) (q fraud.AuditQuery, format string, err error) {
	format = "json"
	var (
		epoch  uint64
		digest string
	)
	err = r.query(func(name, value string) (bool, error) {
		switch name {
		case "kind":
			for word := range strings.SplitSeq(value, ",") {
				var k fraud.AuditKind
				if err := k.UnmarshalText([]byte(word)); err != nil {
					return true, oneOf(name, err)
				}
				if !slices.Contains(q.Kinds, k) {
					q.Kinds = append(q.Kinds, k)
				}
			}
		case "what":
			q.What = strings.Split(value, ",")
			for _, word := range q.What {
				if !slices.Contains(auditWords, word) {
					return true, refuseParameter(name, "is a list of kinds of event, reasons, deeds or classes of request")
				}
			}
		case "partner":
			if q.Partner = value; value == "" || len(value) > maxPartnerIDEver || strings.Trim(value, partnerLetters) != "" {
				return true, refuseParameter(name, "is the id of a partner")
			}
		case "from":
			return true, timeParameter(&q.From, name, value)
		case "to":
			return true, timeParameter(&q.To, name, value)
		case "type":
			return true, oneOf(name, q.Type.UnmarshalText([]byte(value)))
		case "digest":
			digest = value
		case "epoch":
			if epoch, err = strconv.ParseUint(value, 10, 16); err != nil || epoch == 0 {
				return true, refuseParameter(name, "is the key epoch of the digest: a whole number from 1")
			}
		case "cursor":
			var ok bool
			if q.Before, ok = parseAuditCursor(value); !ok {
				return true, refuseParameter(name, "is the cursor of a record")
			}
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > maxAuditExport {
				return true, refuseParameter(name, "is 1 to "+strconv.Itoa(maxAuditPage)+", and of an export to "+
					strconv.Itoa(maxAuditExport))
			}
		case "format":
			if format = value; value != "json" && value != "ndjson" && value != "csv" {
				return true, refuseParameter(name, "is json, ndjson or csv")
			}
		default:
			return false, nil
		}
		return true, nil
	})
	switch {
	case err != nil:
		return q, format, err
	case q.Limit == 0 && format == "json":
		q.Limit = defaultAuditPage
	case q.Limit == 0:
		q.Limit = maxAuditExport
	case q.Limit > maxAuditPage && format == "json":
		return q, format, refuseParameter("limit", "is 1 to "+strconv.Itoa(maxAuditPage)+": take format=ndjson for more")
	}
	if digest != "" || q.Type != 0 || epoch != 0 {
		if err := s.auditIndicator(r, &q, digest, uint16(epoch)); err != nil {
			return q, format, err
		}
	}
	if len(q.Kinds) == 0 {
		q.Kinds = []fraud.AuditKind{fraud.AuditEvent, fraud.AuditRefusal, fraud.AuditAct, fraud.AuditUsage}
		if q.Digest != nil {
			q.Kinds = []fraud.AuditKind{fraud.AuditEvent}
		}
	}
	return q, format, s.auditWindow(&q)
}

// auditIndicator reads about which indicator is asked: a right of authorities alone, whoever else operates the hub.
func (s *Server) auditIndicator(r *request, q *fraud.AuditQuery, digest string, epoch uint16) error {
	switch {
	case !r.who.Partner.Kind.Authority():
		return refuse("missing_scope", "only a regulator or the police may ask what was said of one indicator")
	case q.Type == 0:
		return refuseParameter("type", "is required with a digest")
	case epoch == 0:
		return refuseParameter("epoch", "is required with a digest: the key epoch at which it was made")
	}
	of, err := indicator.ParseDigest(digest)
	if err != nil {
		return refuseParameter("digest", indicator.ErrDigest.Error())
	}
	if of, err = s.keys.Lift(of, epoch); err != nil {
		return refuse("unknown_epoch", s.epochHint())
	}
	q.Digest = &of
	for _, k := range q.Kinds {
		if k != fraud.AuditEvent && k != fraud.AuditRepeat {
			return refuseParameter("kind", "is event or repeat where one indicator is asked about: nothing else tells of one")
		}
	}
	return nil
}

// auditWindow bounds the time.
func (s *Server) auditWindow(q *fraud.AuditQuery) error {
	if q.To.IsZero() {
		q.To = s.now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-defaultWindow)
	}
	limit := maxWindow
	switch {
	case slices.Contains(q.Kinds, fraud.AuditRepeat):
		limit = maxRepeatWindow
	case q.Digest != nil, !slices.Contains(q.Kinds, fraud.AuditEvent) && !slices.Contains(q.Kinds, fraud.AuditRefusal):
		limit = maxNarrowWindow
	}
	switch span := q.To.Sub(q.From); {
	case span <= 0:
		return refuseParameter("from", "must be before to")
	case q.From.Unix() < 0 || q.To.Unix() >= 1<<32:
		return refuseParameter("to", "lies in this century")
	case span > limit:
		days := strconv.Itoa(int(limit / (24 * time.Hour)))
		return refuseParameter("from", "lies "+days+" days before to at most, with these kinds")
	}
	return nil
}

// maxPartnerIDEver bounds an id in bytes; partner files may hold longer ones than are given today.
const (
	maxPartnerIDEver = 48
	partnerLetters   = "abcdefghijklmnopqrstuvwxyz0123456789.-"
)

// auditWords are those that What may be.
var auditWords = func() []string {
	words := append(fraud.Kinds(), fraud.RequestClasses()...)
	for _, reason := range fraud.Reasons() {
		words = append(words, string(reason))
	}
	for _, deed := range fraud.Deeds() {
		words = append(words, string(deed))
	}
	return words
}()

func auditCursor(p fraud.AuditPlace) string {
	return fmt.Sprintf("%d.%d.%d.%d", p.At.UnixMilli(), p.Kind, p.A, p.B)
}

func parseAuditCursor(text string) (p fraud.AuditPlace, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return p, false
	}
	var numbers [4]uint64
	for i, bits := range [4]int{43, 3, 64, 64} {
		n, err := strconv.ParseUint(parts[i], 10, bits)
		if err != nil {
			return p, false
		}
		numbers[i] = n
	}
	p.At, p.Kind = time.UnixMilli(int64(numbers[0])), fraud.AuditKind(numbers[1])
	p.A, p.B = numbers[2], numbers[3]
	return p, auditCursor(p) == text
}

func auditRecordOf(a *fraud.AuditRecord) auditRecord {
	line := auditRecord{Cursor: auditCursor(a.Place), At: a.At.UTC().Format(timeFormat), Kind: a.Kind.String(),
		What: a.What, By: a.By}
	place := func(p fraud.Position) string { return p.Place().String() + ":" + strconv.Itoa(int(p.Index)) }
	switch a.Kind {
	case fraud.AuditAct:
		line.ID, line.Key, line.Whom, line.Object, line.Reason = a.ID, a.Key, a.Whom, a.Object, a.Reason
		line.Done = &a.Done
	case fraud.AuditUsage:
		v := &a.Verdicts
		line.Node, line.Calls, line.Refused, line.Indicators = a.Node, a.Calls, a.Refused, v.Sum()
		line.NotListed, line.Cleared, line.Disputed = v[fraud.NotListed], v[fraud.ClearedUp], v[fraud.InDispute]
		line.Suspected, line.Confirmed, line.Unsure = v[fraud.Suspected], v[fraud.Confirmed], v[fraud.Unsure]
	default:
		line.Place, line.EventID = place(a.Position), a.EventID
		if a.Type.Valid() {
			line.Type = a.Type.String()
		}
		if !a.IssuedAt.IsZero() {
			line.IssuedAt = a.IssuedAt.UTC().Format(timeFormat)
		}
		if a.Kind == fraud.AuditRepeat {
			line.First = place(a.First)
		}
	}
	return line
}

var (
	ndjsonMedia = []string{"application/x-ndjson"}
	csvMedia    = []string{"text/csv; charset=utf-8"}
)

func (r *request) auditLines(lines []auditRecord) error {
	var out bytes.Buffer
	for i := range lines {
		if err := json.MarshalWrite(&out, &lines[i]); err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	r.answer(http.StatusOK, ndjsonMedia, out.Bytes())
	return nil
}

func (r *request) auditTable(lines []auditRecord) error {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"cursor", "at", "kind", "what", "by", "place", "first", "event_id", "type", "issued_at", "id",
		"key", "whom", "object", "reason", "done", "node", "calls", "refused", "indicators", "not_listed", "cleared", "disputed",
		"suspected", "confirmed", "unsure"})
	id := func(u uuid.UUID) string {
		if u == uuid.Nil {
			return ""
		}
		return u.String()
	}
	for i := range lines {
		l := &lines[i]
		done := ""
		if l.Done != nil {
			done = strconv.FormatBool(*l.Done)
		}
		row := []string{l.Cursor, l.At, l.Kind, l.What, l.By, l.Place, l.First, id(l.EventID), l.Type, l.IssuedAt, id(l.ID),
			l.Key, l.Whom, l.Object, l.Reason, done, l.Node}
		for _, n := range []uint64{l.Calls, l.Refused, l.Indicators, l.NotListed, l.Cleared, l.Disputed, l.Suspected,
			l.Confirmed, l.Unsure} {
			text := ""
			if l.Kind == fraud.AuditUsage.String() {
				text = strconv.FormatUint(n, 10)
			}
			row = append(row, text)
		}
		_ = w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	r.answer(http.StatusOK, csvMedia, out.Bytes())
	return nil
}
