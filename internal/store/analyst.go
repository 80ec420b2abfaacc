package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // days are Malaysia's on machines without a time zone database, too

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// Analyst counts what many events say. Its questions are bounded: one that takes too much is a [fraud.Fault] that says so,
// and starves nobody else. Its methods may be called at once from several goroutines.
type Analyst struct {
	conn  driver.Conn
	words *fraud.Taxonomy
	few   int // events that are counted rather than estimated

	rights rights
}

// bounds are what one question may take. They stand in its text: the driver puts a limit of its own over those of the
// connection.
const bounds = " SETTINGS max_execution_time = 6, max_memory_usage = 1000000000, max_rows_to_read = 150000000, " +
	"max_bytes_before_external_group_by = 400000000"

// analystConns are few: questions of analysts wait for each other rather than for the ledger.
const analystConns = 4

// NewAnalyst makes an Analyst. It reaches nobody yet. deploy/clickhouse/analyst.sql says what the user needs; of a profile
// that is read-only, "readonly" must be 2, since each question sets its bounds.
func NewAnalyst(cfg Config) (*Analyst, error) {
	words, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	conn, err := cfg.open(cfg.Database, analystConns, readTimeout, nil)
	if err != nil {
		return nil, err
	}
	return &Analyst{conn: conn, words: words, few: fewEvents}, nil
}

// Close ends the connections.
func (a *Analyst) Close() error { return a.conn.Close() }

// Zone is where days and weeks begin. Its offset is of whole hours, as the roll-up's grain requires.
const Zone = "Asia/Kuala_Lumpur"

var zone = func() *time.Location {
	z, err := time.LoadLocation(Zone)
	if err != nil {
		panic("store: " + err.Error())
	}
	return z
}()

// Series counts events over time, exactly as a direct count over the ledger would at this moment, of what the asker may
// see. Only [fraud.IndicatorCount] is estimated, to about two per cent, where more than a hundred thousand events are in
// question: of windows, of days and weeks of which something was said in the last hour, and by kind of partner where one
// spoke whose kind is another since. Buckets without events are left out; lines are in the order of their keys and points
// in that of time. A value without a name in the taxonomy stands under its decimal code, and events of a partner that
// [Writer.PutPartners] never named under "".
//
// What a roll-up covers is counted from it. The ledger itself answers for hours of a platform, institution, region or
// band, for two dimensions at a time, and for a filter by another dimension than the one asked for, its partners or kinds.
//
// A question that makes no sense, or that takes too much, is a [fraud.Fault] with the parameter as pointer.
func (a *Analyst) Series(ctx context.Context, q fraud.SeriesQuestion) ([]fraud.Series, error) {
	if err := validate(q); err != nil {
		return nil, err
	}
	who, err := readWho(ctx, a.conn)
	if err != nil {
		return nil, err
	}
	p, err := a.plan(&q, who)
	if err != nil {
		return nil, err
	}
	cells, err := p.cells(ctx, a.conn, who)
	if err != nil {
		return nil, err
	}
	query := fmt.Sprintf("SELECT toUInt16(%s) AS k, toUInt16(%s) AS x, toInt64(toUnixTimestamp(%s)) AS b, toUInt64(%s) AS v, "+
		"toUInt64(%s) AS n FROM (%s) GROUP BY k, x, b HAVING v > 0 OR n > 0", p.key, p.across, p.bucket, p.value, p.behind, cells) + bounds
	name, nameAcross := a.names(q.By), a.names(q.Across)
	type line struct{ key, across string }
	counts := map[line]map[int64]fraud.Point{}
	err = each(ctx, a.conn, "read a series", query, func(rows driver.Rows) error {
		var (
			key, across uint16
			at          int64
			point       fraud.Point
		)
		if err := rows.Scan(&key, &across, &at, &point.Value, &point.Behind); err != nil {
			return err
		}
		l := line{name(key), nameAcross(across)}
		if counts[l] == nil {
			counts[l] = map[int64]fraud.Point{}
		}
		point.At = time.Unix(at, 0).UTC()
		counts[l][at] = point
		return nil
	})
	if err != nil {
		return nil, tooMuch(err)
	}
	all := make([]fraud.Series, 0, len(counts))
	for _, l := range slices.SortedFunc(maps.Keys(counts), func(a, b line) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.across, b.across))
	}) {
		s := fraud.Series{Key: l.key, Across: l.across}
		for _, at := range slices.Sorted(maps.Keys(counts[l])) {
			s.Points = append(s.Points, counts[l][at])
		}
		all = append(all, s)
	}
	return all, nil
}

