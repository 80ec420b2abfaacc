package index

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// listing is one bank's report, by number.
func listing(d indicator.Digest, partner fraud.PartnerNumber) fraud.Opinion {
	id := uuid.UUID(d[:16])
	return fraud.Opinion{
		Digest: d, Type: indicator.BankAccount, Grade: indicator.Exact, Partner: partner, Stance: fraud.Listed,
		Version: fraud.MakeVersion(noon.Add(-time.Hour), fraud.Listed, id), Category: 3, Evidence: fraud.BankSuspected,
		Confidence: 80, Advice: fraud.Hold, TLP: fraud.TLPAmber,
	}
}

// random digests are as good as HMACs for measuring.
func digests(r *rand.Rand, n int) []indicator.Digest {
	all := make([]indicator.Digest, n)
	words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(all))), 4*n)
	for i := range words {
		words[i] = r.Uint64()
	}
	return all
}

// national is like the national set: half of the opinions are the weak expressions of accounts, with an origin.
func national(all []indicator.Digest) []fraud.Opinion {
	opinions := make([]fraud.Opinion, len(all))
	for i, d := range all {
		opinions[i] = listing(d, fraud.PartnerNumber(1+i%4))
		if i%2 == 1 {
			opinions[i].Grade, opinions[i].Origin = indicator.Weak, fraud.OriginOf(all[i-1])
		}
	}
	return opinions
}

func load(opinions []fraud.Opinion) *frozen {
	l := &loader{}
	l.add(opinions)
	return l.frozen(noon, noon.Add(-37*24*time.Hour))
}

// big is shared by the benchmarks: its making takes seconds.
var big struct {
	x      *Index
	listed []indicator.Digest
	bloom  *bloom.BloomFilter
}

const bigSize = 10_000_000

func setUp(b *testing.B) (x *Index, listed, unlisted []indicator.Digest) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	if big.x == nil {
		big.listed = digests(r, bigSize)
		l := &loader{}
		for i := 0; i < bigSize; i += 1000 {
			l.add(national(big.listed[i : i+1000]))
		}
		big.x = newIndex(testPolicy())
		big.x.adopt(l.frozen(noon, noon.Add(-37*24*time.Hour)))
		big.bloom = bloom.NewWithEstimates(2*bigSize, falsePositives)
		for i := range big.listed {
			big.bloom.Add(big.listed[i][:])
		}
		runtime.GC()
	}
	return big.x, big.listed, digests(rand.New(rand.NewPCG(3, 4)), 1<<16)
}

func BenchmarkLookup(b *testing.B) {
	x, listed, unlisted := setUp(b)
	probe := make([]fraud.Probe, 1)
	b.Run("unlisted", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			probe[0] = fraud.Probe{Digest: unlisted[i%len(unlisted)], Grade: indicator.Exact}
			x.Lookup(regulator, probe)
		}
	})
	b.Run("listed", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			probe[0] = fraud.Probe{Digest: listed[i*7919%len(listed)], Grade: indicator.Exact}
			x.Lookup(regulator, probe)
		}
	})
	b.Run("opinions of a listed one", func(b *testing.B) {
		b.ReportAllocs()
		v, room := x.view.Load(), make([]fraud.Opinion, 0, 8)
		for i := range b.N {
			v.opinions(tagOf(&listed[i*7919%len(listed)]), room)
		}
	})
}

func BenchmarkLookupBatch(b *testing.B) {
	x, listed, unlisted := setUp(b)
	const size = 1000
	run := func(name string, hits int) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			ask := append([]indicator.Digest(nil), unlisted...)
			for i := range ask {
				if i%1000 < hits {
					ask[i] = listed[i*7919%len(listed)]
				}
			}
			out := make([]fraud.Status, size)
			for i := range b.N {
				at := i * size % (len(ask) - size)
				x.LookupBatch(regulator, ask[at:at+size], out, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/digest")
			b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds()/1e6, "M/s")
		})
	}
	run("none listed", 0)
	run("1 percent listed", 10)
}

// BenchmarkFilter compares with the library's own test of the same size.
func BenchmarkFilter(b *testing.B) {
	x, listed, unlisted := setUp(b)
	f := x.view.Load().filter
	// As many of each, so that the questions themselves are cached alike.
	for name, ask := range map[string][]indicator.Digest{"unlisted": unlisted, "listed": listed[:len(unlisted)]} {
		b.Run(name+"/ours", func(b *testing.B) {
			for i := range b.N {
				f.mayContain(tagOf(&ask[i*7919%len(ask)]))
			}
		})
		b.Run(name+"/library", func(b *testing.B) {
			for i := range b.N {
				big.bloom.Test(ask[i*7919%len(ask)][:])
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	x, listed, _ := setUp(b)
	fresh := national(digests(rand.New(rand.NewPCG(5, 6)), 1<<16))
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		y := newIndex(testPolicy())
		y.adopt(x.view.Load().base)
		b.ResetTimer()
		for i := range b.N {
			o := fresh[i%len(fresh)]
			o.Digest[0], o.Digest[1], o.Digest[2] = byte(i>>32), byte(i>>24), byte(i>>16)
			y.Apply([]fraud.Opinion{o})
		}
	})
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			n := i * 7918 % len(listed)
			x.Apply([]fraud.Opinion{listing(listed[n&^1], fraud.PartnerNumber(1+n&^1%4))})
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for _, size := range []int{1_000_000, bigSize} {
		name := "1M"
		if size == bigSize {
			name = "10M"
		}
		b.Run(name, func(b *testing.B) {
			all := digests(rand.New(rand.NewPCG(1, 2)), size)
			x := newIndex(testPolicy())
			l := &loader{}
			for i := 0; i < size; i += 1000 {
				l.add(national(all[i : i+1000]))
			}
			began := time.Now()
			base := l.frozen(noon, noon.Add(-37*24*time.Hour))
			b.ReportMetric(time.Since(began).Seconds(), "sort-s")
			x.adopt(base)
			more := digests(rand.New(rand.NewPCG(8, 9)), 50_000)
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				for j := range more {
					more[j][31] ^= byte(i + 1)
				}
				x.Apply(national(more))
				b.StartTimer()
				x.fold()
			}
			b.StopTimer()
			s := x.Stats()
			b.ReportMetric(float64(s.BaseBytes)/float64(s.Opinions), "table-B/opinion")
			b.ReportMetric(float64(s.BaseBytes+s.FilterBytes)/float64(s.Opinions), "B/opinion")
			b.ReportMetric(s.FilterBitsPerDigest, "filter-bits/digest")
			b.ReportMetric(s.FilterFill, "fill")
		})
	}
}
