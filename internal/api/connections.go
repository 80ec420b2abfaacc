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

	mu   sync.Mutex
	room sync.Cond
	open map[net.Conn]*list.Element
	// order has those that are busy, then the fence, then those that are idle, the longest idle first: each request moves
	// its connection twice, and nothing is made for that.
	order  *list.List // of net.Conn
	fence  *list.Element
	closed bool
}

// connectionsPerCPU is for those who set no bound. A connection costs some 20 KiB, and, where its caller does not wait as
// it is told, a refusal for each longestPause: see waiting.
const connectionsPerCPU = 2048

func newConnections(l net.Listener, limit int) *connections {
	if limit <= 0 {
		limit = max(4096, connectionsPerCPU*runtime.GOMAXPROCS(0))
	}
	c := &connections{Listener: l, limit: limit, open: map[net.Conn]*list.Element{}, order: list.New()}
	c.fence = c.order.PushBack(nil)
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
		if longest := c.fence.Next(); longest != nil {
			c.order.MoveToFront(longest)
			_ = longest.Value.(net.Conn).Close() // its goroutine notices, and makes room
		}
		c.room.Wait()
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c.open[conn] = c.order.PushFront(conn)
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
	place, known := c.open[conn]
	switch {
	case !known:
	case now == http.StateClosed || now == http.StateHijacked:
		c.order.Remove(place)
		delete(c.open, conn)
		c.room.Signal()
	case now == http.StateIdle:
		c.order.MoveToBack(place)
		c.room.Signal() // it can make room
	default:
		c.order.MoveToFront(place)
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
	for place := c.fence.Next(); place != nil; place = place.Next() {
		idle++
	}
	return len(c.open), idle
}
