package benchmarks

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

var (
	ingestEvents = flag.Int("ingest-events", 0, "how many events wait in Kafka at the beginning of each round")
	ingestRounds = flag.Int("ingest-rounds", 5, "how many rounds")
	ingestOnly   = flag.String("ingest-only", "hub,bare,opinions,engine",
		"which take part; rival is the daemon of -ingest-rival")
	ingestRival = flag.String("ingest-rival", "", "another waspadad, to see what a change of the code has brought")
)

// BenchmarkIngest drains the same topic in turns: by the hub's daemon, by a bare loop, by one that stores opinions, too,
// and by ClickHouse's own Kafka engine. Each fills a database of its own. Counted is from the first fetch until all is
// stored and, of the hub, committed, so start-up is not in it; and the processor time of each party meanwhile.
func BenchmarkIngest(b *testing.B) {
	events := 200_000
	if testkit.Long() {
		events = 1_000_000
	}
	if *ingestEvents > 0 {
		events = *ingestEvents
	}
	for b.Loop() {
		d := newDrain(b, events)
		subjects := []struct {
			name string
			run  func(*testing.B) drained
		}{{"hub", d.byHub("")}, {"bare", d.byBareLoop(false)}, {"opinions", d.byBareLoop(true)},
			{"rival", d.byHub(*ingestRival)}, {"engine", d.byEngine}}
		seen := map[string][]drained{}
		for round := range *ingestRounds {
			for _, s := range subjects {
				if !strings.Contains(*ingestOnly, s.name) || s.name == "engine" && d.engineFault != "" {
					continue
				}
				r := s.run(b)
				b.Logf("round %d, %s: %s", round+1, s.name, r)
				if r.stored == events {
					seen[s.name] = append(seen[s.name], r)
				} else if s.name != "engine" {
					b.Fatalf("stored %d of %d events", r.stored, events)
				}
			}
			slices.Reverse(subjects)
		}
		d.report(b, seen)
	}
	b.ReportMetric(0, "ns/op") // the rates say it
}

// drain is a topic full of bundles and those who empty it.
type drain struct {
	hub         *hubtest.Hub
	events      int
	ends        map[int]int64
	engineFault string // why ClickHouse's Kafka engine was not compared
}

// drained is one emptying. CPU is of the process that took part beside ClickHouse, of ClickHouse, and of this process,
// which has the embedded broker in it.
type drained struct {
	stored              int
	took                time.Duration
	own, engine, broker time.Duration
}

func (d drained) rate() float64 { return float64(d.stored) / d.took.Seconds() }

// cpu is what an event took of both processes, in nanoseconds.
func (d drained) cpu() float64 { return float64(d.own+d.engine) / float64(d.stored) }

func (d drained) String() string {
	each := func(t time.Duration) float64 { return t.Seconds() * 1e6 / float64(max(1, d.stored)) }
	return fmt.Sprintf("%d events, %.0f/s; µs of CPU an event: process %.2f, ClickHouse %.2f, broker and bench %.2f",
		d.stored, d.rate(), each(d.own), each(d.engine), each(d.broker))
}

func newDrain(b *testing.B, events int) *drain {
	b.Helper()
	unstarted := hubtest.Options{NotStarted: true, NodeOptions: hubtest.NodeOptions{Program: *ingestRival}}
	d := &drain{hub: hubtest.Start(b, unstarted), events: events}
	fill(b, d.hub, events)
	reports := d.hub.Kafka.Open(d.hub.Topics.Reports)
	defer reports.Close()
	var err error
	if d.ends, err = reports.Ends(b.Context()); err != nil {
		b.Fatal(err)
	}
	return d
}

// during measures what happens until done returns.
func (d *drain) during(b *testing.B, pid int, done func()) (r drained) {
	engine := testkit.ClickHouse(b).PID()
	begin, own, engines, broker := time.Now(), cpuOf(pid), cpuOf(engine), cpuOf(os.Getpid())
	done()
	return drained{took: time.Since(begin), own: cpuOf(pid) - own, engine: cpuOf(engine) - engines,
		broker: cpuOf(os.Getpid()) - broker}
}

// byHub is a daemon of a program, "" for that of this source tree.
func (d *drain) byHub(program string) func(*testing.B) drained {
	return func(b *testing.B) drained { return d.byDaemon(b, program) }
}

