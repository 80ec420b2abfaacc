package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// Requests as they stand on the wire.
const (
	oneLookup = `{"indicators":[{"type":"phone","value":"0123456780"}]}`
	asksAlive = "GET /livez HTTP/1.1\r\nHost: hub\r\n\r\n"
	// asksLong has an answer of half a megabyte.
	asksLong = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: hub\r\nAccept-Encoding: gzip\r\n\r\n"
)

// lookupHead announces a lookup of so many bytes.
func lookupHead(length int) string {
	return fmt.Sprintf("POST /v1/lookup HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer lookup\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", length)
}

// trickle writes a byte at a time until the other side has had enough.
func trickle(to io.Writer, text string, every time.Duration) {
	for i := range len(text) {
		if _, err := to.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(every)
	}
}

func TestTheContractTellsHowLongCallersMayTake(t *testing.T) {
	text := strings.Join(strings.Fields(loadContract(t).Info.Description), " ")
	for what, d := range map[string]time.Duration{
		"head of a request must be there within": patient.head, "all of it within": patient.whole,
		"an answer must be read within": patient.answer, "without a request is closed after": patient.idle,
	} {
		if want := fmt.Sprintf("%s %.0f seconds", what, d.Seconds()); !strings.Contains(text, want) {
			t.Errorf("the contract does not say %q", want)
		}
	}
}

// Who announces much and sends nothing must not take the memory that others need.
func TestAnnouncedBodiesTakeNoMemoryBeforeTheyCome(t *testing.T) {
	const callers, announced = 200, maxBatchBytes
	h := newHub(t, func(_ *Config, d *Deps) { d.Index, d.Log = nothing{}, slog.New(slog.DiscardHandler) })
	addr := h.listen(t)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range callers {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /v1/lookup/batch?epoch=2 HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer lookup\r\n"+
			"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\nx", announced)
		if err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, 4*time.Second, func() error {
		if n := inFlight(t, h); n != callers {
			return fmt.Errorf("%v requests are under way, want %d", n, callers)
		}
		return nil
	})
	if took := int64(heap()) - int64(before); took > callers*(believedLength+64<<10) {
		t.Errorf("%d callers who announce %d bytes took %d MiB", callers, announced, took>>20)
	} else {
		t.Logf("%d callers who announce %d MiB took %.1f MiB", callers, announced>>20, float64(took)/(1<<20))
	}
}

// pipes is a listener without a network, so that time can be synctest's.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.calls <- theirs
	return ours
}

// The times are those of the contract, to the nanosecond.
func TestSlowCallersAreCutOffOnTime(t *testing.T) {
	read := func(c net.Conn) string { all, _ := io.ReadAll(c); return string(all) }
	for _, c := range []struct {
		situation string
		call      func(c net.Conn) (answer string)
		after     time.Duration
		answer    string
	}{
		{"says nothing", read, 2 * time.Second, ""},
		{"sends its head a byte a second", func(c net.Conn) string {
			go trickle(c, lookupHead(len(oneLookup)), time.Second)
			return read(c)
		}, 2 * time.Second, "HTTP/1.1 400 Bad Request"},
		{"sends a header a second, for ever", func(c net.Conn) string {
			go func() {
				_, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: hub\r\n")
				for ; err == nil; time.Sleep(time.Second) {
					_, err = io.WriteString(c, "X-More: x\r\n")
				}
			}()
			return read(c)
		}, 2 * time.Second, ""},
		{"sends its body a byte a second", func(c net.Conn) string {
			go func() { _, _ = io.WriteString(c, lookupHead(len(oneLookup))); trickle(c, oneLookup, time.Second) }()
			return read(c)
		}, 5 * time.Second, "HTTP/1.1 400 Bad Request"},
		{"sends a body without a length a byte a second", func(c net.Conn) string {
			go func() {
				_, _ = io.WriteString(c, strings.Replace(lookupHead(0), "Content-Length: 0", "Transfer-Encoding: chunked", 1))
				trickle(c, strings.Repeat("1\r\n \r\n", 100), time.Second/6)
			}()
			return read(c)
		}, 5 * time.Second, "HTTP/1.1 400 Bad Request"},
		{"has no key, and sends its body a byte a second", func(c net.Conn) string {
			go func() {
				_, _ = io.WriteString(c, strings.Replace(lookupHead(len(oneLookup)), "Bearer lookup", "Bearer nobody", 1))
				trickle(c, oneLookup, time.Second)
			}()
			return read(c)
		}, 5 * time.Second, "HTTP/1.1 401 Unauthorized"},
		{"does not read its answer", func(c net.Conn) string {
			_, _ = io.WriteString(c, asksAlive)
			_, _ = io.WriteString(c, asksAlive) // is not taken before the first is answered
			return ""
		}, 10 * time.Second, ""},
		{"reads its answer a byte a second, and so notices at half past", func(c net.Conn) string {
			_, _ = io.WriteString(c, asksAlive)
			time.Sleep(time.Second / 2)
			var got []byte
			for b := make([]byte, 1); ; time.Sleep(time.Second) {
				if _, err := c.Read(b); err != nil {
					return string(got)
				}
				got = append(got, b[0])
			}
		}, 10500 * time.Millisecond, "HTTP/1.1 2"},
		{"idles after an answer", func(c net.Conn) string {
			_, _ = io.WriteString(c, asksAlive)
			return read(c)
		}, time.Minute, "HTTP/1.1 200 OK"},
		{"asks every 59 seconds, four times, and idles", func(c net.Conn) string {
			go func() {
				for range 4 {
					_, _ = io.WriteString(c, asksAlive)
					time.Sleep(59 * time.Second)
				}
			}()
			return read(c)
		}, 3*59*time.Second + time.Minute, "HTTP/1.1 200 OK"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t)
				listener := &pipes{calls: make(chan net.Conn), closed: make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- h.server.Serve(ctx, listener) }()
				conn := listener.dial()
				began := time.Now()
				answer := c.call(conn)
				_ = conn.Close()
				if took := time.Since(began); took != c.after {
					t.Errorf("cut off after %s, want %s", took, c.after)
				}
				if !strings.HasPrefix(answer, c.answer) || c.answer == "" && answer != "" {
					t.Errorf("answered %.200q, want %q", answer, c.answer)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				time.Sleep(2 * time.Minute) // who is still writing finds out
			})
		})
	}
}

