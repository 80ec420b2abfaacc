package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// sealer makes cursors: places in a list that only this hub can read. What stands between two places, and is not told,
// must not be told by their distance either. A cursor is for one partner and one list, and any node with the same
// secret takes it.
type sealer struct{ aead cipher.AEAD }

func newSealer(secret []byte) (sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "waspada/cursor/1", 32)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

// newSecret is for a server that was given none: its cursors end with it.
func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
}

var cursorText = base64.RawURLEncoding

// maxCursor bounds the text of a cursor.
const maxCursor = 4096

func cursorOf(list string, whose *fraud.Partner) []byte { return []byte(list + "\x00" + whose.ID) }

// seal makes the cursor of a place.
func (s sealer) seal(list string, whose *fraud.Partner, place []byte) string {
	return cursorText.EncodeToString(s.aead.Seal(nil, nil, place, cursorOf(list, whose)))
}

// open reads a cursor; false for one that is not of this list, partner and hub.
func (s sealer) open(list string, whose *fraud.Partner, text string) ([]byte, bool) {
	if len(text) > maxCursor {
		return nil, false
	}
	sealed, err := cursorText.DecodeString(text)
	if err != nil {
		return nil, false
	}
	place, err := s.aead.Open(nil, nil, sealed, cursorOf(list, whose))
	return place, err == nil
}
