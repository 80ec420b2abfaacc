package indicator

import "strings"

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// The constants that the checksums of BIP 173 and BIP 350 must leave.
const bech32Sum, bech32mSum = 1, 0x2bc830a3

// checkSegwit verifies a native segregated-witness address with the given human-readable prefix: one case, the
// checksum (bech32 for version 0, bech32m for later ones), and the length of the program.
func checkSegwit(prefix, address string) *Error {
	lower := strings.ToLower(address)
	if address != lower && address != strings.ToUpper(address) || len(address) > 90 {
		return notAnAddress()
	}
	data := make([]byte, 0, len(lower))
	for _, c := range []byte(lower[len(prefix)+1:]) {
		value := strings.IndexByte(bech32Alphabet, c)
		if value < 0 {
			return notAnAddress()
		}
		data = append(data, byte(value))
	}
	if len(data) < 8 {
		return notAnAddress()
	}
	version, want := data[0], uint32(bech32mSum)
	if version == 0 {
		want = bech32Sum
	}
	if bech32Polymod(prefix, data) != want {
		return badChecksum()
	}
	length, ok := programLength(data[1 : len(data)-6])
	if !ok || version > 16 || length < 2 || length > 40 || version == 0 && length != 20 && length != 32 {
		return notAnAddress()
	}
	return nil
}

// programLength is the number of bytes in groups of five bits; the bits that are left over must be few and zero.
func programLength(groups []byte) (int, bool) {
	spare := 5 * len(groups) % 8
	if spare > 4 || len(groups) == 0 {
		return 0, false
	}
	return 5 * len(groups) / 8, groups[len(groups)-1]&(1<<spare-1) == 0
}

func bech32Polymod(prefix string, data []byte) uint32 {
	sum := uint32(1)
	step := func(value byte) {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(value)
		for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= generator
			}
		}
	}
	for i := range len(prefix) {
		step(prefix[i] >> 5)
	}
	step(0)
	for i := range len(prefix) {
		step(prefix[i] & 31)
	}
	for _, value := range data {
		step(value)
	}
	return sum
}
