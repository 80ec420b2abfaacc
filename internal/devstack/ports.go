package devstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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
		ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(firstPort+rand.IntN(lastPort-firstPort))))
		if err == nil {
			return ln, nil
		}
	}
	return nil, errors.New("no free port between 20000 and 32000 after 100 tries")
}

// FreePort finds a loopback port on which nothing listens now, and which no outgoing connection is given.
func FreePort() (int, error) {
	ln, err := listen("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