// crowd is callers that are slow, each in its way, until ctx ends.
type crowd struct {
	ctx   context.Context
	addr  string
	pace  <-chan time.Time // of new calls: a storm of them is another matter
	calls sync.WaitGroup
	// cut counts calls that the hub ended, late those that it should have ended, and lost those that it did not take.
	cut, late, lost atomic.Int64
}

// join adds n callers. The hub must end each of their calls within a time; they then call again.
func (c *crowd) join(n int, within time.Duration, call func(net.Conn) error) {
	one := func() {
		select {
		case <-c.ctx.Done():
			return
		case <-c.pace:
		}
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			c.lost.Add(1)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(c.ctx, func() { _ = conn.Close() })()
		_ = conn.SetDeadline(time.Now().Add(within))
		switch err := call(conn); {
		case c.ctx.Err() != nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.late.Add(1)
		default:
			c.cut.Add(1)
		}
	}
	for range n {
		c.calls.Go(func() {
			for c.ctx.Err() == nil {
				one()
			}
		})
	}
}

// served is what good callers saw.
type served struct {
	times  []time.Duration // ascending
	faults []string
}

// goodCallers look up at a fixed rate, whatever the answers take, for a time: half of them on connections that they
// keep, half on new ones.
func goodCallers(ctx context.Context, addr string, during time.Duration) (got served) {
	const every = 10 * time.Millisecond
	// As the contract asks of callers, they keep no connection as long as the hub does.
	kept, anew := &http.Transport{IdleConnTimeout: time.Second}, &http.Transport{DisableKeepAlives: true}
	defer kept.CloseIdleConnections()
	call := func(transport *http.Transport) error {
		r, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/v1/lookup", strings.NewReader(oneLookup))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer lookup")
		r.Header.Set("Content-Type", "application/json")
		answer, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err == nil && (answer.StatusCode != 200 || !strings.Contains(string(body), `"not_listed"`)) {
			err = fmt.Errorf("answered %d %s", answer.StatusCode, body)
		}
		return err
	}
	var (
		calls sync.WaitGroup
		mu    sync.Mutex
	)
	began := time.Now()
	for n := range int(during / every) {
		due := began.Add(time.Duration(n) * every)
		time.Sleep(time.Until(due))
		calls.Go(func() {
			err := call([]*http.Transport{kept, anew}[n%2])
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			got.times = append(got.times, took)
			if err != nil {
				got.faults = append(got.faults, err.Error())
			}
		})
	}
	calls.Wait()
	slices.Sort(got.times)
	return got
}

func (s served) String() string {
	return fmt.Sprintf("%d lookups, %d not answered, p50 %s, p99 %s, longest %s",
		len(s.times), len(s.faults), s.quantile(.5), s.quantile(.99), s.quantile(1))
}

func (s served) quantile(q float64) time.Duration { return quantile(s.times, q) }

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
}

