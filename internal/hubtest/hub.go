// Package hubtest runs the real daemon as a process of its own beside a real broker and a real ClickHouse, and speaks
// to it as partners do. It is what the end-to-end tests, the fault suite and the benchmarks share.
//
//	hub := hubtest.Start(t, hubtest.Options{})    a hub of its own: database, topics, keys; ready when Start returns
//	hub.Publish(t, "bank-harimau", events…)       over Kafka
//	hub.Client(t, "bank").Lookup(ctx, items)      over HTTP
//	hub.Kill(t); hub.Restart(t)                   kill -9, and up again
//	hub.NewNode(t, hubtest.NodeOptions{Role: "api"}).Restart(t)     a further node; hub's own methods are the first one's
package hubtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Options say what a hub runs on; the zero value shares the test process's broker and engine.
type Options struct {
	NodeOptions
	// Engine is a ClickHouse that the test may stop; nil means the shared one.
	Engine *devstack.Engine
	// Database is the name of the hub's own on such an engine; empty for one that is made up.
	Database string
	// Kafka is the test's own way to a cluster; without brokers it is the shared one.
	Kafka topic.Cluster
	// ViaKafka and ViaClickHouse are the addresses at which the daemon finds them, where these differ from the test's: a
	// proxy's.
	ViaKafka      []string
	ViaClickHouse string
	// Topics are there already; nil makes some.
	Topics *nation.Topics
	// Replicas is how many brokers hold each topic; with more than one, all but one must to acknowledge a message.
	Replicas int
	// NotStarted leaves the daemon down: the test calls Restart.
	NotStarted bool
}

// Hub is one hub: its nodes, keys, topics and database.
type Hub struct {
	*Node
	Keys *nation.Keys
	Ring *indicator.KeyRing
	// Kafka is the test's own way to it.
	Kafka  topic.Cluster
	Topics nation.Topics
	// Database is the hub's own in ClickHouse.
	Database string

	around     nation.Surroundings
	dir        string
	engineHTTP string
	nodes      []*Node
	mu         sync.Mutex
	publishers map[string]*publisher.Publisher
}

// Start makes a hub and starts its daemon.
func Start(t testing.TB, opts Options) *Hub {
	t.Helper()
	engine := opts.Engine
	if engine == nil {
		engine = testkit.ClickHouse(t)
	}
	kafka := opts.Kafka
	if len(kafka.Brokers) == 0 {
		kafka.Brokers = []string{testkit.Kafka(t)}
	}
	dir := t.TempDir()
	keys, err := nation.IssueKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.LoadKeyRing(keys.File("keyring.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	database := opts.Database
	if database == "" {
		database = testkit.DatabaseOn(t, engine)
	} else {
		testkit.MakeDatabase(t, engine, database)
	}
	h := &Hub{
		Keys: keys, Ring: ring, Kafka: kafka, Database: database,
		Topics: topics(t, kafka, opts),
		dir:    dir, engineHTTP: "http://" + engine.HTTPAddr(), publishers: map[string]*publisher.Publisher{},
	}
	h.around = nation.Surroundings{
		Brokers: kafka.Brokers, ClickHouse: engine.Addr(), Database: h.Database, Cluster: engine.Cluster(), Topics: &h.Topics,
	}
	if len(opts.ViaKafka) > 0 {
		h.around.Brokers = opts.ViaKafka
	}
	if opts.ViaClickHouse != "" {
		h.around.ClickHouse = opts.ViaClickHouse
	}
	t.Cleanup(func() {
		for _, p := range h.publishers {
			_ = p.Close()
		}
	})
	h.Node = h.NewNode(t, opts.NodeOptions)
	if !opts.NotStarted {
		h.Restart(t)
	}
	return h
}

func topics(t testing.TB, kafka topic.Cluster, opts Options) nation.Topics {
	t.Helper()
	if opts.Topics != nil {
		return *opts.Topics
	}
	one := func(partitions int) string {
		return testkit.TopicWith(t, kafka, testkit.TopicOptions{
			Partitions: partitions, Replicas: opts.Replicas, MinInSync: opts.Replicas - 1,
		})
	}
	reports := one(4)
	return nation.Topics{Reports: reports, Changes: one(4), DeadLetters: one(1), Group: reports + ".ingest"}
}

// Publisher is a partner's publisher on Kafka.
func (h *Hub) Publisher(t testing.TB, partner string) *publisher.Publisher {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.publishers[partner]; p != nil {
		return p
	}
	p := publisher.New(publisher.Config{
		Brokers: h.Kafka.Brokers, TLS: h.Kafka.TLS, SASL: h.Kafka.SASL, Topic: h.Topics.Reports,
	}, h.Signer(t, partner), partner)
	h.publishers[partner] = p
	return p
}

// Signer signs as a partner.
func (h *Hub) Signer(t testing.TB, partner string) *wire.Signer {
	t.Helper()
	id, file := h.Keys.SigningKey(partner)
	key, err := publisher.LoadSigningKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Signer{KeyID: id, Key: key}
}

// Publish sends events over Kafka and fails the test unless they are acknowledged.
func (h *Hub) Publish(t testing.TB, partner string, events ...fraud.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.Publisher(t, partner).Publish(ctx, events); err != nil {
		t.Fatal(err)
	}
}

// Query asks ClickHouse directly, past all of the hub's code, in the hub's database; the answer is tab-separated.
func (h *Hub) Query(t testing.TB, sql string) string {
	t.Helper()
	resp, err := http.Post(h.engineHTTP+"/?database="+url.QueryEscape(h.Database), "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", sql, resp.Status, err, body)
	}
	return strings.TrimSpace(string(body))
}

// CLI runs the partner's command line with a role's key and returns what it printed.
func (h *Hub) CLI(t testing.TB, role string, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t, "waspada"), args...)
	cmd.Env = append(plainEnv(), "WASPADA_SERVER="+h.API, "WASPADA_API_KEY="+h.Keys.API[role],
		"WASPADA_KEYRING="+h.Keys.File("keyring.yaml"), "NO_COLOR=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = errors.Join(err, errors.New(errs.String()))
	}
	return out.String(), err
}

func tail(file string, lines int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Counted is how many events the trends count over the time from which events are accepted.
func (h *Hub) Counted(t testing.TB) (events int) {
	t.Helper()
	now := time.Now()
	set, err := h.Client(t, "analyst").Series(t.Context(), client.SeriesQuery{
		By: "type", Bucket: "hour", From: now.Add(-fraud.MaxAge - time.Hour), To: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.Series {
		for _, p := range s.Points {
			events += int(p.Value)
		}
	}
	return events
}
