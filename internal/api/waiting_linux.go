package api

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stamped is a TCP connection that notes when the kernel received what is read from it: from then on it waited for us.
type stamped struct {
	unhurried
	received atomic.Int64 // Unix nanoseconds, 0 while it is not known
	resumed  atomic.Int64
	letGo    atomic.Bool

	// One read, in memory that the next reuses: each request costs two.
	reading sync.Mutex
	raw     syscall.RawConn
	receive func(fd uintptr) (done bool)
	to      [1][]byte
	oob     [64]byte
	n, oobn int
	failure error
}

// stamp returns the connection as it is where the kernel does not do it.
func stamp(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	if err != nil || refused != nil {
		return conn
	}
	s := &stamped{unhurried: newUnhurried(tcp), raw: raw}
	s.receive = func(fd uintptr) bool {
		for {
			s.n, s.oobn, _, _, s.failure = unix.RecvmsgBuffers(int(fd), s.to[:], s.oob[:], 0)
			if s.failure != unix.EINTR {
				return s.failure != unix.EAGAIN
			}
		}
	}
	return s
}

// Read is net.Conn's.
func (s *stamped) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.to[0] = b
	err = s.reads.wait(func() error { return s.raw.Read(s.receive) })
	s.to[0] = nil
	switch {
	case err != nil:
		return 0, err
	case s.failure != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: s.failure}
	case s.n == 0:
		return 0, io.EOF
	}
	if at, ok := timestamp(s.oob[:s.oobn]); ok {
		s.received.Store(at)
	}
	return s.n, nil
}

// timestamp reads the kernel's, which is of its wall clock. The first packets of a process have none.
func timestamp(oob []byte) (unixNano int64, ok bool) {
	if len(oob) < unix.SizeofCmsghdr {
		return 0, false
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(oob)
	if err != nil || header.Level != unix.SOL_SOCKET || header.Type != unix.SO_TIMESTAMPNS || len(data) < 16 {
		return 0, false
	}
	seconds, nanos := binary.NativeEndian.Uint64(data), binary.NativeEndian.Uint64(data[8:])
	return int64(seconds*1e9 + nanos), true
}

func (s *stamped) waited(now time.Time) (waited, held time.Duration) {
	received, resumed := s.received.Load(), s.resumed.Load()
	if received == 0 {
		return 0, 0
	}
	if received < resumed {
		return time.Duration(now.UnixNano() - resumed), time.Duration(resumed - received)
	}
	return time.Duration(now.UnixNano() - received), 0
}

func (s *stamped) resumes(now time.Time, letGo bool) {
	s.resumed.Store(now.UnixNano())
	s.letGo.Store(letGo)
}

func (s *stamped) wasLetGo() bool { return s.letGo.Load() }