func (d *drain) byDaemon(b *testing.B, program string) drained {
	database := testkit.DatabaseOn(b, testkit.ClickHouse(b))
	defer d.drop(b, database)
	group := database
	node := d.hub.NewNode(b, hubtest.NodeOptions{Role: "ingest", Program: program, Settings: map[string]any{
		"clickhouse.database": database, "kafka.group": group, "kafka.changes": testkit.TopicWith(b, d.hub.Kafka,
			testkit.TopicOptions{Partitions: 4}),
	}})
	node.Launch(b)
	defer node.Kill(b)
	client, done := d.hub.Kafka.Client() // one for all questions: making one costs more than the broker's answer
	defer done()
	for at := time.Now(); !strings.Contains(text(b, node.LogFile), "partition begins"); time.Sleep(time.Millisecond) {
		if time.Since(at) > time.Minute {
			b.Fatal("the daemon does not begin")
		}
	}
	r := d.during(b, node.Pid(), func() {
		for at := time.Now(); time.Since(at) < 5*time.Minute; time.Sleep(20 * time.Millisecond) {
			if d.committed(b, client, group) {
				return
			}
		}
	})
	r.stored = d.count(b, database)
	return r
}

// committed reports whether a group has committed all of the topic.
func (d *drain) committed(b *testing.B, client *kafka.Client, group string) bool {
	partitions := slices.Collect(maps.Keys(d.ends))
	answer, err := client.OffsetFetch(b.Context(), &kafka.OffsetFetchRequest{
		GroupID: group, Topics: map[string][]int{d.hub.Topics.Reports: partitions}})
	if err != nil || answer.Error != nil {
		return false
	}
	done := 0
	for _, p := range answer.Topics[d.hub.Topics.Reports] {
		if p.Error == nil && p.CommittedOffset >= d.ends[p.Partition] {
			done++
		}
	}
	return done == len(d.ends)
}

// byBareLoop is a bare loop, which stores opinions or not.
func (d *drain) byBareLoop(opinions bool) func(*testing.B) drained {
	return func(b *testing.B) drained {
		database := d.database(b)
		defer d.drop(b, database)
		p := (&bareLoop{
			Brokers: d.hub.Kafka.Brokers, Topic: d.hub.Topics.Reports, Ends: d.ends,
			ClickHouse: testkit.ClickHouse(b).Addr(), Database: database, Opinions: opinions,
		}).start(b)
		defer p.end(b)
		r := d.during(b, p.cmd.Process.Pid, func() {
			p.tell()
			p.await(b, "done\n")
		})
		r.stored = d.count(b, database)
		return r
	}
}

// byEngine lets a table of the Kafka engine read the topic and a materialized view take the events out of the bundles.
func (d *drain) byEngine(b *testing.B) drained {
	database := d.database(b)
	defer d.drop(b, database)
	const feed = `CREATE MATERIALIZED VIEW %[1]s.feed TO %[1]s.events AS
		SELECT _partition AS kafka_partition, _offset AS kafka_offset, toUInt16(i - 1) AS bundle_index,
			_timestamp_ms AS appended, 1 AS partner, e.event_id AS event_id, e.kind AS kind,
			parseDateTime64BestEffortOrZero(e.issued_at) AS issued_at, e.indicator.type AS type, e.indicator.epoch AS epoch,
			toFixedString(unhex(e.indicator.digest), 32) AS digest, e.indicator.also.grade AS also_grade,
			arrayMap(x -> toFixedString(unhex(x), 32), e.indicator.also.digest) AS also_digest, e.role AS role,
			e.confidence AS confidence, e.tlp AS tlp, e.advice AS advice, e.loss_band AS loss_band, e.case AS case_id
		FROM %[1]s.queue ARRAY JOIN arrayEnumerate(events) AS i, events AS e`
	const queue = `CREATE TABLE %[1]s.queue (events Array(Tuple(event_id UUID, kind String, issued_at String, role String,
			confidence UInt8, tlp String, advice String, loss_band String, case String,
			indicator Tuple(type String, epoch UInt16, digest String, also Nested(grade String, digest String)))))
		ENGINE = Kafka SETTINGS kafka_broker_list = '%[2]s', kafka_topic_list = '%[3]s', kafka_group_name = '%[1]s',
			kafka_format = 'JSONEachRow', kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_max_block_size = 100,
			kafka_skip_broken_messages = 0, input_format_skip_unknown_fields = 1`
	engine := testkit.ClickHouse(b)
	brokers := strings.Join(d.hub.Kafka.Brokers, ",")
	_, err := engine.Query(b.Context(), fmt.Sprintf(queue, database, brokers, d.hub.Topics.Reports))
	if err != nil {
		d.engineFault = "the Kafka engine refuses: " + err.Error()
		return drained{}
	}
	r := d.during(b, 0, func() {
		if _, err = engine.Query(b.Context(), fmt.Sprintf(feed, database)); err != nil {
			d.engineFault = "the view over the Kafka engine refuses: " + err.Error()
			return
		}
		last, at := 0, time.Now()
		for time.Since(at) < 20*time.Second {
			n := d.count(b, database)
			if n >= d.events {
				return
			}
			if n > last {
				last, at = n, time.Now()
			}
			time.Sleep(20 * time.Millisecond)
		}
		why, _ := engine.Query(b.Context(), "SELECT arrayStringConcat(exceptions.text, '; ') FROM system.kafka_consumers "+
			"WHERE database = '"+database+"'")
		d.engineFault = fmt.Sprintf("%d of %d events came through the Kafka engine: %.300s", last, d.events,
			strings.TrimSpace(why))
	})
	_, _ = engine.Query(b.Context(), "DROP TABLE IF EXISTS "+database+".feed SYNC")
	_, _ = engine.Query(b.Context(), "DROP TABLE IF EXISTS "+database+".queue SYNC")
	if r.stored = d.count(b, database); r.stored != d.events && d.engineFault == "" {
		d.engineFault = fmt.Sprintf("%d events came through the Kafka engine, and there are %d", r.stored, d.events)
	}
	return r
}

