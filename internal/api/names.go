package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// names gives words and digests names for those who follow the changes: the same each time to the same asker, other ones
// to every other, and told apart from noise by nobody without the hub's secret. A word is what one partner says of one
// digest: nobody learns that two digests were reported by the same partner.
type names struct{ key []byte }

func newNames(secret []byte) names { return names{keyed256(secret, "waspada/names/1")} }

// nameLen is the length of a name in bytes.
const nameLen = 16

// of names the word that o replaces and is replaced by, and the digest that it is about.
func (n names) of(asker *fraud.Partner, o *fraud.Opinion) (word, about string) {
	mine := keyed256(n.key, "asker\x00"+asker.ID)
	key := o.Key()
	b := append([]byte("word\x00"), key.Digest[:]...)
	b = binary.BigEndian.AppendUint32(b, key.Origin)
	b = binary.BigEndian.AppendUint16(b, uint16(key.Partner))
	if key.Sighted {
		b = append(b, 1)
	}
	name := func(of string) string { return hex.EncodeToString(keyed256(mine, of)[:nameLen]) }
	return name(string(b)), name("about\x00" + string(o.Digest[:]))
}

// mark shortens a text to what changes with it and tells nothing of it.
func (n names) mark(text []byte) uint64 {
	return binary.BigEndian.Uint64(keyed256(n.key, "mark\x00"+string(text)))
}

func keyed256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// hex16 is a number whose texts are ordered as numbers are.
func hex16(n uint64) string { return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, n)) }
