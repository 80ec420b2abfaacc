package index

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/FastFilter/xorfilter"
	"golang.org/x/sys/unix"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// rival is something that tells whether a digest is listed.
type rival struct {
	name  string
	has   func(d *indicator.Digest) bool
	bytes int // of memory
	// hits and misses are nanoseconds of CPU time a probe, by round.
	hits, misses []float64
}

// BenchmarkRivals asks our filter and what somebody would take in its place the same questions, in turns, about ten
// million listed digests: filters planned for twice as many, as ours is, and for one false positive in 10,000. It counts
// CPU time, since others share the machine.
func BenchmarkRivals(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	x, listed, unlisted := setUp(b)
	all := rivals(b, x, listed)
	const rounds, probes = 7, 1 << 21
	ask := listed[:len(unlisted)] // as many, so that the questions themselves are cached alike
	for round := range rounds + 1 {
		for _, r := range all {
			hits, misses := timed(r.has, ask, probes, true), timed(r.has, unlisted, probes, false)
			if round > 0 { // before that caches fill
				r.hits, r.misses = append(r.hits, hits), append(r.misses, misses)
			}
		}
	}
	ours, library := all[0], all[1]
	rows := []report.Row{
		ratio("a miss", "most look-ups end here", ours, library, report.AtMost(0.40),
			func(r *rival) []float64 { return r.misses }),
		ratio("a hit", "every bit is read, and then the opinions are", ours, library, report.AtMost(0.45),
			func(r *rival) []float64 { return r.hits }),
	}
	for _, r := range all {
		b.Logf("%-34s %5.1f ns a miss, %5.1f ns a hit, %5.2f B a digest", r.name, report.Median(r.misses),
			report.Median(r.hits), float64(r.bytes)/bigSize)
		if r == ours {
			continue
		}
		row := ratio("a miss, beside "+r.name, "", ours, r, report.Goal{}, func(r *rival) []float64 { return r.misses })
		row.Note = fmt.Sprintf("a hit %.2f; %.2f and %.2f B a digest",
			report.Median(report.Ratios(ours.hits, r.hits)), float64(ours.bytes)/bigSize, float64(r.bytes)/bigSize)
		rows = append(rows, row)
	}
	keep(b, rows...)
	b.ReportMetric(0, "ns/op")
}

func ratio(name, means string, ours, other *rival, goal report.Goal, of func(*rival) []float64) report.Row {
	row := report.Row{Row: name, Means: means, Subject: ours.name, Baseline: other.name, Unit: report.Times, Goal: goal,
		SubjectCPU: report.Median(of(ours)), BaselineCPU: report.Median(of(other))}
	row.See(report.Ratios(of(ours), of(other)))
	return row
}

func keep(b *testing.B, rows ...report.Row) {
	b.Helper()
	about := report.Family{Name: "filter", Title: "The filter and the table",
		About: "In process, ten million listed digests, CPU time of one thread; questions are the same for all, in turns."}
	if err := report.Put(report.Dir(), about, rows...); err != nil {
		b.Fatal(err)
	}
	for _, r := range rows {
		b.Logf("%-50s %.3g %s (%.3g to %.3g) %s %s", r.Row, r.Median, r.Unit, r.Min, r.Max, r.Holds, r.Note)
	}
}

// timed is the CPU time of a probe in nanoseconds. Listed digests must be found.
func timed(has func(*indicator.Digest) bool, ask []indicator.Digest, probes int, listed bool) float64 {
	found := 0
	began := threadCPU()
	for i := range probes {
		if has(&ask[i*7919%len(ask)]) {
			found++
		}
	}
	took := threadCPU() - began
	if listed && found != probes {
		panic("a false negative")
	}
	return float64(took.Nanoseconds()) / float64(probes)
}

