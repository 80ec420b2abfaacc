package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// hour passes for a waiting as requests arrive, each millisecond one, that all waited so long.
type hour struct {
	*waiting
	now time.Time
}

func (h *hour) pass(d, waited time.Duration) {
	for range d / time.Millisecond {
		h.now = h.now.Add(time.Millisecond)
		h.refuses(forLookups, waited, 0, h.now)
	}
}

// who are those that come in after having waited so long.
func (h *hour) who(waited, held time.Duration) string {
	var in []string
	for _, c := range []class{forAnalysis, forContributions, forLookups} {
		if !h.refuses(c, waited, held, h.now) {
			in = append(in, c.String())
		}
	}
	return strings.Join(in, " ")
}

// Each class is refused altogether before the next more urgent one suffers.
func TestWhoQueuesForLongIsTurnedAwayTheLessUrgentFirst(t *testing.T) {
	const ms = time.Millisecond
	h := hour{newWaiting(), time.Unix(1e9, 0)}
	var got []string
	note := func(what string, waits ...time.Duration) {
		for _, waited := range waits {
			got = append(got, fmt.Sprintf("%s, %s: %s", what, waited, h.who(waited, 0)))
		}
	}
	h.pass(time.Second, ms/10)
	note("calm", ms, 300*ms, 1100*ms)
	h.pass(40*ms, 20*ms)
	note("a moment", 20*ms)
	h.pass(300*ms, 20*ms)
	note("queueing", ms, 2*ms, 4*ms, 6*ms)
	got = append(got, "held: "+h.who(0, 100*ms))
	h.pass(400*ms, ms/10)
	note("no calm yet", 6*ms)
	h.pass(3*time.Second, ms/10)
	note("calm again", 6*ms)
	got = append(got, "held: "+h.who(0, 100*ms))
	all := "analytics contribute lookup"
	want := []string{
		"calm, 1ms: " + all, "calm, 300ms: " + all, "calm, 1.1s: ",
		"a moment, 20ms: " + all,
		"queueing, 1ms: " + all, "queueing, 2ms: contribute lookup", "queueing, 4ms: lookup", "queueing, 6ms: ",
		"held: ",
		"no calm yet, 6ms: ", "calm again, 6ms: " + all, "held: " + all,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who comes in (-want +got):\n%s", diff)
	}
}

// On a machine where waiting is usual, it is not taken for overload of ours.
func TestBearableIsTwiceWhatIsUsual(t *testing.T) {
	h := hour{newWaiting(), time.Unix(1e9, 0)}
	for range 300 {
		h.pass(19*time.Millisecond, 0)
		h.pass(time.Millisecond, 8*time.Millisecond) // one in twenty
	}
	h.pass(time.Second, 40*time.Millisecond)
	if got := h.who(14*time.Millisecond, 0); got != "lookup" {
		t.Errorf("after 14 ms come in: %q", got)
	}
	if got := h.who(30*time.Millisecond, 0); got != "" {
		t.Errorf("after 30 ms come in: %q", got)
	}
}

func TestConnectionsAreHeldAfterRefusalsBeyondABound(t *testing.T) {
	w, now := newWaiting(), time.Unix(1e9, 0)
	for n := range w.refusals.Burst() {
		if held := w.hold(false, false, now); held > 0 {
			t.Fatalf("the refusal %d is followed by a hold of %s", n, held)
		}
	}
	for what, held := range map[string]time.Duration{
		"one refusal more": w.hold(false, false, now),
		"who was held and did not wait as told, a second later": w.hold(true, false, now.Add(time.Second)),
	} {
		if held < longestHold*3/4 || held > longestHold {
			t.Errorf("%s is followed by a hold of %s", what, held)
		}
	}
	if held := w.hold(true, true, now); held != 0 {
		t.Errorf("who was let go is held for %s", held)
	}
}

// While others queue nobody is let go; while they do not, a few at a time are, the longest held first; and all when the
// hub keeps up again.
func TestWhoIsHeldIsLetGoAsThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		h := hour{newWaiting(), time.Now()}
		h.pass(time.Second, 20*ms)
		var got []int
		var mu sync.Mutex
		var over atomic.Int32
		for n := range 100 {
			go func() {
				if !h.holds.wait(longestHold) {
					over.Add(1)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, n)
			}()
			synctest.Wait()
		}
		note := func(what string, from, to int) {
			time.Sleep(letGoEvery)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(got) // they run in any order
			var want []int
			for n := from; n < to; n++ {
				want = append(want, n)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: who was let go (-want +got):\n%s", what, diff)
			}
			got = nil
		}
		perTick := int(float64(h.refusals.Limit()) * letGoEvery.Seconds())
		h.pass(10*ms, 20*ms)
		note("queueing", 0, 0)
		h.pass(10*ms, ms/10)
		note("room", 0, perTick)
		h.queueing.Store(false)
		note("calm", perTick, 100)
		for range 2 {
			go func() {
				if !h.holds.wait(0) {
					over.Add(1)
				}
			}()
		}
		synctest.Wait()
		if over.Load() != 2 || h.holds.held.Len() != 0 {
			t.Errorf("%d of 2 were held to the end, %d still are", over.Load(), h.holds.held.Len())
		}
	})
}

