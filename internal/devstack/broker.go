package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DefaultTopics are the hub's topics and their partitions.
var DefaultTopics = map[string]int{
	"waspada.reports.v1":     4,
	"waspada.changes.v1":     4,
	"waspada.deadletters.v1": 4,
}

// BrokerOptions says where and how a broker runs. The zero value is a broker in memory on a free loopback port, with no
// topics.
type BrokerOptions struct {
	// Addr is the "host:port" to listen on and to advertise; port 0 takes a free one. Empty is 127.0.0.1:0.
	Addr string
	// DataDir keeps everything on disk, and each write is synced before it is acknowledged: it survives kill -9.
	// Empty keeps everything in memory.
	DataDir string
	// Topics are made at start if they do not exist yet: name to number of partitions.
	Topics map[string]int
}

// Broker is a single node that speaks the Kafka protocol.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    *os.File // nil when in memory
}

// StartBroker starts a broker and returns when it answers and its topics exist. A data directory in use by another
// broker is refused.
func StartBroker(ctx context.Context, opts BrokerOptions) (*Broker, error) {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	b := &Broker{}
	kopts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return listen(opts.Addr) }),
		kfake.BrokerConfigs(map[string]string{
			"default.replication.factor": "1",
			"message.max.bytes":          "4194304",
		}),
	}
	if opts.DataDir != "" {
		if err := b.lockDir(opts.DataDir); err != nil {
			return nil, fmt.Errorf("start broker: %w", err)
		}
		kopts = append(kopts, kfake.DataDir(filepath.Join(opts.DataDir, "log")), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(kopts...)
	if err != nil {
		b.unlock()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b.cluster = cluster
	b.addr = cluster.ListenAddrs()[0]
	if err := b.CreateTopics(ctx, opts.Topics); err != nil {
		b.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return b, nil
}

// Addr is the "host:port" of the broker.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker. Connections to it break.
func (b *Broker) Close() {
	b.cluster.Close()
	b.unlock()
}

// CreateTopics makes the topics that do not exist yet: name to number of partitions. They keep their records for ever
// and describe themselves as LogAppendTime, as in production.
func (b *Broker) CreateTopics(ctx context.Context, topics map[string]int) error {
	if len(topics) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	defer client.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	settings := map[string]string{"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}
	for name, partitions := range topics {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic = name
		topic.NumPartitions = int32(partitions)
		topic.ReplicationFactor = 1
		for key, value := range settings {
			config := kmsg.NewCreateTopicsRequestTopicConfig()
			config.Name, config.Value = key, &value
			topic.Configs = append(topic.Configs, config)
		}
		req.Topics = append(req.Topics, topic)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, topic := range resp.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic.Topic, err)
		}
	}
	return nil
}

// lockDir makes dir and holds it until unlock or the end of the process: two brokers on one directory would destroy it.
func (b *Broker) lockDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("%s is in use by another broker, stop that one first: %w", dir, err)
	}
	b.lock = lock
	return nil
}

func (b *Broker) unlock() {
	if b.lock != nil {
		b.lock.Close()
	}
}
