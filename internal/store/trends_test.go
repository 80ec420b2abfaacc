package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var malaysia = time.FixedZone("MYT", 8*3600)

var taxonomy = sync.OnceValue(func() *fraud.Taxonomy {
	t, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		panic(err)
	}
	return t
})

// coded is a term as a vocabulary names it, or its code.
func coded(v *fraud.Vocabulary, c fraud.Code) string {
	if name := v.Name(c); name != "" || c == 0 {
		return name
	}
	return strconv.Itoa(int(c))
}

// keyIn is the value of a dimension.
func keyIn(d fraud.Dimension, e *fraud.Entry) string {
	switch d {
	case fraud.ByType:
		return e.Event.Indicator.Type.String()
	case fraud.ByKind:
		return e.Event.Kind.String()
	case fraud.ByCategory:
		return coded(taxonomy().Category, e.Category)
	case fraud.ByPartnerKind:
		return partners[e.Partner-1].Kind.String()
	case fraud.ByPlatform:
		return coded(taxonomy().Platform, e.Platform)
	case fraud.ByInstitution:
		return coded(taxonomy().Institution, e.Institution)
	case fraud.ByRegion:
		return coded(taxonomy().Region, e.Region)
	case fraud.ByLossBand:
		return e.Event.LossBand.String()
	}
	return ""
}

// bucketOf is the beginning of the bucket that a time lies in.
func bucketOf(q *fraud.SeriesQuestion, at time.Time) time.Time {
	if q.Bucket == fraud.Window || q.Bucket == fraud.Span {
		return q.From.UTC()
	}
	local := at.In(malaysia)
	bucket := local.Truncate(time.Hour)
	if q.Bucket != fraud.Hourly {
		bucket = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, malaysia)
	}
	if q.Bucket == fraud.Weekly {
		bucket = bucket.AddDate(0, 0, -(int(local.Weekday())+6)%7)
	}
	return bucket.UTC()
}

// place is a value of a series.
type place struct {
	Key, Across string
	At          time.Time
}

// atLeastLost is what a band means in ringgit.
var atLeastLost = map[string]uint64{"1k_10k": 1_000, "10k_100k": 10_000, "100k_1m": 100_000, "over_1m": 1_000_000}

// plainCount is what a series must say, counted without a database.
func plainCount(entries []fraud.Entry, q fraud.SeriesQuestion) map[place]uint64 {
	type event struct {
		partner fraud.PartnerNumber
		id      uuid.UUID
	}
	seen := map[event]bool{}
	counts := map[place]uint64{}
	different := map[place]map[string]bool{}
	for i := range entries {
		e := &entries[i]
		id := event{e.Partner, e.Event.ID}
		at := e.Event.IssuedAt
		asked := e.Event.Kind == fraud.Report || q.Metric != fraud.ReportCount && q.Metric != fraud.LossSum
		for d, words := range q.Only {
			asked = asked && slices.Contains(words, keyIn(d, e))
		}
		visible := fraud.AudienceOf(e.Event.TLP, e.Group) == fraud.Everyone
		if q.Asker != nil {
			visible = q.Asker.MaySee(e.Event.TLP, e.Group, &partners[e.Partner-1])
		}
		if seen[id] || !asked || !visible || at.Before(q.From) || !at.Before(q.To) {
			continue
		}
		seen[id] = true
		p := place{keyIn(q.By, e), keyIn(q.Across, e), bucketOf(&q, at)}
		thing := ""
		switch q.Metric {
		case fraud.IndicatorCount:
			if e.Event.Indicator.Digest == (indicator.Digest{}) {
				continue // erased
			}
			thing = e.Event.Indicator.Digest.String()
		case fraud.ReporterCount:
			thing = partners[e.Partner-1].Organisation
		case fraud.LossSum:
			if lost := atLeastLost[e.Event.LossBand.String()]; lost > 0 {
				counts[p] += lost
			}
			continue
		default:
			counts[p]++
			continue
		}
		if different[p] == nil {
			different[p] = map[string]bool{}
		}
		different[p][thing] = true
		counts[p] = uint64(len(different[p]))
	}
	return counts
}