// talker is one connection.
type talker struct {
	net.Conn
	in *bufio.Reader
}

func talk(t *testing.T, addr string) *talker {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &talker{conn, bufio.NewReader(conn)}
}

func (c *talker) ask(text string) (status int, err error) {
	if _, err := io.WriteString(c, text); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// What is sent while its connection is held has its answer after that, and waited for it.
func TestWhatIsSentMeanwhileIsHeld(t *testing.T) {
	h := newHub(t, func(c *Config, _ *Deps) { c.Shed = true })
	addr := h.listen(t)
	good := lookupHead(len(oneLookup)) + oneLookup
	c := talk(t, addr)
	if !probeStamped(t, addr) {
		t.Log("NOTHING PROVEN: this system does not tell when it received what is read")
		return
	}
	w := h.server.waiting
	w.queueing.Store(true)
	w.end.Store(time.Now().Add(time.Hour).UnixNano()) // no window ends
	w.usual.Store(0)                                  // who waited at all is refused
	w.refusals.SetBurst(0)                            // and held
	w.holds.mu.Lock()
	w.holds.room = func() int { return 0 } // for as long as may be
	w.holds.mu.Unlock()
	testkit.Eventually(t, 10*time.Second, func() error { // the kernel stamps a moment after it is asked to
		if status, err := c.ask(good); status != 503 {
			return fmt.Errorf("answered %d, %v", status, err)
		}
		return nil
	})
	began := time.Now()
	if status, err := c.ask(good); status != 503 || time.Since(began) < longestHold/2 {
		t.Errorf("while it is held: %d, %v after %s", status, err, time.Since(began))
	}
	if n := counted(t, h, "waspada_api_shed_total", "lookup"); n != 2 {
		t.Errorf("the metric counts %v refusals of 2", n)
	}
	if status, err := talk(t, addr).ask(asksAlive); status != 200 {
		t.Errorf("a probe is refused: %d, %v", status, err)
	}
}

// probeStamped tells whether this system knows when it received what is read.
func probeStamped(t *testing.T, addr string) bool {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, ok := stamp(conn).(waiter)
	return ok
}

func TestTheLongestIdleConnectionMakesRoom(t *testing.T) {
	h := newHub(t, func(c *Config, _ *Deps) { c.Connections = 3 })
	addr := h.listen(t)
	var all []*talker
	for n := range 6 {
		c := talk(t, addr)
		if status, err := c.ask(asksAlive); status != 200 {
			t.Fatalf("connection %d: %d, %v", n, status, err)
		}
		all = append(all, c)
		testkit.Eventually(t, 10*time.Second, func() error { // the hub is idle on it when the answer is read, or soon
			if open, idle := h.server.conns.Load().count(); open != idle {
				return fmt.Errorf("%d of %d connections are idle", idle, open)
			}
			return nil
		})
	}
	for n, c := range all {
		status, err := c.ask(asksAlive)
		if n < 3 && err == nil || n >= 3 && status != 200 {
			t.Errorf("connection %d: %d, %v", n, status, err)
		}
	}
}

func TestConnectionsWaitWhereNoneIsIdle(t *testing.T) {
	h := newHub(t, func(c *Config, _ *Deps) { c.Connections = 2 })
	addr := h.listen(t)
	var slow []*talker
	for range 2 {
		c := talk(t, addr)
		if _, err := io.WriteString(c, lookupHead(len(oneLookup))); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := inFlight(t, h); n != 2 {
			return fmt.Errorf("%v requests are under way, want 2", n)
		}
		return nil
	})
	third := talk(t, addr)
	answered := make(chan int, 1)
	go func() { status, _ := third.ask(asksAlive); answered <- status }()
	select {
	case status := <-answered:
		t.Fatalf("there was no room, and it was answered %d", status)
	case <-time.After(100 * time.Millisecond):
	}
	if status, err := slow[0].ask(oneLookup); status != 200 {
		t.Fatal(status, err)
	}
	if status := <-answered; status != 200 {
		t.Errorf("with room again it was answered %d", status)
	}
}
