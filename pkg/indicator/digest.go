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
	all := byte(0)
	for i := range d {
		high, low := hexDigits[text[2*i]], hexDigits[text[2*i+1]]
		d[i] = high<<4 | low
		all |= high | low
	}
	if all > 15 {
		return ErrDigest
	}
	return nil
}

// hexDigits are the values of lower-case hexadecimal digits, and 255 for every other character. The package hex takes
// upper case, too, and a look-up reads thousands of digests.
var hexDigits = func() (values [256]byte) {
	for c := range values {
		values[c] = 255
	}
	for value, c := range "0123456789abcdef" {
		values[c] = byte(value)
	}
	return values
}()

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// Word returns the i-th of the digest's four big-endian 64-bit words. A keyed digest is uniformly distributed, so
// its words serve as hashes without another hash function.
func (d *Digest) Word(i int) uint64 { return binary.BigEndian.Uint64(d[8*i:]) }