// tooMuch turns the server's word that a question went over its bounds into a refusal.
func tooMuch(err error) error {
	const (
		tooManyRows, timeoutExceeded, tooSlow, memoryLimit, tooManyBytes, tooLarge = 158, 159, 160, 241, 307, 396
	)
	var refused *clickhouse.Exception
	if errors.As(err, &refused) {
		switch refused.Code {
		case tooManyRows, timeoutExceeded, tooSlow, memoryLimit, tooManyBytes, tooLarge:
			return fraud.Refuse(fraud.ReasonSchema, "/from", "the question takes more than a question may: ask for less time, "+
				"a wider bucket, or without the filter")
		}
	}
	return err
}

// plan is how a question is answered: the cells to count, and what of them.
type plan struct {
	q   *fraud.SeriesQuestion
	few int
	// within is the condition on the ledger's rows: what is asked for and may be seen; ofCells is the same on cells by days,
	// and days the time.
	within, ofCells, days      string
	ofSums, ofCounts           string          // what is asked for, of rows of sums and sketches, and of counts
	base                       fraud.Dimension // of the roll-up by days
	sums                       *sums           // that answer, if any do
	sumsBy                     fraud.Dimension
	byHours, byDays            bool
	united                     bool   // different indicators of days, weeks or a window
	key, across, bucket, value string // of the cells
	behind                     string
}

func (a *Analyst) plan(q *fraud.SeriesQuestion, who *who) (*plan, error) {
	p := &plan{q: q, few: a.few, days: " " + hours(q.From, q.To), base: q.By, across: "0"}
	p.within = visibleTo(q.Asker)
	if q.Metric == fraud.ReportCount || q.Metric == fraud.LossSum {
		p.within += " AND kind = 'report'"
	}
	p.ofCells = p.within
	p.ofSums = strings.TrimPrefix(p.within, visibleTo(q.Asker))
	p.sums, p.sumsBy = summed(q)
	if !slices.Contains(rolledBy, p.base) {
		p.base = fraud.ByType
		for _, d := range rolledBy { // that of the filter, where there is one
			if q.Only[d] != nil {
				p.base = d
			}
		}
	}
	p.byDays = q.Bucket != fraud.Hourly && q.Bucket != fraud.Span && q.Across == 0
	p.byHours = (q.Bucket == fraud.Hourly || q.Bucket == fraud.Span) && q.Across == 0 && inHours(q.By) && q.Metric != fraud.LossSum
	for _, d := range fraud.Dimensions() {
		if len(q.Only[d]) == 0 {
			continue
		}
		numbers, err := a.numbers(d, q.Only[d], who)
		if err != nil {
			return nil, err
		}
		if q.Metric == fraud.IndicatorCount {
			p.byDays = p.byDays && d == q.By // sketches know one dimension
		} else {
			p.byDays = p.byDays && (d == p.base || d == fraud.ByKind || d == fraud.ByPartnerKind)
		}
		p.byHours = p.byHours && inHours(d)
		in := " IN (" + list(numbers, number) + ")"
		if p.ofCounts = " AND k" + in; d == fraud.ByPartnerKind { // counts know the kind
			p.ofCounts = " AND k IN (" + list(who.kindsOf(numbers), number) + ")"
		}
		p.within += " AND " + keyOf[d] + in
		if d == p.sumsBy || q.Metric == fraud.IndicatorCount {
			p.ofSums += " AND key" + in
		} else {
			p.ofSums += " AND " + keyOf[d] + in
		}
		if d == p.base {
			p.ofCells += " AND key" + in
		} else {
			p.ofCells += " AND " + keyOf[d] + in
		}
	}
	p.byHours = p.byHours && q.Metric != fraud.IndicatorCount
	p.united = p.byDays && q.Metric == fraud.IndicatorCount
	p.bucket = map[fraud.Bucket]string{
		fraud.Hourly: "at",
		fraud.Daily:  "toStartOfDay(at, '" + Zone + "')",
		fraud.Weekly: "toDateTime(toStartOfWeek(at, 1, '" + Zone + "'), '" + Zone + "')",
		fraud.Window: fmt.Sprintf("toDateTime(%d, 'UTC')", q.From.Unix()),
		fraud.Span:   fmt.Sprintf("toDateTime(%d, 'UTC')", q.From.Unix()),
	}[q.Bucket]
	p.key = "key"
	if q.By == fraud.ByPartnerKind && !p.united {
		p.key = who.kinds("key")
	}
	if q.Across != 0 {
		p.across = "across"
		if q.Across == fraud.ByPartnerKind {
			p.across = who.kinds("across")
		}
	}
	switch q.Metric {
	case fraud.EventCount, fraud.ReportCount:
		p.value, p.behind = "sum(events)", "sum(events)"
	case fraud.LossSum:
		p.value, p.behind = "sum(losses)", "sum(with_loss)"
	case fraud.ReporterCount:
		p.value = "uniqExact(" + who.organisation("partner") + ")"
		if p.sums != nil {
			p.value = "uniqExactArray(arrayMap(p -> " + who.organisation("p") + ", reporters))"
		}
		p.behind = p.value
	case fraud.IndicatorCount:
		p.value = "uniqExact(digest)"
		if p.united {
			p.value = "sum(different)"
		}
		p.behind = p.value
	}
	return p, nil
}

