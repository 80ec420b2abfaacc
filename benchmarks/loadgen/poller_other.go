//go:build !linux

package loadgen

import (
	"errors"
	"net"
	"time"
)

var errLinux = errors.New("the load generator needs Linux: it waits with epoll")

// poller is Linux's alone.
type poller struct{}

func newPoller() (poller, error) { return poller{}, errLinux }

func (*poller) own() func()                                   { return func() {} }
func (*poller) add(net.Conn, int) (int, error)                { return 0, errLinux }
func (*poller) remove(int)                                    {}
func (*poller) close()                                        {}
func (*poller) wait(to []int, _ time.Duration) ([]int, error) { return to, errLinux }
func (*poller) send(*conn) error                              { return errLinux }
func (*poller) read(*conn) (bool, error)                      { return false, errLinux }
