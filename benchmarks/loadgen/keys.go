package loadgen

import (
	"encoding/binary"
	"io"
	"math/rand/v2"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Digest is the i-th of any number of digests, computed from its number. As keyed digests are, they are uniform.
func Digest(i uint64) (d indicator.Digest) {
	for w := range uint64(4) {
		binary.BigEndian.PutUint64(d[8*w:], mix(4*i+w))
	}
	return d
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Digests reads the first n digests, 32 bytes each: what is listed.
func Digests(n int) io.Reader { return &digests{left: uint64(n)} }

type digests struct {
	next, left uint64
	rest       []byte
	last       indicator.Digest
}

// Read is io.Reader's.
func (d *digests) Read(to []byte) (n int, err error) {
	for n < len(to) {
		if len(d.rest) == 0 {
			if d.left == 0 {
				break
			}
			d.last = Digest(d.next)
			d.rest, d.next, d.left = d.last[:], d.next+1, d.left-1
		}
		c := copy(to[n:], d.rest)
		n, d.rest = n+c, d.rest[c:]
	}
	if n == 0 && len(to) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Keys draws the digests that are asked about.
type Keys struct {
	listed uint64
	hits   float64
	random *rand.Rand
	zipf   *rand.Zipf // nil for uniform
	// Hits counts those that are listed.
	Hits int
}

// NewKeys draws from the first listed digests for hits, and from as many others for misses.
func NewKeys(s Scenario, listed int, seed uint64) *Keys {
	k := &Keys{listed: uint64(listed), hits: s.Hits, random: rand.New(rand.NewPCG(seed, 1))}
	if s.Skew > 1 {
		k.zipf = rand.NewZipf(k.random, s.Skew, 1, k.listed-1)
	}
	return k
}

// Next draws one.
func (k *Keys) Next() indicator.Digest {
	var i uint64
	if k.zipf != nil {
		i = k.zipf.Uint64()
	} else {
		i = k.random.Uint64N(k.listed)
	}
	if k.hits > 0 && k.random.Float64() < k.hits {
		k.Hits++
		return Digest(i)
	}
	return Digest(i + k.listed)
}