// askers are the police, a bank that is in half of the groups, a partner of another's organisation, and nobody known.
var askers = []*fraud.Partner{
	&partners[4],
	{Number: 1, ID: "alpha", Kind: fraud.Bank, Groups: fraud.Groups{0x5555555555555555, 0x5555555555555555}},
	{Number: 9, ID: "beta-wallet", Kind: fraud.EWallet, Organisation: "beta"},
	nil,
}

// wantSeries compares ways to ask with the plain count: every metric by every dimension, of which the short form takes a
// third, another one for another number of entries; buckets, filters and askers take turns.
func wantSeries(t *testing.T, d *db, entries []fraud.Entry, when string) {
	t.Helper()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, malaysia)
	turn := len(entries)
	for metric := fraud.EventCount; metric <= fraud.LossSum; metric++ {
		for i, by := range fraud.Dimensions() {
			turn++
			if !testkit.Long() && (len(entries)+int(metric)+i)%3 != 0 {
				continue
			}
			q := fraud.SeriesQuestion{
				Metric: metric, By: by, Bucket: fraud.Hourly + fraud.Bucket(turn/3%5), From: monday, To: monday.AddDate(0, 0, 14),
				Asker: askers[turn%len(askers)],
			}
			some := &entries[turn%len(entries)]
			switch turn % 5 {
			case 0: // by what a roll-up holds
				q.Only = map[fraud.Dimension][]string{by: {keyIn(by, some), keyIn(by, &entries[0])}}
			case 1:
				q.Only = map[fraud.Dimension][]string{fraud.ByKind: {"report", "clear"}, fraud.ByPartnerKind: {"bank", "telco"}}
			case 2: // and by what it does not
				q.Only = map[fraud.Dimension][]string{fraud.ByRegion: {keyIn(fraud.ByRegion, some)}}
			case 3:
				q.Across = fraud.Dimensions()[turn%len(fraud.Dimensions())]
				if q.Across == by {
					q.Across = 0
				}
			}
			d.Estimate(turn%2 == 0)
			all, err := d.Series(t.Context(), q)
			d.Estimate(false)
			if err != nil {
				t.Fatalf("%s: %+v: %v", when, q, err)
			}
			got := map[place]uint64{}
			for _, s := range all {
				for _, p := range s.Points {
					if p.Value > 0 {
						got[place{s.Key, s.Across, p.At}] = p.Value
					}
				}
			}
			near := cmp.Comparer(func(a, b uint64) bool { // a sketch beyond some hundred
				off := max(a, b) - min(a, b)
				return off == 0 || metric == fraud.IndicatorCount && max(a, b) > 100 && off*100 <= 12*max(a, b)
			})
			if diff := cmp.Diff(plainCount(entries, q), got, near); diff != "" {
				t.Fatalf("%s: %v by %v and %v by %v only %v for %+v: want -, got +\n%s", when, metric, by, q.Across, q.Bucket,
					q.Only, q.Asker, diff)
			}
		}
	}
}

