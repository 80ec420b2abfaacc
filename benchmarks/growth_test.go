package benchmarks

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
)

// BenchmarkGrowth fills ClickHouse with more and more events and has a daemon answer from them: how much memory it then
// takes, how long it takes to start from ClickHouse and from its snapshot, and how much disk an event takes. Straight
// lines through what was seen say what 100 million indicators and a billion events would need.
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{300_000, 1_000_000, 2_000_000}
	if testkit.Long() {
		sizes = []int{1_000_000, 3_000_000, 10_000_000}
	}
	for b.Loop() {
		hub := hubtest.Start(b, hubtest.Options{NotStarted: true})
		most := sizes[len(sizes)-1]
		l := newLedger(b, time.Now().AddDate(0, 0, -20), 20*24*time.Hour/time.Duration(most), true)
		var seen []grown
		for _, n := range sizes {
			l.fill(b, n, nil)
			g := grow(b, hub, l)
			b.Logf("%s", g)
			seen = append(seen, g)
		}
		put(b, growthFamily, growthRows(seen)...)
	}
	b.ReportMetric(0, "ns/op")
}

// grown is what was seen at one size.
type grown struct {
	events, indicators, opinions float64
	// tables is what the index's tables take in memory, and resident the whole daemon; in bytes.
	tables, resident float64
	// cold is from the daemon's start until it answers, from ClickHouse, and warm from its snapshot.
	cold, warm         time.Duration
	coldCPU, engineCPU time.Duration
	// disk is what an event takes in ClickHouse: the ledger, the standing opinions and all else; and snapshot the file's
	// bytes, in all.
	ledger, standing, rest, snapshot float64
}

func (g grown) String() string {
	return fmt.Sprintf("%.0f events, %.0f indicators, %.0f opinions: index %.1f B an indicator, daemon %.0f MB; start %.2f s "+
		"(CPU %.2f s, ClickHouse %.2f s), from a snapshot of %.0f MB %.2f s; disk an event: ledger %.1f B, opinions %.1f B, "+
		"all else %.1f B", g.events, g.indicators, g.opinions, g.tables/g.indicators, g.resident/1e6, g.cold.Seconds(),
		g.coldCPU.Seconds(), g.engineCPU.Seconds(), g.snapshot/1e6, g.warm.Seconds(), g.ledger, g.standing, g.rest)
}

// grow looks at a hub that answers from a ledger.
func grow(b *testing.B, hub *hubtest.Hub, l *ledger) grown {
	b.Helper()
	g := grown{events: float64(l.filled)}
	l.settle(b)
	bytes := func(which string) float64 {
		x, _ := strconv.ParseFloat(l.run(b, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '"+
			l.Database+"' AND table "+which), 64)
		return x / g.events
	}
	g.ledger, g.standing, g.rest = bytes("= 'events'"), bytes("= 'opinions'"), bytes("NOT IN ('events', 'opinions')")

	node := hub.NewNode(b, hubtest.NodeOptions{Role: "api", Snapshots: true,
		Settings: map[string]any{"clickhouse.database": l.Database}})
	began, engines := time.Now(), cpuOf(l.engine.PID())
	node.Restart(b)
	g.cold, g.coldCPU, g.engineCPU = time.Since(began), cpuOf(node.Pid()), cpuOf(l.engine.PID())-engines
	time.Sleep(time.Second) // the loader's garbage goes
	g.resident = float64(residentOf(node.Pid()))
	g.tables, g.indicators = node.Metric(b, "waspada_index_memory_bytes"), node.Metric(b, "waspada_index_digests")
	g.opinions = node.Metric(b, "waspada_index_opinions")
	node.Stop(b) // writes a snapshot
	g.snapshot = sizeOf(b, node.SnapshotDir)
	began = time.Now()
	node.Restart(b)
	g.warm = time.Since(began)
	node.Kill(b)
	return g
}

