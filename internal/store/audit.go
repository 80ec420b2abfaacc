package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// AuditReport says whether the store keeps its promises: no acknowledged event is lost, and none counts twice.
type AuditReport struct {
	// OK is true when nothing is wrong. Findings tell what is.
	OK         bool             `json:"ok"`
	Partitions []PartitionAudit `json:"partitions"`
	// Rows is how many rows the ledger holds, and Duplicates how many of them are copies that a merge will remove.
	// Copies are harmless.
	Rows       uint64 `json:"rows"`
	Duplicates uint64 `json:"duplicates"`
	// DeadLetters counts what was refused, by reason.
	DeadLetters map[fraud.Reason]uint64 `json:"dead_letters"`
	Trends      TrendAudit              `json:"trends"`
	Days        DayAudit                `json:"trend_days"`
	Sums        SumAudit                `json:"trend_sums"`
	Boards      BoardAudit              `json:"boards"`
	Opinions    OpinionAudit            `json:"opinions"`
}

// PartitionAudit is what the ledger holds of one partition of the reports topic, good or refused.
type PartitionAudit struct {
	Partition int32 `json:"partition"`
	// First is the offset of its first message, and Next the one after its last.
	First int64 `json:"first"`
	Next  int64 `json:"next"`
	// Stored is up to where the hub believes that everything is stored, and Committed what the consumer group
	// committed; -1 when that is not known.
	Stored    int64 `json:"stored"`
	Committed int64 `json:"committed"`
	// Gaps are offsets from First on, and before Next, Stored or Committed, that the ledger holds nothing of: at most
	// 100.
	Gaps []Gap `json:"gaps"`
	// Broken counts messages that lack an event between others.
	Broken uint64 `json:"broken"`
	// Mixed counts offsets at which rows of two messages stand, known by their append times: the topic, or Kafka's log,
	// was put back or made anew, and its offsets were given a second time.
	Mixed uint64 `json:"mixed"`
}

// Gap is a run of offsets, both included.
type Gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// TrendAudit compares what trends show with a direct count over the ledger.
type TrendAudit struct {
	// Shown and Counted are the sums over all cells of what trends show and of what the ledger holds.
	Shown   uint64 `json:"shown"`
	Counted uint64 `json:"counted"`
	// Wrong is how many cells differ.
	Wrong uint64 `json:"wrong"`
	// Reused is how many ids partners used for more than one event.
	Reused uint64 `json:"reused"`
}

// OpinionAudit compares the standing opinions with those that follow from the ledger.
type OpinionAudit struct {
	// Checked is how many were compared, of Total that are stored. Above 5 million a random slice is compared.
	Checked uint64 `json:"checked"`
	Total   uint64 `json:"total"`
	// Behind is how many are missing, or older than the ledger says.
	Behind uint64 `json:"behind"`
	// Ahead is how many the ledger does not know (yet): opinions are stored first. They are wrong if nothing is being
	// stored.
	Ahead uint64 `json:"ahead"`
	// TakenBack is how many withdraw what an event said that the ledger has then refused; they follow from no event.
	TakenBack uint64 `json:"taken_back"`
	// Moving is true when messages were stored during the comparison.
	Moving bool `json:"moving"`
}

// Audit is the completeness oracle. Committed holds the offsets that the consumer group committed, where they are
// known. It reads all of the ledger, in bounded memory, and may run beside ingest.
func (r *Reader) Audit(ctx context.Context, committed map[int32]int64) (AuditReport, error) {
	before, err := readRanges(ctx, r.conn)
	if err != nil {
		return AuditReport{}, err
	}
	var a AuditReport
	for _, step := range []func(context.Context, *AuditReport) error{
		func(ctx context.Context, a *AuditReport) error { return r.auditOffsets(ctx, a, before, committed) },
		r.auditCopies, r.auditDeadLetters, r.auditTrends, r.auditDays, r.auditSums, r.auditCounts, r.auditBoards, r.auditOpinions,
	} {
		if err := step(ctx, &a); err != nil {
			return AuditReport{}, err
		}
	}
	if a.Opinions.Moving, err = r.moved(ctx, before); err != nil {
		return AuditReport{}, err
	}
	if a.Opinions.Ahead > 0 && !a.Opinions.Moving {
		// Opinions are stored before their events, and these before the ranges: one insert may have been under way.
		select {
		case <-ctx.Done():
		case <-time.After(underWay):
		}
		if a.Opinions.Moving, err = r.moved(ctx, before); err != nil {
			return AuditReport{}, err
		}
	}
	a.OK = len(a.Findings()) == 0
	return a, nil
}

