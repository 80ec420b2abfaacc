package quota

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// distinct estimates how many different digests it has seen: HyperLogLog registers, and the count kept beside them as
// they change (the martingale estimator: Ting, "Streamed approximate counting of distinct elements", KDD 2014). So the
// estimate costs nothing to read, never falls, and errs by 0.83/√m, less than the registers alone would. Libraries
// walk all registers for each estimate, and a look-up needs one each time.
//
// Digests are uniform, but partners hold the key ring and could choose those that change no register; so a secret
// decides which do, another each day (Paterson and Raynal, "HyperLogLog: Exponentially bad in adversarial settings").
type distinct struct {
	secret    [2]uint64
	registers []uint8 // m of them; nil while nothing was seen
	sum       float64 // of 2^-register
	n         float64
}

const (
	registerBits = 14
	m            = 1 << registerBits
)

func (d *distinct) add(digest *indicator.Digest) {
	if d.registers == nil {
		d.registers, d.sum = make([]uint8, m), m
	}
	high, low := bits.Mul64(binary.LittleEndian.Uint64(digest[:])^d.secret[0],
		binary.LittleEndian.Uint64(digest[8:])^d.secret[1])
	x := high ^ low
	rank := uint8(bits.LeadingZeros64(x<<registerBits|1<<(registerBits-1))) + 1
	register := &d.registers[x>>(64-registerBits)]
	if rank <= *register {
		return
	}
	d.n += m / d.sum // 1 by the chance that a new digest changes a register
	d.sum += power(rank) - power(*register)
	*register = rank
}

// power is 2^-n.
func power(n uint8) float64 { return math.Float64frombits((1023 - uint64(n)) << 52) }

// count is the estimate.
func (d *distinct) count() int { return int(math.Round(d.n)) }
