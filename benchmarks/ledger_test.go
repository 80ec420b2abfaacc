package benchmarks

import (
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// ledger is a database of synthetic events, which ClickHouse itself makes: the same number is always the same event, one
// to a message, over four partitions.
//
//	of 50 events 36 report something new, 5 take up what was reported before, 5 have seen it again, 3 say what was done
//	about it, and one takes back the report before it
//
// Partners, categories, platforms and so on are unevenly frequent, as they are in life. One event in three says a case of
// about five, and one indicator in twenty is a page of a host of three.
type ledger struct {
	*store.Writer
	*store.Reader
	*store.Analyst
	store.Config
	engine *devstack.Engine
	// every is the time between two events, and begin that of the first.
	begin time.Time
	every time.Duration
	// told says that the partners' standing words are stored, too.
	told   bool
	filled int
}

func newLedger(t testing.TB, begin time.Time, every time.Duration, told bool) *ledger {
	t.Helper()
	engine := testkit.ClickHouse(t)
	l := &ledger{engine: engine, begin: begin, every: every, told: told,
		Config: store.Config{Addrs: engine.Addrs(), Database: testkit.DatabaseOn(t, engine), User: "default"}}
	if err := store.Migrate(t.Context(), l.Config, schemas.ClickHouse(), quiet); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.Writer, err = store.NewWriter(l.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Writer.Close() })
	if l.Reader, err = store.NewReader(l.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Reader.Close() })
	if l.Analyst, err = store.NewAnalyst(l.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Analyst.Close() })
	if err := l.PutPartners(t.Context(), country); err != nil {
		t.Fatal(err)
	}
	return l
}

var millions = flag.String("millions", "", "how many million events ledgers have, such as 1,10")

// sizesOf are the sizes of ledgers: those of the flag, or of the short or the long form.
func sizesOf(t testing.TB, short, long string) (sizes []int) {
	t.Helper()
	if testkit.Long() {
		short = long
	}
	for _, text := range strings.Split(cmp.Or(*millions, short), ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("-millions %s: name numbers, such as 1,10", text)
		}
		sizes = append(sizes, n*1_000_000)
	}
	return sizes
}

// country are the partners: banks and platforms for the most part, and the police.
var country = func() (all []fraud.Partner) {
	kinds := []fraud.PartnerKind{fraud.Bank, fraud.Platform, fraud.Bank, fraud.EWallet, fraud.Telco, fraud.Police}
	for n := range 24 {
		all = append(all, fraud.Partner{Number: fraud.PartnerNumber(n + 1), ID: fmt.Sprint("p", n+1), Kind: kinds[n%len(kinds)],
			State: fraud.Active, Weight: 1})
	}
	return all
}()

// block is how many events are made at once: on a slow machine, too, that is done within the time that a statement has.
const block = 200_000

// fill makes events up to a number, a block at a time, and calls each after each block.
func (l *ledger) fill(t testing.TB, to int, each func()) {
	t.Helper()
	for l.filled < to {
		next := min(to, l.filled+block)
		l.run(t, "INSERT INTO "+l.Database+".events ("+eventNames+") "+l.events(l.filled, next))
		if l.told {
			l.run(t, "INSERT INTO "+l.Database+".opinions ("+opinionNames+") "+l.opinions(l.filled, next))
		}
		// That all of it is stored comes last, as ingest has it.
		for p := range partitions {
			last := fmt.Sprintf("fromUnixTimestamp64Milli(%d + intDiv(%d * (%d), 1000000))", l.begin.UnixMilli()+1000,
				l.every.Nanoseconds(), next-1-(next-1-p)%partitions)
			l.run(t, fmt.Sprintf("INSERT INTO %s.stored_ranges SELECT %d, 0, %d, %s", l.Database, p,
				(next-p+partitions-1)/partitions, last))
		}
		l.filled = next
		if each != nil {
			each()
		}
	}
}

