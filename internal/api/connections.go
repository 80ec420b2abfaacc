package api

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"runtime"
	"sync"
)

// connections bounds how many there are, and so their memory. When a new one finds no room, the one that has been idle
// for longest is closed; when none is idle it waits, and those behind it wait in the kernel, at no cost of ours.
type connections struct {
	net.Listener
	limit int

	mu     sync.Mutex
	room   sync.Cond
	open   map[net.Conn]*list.Element // nil for those that are busy
	idle   *list.List                 // of net.Conn, the longest idle first
	closed bool
}

// connectionsPerCPU is for those who set no bound. A connection costs some 20 KiB, and, where its caller does not wait as
// it is told, a refusal for each longestPause: see waiting.
const connectionsPerCPU = 2048

func newConnections(l net.Listener, limit int) *connections {
	if limit <= 0 {
		limit = max(4096, connectionsPerCPU*runtime.GOMAXPROCS(0))
	}
	c := &connections{Listener: l, limit: limit, open: map[net.Conn]*list.Element{}, idle: list.New()}
	c.room.L = &c.mu
	return c
}

// Accept is net.Listener's.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn = stamp(conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) >= c.limit && !c.closed {
		if longest := c.idle.Front(); longest != nil {
			c.open[c.idle.Remove(longest).(net.Conn)] = nil
			_ = longest.Value.(net.Conn).Close() // its goroutine notices, and makes room
		}
		c.room.Wait()
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c.open[conn] = nil
	return conn, nil
}

// Close is net.Listener's.
func (c *connections) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.room.Broadcast()
	return c.Listener.Close()
}

// changed is http.Server.ConnState.
func (c *connections) changed(conn net.Conn, now http.ConnState) {
	conn = plain(conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.open[conn]; e != nil {
		c.idle.Remove(e)
	}
	switch now {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		c.room.Signal()
	case http.StateIdle:
		c.open[conn] = c.idle.PushBack(conn)
		c.room.Signal() // it can make room
	default:
		c.open[conn] = nil
	}
}

// plain is the connection below TLS, if there is any.
func plain(conn net.Conn) net.Conn {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return conn
}

// count tells how many connections are open and how many of these idle.
func (c *connections) count() (open, idle int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.idle.Len()
}
