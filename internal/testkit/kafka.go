package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/topic"
)

// Kafka returns the "host:port" of the broker that the tests of this process share; see WASPADA_TEST_KAFKA in the
// package comment. A test that stops its broker takes OwnKafka.
func Kafka(t testing.TB) string {
	t.Helper()
	requireMain(t)
	addr, err := sharedKafka()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

var sharedKafka = sync.OnceValues(func() (string, error) {
	switch external := os.Getenv("WASPADA_TEST_KAFKA"); external {
	case "":
		broker, err := devstack.StartBroker(context.Background(), devstack.BrokerOptions{})
		if err != nil {
			return "", err
		}
		OnExit(broker.Close)
		return broker.Addr(), nil
	case "apache":
		dir, err := os.MkdirTemp("", "waspada-kafka-")
		if err != nil {
			return "", err
		}
		cluster, err := devstack.StartApacheCluster(context.Background(), devstack.ApacheOptions{Dir: dir})
		if err != nil {
			_ = os.RemoveAll(dir)
			return "", err
		}
		OnExit(func() {
			cluster.Kill() // its data are thrown away
			_ = os.RemoveAll(dir)
		})
		return cluster.Addrs()[0], nil
	default:
		return external, nil
	}
})

// OwnKafka starts a broker of the dev stack for this test alone and closes it with the test. Close may be called
// earlier.
func OwnKafka(t testing.TB, opts devstack.BrokerOptions) *devstack.Broker {
	t.Helper()
	broker, err := devstack.StartBroker(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

// Topic makes a topic of its own for the test on the shared broker and returns its name.
func Topic(t testing.TB, partitions int) string {
	t.Helper()
	return TopicOn(t, Kafka(t), partitions)
}

// TopicOn is Topic on a broker of your choice.
func TopicOn(t testing.TB, broker string, partitions int) string {
	t.Helper()
	return TopicWith(t, topic.Cluster{Brokers: []string{broker}}, TopicOptions{Partitions: partitions})
}

// TopicOptions say what a topic is like; the zero value has one partition on one broker.
type TopicOptions struct {
	Partitions int
	// Replicas is how many brokers hold each partition, and MinInSync how many of them must to acknowledge a message.
	Replicas, MinInSync int
}

// TopicWith is Topic on a cluster of your choice. Who comes with a password needs the right to create it.
func TopicWith(t testing.TB, cluster topic.Cluster, opts TopicOptions) string {
	t.Helper()
	opts.Partitions, opts.Replicas = max(1, opts.Partitions), max(1, opts.Replicas)
	name := uniqueName(t, ".")
	// Made through the default transport, a topic is known there at once. A writer whose transport has asked this broker
	// for its topics before would not know a new one for up to 6 s (kafka-go's MetadataTTL) and refuse it.
	client := &kafka.Client{Addr: kafka.TCP(cluster.Brokers...)}
	if cluster.TLS != nil || cluster.SASL != nil {
		secure, done := cluster.Client()
		defer done()
		client = secure
	}
	client.Timeout = 20 * time.Second
	Eventually(t, 30*time.Second, func() error { // a broker that has just started may not lead yet
		resp, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic:             name,
			NumPartitions:     opts.Partitions,
			ReplicationFactor: opts.Replicas,
			ConfigEntries: []kafka.ConfigEntry{
				{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"},
				{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(max(1, opts.MinInSync))},
				{ConfigName: "retention.ms", ConfigValue: "-1"},
			},
		}}})
		if err != nil {
			return err
		}
		if errors.Is(resp.Errors[name], kafka.TopicAlreadyExists) { // by an attempt whose answer was lost
			return nil
		}
		return resp.Errors[name]
	})
	// Apache Kafka acknowledges a topic before every partition has its leader, and names the leader before that one knows.
	Eventually(t, 30*time.Second, func() error { return served(t.Context(), client, name, opts) })
	return name
}

// served tells what a topic still lacks.
func served(ctx context.Context, client *kafka.Client, name string, opts TopicOptions) error {
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
	if err != nil {
		return err
	}
	made := meta.Topics[0]
	if made.Error != nil {
		return made.Error
	}
	if len(made.Partitions) != opts.Partitions {
		return fmt.Errorf("%d of %d partitions known", len(made.Partitions), opts.Partitions)
	}
	var ask []kafka.OffsetRequest
	for _, p := range made.Partitions {
		if p.Error != nil {
			return p.Error
		}
		if len(p.Isr) != opts.Replicas {
			return fmt.Errorf("%d of %d replicas in sync", len(p.Isr), opts.Replicas)
		}
		ask = append(ask, kafka.LastOffsetOf(p.ID))
	}
	ends, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{name: ask}})
	if err != nil {
		return err
	}
	for _, p := range ends.Topics[name] {
		if p.Error != nil {
			return p.Error
		}
	}
	return nil
}
