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
	conns    []*conn
	poll     poller
}

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
	x := &Session{scenario: s, asker: asker}
	defer func() {
		if err != nil {
			x.Close()
		}
	}()
	if x.poll, err = newPoller(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	for range s.Connections {
		c, err := net.DialTimeout(network, addr, 10*time.Second)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		if g, ok := asker.(greeter); ok {
			err = g.Greet(c)
		}
		if err == nil {
			var fd int
			if fd, err = x.poll.add(c, len(x.conns)); err == nil {
				x.conns = append(x.conns, &conn{fd: fd, in: make([]byte, 0, 16<<10)})
			}
		}
		if err = errors.Join(err, c.Close()); err != nil { // the poller has its own handle
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	return x, nil
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
	ask := func(c *conn, due time.Duration) error {
		c.out, c.sent, c.in, c.asking, c.due = x.asker.Ask(c.out[:0]), 0, c.in[:0], true, due
		waiting++
		return x.poll.send(c)
	}
	for {
		now := time.Since(begin)
		if rate == 0 {
			for ; now < during && len(idle) > 0; idle = idle[:len(idle)-1] {
				if err := ask(idle[len(idle)-1], now); err != nil {
					return nil, fmt.Errorf("load: %w", err)
				}
			}
		} else {
			for ; due <= now && due < during && len(idle) > 0; idle = idle[:len(idle)-1] {
				if err := ask(idle[len(idle)-1], due); err != nil {
					return nil, fmt.Errorf("load: %w", err)
				}
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
			if refused := errors.Is(err, ErrRefused); err != nil && !refused {
				return nil, fmt.Errorf("load: %w", err)
			} else if !done {
				continue
			} else if took := time.Since(begin) - c.due; refused {
				result.Refused++
			} else {
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
		return 0, false, err
	}
	for {
		more, err := x.poll.read(c)
		if err != nil || !more {
			return 0, false, err
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
