package indicator

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
)

const (
	bitcoinAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	rippleAlphabet  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

// maxBase58 is the longest text that is decoded: 32 bytes take 44 digits. Decoding is quadratic.
const maxBase58 = 64

// decodeBase58 reads a number in base 58. Each leading zero digit stands for a zero byte.
func decodeBase58(text, alphabet string) ([]byte, bool) {
	if text == "" || len(text) > maxBase58 {
		return nil, false
	}
	var number []byte // little-endian
	for i := range len(text) {
		carry := strings.IndexByte(alphabet, text[i])
		if carry < 0 {
			return nil, false
		}
		for j := range number {
			carry += 58 * int(number[j])
			number[j] = byte(carry)
			carry >>= 8
		}
		if carry > 0 {
			number = append(number, byte(carry))
		}
	}
	for i := 0; i < len(text) && text[i] == alphabet[0]; i++ {
		number = append(number, 0)
	}
	slices.Reverse(number)
	return number, true
}

// checked verifies the last four bytes of a base58check payload: a double SHA-256 of the others.
func checked(payload []byte) bool {
	body, sum := payload[:len(payload)-4], payload[len(payload)-4:]
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return bytes.Equal(twice[:4], sum)
}