// database is one with the hub's tables.
func (d *drain) database(b *testing.B) string {
	return newLedger(b, time.Now(), time.Millisecond, false).Database
}

func (d *drain) count(b *testing.B, database string) int {
	n, err := strconv.Atoi(d.hub.Query(b, "SELECT count() FROM "+database+".events"))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// drop takes what was stored away at once, so that nobody merges its parts while the next one runs.
func (d *drain) drop(b *testing.B, database string) {
	_, _ = testkit.ClickHouse(b).Query(context.WithoutCancel(b.Context()), "DROP DATABASE "+database+" SYNC")
}

func text(b *testing.B, file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return string(data)
}

// of takes one figure from each round.
func of(all []drained, figure func(drained) float64) []float64 {
	figures := make([]float64, len(all))
	for i, d := range all {
		figures[i] = figure(d)
	}
	return figures
}

func (d *drain) report(b *testing.B, seen map[string][]drained) {
	hub, bare, opinions, engine := seen["hub"], seen["bare"], seen["opinions"], seen["engine"]
	wall := func(x drained) float64 { return float64(x.took) / float64(x.stored) }
	own := func(x drained) float64 { return float64(x.own) / float64(x.stored) }
	perCore := func(x drained) float64 { return float64(x.stored) / (x.own + x.engine).Seconds() }
	b.ReportMetric(report.Median(of(hub, drained.rate)), "events/s")
	b.ReportMetric(report.Median(of(hub, drained.cpu)), "ns-cpu/event")
	against := func(row report.Row, baseline string, other []drained, ratios []float64) report.Row {
		row.Subject, row.Baseline, row.Unit = "the hub", baseline, report.Times
		row.SubjectCPU, row.BaselineCPU = report.Median(of(hub, drained.cpu)), report.Median(of(other, drained.cpu))
		row.SubjectWall, row.BaselineWall = report.Median(of(hub, wall)), report.Median(of(other, wall))
		row.See(ratios)
		return row
	}
	rate := report.Row{Row: "events a second", Subject: "the hub", Unit: "events/s", Goal: report.AtLeast(100_000),
		Means:      "how fast the hub catches up after an outage: broker, daemon and ClickHouse share this machine",
		SubjectCPU: report.Median(of(hub, drained.cpu)), SubjectWall: report.Median(of(hub, wall))}
	rate.See(of(hub, drained.rate))
	const bareName = "a bare loop"
	whole := against(report.Row{Row: "CPU of ingest", Goal: report.AtLeast(0.8),
		Means: "what checks, opinions and the change log cost",
		Note:  "CPU of the bare loop and its ClickHouse ÷ that of the daemon and its ClickHouse, an event",
	}, bareName, bare, report.Ratios(of(bare, drained.cpu), of(hub, drained.cpu)))
	onWall := against(report.Row{Row: "rate of ingest", Goal: report.AtLeast(0.8),
		Means: "the same by the clock, on a machine that others use",
	}, bareName, bare, report.Ratios(of(hub, drained.rate), of(bare, drained.rate)))
	alone := against(report.Row{Row: "CPU of the daemon", Means: "the same without ClickHouse"},
		bareName, bare, report.Ratios(of(bare, own), of(hub, own)))
	alone.SubjectCPU, alone.BaselineCPU = report.Median(of(hub, own)), report.Median(of(bare, own))
	asMuch := against(report.Row{Row: "CPU against a loop that stores opinions, too",
		Means: "what verifying, checking, announcing, committing and counting cost, as partners' words have to be stored anyway",
	}, "a bare loop with opinions", opinions, report.Ratios(of(opinions, drained.cpu), of(hub, drained.cpu)))
	if len(opinions) == 0 {
		asMuch.NotTested = "left out"
	}
	core := report.Row{Row: "events a second and core", Subject: "the hub", Unit: report.PerCoreSecond,
		Means: "for sizing: daemon and ClickHouse together", SubjectCPU: report.Median(of(hub, drained.cpu))}
	core.See(of(hub, perCore))
	its := against(report.Row{Row: "CPU against the Kafka engine",
		Means: "what ClickHouse itself takes to read the same topic, believing all of it",
		Note:  "CPU of ClickHouse with its Kafka engine ÷ that of the daemon and its ClickHouse, an event",
	}, "ClickHouse's Kafka engine", engine, report.Ratios(of(engine, drained.cpu), of(hub, drained.cpu)))
	if its.NotTested = d.engineFault; len(engine) == 0 && its.NotTested == "" {
		its.NotTested = "left out"
	}
	if rival := seen["rival"]; len(rival) > 0 {
		b.Logf("CPU of the rival and its ClickHouse ÷ that of the hub: %.3g; of the processes alone %.3g",
			report.Ratios(of(rival, drained.cpu), of(hub, drained.cpu)), report.Ratios(of(rival, own), of(hub, own)))
	}
	for _, row := range []*report.Row{&rate, &whole, &onWall} {
		if row.Holds == "no" {
			row.Why = ingestWhy(hub, bare, opinions)
		}
	}
	rows := []report.Row{rate, core, whole, onWall, asMuch, alone, its}
	for i := range rows {
		rows[i].Row += onBroker()
	}
	put(b, ingestFamily, rows...)
}

// ingestWhy says where an event's time goes.
func ingestWhy(hub, bare, opinions []drained) string {
	µs := func(all []drained) string {
		part := func(part func(drained) time.Duration) float64 {
			return report.Median(of(all, func(d drained) float64 { return float64(part(d)) / 1000 / float64(d.stored) }))
		}
		return fmt.Sprintf("%.1f µs of CPU of the process, %.1f of ClickHouse and %.1f of the broker",
			part(func(d drained) time.Duration { return d.own }), part(func(d drained) time.Duration { return d.engine }),
			part(func(d drained) time.Duration { return d.broker }))
	}
	why := "an event takes " + µs(hub) + "; of the bare loop " + µs(bare)
	if len(opinions) > 0 {
		why += "; and with opinions " + µs(opinions)
	}
	return why + ". The rest verifies, checks, announces, commits, counts trends, and merges what was stored, of which the " +
		"bare loop sees little: it is done before ClickHouse begins with it"
}

var ingestFamily = report.Family{Name: "ingest", Title: "Ingest",
	About: "Bundles of 500 reports of four banks wait in Kafka, four partitions of the embedded broker. The daemon (role " +
		"ingest) verifies, checks, announces and stores; the bare loop has the hub's own reader, decoder and insert and does " +
		"nothing else: it stores events alone, from which no look-up could be answered after a restart. The loop with opinions " +
		"stores those, too. All of them, the broker and ClickHouse share the machine."}

func put(b *testing.B, f report.Family, rows ...report.Row) {
	b.Helper()
	for _, r := range rows {
		if r.NotTested != "" {
			b.Logf("%s: not tested: %s", r.Row, r.NotTested)
			continue
		}
		b.Logf("%s: %.4g %s (%.4g to %.4g, %d rounds) %s", r.Row, r.Median, r.Unit, r.Min, r.Max, r.Rounds, r.Holds)
	}
	if err := report.Put(report.Dir(), f, rows...); err != nil {
		b.Error(err)
	}
}

// fill publishes n reports of n indicators by four banks.
func fill(b *testing.B, hub *hubtest.Hub, n int) {
	b.Helper()
	country := nation.New(3, n)
	banks := []string{"bank-harimau", "bank-kenari", "bank-penyu", "bank-seladang"}
	var (
		group sync.WaitGroup
		next  atomic.Int64
	)
	for _, bank := range banks {
		pub := hub.Publisher(b, bank)
		group.Go(func() {
			const share = 5000
			for {
				from := int(next.Add(share)) - share
				if from >= country.Len() {
					return
				}
				var batch []fraud.Event
				for i := from; i < min(from+share, country.Len()); i++ {
					c := country.Case(i)
					ref, err := c.Ref(hub.Ring)
					if err != nil {
						b.Error(err)
						return
					}
					batch = append(batch, c.Words[0].Event(ref, time.Now()))
				}
				if err := pub.Publish(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if b.Failed() {
		b.FailNow()
	}
}
