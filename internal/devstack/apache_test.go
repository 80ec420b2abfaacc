package devstack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
)

var quiet = slog.New(slog.DiscardHandler)

// secureCluster is what the tests of this file and of rights_test.go share: three brokers with TLS, passwords and
// rights, each with a proxy, and the hub's topics and rights as deploy/kafka makes them.
type secureCluster struct {
	*devstack.ApacheCluster
	proxies []*relay
	dataDir string // broker 1's
}

func secure(t *testing.T) secureCluster {
	t.Helper()
	testkit.RequireApache(t)
	c, err := startSecure()
	if err != nil {
		t.Fatal(err)
	}
	provisioned.Do(func() { testkit.Provision(t, c.ApacheCluster, "PARTNERS=User:partner") })
	return c
}

var provisioned sync.Once

var startSecure = sync.OnceValues(func() (c secureCluster, err error) {
	dir, err := os.MkdirTemp("", "waspada-secure-")
	if err != nil {
		return c, err
	}
	testkit.OnExit(func() { _ = os.RemoveAll(dir) })
	c.dataDir = filepath.Join(dir, "disk")
	opts := devstack.ApacheOptions{
		Dir: filepath.Join(dir, "kafka"), Brokers: 3, Secure: true, DataDirs: []string{"", c.dataDir, ""},
	}
	for range 3 {
		proxy, err := newRelay()
		if err != nil {
			return c, err
		}
		c.proxies, opts.Proxied = append(c.proxies, proxy), append(opts.Proxied, proxy.Addr().String())
	}
	if c.ApacheCluster, err = devstack.StartApacheCluster(context.Background(), opts); err != nil {
		return c, err
	}
	testkit.OnExit(c.Kill)
	for i, proxy := range c.proxies {
		go proxy.run(c.ProxiedUpstream(i))
	}
	return c, nil
})

// relay is the smallest proxy.
type relay struct {
	net.Listener
	taken atomic.Int32
	cut   atomic.Bool
}

func newRelay() (*relay, error) {
	port, err := devstack.FreePort()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return &relay{Listener: ln}, err
}

func (r *relay) run(upstream string) {
	for {
		from, err := r.Accept()
		if err != nil {
			return
		}
		r.taken.Add(1)
		to, err := net.Dial("tcp", upstream)
		if err != nil || r.cut.Load() {
			from.Close()
			continue
		}
		go func() { _, _ = io.Copy(to, from); to.Close() }()
		go func() { _, _ = io.Copy(from, to); from.Close() }()
	}
}

func numbered(from, to int) (all []topic.Outgoing) {
	for i := from; i < to; i++ {
		text := []byte(strconv.Itoa(i))
		all = append(all, topic.Outgoing{Key: text, Value: text})
	}
	return all
}

// readAll counts how often each value stands in a topic.
func readAll(t *testing.T, tp *topic.Topic) map[string]int {
	t.Helper()
	seen := map[string]int{}
	var ends map[int]int64
	testkit.Eventually(t, 20*time.Second, func() (err error) { ends, err = tp.Ends(t.Context()); return err })
	for partition, end := range ends {
		r := tp.NewReader(partition, 0)
		defer r.Close()
		for next := int64(0); next < end; {
			got, err := r.Fetch(t.Context())
			if err != nil && !topic.Passing(err) {
				t.Fatal(err)
			}
			if err == nil {
				next = got.Next
			}
			for _, m := range got.Messages {
				seen[string(m.Value)]++
			}
		}
	}
	return seen
}

func TestAnApacheBrokerComesBackWithItsData(t *testing.T) {
	cluster := testkit.OwnApache(t, devstack.ApacheOptions{})
	broker := cluster.Broker(0)
	name := testkit.TopicOn(t, broker.Addr(), 1)
	for i, end := range []func() error{broker.Stop, func() error { broker.Kill(); return nil }} {
		// A broker that has just come up listens before it leads its partitions again.
		testkit.Eventually(t, 30*time.Second, func() error {
			_, err := testkit.AsUser(t, cluster, "").Open(name).Ends(t.Context())
			return err
		})
		produce(t, broker.Addr(), name, 0, kafka.Message{Value: []byte("x")})
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := net.DialTimeout("tcp", broker.Addr(), time.Second); err == nil {
			t.Fatal("it still listens")
		}
		if err := broker.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, testkit.AsUser(t, cluster, "").Open(name)); got["x"] != i+1 {
			t.Fatalf("it kept %d messages of %d", got["x"], i+1)
		}
	}
	if log, err := os.ReadFile(broker.LogFile()); err != nil || !bytes.Contains(log, []byte(" WARN ")) {
		t.Errorf("its log: %q, %v", log, err)
	}
}

func TestApacheBrokersEndWithTheProcessThatStartedThem(t *testing.T) {
	testkit.RequireApache(t)
	victim, pids := startVictim(t, "apache", t.TempDir(), "")
	for i, text := range strings.Fields(pids) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 { // the first one is paused, and must end all the same
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Fields(pids) {
		pid, _ := strconv.Atoi(text)
		testkit.Eventually(t, 5*time.Second, func() error {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d is there: %v", pid, err)
			}
			return nil
		})
	}
}