func sizeOf(b *testing.B, dir string) (bytes float64) {
	b.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			bytes += float64(info.Size())
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// What the model is asked for.
const (
	wantedIndicators = 100e6
	wantedEvents     = 1e9
)

// trend is one figure over the sizes, by n indicators or events, and what its line says far beyond them.
type trend struct {
	report.Row
	line
	reach float64
}

func growthRows(seen []grown) []report.Row {
	column := func(of func(grown) float64) (all []float64) {
		for _, g := range seen {
			all = append(all, of(g))
		}
		return all
	}
	follow := func(row report.Row, n []float64, wanted float64, of func(grown) float64) trend {
		y := column(of)
		t := trend{Row: row, line: fit(n, y)}
		t.reach = t.at(wanted)
		t.Subject = "the hub"
		t.Note = fmt.Sprintf("in all %s; at %.0f M that would be %.3g, %.0f times beyond what was seen", t.line, wanted/1e6,
			t.reach, wanted/n[len(n)-1])
		t.See(report.Ratios(y, n))
		return t
	}
	indicators := column(func(g grown) float64 { return g.indicators })
	byIndicator := func(name, unit, means string, goal report.Goal, of func(grown) float64) trend {
		return follow(report.Row{Row: name, Unit: unit, Means: means, Goal: goal}, indicators, wantedIndicators, of)
	}
	memory := byIndicator("memory of the index, an indicator", report.Bytes, "what listing one more costs each node that answers",
		report.AtMost(40), func(g grown) float64 { return g.tables })
	node := byIndicator("memory of a node, an indicator", report.Bytes, "for sizing: the whole daemon, with room for its heap",
		report.Goal{}, func(g grown) float64 { return g.resident })
	cold := byIndicator("start from ClickHouse, an indicator", report.Nanoseconds, "how long a new node takes until it answers",
		report.Goal{}, func(g grown) float64 { return float64(g.cold) })
	work := byIndicator("start from ClickHouse, CPU of the daemon", report.Nanoseconds, "the same without waiting",
		report.Goal{}, func(g grown) float64 { return float64(g.coldCPU) })
	warm := byIndicator("start from a snapshot, an indicator", report.Nanoseconds, "how long a node takes that was restarted",
		report.Goal{}, func(g grown) float64 { return float64(g.warm) })
	disk := follow(report.Row{Row: "disk of ClickHouse, an event", Unit: report.Bytes,
		Means: "the ledger, the standing opinions and roll-ups"},
		column(func(g grown) float64 { return g.events }), wantedEvents,
		func(g grown) float64 { return (g.ledger + g.standing + g.rest) * g.events })
	last := seen[len(seen)-1]
	memory.Note += fmt.Sprintf("; %.2f opinions an indicator", last.opinions/last.indicators)
	if memory.Holds == "no" {
		memory.Why = fmt.Sprintf("it is %.1f B an opinion, and an indicator has %.2f of them here: more than one partner knows "+
			"some, and hosts of pages are listed beside them", last.tables/last.opinions, last.opinions/last.indicators)
	}
	disk.Note += fmt.Sprintf("; at the largest size the ledger %.0f B, opinions %.0f B", last.ledger, last.standing)
	return []report.Row{memory.Row, node.Row, cold.Row, work.Row, warm.Row, disk.Row, machines(node, cold, warm, disk)}
}

// machines says how many it would take.
func machines(node, cold, warm, disk trend) report.Row {
	const (
		memory = 32e9         // of a machine that answers
		full   = 2e12 * 2 / 3 // of the disk of a machine with ClickHouse
		copies = 2            // of both
	)
	answering, storing := copies*math.Ceil(node.reach/memory), copies*math.Ceil(disk.reach/full)
	duration := func(ns float64) time.Duration { return time.Duration(ns).Round(time.Second) }
	row := report.Row{Row: "machines for 100 M indicators and 1 G events", Subject: "the model", Unit: "machines",
		Means: "an extrapolation, not a measurement: straight lines far beyond what was seen",
		Note: fmt.Sprintf("%.0f that answer, two for safety, with %.0f GB of memory each, up from ClickHouse in %s and from a "+
			"snapshot in %s; %.0f with ClickHouse, two copies, %.0f GB of disk each; brokers beside", answering, node.reach/1e9,
			duration(cold.reach), duration(warm.reach), storing, disk.reach/1e9)}
	row.See([]float64{answering + storing})
	return row
}

var growthFamily = report.Family{Name: "growth", Title: "Growth",
	About: "A daemon (role api) over ClickHouse with 0.3, 1 and 2 million synthetic events, seven in ten of them about an " +
		"indicator of their own (make bench-full: 1, 3 and 10 million). Medians, least and most are over the sizes. Each note has the straight line through the " +
		"totals, fitted to least relative squares, and how far each size lies off it."}
