package loadgen

import (
	"bytes"
	"fmt"
	"strconv"
)

// RedisSet is the key of the set in Redis.
const RedisSet = "listed"

// redis asks with SISMEMBER, or about several with SMISMEMBER.
type redis struct {
	batch int
	keys  *Keys
}

// Ask is Asker's.
func (r *redis) Ask(to []byte) []byte {
	command := "SMISMEMBER"
	if r.batch == 1 {
		command = "SISMEMBER"
	}
	to = append(to, '*')
	to = strconv.AppendInt(to, int64(r.batch+2), 10)
	to = append(to, "\r\n$"...)
	to = strconv.AppendInt(to, int64(len(command)), 10)
	to = append(to, "\r\n"...)
	to = append(to, command...)
	to = append(to, "\r\n$6\r\n"+RedisSet+"\r\n"...)
	for range r.batch {
		d := r.keys.Next()
		to = append(to, "$32\r\n"...)
		to = append(to, d[:]...)
		to = append(to, "\r\n"...)
	}
	return to
}

// Answer is Asker's: ":1\r\n" for one, and an array of such for several.
func (r *redis) Answer(b []byte) (int, int, error) {
	const each = len(":1\r\n")
	head := 0
	if r.batch > 1 {
		if head = bytes.IndexByte(b, '\n') + 1; head == 0 {
			return 0, 0, nil
		}
	}
	if len(b) > 0 && b[0] == '-' {
		return 0, 0, fmt.Errorf("answered %.200q", b)
	}
	if len(b) < head+each*r.batch {
		return 0, 0, nil
	}
	length := head + each*r.batch
	return length, bytes.Count(b[head:length], []byte(":1")), nil
}