func TestClientsOfTheProxiesStayWithThem(t *testing.T) {
	c := secure(t)
	name := testkit.TopicWith(t, testkit.AsUser(t, c.ApacheCluster, devstack.ApacheAdmin),
		testkit.TopicOptions{Partitions: 3, Replicas: 3, MinInSync: 2})
	through := testkit.AsUser(t, c.ApacheCluster, devstack.ApacheAdmin)
	through.Brokers = []string{c.proxies[0].Addr().String()}
	before := make([]int32, 3)
	for i, proxy := range c.proxies {
		before[i] = proxy.taken.Load()
	}
	w := through.Open(name).NewWriter(quiet)
	defer w.Close()
	if err := w.Write(t.Context(), numbered(0, 300)...); err != nil { // three partitions, each led by another broker
		t.Fatal(err)
	}
	for i, proxy := range c.proxies {
		if proxy.taken.Load() == before[i] {
			t.Errorf("nobody came through the proxy of broker %d", i)
		}
		proxy.cut.Store(true)
		defer proxy.cut.Store(false)
	}
	if _, err := through.Open(name).Ends(t.Context()); err == nil {
		t.Error("through a cut proxy came an answer")
	}
	if seen := readAll(t, testkit.AsUser(t, c.ApacheCluster, devstack.ApacheAdmin).Open(name)); len(seen) != 300 {
		t.Errorf("past the proxies stand %d messages of 300", len(seen))
	}
}

func TestABrokersDataLieWhereTheyWereTold(t *testing.T) {
	c := secure(t)
	files, err := filepath.Glob(filepath.Join(c.dataDir, reports+"-*", "*.log"))
	if err != nil || len(files) == 0 {
		t.Errorf("broker 1 keeps no reports in %s: %v", c.dataDir, err)
	}
}

// TestNothingAcknowledgedIsLostWithTheLeader takes a partition's leader away under a writer, who goes on by itself.
func TestNothingAcknowledgedIsLostWithTheLeader(t *testing.T) {
	c := secure(t)
	admin := testkit.AsUser(t, c.ApacheCluster, devstack.ApacheAdmin)
	for _, loss := range []struct {
		name       string
		take, give func(*devstack.ApacheBroker) error
		bound      time.Duration // within which a write is acknowledged again
	}{
		{
			"killed", func(b *devstack.ApacheBroker) error { b.Kill(); return nil },
			func(b *devstack.ApacheBroker) error { return b.Start(t.Context()) }, 20 * time.Second,
		},
		{"paused", (*devstack.ApacheBroker).Pause, (*devstack.ApacheBroker).Resume, 30 * time.Second},
		{
			"stopped in good order", (*devstack.ApacheBroker).Stop,
			func(b *devstack.ApacheBroker) error { return b.Start(t.Context()) }, 10 * time.Second,
		},
	} {
		t.Run(loss.name, func(t *testing.T) {
			name := testkit.TopicWith(t, admin, testkit.TopicOptions{Partitions: 1, Replicas: 3, MinInSync: 2})
			tp := admin.Open(name)
			w := tp.NewWriter(quiet)
			defer w.Close()
			leader, err := c.Leader(t.Context(), name, 0)
			if err != nil {
				t.Fatal(err)
			}

			const each = 20
			var acknowledged atomic.Int64
			var longest time.Duration
			stop, stopped := make(chan struct{}), make(chan error, 1)
			go func() {
				for last := time.Now(); ; last = time.Now() {
					select {
					case <-stop:
						stopped <- nil
						return
					default:
					}
					next := int(acknowledged.Load())
					if err := w.Write(t.Context(), numbered(next, next+each)...); err != nil {
						stopped <- err
						return
					}
					acknowledged.Add(each)
					longest = max(longest, time.Since(last))
				}
			}()
			goesOn := func(within time.Duration) {
				t.Helper()
				from := acknowledged.Load()
				testkit.Eventually(t, within, func() error {
					if acknowledged.Load() < from+10*each {
						return errors.New("no write is acknowledged")
					}
					return nil
				})
			}
			goesOn(10 * time.Second)
			if err := loss.take(leader); err != nil {
				t.Fatal(err)
			}
			goesOn(loss.bound)
			now, err := c.Leader(t.Context(), name, 0)
			if err != nil || now == leader {
				t.Errorf("broker %d still leads: %v", leader.ID(), err)
			}
			if err := loss.give(leader); err != nil {
				t.Fatal(err)
			}
			goesOn(10 * time.Second)
			close(stop)
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}

			seen, again := readAll(t, tp), 0
			for i := range int(acknowledged.Load()) {
				n := seen[strconv.Itoa(i)]
				if n == 0 {
					t.Fatalf("message %d of %d acknowledged ones is lost", i, acknowledged.Load())
				}
				again += n - 1
			}
			t.Logf("%d acknowledged, 0 lost, %d more than once; longest pause %s", acknowledged.Load(), again, longest)
			c.awaitInSync(t, admin, name)
		})
	}
}

// awaitInSync waits until all brokers hold a topic again: the next test may take another one away.
func (c secureCluster) awaitInSync(t *testing.T, admin topic.Cluster, name string) {
	t.Helper()
	client, done := admin.Client()
	defer done()
	testkit.Eventually(t, time.Minute, func() error {
		meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{name}})
		if err != nil {
			return err
		}
		for _, p := range meta.Topics[0].Partitions {
			if len(p.Isr) != 3 {
				return fmt.Errorf("%d of 3 replicas in sync", len(p.Isr))
			}
		}
		return nil
	})
}