func (l *ledger) run(t testing.TB, statement string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	answer, err := l.engine.Query(ctx, statement)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

// settle waits until parts are merged, as far as they are in a while.
func (l *ledger) settle(t testing.TB) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(200 * time.Millisecond) {
		if l.run(t, "SELECT count() FROM system.merges") == "0" {
			return
		}
	}
}

// engineTime is the processor time that ClickHouse has used for questions, inserts and merges.
func (l *ledger) engineTime(t testing.TB) time.Duration {
	t.Helper()
	µs, err := strconv.Atoi(l.run(t, "SELECT toInt64(sum(value)) FROM system.events WHERE event IN ('UserTimeMicroseconds', "+
		"'SystemTimeMicroseconds')"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(µs) * time.Microsecond
}

// ourTime is the processor time that this process has used.
func ourTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

const (
	partitions = 4
	eventNames = "kafka_partition, kafka_offset, bundle_index, appended, partner, event_id, kind, issued_at, type, epoch, " +
		"digest, also_grade, also_digest, category, confidence, evidence, tlp, advice, action, platform, institution, region, " +
		"loss_band, case_id, sharing_group"
	opinionNames = "digest, partner, origin, sighted, type, grade, stance, category, evidence, confidence, advice, tlp, " +
		"expires_at, issued, tie, provenance"
)

// events makes those of the numbers from one to another.
func (l *ledger) events(from, to int) string {
	// A share of something, from 0 to 1, that depends on a number alone.
	share := func(of, salt string) string { return fmt.Sprintf("(cityHash64(%s, '%s') %% 1000 / 1000)", of, salt) }
	return fmt.Sprintf(`
		WITH number %% 50 AS turn,
			multiIf(turn = 49, 'withdraw', turn IN (10, 11, 12, 13, 14), 'sighting', turn IN (20, 21, 22), 'action', 'report') AS word,
			multiIf(turn = 49, number - 1, turn %% 10 = 9 OR word IN ('sighting', 'action'), cityHash64(number) %% (number + 1),
				number) AS about,
			intDiv(number, 16) AS incident,
			about %% 20 = 0 AS page,
			%[1]d + intDiv(number * %[2]d, 1000000) AS ms,
			(d -> toFixedString(concat(reinterpretAsFixedString(sipHash128(d)), reinterpretAsFixedString(sipHash128(d, 1))), 32)) AS hash
		SELECT number %% %[3]d, intDiv(number, %[3]d), 0, fromUnixTimestamp64Milli(toInt64(ms + 1000)),
			1 + toUInt16(24 * pow(%[4]s, 1.5)), reinterpretAsUUID(sipHash128(number, 2)), word, fromUnixTimestamp64Milli(toInt64(ms)),
			multiIf(page, 'url', about %% 20 < 9, 'bank_account', about %% 20 < 16, 'phone', about %% 20 < 18, 'payment_id', 'domain'), 1,
			hash(about), if(page, ['prefix'], []), if(page, [hash(-1 - toInt64(intDiv(about, 60)))], []),
			1 + toUInt16(30 * pow(%[5]s, 2)), 80, if(word = 'report', 5, 0), if(%[6]s < 0.8, 'GREEN', if(%[6]s < 0.98, 'AMBER', 'RED')),
			if(word = 'report', 'warn', ''), if(word = 'action', ['removed', 'blocked', 'held'][1 + number %% 3], ''),
			if(%[7]s < 0.4, 0, 10 + toUInt16(40 * pow(%[7]s - 0.4, 2))), if(%[8]s < 0.3, 0, 10 + toUInt16(60 * pow(%[8]s - 0.3, 2))),
			1 + toUInt16(16 * %[9]s), if(word = 'report', toInt8(7 * pow(%[10]s, 2)), 0),
			if(word IN ('report', 'withdraw') AND incident %% 3 = 0, concat('case ', toString(incident), ' ', toString(number %% 3)), ''),
			if(%[6]s >= 0.8 AND %[6]s < 0.9, 1 + number %% 2, 0)
		FROM numbers(%[11]d, %[12]d)`,
		l.begin.UnixMilli(), l.every.Nanoseconds(), partitions, share("incident", "partner"), share("number", "category"),
		share("number", "tlp"), share("about", "platform"), share("about", "institution"), share("number", "region"),
		share("number", "loss"), from, to-from)
}

// opinions are the words that stored events carry, as [fraud.Event.Opinions] makes them.
func (l *ledger) opinions(from, to int) string {
	return fmt.Sprintf(`
		WITH multiIf(kind = 'withdraw', 2, kind = 'sighting', 5, 1) AS stands,
			multiIf(kind = 'withdraw', 2, 0) AS precedence,
			bitAnd(reinterpretAsUInt32(reverse(substring(UUIDToNum(event_id), 13, 4))), 1048575) AS low,
			bitXor(toUInt64(stands) * bitShiftLeft(toUInt64(1), 61) + toUInt64(CAST(tlp, 'Int8')) * bitShiftLeft(toUInt64(1), 58)
				+ toUInt64(CAST(advice, 'Int8')) * bitShiftLeft(toUInt64(1), 55) + toUInt64(evidence) * bitShiftLeft(toUInt64(1), 49)
				+ toUInt64(confidence) * bitShiftLeft(toUInt64(1), 42) + toUInt64(category) * bitShiftLeft(toUInt64(1), 32),
				toUInt64(sharing_group) * toUInt64(0x9e3779b97f4a7c15)) AS m0,
			bitXor(m0, bitShiftRight(m0, 30)) * toUInt64(0xbf58476d1ce4e5b9) AS m1,
			bitXor(m1, bitShiftRight(m1, 27)) * toUInt64(0x94d049bb133111eb) AS m2,
			bitXor(m2, bitShiftRight(m2, 31)) AS mixed
		SELECT form.1, partner, form.3, kind = 'sighting', type, form.2, stands, category, evidence, confidence, advice, tlp,
			toDateTime(0), bitShiftLeft(toUInt64(toUnixTimestamp64Milli(issued_at)), 22) + bitShiftLeft(toUInt64(precedence), 20) + low,
			bitOr(bitShiftLeft(bitShiftRight(mixed, 33), 33), toUInt64(bitNot(toUInt32(toUnixTimestamp(appended)))) + 4294967296),
			bitShiftLeft(toUInt32(302), 12) + sharing_group
		FROM %s.events ARRAY JOIN arrayConcat([(digest, toInt8(1), toUInt32(0))], arrayMap((grade, d) -> (d, toInt8(grade),
			bitOr(reinterpretAsUInt32(reverse(substring(digest, 29, 4))), toUInt32(1))), also_grade, also_digest)) AS form
		WHERE kind != 'action' AND (%s)`, l.Database, inMessages(from, to))
}

// inMessages is the condition for the events from one number to another.
func inMessages(from, to int) string {
	all := make([]string, partitions)
	for p := range all {
		first := func(n int) int { return (n - p + partitions - 1) / partitions }
		all[p] = fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d", p, first(from), first(to))
	}
	return strings.Join(all, " OR ")
}

// TestSyntheticEventsAreStoredAsIngestStoresThem makes a few thousand events, and stores the same ones the way that ingest
// does: every column of every table must agree. The audit, which works everything out anew, must find nothing.
func TestSyntheticEventsAreStoredAsIngestStoresThem(t *testing.T) {
	const n = 3000
	begin := time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC) // over the end of a month
	made, stored := newLedger(t, begin, 3*time.Second, true), newLedger(t, begin, 3*time.Second, true)
	for _, to := range []int{n - 1001, n} {
		made.fill(t, to, nil)
	}
	text := made.run(t, `SELECT toInt32(kafka_partition) AS partition, toInt32(kafka_offset) AS offset, partner, event_id AS id,
		kind, toUnixTimestamp64Milli(issued_at) AS issued, toUnixTimestamp64Milli(appended) AS accepted, type, lower(hex(digest)) AS d,
		arrayMap(d -> lower(hex(d)), also_digest) AS also, category, confidence, evidence, tlp, advice, action, platform, institution,
		region, loss_band AS loss, case_id AS incident, sharing_group AS shared
		FROM `+made.Database+`.events ORDER BY kafka_partition, kafka_offset FORMAT JSONEachRow
		SETTINGS output_format_json_quote_64bit_integers = 0`)
	segments := make([]fraud.Segment, partitions)
	for _, line := range strings.Split(text, "\n") {
		e, err := entryOf(line)
		if err != nil {
			t.Fatal(err)
		}
		s := &segments[e.Partition]
		s.Partition, s.Last, s.Entries = e.Partition, e.Offset, append(s.Entries, e)
	}
	for _, s := range segments {
		if err := stored.Insert(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for table, columns := range map[string]string{
		"events FINAL": "*, hour, audience", "opinions FINAL": "*, version", "stored_ranges FINAL": "*",
	} {
		rows := func(l *ledger) string { return "SELECT " + columns + " FROM " + l.Database + "." + table }
		for _, pair := range [][2]*ledger{{made, stored}, {stored, made}} {
			if more := made.run(t, "SELECT * FROM ("+rows(pair[0])+" EXCEPT "+rows(pair[1])+") LIMIT 3 FORMAT Vertical"); more != "" {
				t.Errorf("%s differ:\n%s", table, more)
			}
		}
	}
	if err := made.RollUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := made.Audit(t.Context(), nil)
	if err != nil || !report.OK || report.Trends.Counted != n || report.Opinions.Checked < n/2 {
		t.Errorf("the audit finds %+v (%v)", report, err)
	}
}

// entryOf reads an event as ingest has it.
func entryOf(line string) (e fraud.Entry, err error) {
	var row struct {
		Partition, Offset                       int
		Partner                                 fraud.PartnerNumber
		ID                                      uuid.UUID
		Kind                                    fraud.Kind
		Issued, Accepted                        int64
		Type                                    indicator.Type
		D                                       indicator.Digest
		Also                                    []indicator.Digest
		Category, Platform, Institution, Region fraud.Code
		Confidence, Evidence, Shared            uint8
		TLP                                     fraud.TLP
		Advice, Action, Loss                    string
		Incident                                string
	}
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		return e, err
	}
	e = fraud.Entry{
		Position: fraud.Position{Partition: int32(row.Partition), Offset: int64(row.Offset)}, Partner: row.Partner,
		Category: row.Category, Platform: row.Platform, Institution: row.Institution, Region: row.Region,
		Appended: time.UnixMilli(row.Accepted).UTC(), Group: fraud.Group(row.Shared),
		Event: fraud.Event{
			ID: row.ID, Kind: row.Kind, IssuedAt: time.UnixMilli(row.Issued).UTC(), Confidence: row.Confidence,
			Evidence: fraud.Evidence(row.Evidence), TLP: row.TLP, Case: row.Incident,
			Indicator: fraud.Ref{Type: row.Type, Epoch: 1, Digest: row.D},
		},
	}
	for _, d := range row.Also {
		e.Event.Indicator.Also = append(e.Event.Indicator.Also, fraud.Also{Grade: indicator.Prefix, Digest: d})
	}
	for to, word := range map[encoding.TextUnmarshaler]string{
		&e.Event.Advice: row.Advice, &e.Event.Action: row.Action, &e.Event.LossBand: row.Loss,
	} {
		if word == "" {
			continue
		}
		if err := to.UnmarshalText([]byte(word)); err != nil {
			return e, err
		}
	}
	e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{Accepted: fraud.SecondsOf(e.Appended), Group: e.Group})
	return e, nil
}
