package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/audit"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
)

// seed publishes n reports, a message each, and waits until they are stored and committed.
func seed(t *testing.T, hub *hubtest.Hub, n int) {
	t.Helper()
	country := nation.New(11, n)
	for i := range n {
		hub.Publish(t, "bank-harimau", report(t, hub, country.Case(i)))
	}
	testkit.Eventually(t, 30*time.Second, func() error {
		committed, err := ingest.Committed(t.Context(), hub.Kafka, hub.Topics.Reports, hub.Topics.Group)
		sum := 0
		for _, next := range committed {
			sum += int(next)
		}
		if err != nil || sum != n {
			return fmt.Errorf("%d of %d messages committed: %v", sum, n, err)
		}
		return nil
	})
}

// lose deletes a row of the ledger, past all of the hub's code, and names its message.
func lose(t *testing.T, hub *hubtest.Hub) (partition, offset string) {
	t.Helper()
	engine := testkit.ClickHouse(t)
	table := hub.Database + ".events"
	if engine.Cluster() != "" {
		table += "_local"
	}
	position := strings.Fields(hub.Query(t, "SELECT kafka_partition, kafka_offset FROM events ORDER BY event_id LIMIT 1"))
	for _, shard := range engine.Shards() {
		_, err := shard.Query(t.Context(), fmt.Sprintf("ALTER TABLE %s DELETE WHERE kafka_partition = %s AND kafka_offset = %s "+
			"SETTINGS mutations_sync = 2", table, position[0], position[1]))
		if err != nil {
			t.Fatal(err)
		}
	}
	return position[0], position[1]
}

// code is how a process ended.
func code(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// nightly is the hub's, in this process, with its metrics.
func nightly(t *testing.T, hub *hubtest.Hub) (*audit.Nightly, *prometheus.Registry) {
	t.Helper()
	engine := testkit.ClickHouse(t)
	reader, err := store.NewReader(store.Config{
		Addrs: engine.Addrs(), Database: hub.Database, User: "default", Cluster: engine.Cluster(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	oracle := audit.NewOracle(reader, hub.Kafka.Open(hub.Topics.Reports), func(ctx context.Context) (map[int32]int64, error) {
		return ingest.Committed(ctx, hub.Kafka, hub.Topics.Reports, hub.Topics.Group)
	})
	reg := prometheus.NewRegistry()
	return audit.NewNightly(audit.TimeOfDay{}, oracle, nil, reg, slog.New(slog.DiscardHandler)), reg
}

// wantNight checks what the metrics show.
func wantNight(t *testing.T, reg *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "waspada_audit_")
			for _, l := range m.GetLabel() {
				name = l.GetValue()
			}
			if _, wanted := want[name]; wanted {
				got[name] = m.GetGauge().GetValue()
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestAuditNamesWhatTheLedgerHasLost(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	seed(t, hub, 40)
	night, metrics := nightly(t, hub)
	var before audit.Report
	if err := hub.Audit(t, &before); code(err) != 0 || !before.Complete || before.Rows != 40 {
		t.Fatalf("a healthy hub: exit code %d\n%s", code(err), strings.Join(before.Lines(), "\n"))
	}
	night.Once(t.Context())
	wantNight(t, metrics, map[string]float64{"ok": 1, store.MissingMessages: 0})

	partition, offset := lose(t, hub)
	var after audit.Report
	err := hub.Audit(t, &after)
	want := fmt.Sprintf("partition %s: the ledger lacks the messages %s-%s", partition, offset, offset)
	if text := strings.Join(after.Lines(), "\n"); code(err) != 1 || !strings.Contains(text, want) {
		t.Errorf("exit code %d, want 1 and %q in:\n%s", code(err), want, text)
	}
	night.Once(t.Context())
	wantNight(t, metrics, map[string]float64{"ok": 0, store.MissingMessages: 1})
}

func TestAuditSaysWhatItCouldNotCheck(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	hub := hubtest.Start(t, hubtest.Options{Engine: engine, Kafka: topic.Cluster{Brokers: []string{broker.Addr()}}})
	seed(t, hub, 3)
	hub.Stop(t)
	engine.Kill()
	if err := hub.Audit(t, nil); code(err) != 2 || !strings.Contains(err.Error(), "store: ") {
		t.Errorf("without ClickHouse: %v", err)
	}
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	broker.Close()
	var report audit.Report
	err := hub.Audit(t, &report)
	if code(err) != 2 || !report.OK || report.Complete || len(report.Unchecked) != 2 || report.Kafka != nil {
		t.Errorf("without Kafka: %v\n%s", err, strings.Join(report.Lines(), "\n"))
	}
}

func TestATopicMadeAnewIsFoundHoweverLongItIs(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	seed(t, hub, 40) // some in each partition
	hub.Stop(t)
	client := &kafka.Client{Addr: kafka.TCP(hub.Kafka.Brokers...), Timeout: 20 * time.Second}
	deleted, err := client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{hub.Topics.Reports}})
	if err != nil || deleted.Errors[hub.Topics.Reports] != nil {
		t.Fatal(err, deleted)
	}
	testkit.Eventually(t, 30*time.Second, func() error { // brokers delete in the background
		made, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: hub.Topics.Reports, NumPartitions: 4, ReplicationFactor: 1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"}},
		}}})
		if err != nil {
			return err
		}
		return made.Errors[hub.Topics.Reports]
	})
	country := nation.New(12, 100)
	for i := range 100 { // in each partition more than before
		hub.Publish(t, "bank-kenari", report(t, hub, country.Case(i)))
	}

	var found audit.Report
	err = hub.Audit(t, &found)
	if text := strings.Join(found.Lines(), "\n"); code(err) != 1 || !strings.Contains(text, "FOUND other_topic: ") {
		t.Errorf("exit code %d, want 1 and the topic named in:\n%s", code(err), text)
	}
	hub.Launch(t)
	pid := hub.Pid()
	testkit.Eventually(t, time.Minute, func() error {
		log, err := os.ReadFile(hub.LogFile)
		if err != nil || !strings.Contains(string(log), "the topic was made anew") {
			return fmt.Errorf("the daemon does not say what is wrong: %v", err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("the daemon goes on: %v", err)
		}
		return nil
	})
	if rows := hub.Query(t, "SELECT count() FROM events"); rows != "40" {
		t.Errorf("%s rows, want the 40 of before: nothing is stored over them", rows)
	}
}

// The daemon's own night comes in one to two minutes, so only the long form waits for it; the short form is the same
// audit in TestAuditNamesWhatTheLedgerHasLost.
func TestTheDaemonAuditsAtItsTime(t *testing.T) {
	if !testkit.Long() {
		return
	}
	soon := time.Now().Add(2 * time.Minute).In(time.FixedZone("Asia/Kuala_Lumpur", 8*60*60))
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{
		Settings: map[string]any{"audit.at": soon.Format("15:04")},
	}})
	seed(t, hub, 20)
	if ran := hub.Metric(t, "waspada_audit_last_run_timestamp_seconds"); ran != 0 {
		t.Errorf("before the first night the daemon claims to have audited at %v", ran)
	}
	testkit.Eventually(t, 3*time.Minute, func() error {
		if ok := hub.Metric(t, "waspada_audit_ok"); ok != 1 {
			return fmt.Errorf("waspada_audit_ok is %v", ok)
		}
		return nil
	})
}