// TestSeriesEqualsAPlainCountAtEveryMoment delivers random streams, cut at random, each message up to three times at
// its offset and some events again at new ones, in any order of partitions, with the roll-up running in between, twice
// at once, or not at all.
func TestSeriesEqualsAPlainCountAtEveryMoment(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	const topicPartitions = 3
	var (
		sent   []fraud.Entry
		log    [topicPartitions][]fraud.Segment
		rounds = 12
	)
	next := [topicPartitions]int64{0, 7, 1 << 40}
	for round := range rounds {
		p := m.IntN(topicPartitions)
		var entries []fraud.Entry
		for range 1 + m.IntN(120) {
			e := m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute)) // stragglers of up to a week
			e.Appended = noon.Add(time.Duration(round) * 24 * 3 * time.Hour)      // and months change on the way
			if len(sent) > 0 && m.IntN(3) == 0 {
				again := sent[m.IntN(len(sent))]
				again.Appended = e.Appended
				e = again
			}
			if len(sent) > 0 && m.IntN(4) == 0 { // another word on the same indicator
				e.Event.Indicator = sent[m.IntN(len(sent))].Event.Indicator
				e.Event.ID = m.id(e.Event.IssuedAt)
			}
			speak(&e)
			entries = append(entries, e)
			sent = append(sent, e)
		}
		seg := messages(int32(p), next[p], entries)
		next[p] = seg.Last + 1
		log[p] = append(log[p], seg)
		for _, s := range cut(m, seg) {
			d.insert(t, s)
		}
		for range m.IntN(3) { // redelivery of anything that was delivered
			p := m.IntN(topicPartitions)
			if n := len(log[p]); n > 0 {
				d.insert(t, cut(m, log[p][m.IntN(n)])...)
			}
		}
		for _, rollUp := range []func() error{
			func() error { return d.RollUp(t.Context()) }, func() error { return d.RollUpDays(t.Context()) },
			func() error { return d.CountIndicators(t.Context()) },
		} {
			switch m.IntN(3) {
			case 0:
				if err := rollUp(); err != nil {
					t.Fatal(err)
				}
			case 1:
				together(t, rollUp, rollUp)
			}
		}
		if round%3 == 2 {
			wantSeries(t, d, sent, fmt.Sprintf("round %d", round))
		}
	}
	if err := errors.Join(d.RollUp(t.Context()), d.RollUpDays(t.Context()), d.CountIndicators(t.Context())); err != nil {
		t.Fatal(err)
	}
	wantSeries(t, d, sent, "at the end")
	for _, table := range []string{
		"trend_cells", "trend_days", "trend_sums", "trend_distinct_sketches", "trend_distinct_counts",
	} {
		if n := strings.TrimSpace(d.query(t, "SELECT count() > 0 FROM "+d.Database+"."+table)); n != "1" {
			t.Fatalf("nothing was rolled up in %s: the test tested the ledger only", table)
		}
	}
	wantClean(t, d, nil)
}

// A roll-up has counted what came last; then a broker appends by a clock that is behind.
func TestMessagesOfAClockThatIsBehindCount(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var sent []fraud.Entry
	come := func(appended time.Time) {
		t.Helper()
		var entries []fraud.Entry
		for range 20 {
			e := m.entry(noon.Add(-time.Duration(m.IntN(48*60)) * time.Minute))
			e.Appended = appended
			speak(&e)
			entries = append(entries, e)
		}
		d.insert(t, messages(0, int64(len(sent)), entries))
		sent = append(sent, entries...)
	}
	come(noon)
	if err := errors.Join(d.RollUp(t.Context()), d.RollUpDays(t.Context()), d.CountIndicators(t.Context())); err != nil {
		t.Fatal(err)
	}
	come(noon.Add(-23 * time.Hour))
	wantSeries(t, d, sent, "by a clock that is behind")
}

