package loadgen

import (
	"encoding/hex"
	"fmt"
)

// DNSZone is the zone of a DNS block list. A digest is two labels in it, as a label has 63 characters at most.
const DNSZone = "bench"

// DNSName is a digest's name below the zone.
func DNSName(to []byte, digest [32]byte) []byte {
	to = hex.AppendEncode(to, digest[:16])
	return hex.AppendEncode(append(to, '.'), digest[16:])
}

// dns asks for an address record, over UDP.
type dns struct {
	keys *Keys
	id   uint16
}

// Ask is Asker's.
func (q *dns) Ask(to []byte) []byte {
	q.id++
	d := q.keys.Next()
	to = append(to, byte(q.id>>8), byte(q.id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	to = hex.AppendEncode(append(to, 32), d[:16])
	to = hex.AppendEncode(append(to, 32), d[16:])
	to = append(to, byte(len(DNSZone)))
	to = append(to, DNSZone...)
	return append(to, 0, 0, 1, 0, 1)
}

// Answer is Asker's: a datagram is a whole answer.
func (q *dns) Answer(b []byte) (int, int, error) {
	if len(b) < 12 {
		return 0, 0, nil
	}
	switch code := b[3] & 15; code {
	case 0:
		return len(b), min(int(b[7]), 1), nil
	case 3:
		return len(b), 0, nil
	default:
		return 0, 0, fmt.Errorf("DNS answered with code %d", code)
	}
}
