package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApacheBroker is one broker of a cluster.
type ApacheBroker struct {
	cluster *ApacheCluster
	id      int
	dir     string
	dataDir string
	ports   listeners

	mu     sync.Mutex
	child  *child // nil until it is first started
	paused bool
}

const (
	apacheStartLimit = 90 * time.Second // it takes 2 to 10 s
	apacheStopLimit  = 30 * time.Second
)

func newApacheBroker(c *ApacheCluster, id int, opts ApacheOptions) (*ApacheBroker, error) {
	b := &ApacheBroker{cluster: c, id: id, dir: c.file(fmt.Sprintf("broker%d", id))}
	b.dataDir = filepath.Join(b.dir, "data")
	if len(opts.DataDirs) > 0 && opts.DataDirs[id] != "" {
		b.dataDir = opts.DataDirs[id]
	}
	proxied := ""
	if len(opts.Proxied) > 0 {
		proxied = opts.Proxied[id]
	}
	var err error
	if b.ports, err = newListeners(proxied); err != nil {
		return nil, err
	}
	return b, os.MkdirAll(b.dir, 0o700)
}

// format writes the broker's properties and prepares its data directory.
func (b *ApacheBroker) format(ctx context.Context, clusterID string, settings map[string]string) error {
	if err := os.WriteFile(b.file("server.properties"), b.properties(settings), 0o600); err != nil {
		return err
	}
	args := []string{"format", "-t", clusterID, "-c", b.file("server.properties")}
	for user, password := range b.cluster.users {
		args = append(args, "-S", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, password))
	}
	cmd, err := b.cluster.java(ctx, "kafka.tools.StorageTool", args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format %s: %w: %q", b.dataDir, err, out)
	}
	return nil
}

func (b *ApacheBroker) file(name string) string { return filepath.Join(b.dir, name) }

// ID is the broker's number in Kafka.
func (b *ApacheBroker) ID() int { return b.id }

// Addr is the "host:port" of the broker for clients.
func (b *ApacheBroker) Addr() string { return b.ports.addr("CLIENT") }

// LogFile holds what the broker wrote, over all its starts.
func (b *ApacheBroker) LogFile() string { return b.file("kafka.log") }

// Start starts a broker that has ended, on the same ports and data, and returns when it answers and has joined the
// cluster. A running one is left alone, even if paused.
func (b *ApacheBroker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.child != nil && !b.child.ended() {
		return nil
	}
	name := fmt.Sprintf("broker %d", b.id)
	cmd, err := b.cluster.java(ctx, "kafka.Kafka", b.file("server.properties"))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c, err := startChild(name, tether(cmd), b.LogFile()) // it outlives ctx, which bounds the start
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	if err := c.awaitReady(func() error { return b.probe(ctx) }, apacheStartLimit, ctx.Done()); err != nil {
		c.kill()
		return fmt.Errorf("start %s: %w", name, err)
	}
	b.child, b.paused = c, false
	return nil
}

// probe asks whether the broker has joined the cluster, which comes after its ports open.
func (b *ApacheBroker) probe(ctx context.Context) error {
	meta, err := b.metadata(ctx, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return err
	}
	for _, broker := range meta.Brokers {
		if int(broker.NodeID) == b.id {
			return nil
		}
	}
	return errors.New("not in the cluster yet")
}

func (b *ApacheBroker) metadata(ctx context.Context, req *kmsg.MetadataRequest) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := b.cluster.client(b.Addr())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return req.RequestWith(ctx, client)
}

// Stop ends the broker in good order, its partitions handed over, and by force if it takes more than 30 s.
func (b *ApacheBroker) Stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.child.stop(func() { _ = b.child.signal(syscall.SIGTERM) }, apacheStopLimit)
}

// Kill ends the broker at once with SIGKILL and returns when it has ended.
func (b *ApacheBroker) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.child != nil {
		b.child.kill()
	}
}

// Pause holds the broker with SIGSTOP: it keeps its connections and says nothing.
func (b *ApacheBroker) Pause() error { return b.signal(syscall.SIGSTOP, true) }

// Resume lets a paused broker go on.
func (b *ApacheBroker) Resume() error { return b.signal(syscall.SIGCONT, false) }

func (b *ApacheBroker) signal(sig syscall.Signal, paused bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.child.signal(sig); err != nil {
		return fmt.Errorf("signal broker %d: %w", b.id, err)
	}
	b.paused = paused
	return nil
}

func (b *ApacheBroker) running() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.child != nil && !b.child.ended() && !b.paused
}