// inHours reports whether the roll-up by hours has a dimension.
func inHours(d fraud.Dimension) bool {
	return d == fraud.ByType || d == fraud.ByCategory || d == fraud.ByPartnerKind || d == fraud.ByKind
}

// cells is a SELECT of at, key, across, partner and what the metric is made of.
func (p *plan) cells(ctx context.Context, conn driver.Conn, who *who) (string, error) {
	of := func(d fraud.Dimension) string {
		if d == 0 {
			return "0"
		}
		return keyOf[d]
	}
	if s := p.sums; s != nil {
		known, err := s.known(ctx, conn) // before the sums
		if err != nil {
			return "", err
		}
		stale, err := touchedBuckets(ctx, conn, s.bucket, known.recent(), p.days)
		if err != nil {
			return "", tooMuch(err)
		}
		text := s.text(p.q, p.sumsBy, p.ofSums, stale)
		if len(stale) == 0 {
			return text, nil
		}
		finer := *p
		finer.sums, finer.days = nil, " AND "+ofBuckets("hour", stale, s.step)
		live, err := finer.cells(ctx, conn, who)
		counts := "events, losses, with_loss"
		if p.q.Metric == fraud.ReporterCount {
			counts = "[partner] AS reporters"
		}
		return text + " UNION ALL SELECT at, key, " + counts + " FROM (" + live + ")", err
	}
	switch {
	case p.united:
		return p.different(ctx, conn, who)
	case p.byDays:
		rolled, err := readPlaces(ctx, conn, daysProgress) // before the counts: see liveCells
		if err != nil {
			return "", err
		}
		stale, err := touchedBuckets(ctx, conn, dayOf, rolled.recent(), p.days)
		if err != nil {
			return "", tooMuch(err)
		}
		key := "key"
		if p.q.By == fraud.ByKind || p.q.By == fraud.ByPartnerKind {
			key = keyOf[p.q.By]
		}
		return fmt.Sprintf("SELECT day AS at, %s AS key, partner, events, with_loss, losses FROM (%s)", key,
			liveDays(p.base, p.days, p.ofCells, rolled.recent(), stale)), nil
	case p.byHours:
		rolled, err := readPlaces(ctx, conn, cellsProgress)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("SELECT hour AS at, %s AS key, partner, events, 0 AS with_loss, 0 AS losses FROM (%s)",
			of(p.q.By), liveCells(p.days+p.within, rolled.recent())), nil
	case p.q.Metric == fraud.IndicatorCount:
		return fmt.Sprintf("SELECT hour AS at, %s AS key, %s AS across, digest FROM events WHERE digest != %s %s",
			of(p.q.By), of(p.q.Across), erasedDigest, p.days+p.within), nil
	}
	return fmt.Sprintf("SELECT hour AS at, %s AS key, %s AS across, kind, partner, %s, %s, %s FROM events WHERE 1 %s "+
		"GROUP BY at, key, across, kind, partner", of(p.q.By), of(p.q.Across), counted, withLoss, lossesAtLeast,
		p.days+p.within), nil
}

