package devstack_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
)

// The tests of this file hold deploy/kafka/topics-and-rights.sh to the contract, by running it.

const (
	reports, changeLog, deadLetters = "waspada.reports.v1", "waspada.changes.v1", "waspada.deadletters.v1"
	group                           = "waspada-ingest"
)

// madeTopic is what is said of a topic: by the contract, and by the brokers.
type madeTopic struct {
	Partitions, Replicas int
	Settings             map[string]string
}

func TestTopicsAreThoseOfTheContract(t *testing.T) {
	want := contractTopics(t)
	admin := testkit.AsUser(t, secure(t).ApacheCluster, devstack.ApacheAdmin)
	client, done := admin.Client()
	defer done()
	got := map[string]madeTopic{}
	for name := range want {
		meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{name}})
		if err != nil || meta.Topics[0].Error != nil {
			t.Fatal(name, err, meta)
		}
		made := madeTopic{Partitions: len(meta.Topics[0].Partitions), Settings: map[string]string{}}
		for _, p := range meta.Topics[0].Partitions {
			made.Replicas = max(made.Replicas, len(p.Replicas))
		}
		described, err := client.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{
			Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: name}},
		})
		if err != nil || described.Resources[0].Error != nil {
			t.Fatal(name, err, described)
		}
		const setOnTopic = 1
		for _, entry := range described.Resources[0].ConfigEntries {
			if entry.ConfigSource == setOnTopic {
				made.Settings[entry.ConfigName] = entry.ConfigValue
			}
		}
		got[name] = made
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-contract +made):\n%s", diff)
	}
}

func contractTopics(t *testing.T) map[string]madeTopic {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "schemas", "asyncapi.v1.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Channels map[string]struct {
			Address  string
			Bindings struct {
				Kafka struct {
					Partitions, Replicas int
					TopicConfiguration   map[string]any `yaml:"topicConfiguration"`
				}
			}
			Settings map[string]any `yaml:"x-topic-config"`
		}
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]madeTopic{}
	for _, channel := range doc.Channels {
		one := madeTopic{channel.Bindings.Kafka.Partitions, channel.Bindings.Kafka.Replicas, map[string]string{}}
		for _, settings := range []map[string]any{channel.Bindings.Kafka.TopicConfiguration, channel.Settings} {
			for name, value := range settings {
				one.Settings[name] = strings.Trim(strings.ReplaceAll(fmt.Sprint(value), " ", ","), "[]")
			}
		}
		all[channel.Address] = one
	}
	return all
}

func TestTheScriptMayRunAgain(t *testing.T) {
	c := secure(t)
	if !testkit.Long() {
		t.Skip("ten more starts of Java: WASPADA_TEST_LONG runs it")
	}
	testkit.Provision(t, c.ApacheCluster, "PARTNERS=User:partner;User:another")
}

// attempt is one thing that a user may do, or not.
type attempt func(ctx context.Context, as topic.Cluster) error

// write gives up at the first refusal, which a writer logs before it tries again.
func write(name string) attempt {
	return func(ctx context.Context, as topic.Cluster) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w := as.Open(name).NewWriter(slog.New(slog.NewTextHandler(each(cancel), nil)))
		defer w.Close()
		return w.Write(ctx, numbered(0, 1)...)
	}
}

// each calls itself at each line that is written to it.
type each func()

func (do each) Write(line []byte) (int, error) {
	do()
	return len(line), nil
}

func read(name string) attempt {
	return func(ctx context.Context, as topic.Cluster) error {
		r := as.Open(name).NewReader(0, 0)
		defer r.Close()
		_, err := r.Fetch(ctx)
		return err
	}
}

// readAs joins a group, is given partitions and commits.
func readAs(group string) attempt {
	return func(ctx context.Context, as topic.Cluster) error {
		g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
			ID: group, Brokers: as.Brokers, Dialer: as.Dialer(), Topics: []string{reports}, StartOffset: kafka.FirstOffset,
			JoinGroupBackoff: 50 * time.Millisecond,
		})
		if err != nil {
			return err
		}
		defer g.Close()
		for {
			gen, err := g.Next(ctx)
			if err == nil {
				err = gen.CommitOffsets(map[string]map[int]int64{reports: {0: 0}})
			}
			var refusal kafka.Error
			if err == nil || !errors.As(err, &refusal) || !refusal.Temporary() { // a young cluster's group is not there at once
				return err
			}
		}
	}
}

func TestNobodyHasMoreRightsThanNeeded(t *testing.T) {
	c := secure(t)
	attempts := map[string]attempt{
		"write reports": write(reports), "write changes": write(changeLog), "write dead letters": write(deadLetters),
		"read reports": read(reports), "read changes": read(changeLog), "read dead letters": read(deadLetters),
		"read in the group": readAs(group), "read in another group": readAs("another"),
	}
	may := map[string]string{
		"ingest":   "read reports, read in the group, write changes, write dead letters",
		"api":      "read changes, read reports, write reports",
		"operator": "read reports, read in the group, write reports",
		"partner":  "write reports",
	}
	for user, rights := range may {
		as := testkit.AsUser(t, c.ApacheCluster, user)
		for what, attempt := range attempts {
			allowed := slices.Contains(strings.Split(rights, ", "), what)
			t.Run(user+": "+what, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := attempt(ctx, as)
				refused := errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.GroupAuthorizationFailed) ||
					errors.Is(err, kafka.UnknownTopicOrPartition) // so the topic is hidden from those without any right
				if allowed && err != nil {
					t.Errorf("refused: %v", err)
				}
				if !allowed && !refused {
					t.Errorf("not refused: %v", err)
				}
			})
		}
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	as := testkit.AsUser(t, secure(t).ApacheCluster, "ingest")
	wrong, err := topic.Password(devstack.ApacheMechanism, "ingest", "not it")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*topic.Cluster)
		want   string
	}{
		"a wrong password": {func(c *topic.Cluster) { c.SASL = wrong }, "a wrong SASL user or password"},
		"no password":      {func(c *topic.Cluster) { c.SASL = nil }, "TLS or SASL in another way"},
		"no TLS":           {func(c *topic.Cluster) { c.TLS = nil }, "TLS"},
		"other authority":  {func(c *topic.Cluster) { c.TLS.RootCAs = x509.NewCertPool() }, "signed by another CA"},
	} {
		t.Run(name, func(t *testing.T) {
			way := as
			way.TLS = as.TLS.Clone()
			c.change(&way)
			if _, err := way.Open(reports).Ends(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %q in it", err, c.want)
			}
		})
	}
}
