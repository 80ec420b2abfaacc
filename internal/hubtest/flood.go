package hubtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Flood is callers who ask more than partners should, over connections that they keep. It is lean, so that a hub which
// shares the machine with it has most of the machine: requests are bytes made beforehand, and answers are hardly read.
type Flood struct {
	// Addr is the hub's host:port.
	Addr string
	// Request makes the nth request, as it stands on the wire. It may be called at once by many.
	Request func(n int) []byte
	// Rate is how many requests come due each second, whatever the answers take (open loop). 0 means that every
	// connection asks again as soon as it is answered (closed loop).
	Rate int
	// Conns is how many connections there are. A request that comes due while all of them wait for answers is not sent.
	Conns int
	// During is how long requests come due. All is over one Limit later.
	During time.Duration
	// Limit is how long callers wait for an answer; then they hang up.
	Limit time.Duration
	// Polite callers send nothing on a connection for a second after a refusal, as it says.
	Polite bool
}

// Tally is what became of a flood's requests. Times count from the moment a request was due, in microseconds.
type Tally struct {
	// Offered is how many came due, and Unsent how many of these found no free connection.
	Offered, Unsent int
	// Good were answered with 200 or 202, Refused with a 503 that is as the contract says, and Failed neither within the
	// limit; Fault is the first of these.
	Good, Refused, Failed int
	Fault                 error
	// Answered and Told are how long good answers and refusals took.
	Answered, Told *hdrhistogram.Histogram
	// Took is how long requests came due.
	Took time.Duration
}

func newTally() *Tally {
	return &Tally{Answered: hdrhistogram.New(1, 60_000_000, 3), Told: hdrhistogram.New(1, 60_000_000, 3)}
}

// Rate is how many good answers there were each second.
func (y *Tally) Rate() float64 { return float64(y.Good) / y.Took.Seconds() }

// P99 is how long good answers took, but for the slowest hundredth.
func (y *Tally) P99() time.Duration {
	return time.Duration(y.Answered.ValueAtQuantile(99)) * time.Microsecond
}

func (y *Tally) String() string {
	ms := func(h *hdrhistogram.Histogram, q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	each := func(n int) float64 { return float64(n) / y.Took.Seconds() }
	s := fmt.Sprintf("%.0f/s offered, %.0f/s good (p50 %.2f ms, p99 %.2f ms, longest %.1f ms), %.0f/s refused (p50 %.2f ms, "+
		"p90 %.2f ms, p99 %.2f ms), %.0f/s without a free connection, %d failed", each(y.Offered), y.Rate(),
		ms(y.Answered, 50), ms(y.Answered, 99), ms(y.Answered, 100), each(y.Refused), ms(y.Told, 50),
		ms(y.Told, 90), ms(y.Told, 99), each(y.Unsent), y.Failed)
	if y.Fault != nil {
		s += ": " + y.Fault.Error()
	}
	return s
}

func (y *Tally) add(o *Tally) {
	y.Good, y.Refused, y.Failed = y.Good+o.Good, y.Refused+o.Refused, y.Failed+o.Failed
	y.Answered.Merge(o.Answered)
	y.Told.Merge(o.Told)
	if y.Fault == nil {
		y.Fault = o.Fault
	}
}

// due is one request and when it came due.
type due struct {
	n  int
	at time.Time
}

// Run sends the requests and returns when all are answered or given up.
func (f Flood) Run() *Tally {
	var (
		all     = newTally()
		mu      sync.Mutex
		callers sync.WaitGroup
		jobs    = make(chan due)
		begin   = time.Now()
		end     = begin.Add(f.During)
	)
	for i := range f.Conns {
		callers.Go(func() {
			c := caller{flood: &f, tally: newTally()}
			defer c.hangUp()
			if f.Rate > 0 {
				for d := range jobs {
					c.ask(d)
				}
			} else {
				for n := i; time.Now().Before(end); n += f.Conns {
					c.tally.Offered++
					c.ask(due{n, time.Now()})
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.Offered += c.tally.Offered
			all.add(c.tally)
		})
	}
	if f.Rate > 0 {
		all.Offered, all.Unsent = f.pace(jobs, begin, end)
	}
	close(jobs)
	all.Took = f.During
	callers.Wait()
	return all
}

// pace hands out what comes due, each millisecond.
func (f Flood) pace(jobs chan<- due, begin, end time.Time) (offered, unsent int) {
	for now := begin; now.Before(end); now = time.Now() {
		for upTo := int(now.Sub(begin).Seconds() * float64(f.Rate)); offered < upTo; offered++ {
			at := begin.Add(time.Duration(float64(offered) / float64(f.Rate) * float64(time.Second)))
			select {
			case jobs <- due{offered, at}:
			default:
				unsent++
			}
		}
		time.Sleep(time.Millisecond)
	}
	return offered, unsent
}

// caller is one connection.
type caller struct {
	flood *Flood
	conn  net.Conn
	in    *bufio.Reader
	tally *Tally
}

func (c *caller) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask sends a request and enters what became of it.
func (c *caller) ask(d due) {
	status, err := c.exchange(d)
	took := time.Since(d.at).Microseconds()
	switch {
	case err != nil:
		c.hangUp()
		if c.tally.Failed++; c.tally.Fault == nil {
			c.tally.Fault = err
		}
	case status == 503:
		c.tally.Refused++
		_ = c.tally.Told.RecordValue(took)
		if c.flood.Polite {
			time.Sleep(time.Second)
		}
	default:
		c.tally.Good++
		_ = c.tally.Answered.RecordValue(took)
	}
}

// exchange is one request and its answer, on a connection that is there or a new one.
func (c *caller) exchange(d due) (status int, err error) {
	limit := d.at.Add(c.flood.Limit)
	if c.conn == nil {
		if c.conn, err = (&net.Dialer{Deadline: limit}).Dial("tcp", c.flood.Addr); err != nil {
			return 0, err
		}
		c.in = bufio.NewReader(c.conn)
	}
	if err := c.conn.SetDeadline(limit); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(c.flood.Request(d.n)); err != nil {
		return 0, err
	}
	return readAnswer(c.in)
}

// readAnswer reads a whole answer; another status than that of a good answer or of a proper refusal is an error.
func readAnswer(in *bufio.Reader) (status int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("answered %q", line)
	}
	status, _ = strconv.Atoi(string(line[9:12]))
	length, retry, closing := -1, false, false
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			length, _ = strconv.Atoi(string(value))
		case "Retry-After":
			retry = true
		case "Connection":
			closing = string(value) == "close"
		}
	}
	if length < 0 {
		return 0, errors.New("answered without a Content-Length")
	}
	proper := status == 200 || status == 202
	if status == 503 && retry {
		body, err := in.Peek(min(length, in.Size()))
		if err != nil {
			return 0, err
		}
		proper = bytes.Contains(body, []byte(`"code":"overloaded"`))
	}
	if _, err = in.Discard(length); err == nil && !proper {
		err = fmt.Errorf("answered %d, with Retry-After: %t", status, retry)
	}
	if err == nil && closing {
		_, err = in.Peek(1) // the hub closes
		if errors.Is(err, io.EOF) {
			err = errClosed
		}
	}
	return status, err
}

var errClosed = errors.New("the hub closed the connection after its answer")

// Request is a request in a role's name as it stands on the wire; with a body it is a POST.
func (n *Node) Request(role, path, body string) []byte {
	head := "Host: hub\r\nAuthorization: Bearer " + n.hub.Keys.API[role] + "\r\n"
	if body == "" {
		return []byte("GET " + path + " HTTP/1.1\r\n" + head + "\r\n")
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, head, len(body), body)
}