// who is who the numbers of partners are.
type who struct {
	numbers       []uint16
	kind          []uint16
	organisations []string
	of            []uint32 // number of the organisation, by which partners of one are told to be so
}

func readWho(ctx context.Context, conn driver.Conn) (*who, error) {
	w := &who{}
	organisations := map[string]uint32{}
	const query = "SELECT number, argMax(CAST(kind, 'Int8'), recorded), " +
		"argMax(if(organisation = '', id, organisation), recorded) FROM partners GROUP BY number ORDER BY number"
	err := each(ctx, conn, "read partners", query, func(rows driver.Rows) error {
		var (
			number       uint16
			kind         int8
			organisation string
		)
		if err := rows.Scan(&number, &kind, &organisation); err != nil {
			return err
		}
		if _, ok := organisations[organisation]; !ok {
			organisations[organisation] = uint32(1<<16 + len(organisations))
		}
		w.numbers, w.kind = append(w.numbers, number), append(w.kind, uint16(kind))
		w.organisations, w.of = append(w.organisations, organisation), append(w.of, organisations[organisation])
		return nil
	})
	return w, err
}

// kinds turns the number of a partner into that of its kind, 0 where it is not known.
func (w *who) kinds(partner string) string {
	return fmt.Sprintf("transform(%s, [0, %s]::Array(UInt16), [0, %s]::Array(UInt16), 0)", partner, list(w.numbers, number),
		list(w.kind, number))
}

// same are the numbers of a partner's organisation, its own first.
func (w *who) same(p *fraud.Partner) []uint16 {
	all := []uint16{uint16(p.Number)}
	for i, organisation := range w.organisations {
		if organisation == cmp.Or(p.Organisation, p.ID) {
			all = append(all, w.numbers[i])
		}
	}
	return all
}

// kindsOf are the kinds of some partners.
func (w *who) kindsOf(numbers []uint16) (all []uint16) {
	for i, n := range w.numbers {
		if slices.Contains(numbers, n) {
			all = append(all, w.kind[i])
		}
	}
	return all
}

// organisation turns the number of a partner into that of its organisation, itself where it is not known.
func (w *who) organisation(partner string) string {
	return fmt.Sprintf("transform(toUInt32(%s), [0, %s]::Array(UInt32), [0, %s]::Array(UInt32), toUInt32(%[1]s))", partner,
		list(w.numbers, number), list(w.of, number))
}

// numbers are those of the words that a filter names; of kinds of partners, those of the partners.
func (a *Analyst) numbers(d fraud.Dimension, words []string, who *who) (all []uint16, err error) {
	for _, word := range words {
		var (
			code fraud.Code
			ok   = true
		)
		switch d {
		case fraud.ByType:
			var t indicator.Type
			ok = t.UnmarshalText([]byte(word)) == nil
			code = fraud.Code(t)
		case fraud.ByKind:
			var k fraud.Kind
			ok = k.UnmarshalText([]byte(word)) == nil
			code = fraud.Code(k)
		case fraud.ByLossBand:
			var l fraud.LossBand
			ok = word == "" || l.UnmarshalText([]byte(word)) == nil
			code = fraud.Code(l)
		case fraud.ByPartnerKind:
			var k fraud.PartnerKind
			ok = k.UnmarshalText([]byte(word)) == nil
			for i, kind := range who.kind {
				if kind == uint16(k) {
					all = append(all, who.numbers[i])
				}
			}
		default:
			code, ok = a.vocabulary(d).Code(word)
		}
		if !ok {
			return nil, fraud.Refuse(fraud.ReasonSchema, "/"+d.String(), "is not a word of its vocabulary")
		}
		all = append(all, uint16(code))
	}
	return all, nil
}

