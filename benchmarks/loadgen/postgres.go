package loadgen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// PostgresTable has the digests in PostgreSQL, in the column digest, which is the primary key.
const PostgresTable = "listed"

// postgres asks with a statement that each connection prepares once, in PostgreSQL's own protocol, version 3.
type postgres struct {
	batch  int
	keys   *Keys
	target Target
}

func newPostgres(batch int, k *Keys, t Target) *postgres { return &postgres{batch, k, t} }

// message appends a message of a kind; 0 for the first, which has none.
func message(to []byte, kind byte, body func([]byte) []byte) []byte {
	if kind != 0 {
		to = append(to, kind)
	}
	at := len(to)
	to = body(append(to, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(to[at:], uint32(len(to)-at))
	return to
}

func text(to []byte, s string) []byte { return append(append(to, s...), 0) }

// Greet logs in, where no password is asked for, and prepares the statement.
func (p *postgres) Greet(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	query := "SELECT 1 FROM " + PostgresTable + " WHERE digest = $1"
	if p.batch > 1 {
		query = "SELECT 1 FROM " + PostgresTable + " WHERE digest = ANY($1::bytea[])"
	}
	for _, send := range [][]byte{
		message(nil, 0, func(b []byte) []byte {
			b = binary.BigEndian.AppendUint32(b, 3<<16)
			b = text(text(b, "user"), p.target.User)
			b = text(text(b, "database"), p.target.Database)
			return append(b, 0)
		}),
		sync(message(nil, 'P', func(b []byte) []byte { return append(text(text(b, "q"), query), 0, 0) })),
	} {
		if _, err := conn.Write(send); err != nil {
			return err
		}
		if err := untilReady(conn); err != nil {
			return err
		}
	}
	return conn.SetDeadline(time.Time{})
}

func sync(to []byte) []byte { return message(to, 'S', func(b []byte) []byte { return b }) }

// untilReady reads messages until the server waits for the next.
func untilReady(from io.Reader) error {
	var head [5]byte
	for {
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		switch head[0] {
		case 'E':
			return fmt.Errorf("PostgreSQL says %.200q", body)
		case 'R':
			if binary.BigEndian.Uint32(body) != 0 {
				return errors.New("PostgreSQL asks for a password; trust the loopback in pg_hba.conf")
			}
		case 'Z':
			return nil
		}
	}
}

// Ask is Asker's.
func (p *postgres) Ask(to []byte) []byte {
	to = message(to, 'B', func(b []byte) []byte {
		b = append(text(text(b, ""), "q"), 0, 1, 0, 1, 0, 1) // one format, binary; one parameter
		if p.batch == 1 {
			b = appendDigest(b, p.keys)
		} else {
			const bytea = 17 // its type's number
			b = binary.BigEndian.AppendUint32(b, uint32(20+36*p.batch))
			for _, n := range []uint32{1, 0, bytea, uint32(p.batch), 1} { // dimensions, nulls, type, length, first index
				b = binary.BigEndian.AppendUint32(b, n)
			}
			for range p.batch {
				b = appendDigest(b, p.keys)
			}
		}
		return append(b, 0, 0) // columns as text
	})
	return sync(message(to, 'E', func(b []byte) []byte { return append(b, 0, 0, 0, 0, 0) }))
}

func appendDigest(to []byte, k *Keys) []byte {
	d := k.Next()
	return append(append(to, 0, 0, 0, 32), d[:]...)
}

// Answer is Asker's: the messages up to "ready"; a row is a hit.
func (p *postgres) Answer(b []byte) (length, hits int, err error) {
	for rest := b; len(rest) >= 5; {
		size := 1 + int(binary.BigEndian.Uint32(rest[1:]))
		if len(rest) < size {
			break
		}
		switch rest[0] {
		case 'E':
			return 0, 0, fmt.Errorf("PostgreSQL says %.200q", rest[5:size])
		case 'D':
			hits++
		}
		length += size
		if rest[0] == 'Z' {
			return length, hits, nil
		}
		rest = rest[size:]
	}
	return 0, 0, nil
}
