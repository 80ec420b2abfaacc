package loadgen

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// poller tells which connections have something to read or room to write, by epoll, edge-triggered.
type poller struct {
	fd     int
	events []unix.EpollEvent
}

func newPoller() (poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return poller{fd, make([]unix.EpollEvent, 256)}, err
}

// own keeps the calling goroutine on one thread until what it returns is called.
func (p *poller) own() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// add takes a handle of its own of a connection, which it calls by a number.
func (p *poller) add(c net.Conn, number int) (fd int, err error) {
	file, err := c.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if fd, err = unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return 0, err
	}
	if err = unix.SetNonblock(fd, true); err == nil {
		err = unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
			Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(number),
		})
	}
	if err != nil {
		_ = unix.Close(fd)
	}
	return fd, err
}

func (p *poller) remove(fd int) { _ = unix.Close(fd) }

func (p *poller) close() { _ = unix.Close(p.fd) }

// wait appends the numbers of connections that are ready; with no pause it looks and returns.
func (p *poller) wait(to []int, pause time.Duration) ([]int, error) {
	n, err := unix.EpollWait(p.fd, p.events, int(pause/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return to, err
	}
	for _, e := range p.events[:max(n, 0)] {
		to = append(to, int(e.Fd))
	}
	return to, nil
}

// send writes as much of the question as there is room for.
func (p *poller) send(c *conn) error {
	for c.sent < len(c.out) {
		n, err := unix.Write(c.fd, c.out[c.sent:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		default:
			c.sent += n
		}
	}
	return nil
}

// read appends what has come to c.in, once; false when nothing had.
func (p *poller) read(c *conn) (bool, error) {
	if len(c.in) == cap(c.in) {
		c.in = slices.Grow(c.in, cap(c.in))
	}
	for {
		n, err := unix.Read(c.fd, c.in[len(c.in):cap(c.in)])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false, err
		case n == 0:
			return false, io.ErrUnexpectedEOF // the server hung up
		}
		c.in = c.in[:len(c.in)+n]
		return true, nil
	}
}