func (a *Analyst) vocabulary(d fraud.Dimension) *fraud.Vocabulary {
	return map[fraud.Dimension]*fraud.Vocabulary{
		fraud.ByCategory: a.words.Category, fraud.ByPlatform: a.words.Platform,
		fraud.ByInstitution: a.words.Institution, fraud.ByRegion: a.words.Region,
	}[d]
}

// names turns the stored numbers of a dimension into keys.
func (a *Analyst) names(by fraud.Dimension) func(uint16) string {
	switch by {
	case 0:
		return func(uint16) string { return "" }
	case fraud.ByType:
		return func(n uint16) string { return indicator.Type(n).String() }
	case fraud.ByKind:
		return func(n uint16) string { return fraud.Kind(n).String() }
	case fraud.ByLossBand:
		return func(n uint16) string { return fraud.LossBand(n).String() }
	case fraud.ByPartnerKind:
		return func(n uint16) string { return fraud.PartnerKind(n).String() }
	}
	words := a.vocabulary(by)
	return func(n uint16) string {
		if name := words.Name(fraud.Code(n)); name != "" || n == 0 {
			return name
		}
		return strconv.Itoa(int(n))
	}
}

// visibleTo is the condition for what a partner may see, as [fraud.Partner.MaySee] tells it.
func visibleTo(p *fraud.Partner) string {
	if p == nil {
		return " AND audience = 0"
	}
	if p.Kind.Authority() {
		return ""
	}
	return fmt.Sprintf(" AND (audience IN (%s) OR %s)", audiencesOf(p), ownWords(p))
}

// audiencesOf are those that a partner belongs to.
func audiencesOf(p *fraud.Partner) string {
	audiences := []string{"0"}
	for g := fraud.Group(1); g <= fraud.MaxGroup; g++ {
		if p.Groups.Has(g) {
			audiences = append(audiences, strconv.Itoa(int(g)))
		}
	}
	return strings.Join(audiences, ", ")
}

// ownWords is the condition for what a partner's organisation says.
func ownWords(p *fraud.Partner) string {
	return fmt.Sprintf("(partner = %d OR partner GLOBAL IN (SELECT number FROM partners "+
		"GROUP BY number HAVING argMax(if(organisation = '', id, organisation), recorded) = %s))", p.Number,
		literal(cmp.Or(p.Organisation, p.ID)))
}

// hours is the condition for cells from one time to another.
func hours(from, to time.Time) string {
	return fmt.Sprintf("AND hour >= toDateTime(%d, 'UTC') AND hour < toDateTime(%d, 'UTC')", from.Unix(), to.Unix())
}

// validate refuses a question that the roll-up's grain could not answer exactly.
func validate(q fraud.SeriesQuestion) error {
	switch {
	case q.Metric < fraud.EventCount || q.Metric > fraud.LossSum:
		return fraud.Refuse(fraud.ReasonSchema, "/metric", "is required")
	case q.By < fraud.ByType || q.By > fraud.ByLossBand:
		return fraud.Refuse(fraud.ReasonSchema, "/by", "is required")
	case q.Across > fraud.ByLossBand || q.Across == q.By:
		return fraud.Refuse(fraud.ReasonSchema, "/across", "is another dimension than by")
	case q.Bucket < fraud.Hourly || q.Bucket > fraud.Span:
		return fraud.Refuse(fraud.ReasonSchema, "/bucket", "is required")
	case !storable(q.From) || !begins(q.From, q.Bucket):
		return fraud.Refuse(fraud.ReasonSchema, "/from", "must be the beginning of a bucket in "+Zone)
	case !storable(q.To) || !begins(q.To, q.Bucket):
		return fraud.Refuse(fraud.ReasonSchema, "/to", "must be the beginning of a bucket in "+Zone)
	case !q.From.Before(q.To):
		return fraud.Refuse(fraud.ReasonSchema, "/to", "must be after from")
	}
	return nil
}

func begins(t time.Time, b fraud.Bucket) bool {
	t = t.In(zone)
	if t.Minute() != 0 || t.Second() != 0 || t.Nanosecond() != 0 {
		return false
	}
	return b == fraud.Hourly || b == fraud.Span || t.Hour() == 0 && (b == fraud.Daily || b == fraud.Window || t.Weekday() == time.Monday)
}
