package partners

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
)

// An API key is `wsp_live_<id>_<secret>_<crc>`: a prefix that secret scanners find, an id for one map look-up, 256
// random bits in base62 (43 characters), and the CRC-32 of all before it in 8 hexadecimal digits, which refuses a key
// that was mistyped or cut before anything is looked up.
const (
	keyPrefix    = "wsp_live_"
	secretDigits = 43
	crcDigits    = 8
)

// idPattern is what ids of partners and keys look like: no underscore, which separates the parts of an API key, and no
// slash, which separates those of a bundle's source.
var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,47}$`)

// maxKeyLen bounds what is looked at.
const maxKeyLen = len(keyPrefix) + 48 + 1 + secretDigits + 1 + crcDigits

// NewAPIKey makes an API key, which is shown once, and the hash that the partner file holds of it: the SHA-256 of the
// secret's 43 characters in lower-case hexadecimal. It panics on an id that no partner file may hold.
func NewAPIKey(id string) (key, sha256hex string) {
	if !idPattern.MatchString(id) {
		panic("partners: an API key's id has 1 to 48 of a-z 0-9 . - and begins with a letter or digit")
	}
	var random [32]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	secret := new(big.Int).SetBytes(random[:]).Text(62)
	secret = strings.Repeat("0", secretDigits-len(secret)) + secret
	body := keyPrefix + id + "_" + secret
	hash, sum := hashSecret([]byte(secret)), checksum([]byte(body))
	return body + "_" + string(sum[:]), hex.EncodeToString(hash[:])
}

// splitKey takes an API key apart; ok is false for what cannot be one.
func splitKey(key []byte) (id, secret []byte, ok bool) {
	rest, ours := bytes.CutPrefix(key, []byte(keyPrefix))
	if len(key) > maxKeyLen || !ours {
		return nil, nil, false
	}
	id, rest, _ = bytes.Cut(rest, []byte{'_'})
	secret, crc, _ := bytes.Cut(rest, []byte{'_'})
	if len(id) == 0 || len(secret) != secretDigits || len(crc) != crcDigits {
		return nil, nil, false
	}
	sum := checksum(key[:len(key)-crcDigits-1])
	return id, secret, bytes.Equal(crc, sum[:])
}

func checksum(body []byte) (digits [crcDigits]byte) {
	var sum [crcDigits / 2]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(body))
	hex.Encode(digits[:], sum[:])
	return digits
}

func hashSecret(secret []byte) [sha256.Size]byte { return sha256.Sum256(secret) }
