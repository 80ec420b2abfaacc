package devstack

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Ports are drawn from below the range out of which systems take the local ports of outgoing connections (from 32768
// on Linux, 49152 on macOS). From within it, a client that keeps dialling a stopped server may be given that server's
// port and connect to itself; the server could then not start again.
const (
	firstPort = 20000
	lastPort  = 32000
)

// listen opens a TCP listener at addr, "host:port"; port 0 takes a free port.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if port != "0" {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("cannot take the address; choose another port or stop what listens there: %w", err)
		}
		return ln, nil
	}
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if free, err := reserved.take(port); err != nil {
			return nil, err
		} else if !free {
			continue
		}
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return ln, nil
		}
	}
	return nil, errors.New("no free port between 20000 and 32000 after 100 tries")
}

// FreePort finds a loopback port on which nothing listens now, and which is given to no outgoing connection and to
// nobody else by this package.
func FreePort() (int, error) {
	ln, err := listen("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// reserved are the ports that this process has taken, until it ends: seconds pass from when a port is found free until
// its server listens or listens again, and other test processes look for ports meanwhile. Each port is a byte of a file
// that they share, which is locked.
var reserved reservations

type reservations struct {
	mu   sync.Mutex
	file *os.File
	mine map[int]bool // the lock keeps others away, not ourselves
}

// take reports false for a port that is taken.
func (r *reservations) take(port int) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		name := filepath.Join(os.TempDir(), fmt.Sprintf("waspada-ports-%d", os.Getuid()))
		file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return false, err
		}
		r.file, r.mine = file, map[int]bool{}
	}
	if r.mine[port] {
		return false, nil
	}
	lock := &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: int64(port), Len: 1}
	err := syscall.FcntlFlock(r.file.Fd(), syscall.F_SETLK, lock)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	r.mine[port] = err == nil
	return err == nil, err
}
