package loadgen

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// patience is how long answers are waited for when no more questions come due.
const patience = 5 * time.Second

// Session is connections to one server.
type Session struct {
	scenario Scenario
	asker    Asker
	network  string
	addr     string
	conns    []*conn
	poll     poller
}

var errHungUp = errors.New("the server hung up")

// conn is one connection.
type conn struct {
	fd      int
	out, in []byte
	sent    int  // of out
	asking  bool // an answer is due
	due     time.Duration
}

// Dial connects to a server, "tcp" or "udp".
func Dial(s Scenario, asker Asker, network, addr string) (_ *Session, err error) {
	x := &Session{scenario: s, asker: asker, network: network, addr: addr}
	defer func() {
		if err != nil {
			x.Close()
		}
	}()
	if x.poll, err = newPoller(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	for i := range s.Connections {
		c := &conn{in: make([]byte, 0, 16<<10)}
		if c.fd, err = x.connect(i); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		x.conns = append(x.conns, c)
	}
	return x, nil
}

// connect makes connection number i.
func (x *Session) connect(i int) (fd int, err error) {
	c, err := net.DialTimeout(x.network, x.addr, 10*time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close() // the poller has a handle of its own
	if g, ok := x.asker.(greeter); ok {
		if err := g.Greet(c); err != nil {
			return 0, err
		}
	}
	return x.poll.add(c, i)
}

// Close hangs up.
func (x *Session) Close() {
	for _, c := range x.conns {
		x.poll.remove(c.fd)
	}
	x.poll.close()
}

// Run asks for so long, at a rate or, when it is 0, as fast as answers come. It may be repeated.
func (x *Session) Run(rate float64, during time.Duration) (*Result, error) {
	defer x.poll.own()()
	var (
		result  = newResult()
		batch   = x.scenario.Batch
		random  = rand.New(rand.NewPCG(uint64(during), uint64(rate)))
		idle    = make([]*conn, len(x.conns))
		begin   = time.Now()
		due     time.Duration // of the next question of an open loop
		waiting int
		ready   []int
		err     error
	)
	copy(idle, x.conns)
	ask := func(c *conn, due time.Duration) {
		c.out, c.sent, c.in, c.asking, c.due = x.asker.Ask(c.out[:0]), 0, c.in[:0], true, due
		waiting++
		if err := x.poll.send(c); err != nil {
			c.sent = len(c.out) // reading will tell, too
		}
	}
	for {
		now := time.Since(begin)
		if rate == 0 {
			for ; now < during && len(idle) > 0; idle = idle[:len(idle)-1] {
				ask(idle[len(idle)-1], now)
			}
		} else {
			for ; due <= now && due < during && len(idle) > 0; idle = idle[:len(idle)-1] {
				ask(idle[len(idle)-1], due)
				due += time.Duration(random.ExpFloat64() / rate * float64(time.Second))
			}
		}
		over := now >= during && (rate == 0 || due >= during)
		if over && waiting == 0 {
			break
		}
		if now >= during+patience {
			result.Unanswered = waiting
			return result, errors.New("load: the server no longer answers")
		}
		// Whoever waits for the next question to be due must not sleep past it.
		var pause time.Duration
		if rate == 0 || over || len(idle) == 0 {
			pause = 10 * time.Millisecond
		} else if pause = due - now - time.Millisecond; pause < 0 {
			pause = 0
		}
		if ready, err = x.poll.wait(ready[:0], pause); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		for _, i := range ready {
			c := x.conns[i]
			if !c.asking {
				continue
			}
			hits, done, err := x.receive(c)
			took := time.Since(begin) - c.due
			switch {
			case errors.Is(err, errHungUp):
				// A server that refuses does not read on what is long, and closes.
				if result.Dropped++; result.Dropped > len(x.conns)+result.Good/10 {
					return nil, fmt.Errorf("load: %w", err)
				}
				x.poll.remove(c.fd)
				if c.fd, err = x.connect(i); err != nil {
					return nil, fmt.Errorf("load: %w", err)
				}
			case errors.Is(err, ErrRefused):
				result.Refused++
			case err != nil:
				return nil, fmt.Errorf("load: %w", err)
			case !done:
				continue
			default:
				result.record(took, batch, hits)
			}
			c.asking = false
			waiting--
			idle = append(idle, c)
		}
	}
	result.Took = time.Since(begin)
	return result, nil
}

// receive sends what is still to be sent, and reads what is there.
func (x *Session) receive(c *conn) (hits int, done bool, err error) {
	if err := x.poll.send(c); err != nil {
		c.sent = len(c.out)
	}
	for {
		more, err := x.poll.read(c)
		if err != nil {
			return 0, false, fmt.Errorf("%w: %w", errHungUp, err)
		}
		if !more {
			return 0, false, nil
		}
		length, hits, err := x.asker.Answer(c.in)
		if length == 0 {
			if err != nil {
				return 0, false, err
			}
			continue
		}
		if length != len(c.in) {
			return 0, false, fmt.Errorf("%d bytes came after the answer", len(c.in)-length)
		}
		return hits, true, err
	}
}
