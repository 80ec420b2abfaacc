package devstack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApacheVersion is the release that deploy/kafka pins.
const ApacheVersion = "4.1.0"

// Apache is one Apache Kafka broker, its own controller, in a Java process.
type Apache struct {
	dir  string
	addr string

	mu    sync.Mutex
	child *child
}

const (
	apacheStartLimit = 90 * time.Second // it takes 5 s
	apacheStopLimit  = 30 * time.Second
)

// StartApache formats dir, which must be empty or missing, starts an Apache Kafka with its data there and returns when
// it answers. The jars come from $WASPADA_KAFKA_JARS or from where `make kafka-jars` puts them.
func StartApache(ctx context.Context, dir string) (*Apache, error) {
	a, err := formatApache(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("start Apache Kafka: %w", err)
	}
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

func formatApache(ctx context.Context, dir string) (*Apache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	controller, err := FreePort()
	if err != nil {
		return nil, err
	}
	a := &Apache{dir: dir, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if err := os.WriteFile(a.file("server.properties"), a.properties(controller), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(a.file("log4j2.properties"), []byte(apacheLogging), 0o600); err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	id[0] &= 0x7f        // the text must not start with "-", which the tool takes for a flag
	cmd, err := a.java(ctx, "kafka.tools.StorageTool", "format",
		"-t", base64.RawURLEncoding.EncodeToString(id), "-c", a.file("server.properties"))
	if err != nil {
		return nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format %s: %w: %q", dir, err, out)
	}
	return a, nil
}

func (a *Apache) properties(controllerPort int) []byte {
	return fmt.Appendf(nil, `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://%[1]s,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://%[1]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
message.max.bytes=4194304
`, a.addr, controllerPort, a.file("data"))
}

const apacheLogging = `rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c: %m%n
`

func (a *Apache) file(name string) string { return filepath.Join(a.dir, name) }

// java prepares a run of one of Kafka's classes.
func (a *Apache) java(ctx context.Context, args ...string) (*exec.Cmd, error) {
	jars, err := findJars()
	if err != nil {
		return nil, err
	}
	args = append([]string{
		"-Xms128m", "-Xmx384m", "-Dlog4j2.configurationFile=" + a.file("log4j2.properties"), "-cp", filepath.Join(jars, "*"),
	}, args...)
	cmd := exec.CommandContext(ctx, "java", args...)
	cmd.Dir = a.dir
	return cmd, nil
}

// findJars returns the directory of Kafka's jars.
func findJars() (string, error) {
	dir := os.Getenv("WASPADA_KAFKA_JARS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "waspada", "kafka", ApacheVersion, "libs")
	}
	if jars, err := filepath.Glob(filepath.Join(dir, "kafka_*.jar")); err != nil || len(jars) == 0 {
		return "", errors.New("Apache Kafka is not installed: run `make kafka-jars` (Maven fetches 43 MB, once)")
	}
	return dir, nil
}

// Addr is the "host:port" of the broker.
func (a *Apache) Addr() string { return a.addr }

// Start starts a broker that has ended, on the same port and data, and returns when it answers. A running one is left
// alone.
func (a *Apache) Start(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.child != nil && !a.child.ended() {
		return nil
	}
	// The process outlives ctx, which bounds the start.
	cmd, err := a.java(context.WithoutCancel(ctx), "kafka.Kafka", a.file("server.properties"))
	if err != nil {
		return fmt.Errorf("start Apache Kafka: %w", err)
	}
	c, err := startChild("Apache Kafka", cmd, a.file("kafka.log"))
	if err != nil {
		return fmt.Errorf("start Apache Kafka: %w", err)
	}
	if err := c.awaitReady(func() error { return a.probe(ctx) }, apacheStartLimit, ctx.Done()); err != nil {
		c.kill()
		return fmt.Errorf("start Apache Kafka: %w", err)
	}
	a.child = c
	return nil
}

// probe asks whether a broker has joined the cluster, which comes after the port opens.
func (a *Apache) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(a.addr))
	if err != nil {
		return err
	}
	defer client.Close()
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return errors.New("no broker in the cluster yet")
	}
	return nil
}

// Stop ends the broker in good order, and by force if it takes more than 30 s.
func (a *Apache) Stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.child.stop(func() { _ = a.child.signal(os.Interrupt) }, apacheStopLimit)
}

// Kill ends the broker at once with SIGKILL and returns when it has ended.
func (a *Apache) Kill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.child.kill()
}
