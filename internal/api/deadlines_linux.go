package api

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// unhurried is a TCP connection whose deadlines are only noted until one waits: net/http sets eight for each request,
// which nobody but who is slow ever reaches, and each moves a timer.
type unhurried struct {
	net.Conn
	// closeWrite is what net/http does before it closes on one who may still send.
	closeWrite    func() error
	reads, writes deadline
	writing       sync.Mutex
}

func newUnhurried(conn *net.TCPConn) unhurried {
	return unhurried{Conn: conn, closeWrite: conn.CloseWrite, reads: deadline{set: conn.SetReadDeadline},
		writes: deadline{set: conn.SetWriteDeadline}}
}

// SetReadDeadline is net.Conn's.
func (u *unhurried) SetReadDeadline(at time.Time) error { return u.reads.move(at) }

// SetWriteDeadline is net.Conn's.
func (u *unhurried) SetWriteDeadline(at time.Time) error { return u.writes.move(at) }

// SetDeadline is net.Conn's.
func (u *unhurried) SetDeadline(at time.Time) error {
	return errors.Join(u.reads.move(at), u.writes.move(at))
}

// CloseWrite is net.TCPConn's.
func (u *unhurried) CloseWrite() error { return u.closeWrite() }

// Write is net.Conn's.
func (u *unhurried) Write(b []byte) (sent int, err error) {
	u.writing.Lock()
	defer u.writing.Unlock()
	err = u.writes.wait(func() error {
		n, err := u.Conn.Write(b[sent:])
		sent += n
		return err
	})
	return sent, err
}

// deadline is that of reading, or of writing. The connection's own, the alarm, is set when one waits who would be woken too
// late. Who is woken too early waits on:
//
//	move ──▶ noted      wait ──▶ is the alarm late? set it ──▶ wait ──rings──▶ reached? over
//	                                             └──────────────────◀──────────┘ no
type deadline struct {
	set func(time.Time) error // the alarm

	mu      sync.Mutex
	at      time.Time // zero for never
	alarm   time.Time // zero for never
	waiting bool
}

// interrupts tells a deadline that ends a wait at once, which net/http sets in the seventies, from those that are waited for.
func interrupts(at time.Time) bool { return !at.IsZero() && at.Unix() < 1e6 }

// move moves the deadline; who waits already keeps to it, too.
func (d *deadline) move(to time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = to
	if !d.waiting {
		return nil
	}
	return d.ringInTime()
}

// wait does something that ends when the alarm rings; one at a time does.
func (d *deadline) wait(do func() error) error {
	if err := d.begin(); err != nil {
		return err
	}
	err := do()
	for err != nil && d.early(err) {
		err = do()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = false
	return err
}

func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if interrupts(d.at) {
		return os.ErrDeadlineExceeded
	}
	err := d.ringInTime()
	d.waiting = err == nil
	return err
}

// ringInTime sets the alarm where it would ring too late, or was an interruption and would ring at once.
func (d *deadline) ringInTime() error {
	late := !d.at.IsZero() && (d.alarm.IsZero() || d.at.Before(d.alarm))
	if !late && !interrupts(d.alarm) {
		return nil
	}
	d.alarm = d.at
	return d.set(d.at)
}

// early tells whether an error is but an alarm that rang before the deadline, and then sets it anew.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		return false
	}
	d.alarm = d.at
	return d.set(d.at) == nil
}