// openFiles counts this process's file descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestGoodCallersDoNotNoticeSlowOnes(t *testing.T) {
	h := newHub(t, func(_ *Config, d *Deps) { d.Index, d.Log = nothing{}, slog.New(slog.DiscardHandler) })
	idle, slow, deaf, calm := 2000, 500, 100, 10*time.Second
	slack := 3 * time.Second // for a machine that has other work
	if !testkit.Long() {
		idle, slow, deaf, calm, slack = 300, 50, 10, time.Second, 15*time.Second
		// The contract's times are those of TestSlowCallersAreCutOffOnTime.
		h.server.patience = patience{head: time.Second, whole: 2 * time.Second, answer: 3 * time.Second,
			idle: 4 * time.Second}
	}
	p, addr := h.server.patience, h.listen(t)
	goodCallers(t.Context(), addr, time.Second/2) // what is made once is made
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	before := goodCallers(t.Context(), addr, calm)

	ctx, leave := context.WithCancel(t.Context())
	gather := func(every time.Duration) *crowd {
		pace := time.NewTicker(every)
		t.Cleanup(pace.Stop)
		return &crowd{ctx: ctx, addr: addr, pace: pace.C}
	}
	idlers, slowHeads, slowBodies := gather(time.Millisecond), gather(2*time.Millisecond), gather(2*time.Millisecond)
	deafOnes := gather(50 * time.Millisecond) // each takes megabytes of the network's memory at once
	idlers.join(idle, p.idle+slack, func(c net.Conn) error {
		_, _ = io.WriteString(c, asksAlive)
		_, err := io.Copy(io.Discard, c)
		return err
	})
	slowHeads.join(slow, p.head+slack, func(c net.Conn) error {
		go trickle(c, lookupHead(len(oneLookup)), time.Second)
		_, err := io.Copy(io.Discard, c)
		return err
	})
	slowBodies.join(slow, p.whole+slack, func(c net.Conn) error {
		_, _ = io.WriteString(c, lookupHead(len(oneLookup)))
		go trickle(c, oneLookup, time.Second)
		_, err := io.Copy(io.Discard, c)
		return err
	})
	// The deaf ask for more than the network holds and never read. That they were cut off they see as they write on.
	deafOnes.join(deaf, p.answer+slack, func(c net.Conn) error {
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		_, err := io.WriteString(c, strings.Repeat(asksLong, 40))
		for ; err == nil; time.Sleep(100 * time.Millisecond) {
			_, err = io.WriteString(c, "G")
		}
		return err
	})
	during := goodCallers(t.Context(), addr, p.idle+4*time.Second)
	leave()
	t.Logf("good callers alone: %s", before)
	t.Logf("beside %d idle, %d slow heads, %d slow bodies, %d deaf: %s", idle, slow, slow, deaf, during)
	// Where even they wait when they are alone, other work has the machine, and times mean little.
	quiet := before.quantile(.99) < 50*time.Millisecond
	if !quiet {
		t.Log("LATENCY NOT JUDGED: this machine has too much other work")
	}
	judged := quiet || testkit.Long()
	for name, c := range map[string]*crowd{
		"idle": idlers, "with slow heads": slowHeads, "with slow bodies": slowBodies, "deaf": deafOnes,
	} {
		c.calls.Wait()
		t.Logf("%s: %d calls were cut off in time, %d were not, %d were not taken", name, c.cut.Load(), c.late.Load(),
			c.lost.Load())
		if judged && (c.cut.Load() == 0 || c.late.Load() > 0 || c.lost.Load() > 0) {
			t.Errorf("calls %s: want all cut off in time", name)
		}
	}
	if judged && len(during.faults) > 0 {
		t.Errorf("good callers were not answered: %q", during.faults)
	}
	// Who waits behind a slow caller waits for seconds. The short form is for machines of which nothing is known.
	if quiet && testkit.Long() && (during.quantile(.5) > 3*before.quantile(.5)+5*time.Millisecond ||
		during.quantile(.99) > time.Second) {
		t.Error("good callers notice: want a p50 within three times what it was and 5 ms, and a p99 within a second")
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if g, f := runtime.NumGoroutine(), openFiles(t); g > goroutines || f > files {
			return fmt.Errorf("%d goroutines and %d open files, there were %d and %d", g, f, goroutines, files)
		}
		return nil
	})
}

// inFlight is how many requests are under way.
func inFlight(t *testing.T, h *hub) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "waspada_api_in_flight_requests" {
			return f.Metric[0].Gauge.GetValue()
		}
	}
	t.Fatal("there is no such metric")
	return 0
}
