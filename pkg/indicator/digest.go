package indicator

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Digest is a keyed digest of a canonical form: all that the hub ever stores, sends or logs of an indicator.
type Digest [32]byte

// ErrDigest is returned for text that is not 64 lower-case hexadecimal digits.
var ErrDigest = errors.New("a digest is 64 lower-case hexadecimal digits")

// ParseDigest reads 64 lower-case hexadecimal digits. Upper case is refused, so that a digest has one spelling.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	return d, d.UnmarshalText([]byte(text))
}

// String is the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// AppendText appends the digest in lower-case hexadecimal.
func (d Digest) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, d[:]), nil }

// MarshalText writes the digest in lower-case hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText reads 64 lower-case hexadecimal digits.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) {
		return fmt.Errorf("%w, not %d characters", ErrDigest, len(text))
	}
	wrong := uint64(0)
	for i := 0; i < len(d); i += 4 {
		four, bad := unhex(binary.LittleEndian.Uint64(text[2*i:]))
		binary.LittleEndian.PutUint32(d[i:], four)
		wrong |= bad
	}
	if wrong != 0 {
		return ErrDigest
	}
	return nil
}

// unhex reads eight characters at once, the first in the lowest byte of x; wrong is 0 if they are lower-case hexadecimal
// digits. The package hex takes upper case, too, and a look-up reads thousands of digests: digit by digit, that took most
// of the time in which a batch is read.
func unhex(x uint64) (four uint32, wrong uint64) {
	const each = 0x0101010101010101
	letter := x >> 6 & each // 1 in the byte of each: letters have this bit, and digits have not
	v := x&(15*each) + 9*letter
	again := v + '0'*each + (v+6*each)>>4&each*('a'-'9'-1)
	wrong = x ^ again | v&(0xf0*each) // written again they are the same, and none of them is above f
	v = (v<<4 | v>>8) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16), wrong
}

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// Word returns the i-th of the digest's four big-endian 64-bit words. A keyed digest is uniformly distributed, so
// its words serve as hashes without another hash function.
func (d *Digest) Word(i int) uint64 { return binary.BigEndian.Uint64(d[8*i:]) }