// underWay is longer than an insert takes on a server that is not ill.
const underWay = 2 * time.Second

// moved reports whether messages were stored since the ranges were read.
func (r *Reader) moved(ctx context.Context, before map[int32][]span) (bool, error) {
	later, err := readRanges(ctx, r.conn)
	return !maps.EqualFunc(before, later, slices.Equal[[]span]), err
}

// spill lets a large grouping go to disk.
const spill = " SETTINGS max_bytes_before_external_group_by = 500000000, max_bytes_before_external_sort = 500000000"

// bothTables is every stored position, good or refused.
const bothTables = `(
	SELECT kafka_partition, kafka_offset, bundle_index, appended FROM events
	UNION ALL
	SELECT kafka_partition, kafka_offset, bundle_index, appended FROM dead_letters)`

func (r *Reader) auditOffsets(
	ctx context.Context, a *AuditReport, ranges map[int32][]span, committed map[int32]int64,
) error {
	// A message is whole when its indexes run from 0 without a gap.
	const query = `
		SELECT kafka_partition, min(kafka_offset), max(kafka_offset), count(),
			countIf(indexes != highest + 1), countIf(mixed)
		FROM (
			SELECT kafka_partition, kafka_offset, uniqExact(bundle_index) AS indexes, max(bundle_index) AS highest,
				min(appended) != max(appended) AS mixed
			FROM ` + bothTables + `
			GROUP BY kafka_partition, kafka_offset)
		GROUP BY kafka_partition ORDER BY kafka_partition` + spill
	found := map[int32]PartitionAudit{}
	holes := map[int32]bool{}
	err := each(ctx, r.conn, "audit offsets", query, func(rows driver.Rows) error {
		var (
			partition                            uint32
			first, last, messages, ragged, mixed uint64
		)
		if err := rows.Scan(&partition, &first, &last, &messages, &ragged, &mixed); err != nil {
			return err
		}
		p := int32(partition)
		found[p] = PartitionAudit{
			Partition: p, First: int64(first), Next: int64(last) + 1, Broken: ragged, Mixed: mixed,
		}
		holes[p] = messages != last-first+1
		return nil
	})
	if err != nil {
		return err
	}
	for p, all := range ranges {
		if _, ok := found[p]; !ok {
			found[p] = PartitionAudit{Partition: p, First: all[0].first, Next: all[0].first}
		}
	}
	for p, next := range committed {
		if _, ok := found[p]; !ok && next > 0 {
			// The group commits only what is stored. Where it began cannot be told any more, so from the first message on.
			found[p] = PartitionAudit{Partition: p}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(found)) {
		audit := found[p]
		audit.Stored, audit.Committed = -1, -1
		if holes[p] {
			if audit.Gaps, err = r.gaps(ctx, p); err != nil {
				return err
			}
		}
		end := audit.Next
		if all := ranges[p]; len(all) > 0 {
			audit.Stored = all[0].next
			end = max(end, audit.Stored)
			if first := all[0].first; first < audit.First {
				audit.Gaps = append([]Gap{{first, audit.First - 1}}, audit.Gaps...)
				audit.First = first
			}
		}
		if next, ok := committed[p]; ok {
			audit.Committed = next
			end = max(end, next)
		}
		if end > audit.Next {
			audit.Gaps = append(audit.Gaps, Gap{audit.Next, end - 1})
		}
		a.Partitions = append(a.Partitions, audit)
	}
	return nil
}

// gaps finds the missing offsets of a partition that has some.
func (r *Reader) gaps(ctx context.Context, partition int32) ([]Gap, error) {
	query := fmt.Sprintf(`
		SELECT toInt64(before + 1), toInt64(kafka_offset - 1) FROM (
			SELECT kafka_offset, lagInFrame(kafka_offset, 1, kafka_offset) OVER
				(ORDER BY kafka_offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
			FROM (SELECT DISTINCT kafka_offset FROM %s WHERE kafka_partition = %d))
		WHERE kafka_offset > before + 1 ORDER BY kafka_offset LIMIT 100`, bothTables, partition) + spill
	var all []Gap
	err := each(ctx, r.conn, "audit gaps", query, func(rows driver.Rows) error {
		var g Gap
		err := rows.Scan(&g.From, &g.To)
		all = append(all, g)
		return err
	})
	return all, err
}

func (r *Reader) auditCopies(ctx context.Context, a *AuditReport) error {
	var kept uint64
	const query = "SELECT (SELECT count() FROM events), (SELECT count() FROM events FINAL)"
	err := r.conn.QueryRow(ctx, query).Scan(&a.Rows, &kept)
	a.Duplicates = a.Rows - min(kept, a.Rows)
	return classify("audit copies", err)
}

func (r *Reader) auditDeadLetters(ctx context.Context, a *AuditReport) error {
	a.DeadLetters = map[fraud.Reason]uint64{}
	const query = "SELECT toString(reason), count() FROM dead_letters FINAL GROUP BY reason"
	return each(ctx, r.conn, "audit dead letters", query, func(rows driver.Rows) error {
		var (
			reason string
			n      uint64
		)
		err := rows.Scan(&reason, &n)
		a.DeadLetters[fraud.Reason(reason)] = n
		return err
	})
}

// auditTrends goes day by day, because counting different ids takes memory. It reads the ledger's rows themselves, past
// the projection that trends are counted from.
func (r *Reader) auditTrends(ctx context.Context, a *AuditReport) error {
	var from, to int64
	err := r.conn.QueryRow(ctx, `SELECT min(at), max(at) FROM (
		SELECT toInt64(toUnixTimestamp(hour)) AS at FROM events UNION ALL
		SELECT toInt64(toUnixTimestamp(hour)) FROM trend_cells)`).Scan(&from, &to)
	if err != nil {
		return classify("audit trends", err)
	}
	end := time.Unix(to, 0).Add(time.Hour)
	for at := time.Unix(from, 0).UTC().Truncate(day); at.Before(end); at = at.Add(day) {
		if err := r.auditDay(ctx, &a.Trends, at); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) auditDay(ctx context.Context, sum *TrendAudit, at time.Time) error {
	within := hours(at, at.Add(day))
	for i := 1; ; i++ {
		rolled, err := readPlaces(ctx, r.conn, cellsProgress)
		if err != nil {
			return err
		}
		query := fmt.Sprintf(`
			SELECT sum(shown), sum(counted), countIf(shown != counted) FROM (
				SELECT %[1]s, sum(s) AS shown, sum(c) AS counted FROM (
					SELECT %[1]s, events AS s, 0 AS c FROM (%[2]s)
					UNION ALL
					SELECT %[1]s, 0, uniqExact(event_id) FROM events WHERE 1 %[3]s GROUP BY %[1]s)
				GROUP BY %[1]s)
			SETTINGS optimize_use_projections = 0`, cell, liveCells(within, rolled.beyond()), within)
		var day TrendAudit
		if err := r.conn.QueryRow(ctx, query).Scan(&day.Shown, &day.Counted, &day.Wrong); err != nil {
			return classify("audit trends", err)
		}
		if day.Wrong > 0 && i < attempts {
			continue
		}
		reused := fmt.Sprintf("SELECT count() FROM (SELECT 1 FROM events WHERE 1 %s GROUP BY partner, event_id "+
			"HAVING uniqExact(hour, type, category, kind, audience) > 1)%s", within, spill)
		if err := r.conn.QueryRow(ctx, reused).Scan(&day.Reused); err != nil {
			return classify("audit trends", err)
		}
		sum.Shown += day.Shown
		sum.Counted += day.Counted
		sum.Wrong += day.Wrong
		sum.Reused += day.Reused
		return nil
	}
}

// Lines is the report for people.
func (a AuditReport) Lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, p := range a.Partitions {
		committed := "committed not known"
		if p.Committed >= 0 {
			committed = fmt.Sprintf("committed %d", p.Committed)
		}
		verdict := "no gap"
		if len(p.Gaps) > 0 {
			verdict = "MISSING " + listed(p.Gaps)
		}
		if p.Broken > 0 {
			verdict += fmt.Sprintf(", %d messages LACK EVENTS", p.Broken)
		}
		if p.Mixed > 0 {
			verdict += fmt.Sprintf(", %d offsets hold TWO MESSAGES", p.Mixed)
		}
		held := "no messages"
		if p.First < p.Next {
			held = fmt.Sprintf("messages %d to %d", p.First, p.Next-1)
		}
		say("partition %d: %s, %s: %s", p.Partition, held, committed, verdict)
	}
	say("ledger: %d rows, %d of them copies that a merge will remove (harmless)", a.Rows, a.Duplicates)
	var refused []string
	for _, reason := range slices.Sorted(maps.Keys(a.DeadLetters)) {
		refused = append(refused, fmt.Sprintf("%s %d", reason, a.DeadLetters[reason]))
	}
	if len(refused) > 0 {
		say("dead letters: %s", strings.Join(refused, ", "))
	} else {
		say("dead letters: none")
	}
	if a.Trends.Wrong == 0 {
		say("trends: %d events, as the ledger counts", a.Trends.Shown)
	} else {
		say("trends: show %d events where the ledger counts %d: %d cells are WRONG",
			a.Trends.Shown, a.Trends.Counted, a.Trends.Wrong)
	}
	if a.Trends.Reused > 0 {
		say("trends: partners used %d ids for more than one event, which then counts more than once", a.Trends.Reused)
	}
	if d := a.Days; d.Wrong+d.WrongSketches == 0 {
		say("trends by days: %d cells and %d sketches, as the ledger counts", d.Cells, d.Sketches)
	} else {
		say("trends by days: %d of %d cells and %d of %d sketches are WRONG", d.Wrong, d.Cells, d.WrongSketches, d.Sketches)
	}
	if a.Sums.Wrong == 0 {
		say("sums of trends: %d, as what they are made of counts", a.Sums.Checked)
	} else {
		say("sums of trends: %d of %d are WRONG", a.Sums.Wrong, a.Sums.Checked)
	}
	switch b := a.Boards; {
	case !b.RolledUp:
		say("boards: not rolled up yet, counted from the ledger")
	case b.Wrong+b.WrongHours == 0:
		say("boards: %d of %d indicators and %d hours, as the ledger says", b.Indicators, b.Total, b.Hours)
	default:
		say("boards: %d of %d indicators and %d of %d hours are WRONG", b.Wrong, b.Indicators, b.WrongHours, b.Hours)
	}
	o := a.Opinions
	finding := "all follow from it"
	switch {
	case o.Behind > 0:
		finding = fmt.Sprintf("%d are MISSING or OLD, %d are unknown to it", o.Behind, o.Ahead)
	case o.Ahead > 0 && o.Moving:
		finding = fmt.Sprintf("%d are ahead of it, as messages are being stored", o.Ahead)
	case o.Ahead > 0:
		finding = fmt.Sprintf("%d are UNKNOWN to it", o.Ahead)
	}
	say("opinions: %d of %d compared with the ledger: %s", o.Checked, o.Total, finding)
	return lines
}