func threadCPU() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// rivals are ours, the library's, and then the others.
func rivals(b *testing.B, x *Index, listed []indicator.Digest) []*rival {
	b.Helper()
	v := x.view.Load()
	blocked := make(blocked, len(x.view.Load().filter.words)/8)
	words := make([]uint64, len(listed))
	set := make(map[tag]struct{}, len(listed))
	for i := range listed {
		words[i] = listed[i].Word(0)
		blocked.add(tagOf(&listed[i]))
		set[tagOf(&listed[i])] = struct{}{}
	}
	slices.Sort(words)
	fuse8, err := xorfilter.NewBinaryFuse[uint8](words)
	if err != nil {
		b.Fatal(err)
	}
	fuse16, err := xorfilter.NewBinaryFuse[uint16](words)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	return []*rival{
		{name: "our filter", has: func(d *indicator.Digest) bool { return v.filter.mayContain(tagOf(d)) },
			bytes: 8 * len(v.filter.words)},
		{name: "bits-and-blooms bloom.Test", has: func(d *indicator.Digest) bool { return big.bloom.Test(d[:]) },
			bytes: int(big.bloom.Cap()) / 8},
		{name: "blocked bloom of as many bits", has: func(d *indicator.Digest) bool { return blocked.mayContain(tagOf(d)) },
			bytes: 64 * len(blocked)},
		{name: "binary fuse 8, static", has: func(d *indicator.Digest) bool { return fuse8.Contains(d.Word(0)) },
			bytes: len(fuse8.Fingerprints)},
		{name: "binary fuse 16, static", has: func(d *indicator.Digest) bool { return fuse16.Contains(d.Word(0)) },
			bytes: 2 * len(fuse16.Fingerprints)},
		{name: "Go map of 16 bytes", has: func(d *indicator.Digest) bool { _, ok := set[tagOf(d)]; return ok },
			bytes: 18 * 8 * len(set) / 7},
		{name: "sorted words, binary search", has: func(d *indicator.Digest) bool {
			_, ok := slices.BinarySearch(words, d.Word(0))
			return ok
		}, bytes: 8 * len(words)},
		{name: "our exact table", has: func(d *indicator.Digest) bool {
			for range v.base.of(tagOf(d)) {
				return true
			}
			return false
		}, bytes: v.base.size()},
	}
}

// blocked is a bloom filter of which all bits of a digest are in one cache line (Putze, Sanders and Singler, "Cache-, Hash-
// and Space-Efficient Bloom Filters", 2007). Lines fill unevenly, so for as many bits more passes.
type blocked [][8]uint64

func (f blocked) line(t tag) (line *[8]uint64, h uint64) {
	at, _ := bits.Mul64(t.hi, uint64(len(f)))
	return &f[at], t.lo >> tagSpare
}

func (f blocked) add(t tag) {
	line, h := f.line(t)
	for range 6 { // of 9 bits each
		line[h&7] |= 1 << (h >> 3 & 63)
		h >>= 9
	}
}

func (f blocked) mayContain(t tag) bool {
	line, h := f.line(t)
	for range 6 {
		if line[h&7]>>(h>>3&63)&1 == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

// BenchmarkFalsePositives counts at the planned load, and right after a rebuild, at half of it.
func BenchmarkFalsePositives(b *testing.B) {
	const probes = 100_000_000
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	rate := func(f *filter) float64 {
		passed := 0
		for range probes {
			if f.mayContain(tag{r.Uint64(), r.Uint64()}) {
				passed++
			}
		}
		return float64(passed) / probes
	}
	_, listed, _ := setUp(b)
	full := newFilter(len(listed) / headroom)
	for i := range listed {
		full.add(tagOf(&listed[i]))
	}
	planned, fresh := rate(full), rate(big.x.view.Load().filter)
	row := report.Row{Row: "false positives at the planned load", Subject: "our filter", Unit: "",
		Means: "how often the exact table is asked in vain", Goal: report.AtMost(1.05 * falsePositives),
		Note: fmt.Sprintf("%d probes; promised are %g; right after a rebuild %.2g", probes, falsePositives, fresh)}
	row.See([]float64{planned})
	keep(b, row)
	b.ReportMetric(0, "ns/op")
}