// TestCountedIndicatorsAreExact has more indicators than a sketch knows apart, told to askers of every sort, and then a
// partner that turns out to be of another kind.
func TestCountedIndicatorsAreExact(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, malaysia)
	entries := make([]fraud.Entry, 12_000)
	for i := range entries {
		entries[i] = m.entry(monday.Add(time.Duration(m.IntN(14*24*60)) * time.Minute))
		entries[i].Appended = monday.AddDate(0, 0, 14)
		if i > 0 && m.IntN(3) == 0 { // another word on the same indicator
			entries[i].Event.Indicator = entries[m.IntN(i)].Event.Indicator
		}
		speak(&entries[i])
	}
	last := len(entries) - 50
	d.insert(t, messages(0, 0, entries[:last]))
	if err := errors.Join(d.RollUpDays(t.Context()), d.CountIndicators(t.Context())); err != nil {
		t.Fatal(err)
	}
	ask := func(when string, entries []fraud.Entry, by fraud.Dimension, exact bool) {
		t.Helper()
		for _, asker := range askers {
			for _, bucket := range []fraud.Bucket{fraud.Daily, fraud.Weekly} {
				q := fraud.SeriesQuestion{Metric: fraud.IndicatorCount, By: by, Bucket: bucket, From: monday,
					To: monday.AddDate(0, 0, 14), Asker: asker}
				all, err := d.Series(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got := map[place]uint64{}
				for _, s := range all {
					for _, p := range s.Points {
						got[place{s.Key, s.Across, p.At}] = p.Value
					}
				}
				near := cmp.Comparer(func(a, b uint64) bool {
					off := max(a, b) - min(a, b)
					return off == 0 || !exact && off*100 <= 12*max(a, b)
				})
				if diff := cmp.Diff(plainCount(entries, q), got, near); diff != "" {
					t.Errorf("%s: by %v and %v for %+v: want -, got +\n%s", when, by, bucket, asker, diff)
				}
			}
		}
	}
	for _, by := range fraud.Dimensions() {
		ask("counted", entries[:last], by, true)
	}
	d.insert(t, messages(0, int64(last), entries[last:]))
	estimated := func(when string) {
		t.Helper()
		ask(when+", counted by the ledger", entries, fraud.ByType, true)
		d.Estimate(true)
		ask(when+", sketched", entries, fraud.ByType, false)
		d.Estimate(false)
	}
	estimated("messages that no roll-up knows")
	if err := d.RollUpDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	estimated("messages that no count knows")
	if err := d.CountIndicators(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask("counted again", entries, fraud.ByType, true)

	was := partners[1].Kind
	partners[1].Kind = fraud.Bank
	t.Cleanup(func() { partners[1].Kind = was })
	if err := d.PutPartners(t.Context(), partners); err != nil {
		t.Fatal(err)
	}
	ask("after a change of kind", entries, fraud.ByPartnerKind, true)
	d.Estimate(true)
	ask("after a change of kind, sketched", entries, fraud.ByPartnerKind, false)
	if a := audit(t, d, nil); !a.OK {
		t.Errorf("%s", strings.Join(a.Lines(), "\n"))
	}
}

func TestAWindowIsCoveredByFewMonthsWeeksAndDays(t *testing.T) {
	r := testkit.Seed(t)
	for range 2000 {
		from := time.Date(2025, 1, 1+r.IntN(500), 0, 0, 0, 0, malaysia)
		to := from.AddDate(0, 0, 1+r.IntN(1<<r.IntN(10)))
		covered := map[time.Time]bool{}
		all := store.Cover(from, to)
		for _, part := range all {
			for d := part[0]; d.Before(part[1]); d = d.AddDate(0, 0, 1) {
				covered[d.UTC()] = true
			}
		}
		for d := from; d.Before(to); d = d.AddDate(0, 0, 1) {
			if !covered[d.UTC()] {
				t.Fatalf("%s is not covered of %s to %s", d, from, to)
			}
			delete(covered, d.UTC())
		}
		if days := int(to.Sub(from).Hours() / 24); len(covered) > 0 || len(all) > min(days, 12+10+days/28) {
			t.Fatalf("%s to %s: %d parts, and beyond it %v", from, to, len(all), covered)
		}
	}
}

// cut splits a segment at random.
func cut(m maker, s fraud.Segment) []fraud.Segment {
	var all []fraud.Segment
	for s.First <= s.Last {
		part := s
		part.Last = s.First + m.Int64N(s.Last-s.First+1)
		part.Entries, part.DeadLetters = nil, nil
		rest := s
		rest.First, rest.Entries, rest.DeadLetters = part.Last+1, nil, nil
		for _, e := range s.Entries {
			if e.Offset <= part.Last {
				part.Entries = append(part.Entries, e)
			} else {
				rest.Entries = append(rest.Entries, e)
			}
		}
		for _, d := range s.DeadLetters {
			if d.Offset <= part.Last {
				part.DeadLetters = append(part.DeadLetters, d)
			} else {
				rest.DeadLetters = append(rest.DeadLetters, d)
			}
		}
		all = append(all, part)
		s = rest
	}
	return all
}

// together runs functions at once.
func together(t *testing.T, all ...func() error) {
	t.Helper()
	errs := make(chan error, len(all))
	for _, f := range all {
		go func() { errs <- f() }()
	}
	for range all {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

func TestSeriesRefusesWhatItCannotAnswerExactly(t *testing.T) {
	d := newDB(t)
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, malaysia) // a Monday
	for name, c := range map[string]struct {
		spoil func(*fraud.SeriesQuestion)
		want  string
	}{
		"no metric":          {func(q *fraud.SeriesQuestion) { q.Metric = 0 }, "/metric"},
		"no dimension":       {func(q *fraud.SeriesQuestion) { q.By = 0 }, "/by"},
		"no bucket":          {func(q *fraud.SeriesQuestion) { q.Bucket = 0 }, "/bucket"},
		"no beginning":       {func(q *fraud.SeriesQuestion) { q.From = time.Time{} }, "/from"},
		"midnight elsewhere": {func(q *fraud.SeriesQuestion) { q.From = from.Add(8 * time.Hour) }, "/from"},
		"half an hour": {func(q *fraud.SeriesQuestion) {
			q.Bucket, q.To = fraud.Hourly, from.Add(30*time.Minute)
		}, "/to"},
		"a week from Tuesday": {func(q *fraud.SeriesQuestion) {
			q.Bucket, q.From = fraud.Weekly, from.AddDate(0, 0, 1)
		}, "/from"},
		"the end first": {func(q *fraud.SeriesQuestion) { q.From, q.To = q.To, q.From }, "/to"},
	} {
		t.Run(name, func(t *testing.T) {
			q := fraud.SeriesQuestion{
				Metric: fraud.EventCount, By: fraud.ByType, Bucket: fraud.Daily, From: from, To: from.AddDate(0, 0, 7),
			}
			c.spoil(&q)
			_, err := d.Series(t.Context(), q)
			if f := faultOf(err); f == nil || f.Pointer != c.want {
				t.Fatalf("want a fault at %s, got %v", c.want, err)
			}
		})
	}
}

// The ledger's own idea of who may be told is that of the table.
func TestTheLedgerKnowsTheAudienceOfEveryMarking(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	var entries []fraud.Entry
	for tlp := fraud.TLP(0); tlp <= fraud.TLPRed; tlp++ {
		for group := fraud.Group(0); group <= fraud.MaxGroup; group++ {
			e := m.entry(noon)
			e.Event.TLP, e.Group = tlp, group
			entries = append(entries, e)
		}
	}
	d.insert(t, messages(0, 0, entries))
	got := strings.Fields(d.query(t, "SELECT audience FROM "+d.Database+".events ORDER BY kafka_offset"))
	var want []string
	for _, e := range entries {
		want = append(want, strconv.Itoa(int(fraud.AudienceOf(e.Event.TLP, e.Group))))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRecountingACellReadsThatCell holds the ledger's projection to its purpose.
func TestRecountingACellReadsThatCell(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	entries := make([]fraud.Entry, 60_000)
	for i := range entries {
		entries[i] = m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute))
	}
	d.insert(t, messages(0, 0, entries))
	query := store.CountCells("kafka_partition = 0 AND kafka_offset >= 59990")
	query = strings.ReplaceAll(query, "FROM events", "FROM "+d.rows("events")) // of the first shard, where partition 0 is
	plan := d.query(t, "SELECT * FROM (EXPLAIN indexes = 1, projections = 1 "+query+")")
	if !strings.Contains(plan, "by_audience") {
		t.Fatalf("the projection is not used:\n%s", plan)
	}
}
