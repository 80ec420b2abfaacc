package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// TestABundleSignedByHandIsListed goes the way of a partner that uses none of our code: the reference in Python signs,
// and a plain Kafka client sends.
func TestABundleSignedByHandIsListed(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	ref, err := caller.Ref(hub.Ring)
	if err != nil {
		t.Fatal(err)
	}
	events, err := json.Marshal([]map[string]any{{
		"event_id": uuid.Must(uuid.NewV7()), "kind": "report", "issued_at": time.Now().UTC().Format(time.RFC3339),
		"indicator": map[string]any{"type": "phone", "epoch": 1, "digest": ref.Digest.String()},
		"category":  "telecommunication", "confidence": 90, "evidence": []string{"police_report"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	id, key := hub.Keys.SigningKey("bank-kenari")
	sign := exec.CommandContext(t.Context(), "python3", "../../schemas/vectors/sign_bundle.py",
		"--key", key, "--key-id", id, "--partner", "bank-kenari")
	sign.Stdin = bytes.NewReader(events)
	out, err := sign.Output()
	if err != nil {
		t.Fatalf("python3 is needed for this test: %v", err)
	}
	var made struct {
		Key, Value string
		Headers    map[string]string
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	message := kafka.Message{Key: []byte(made.Key), Value: []byte(made.Value)}
	for name, value := range made.Headers {
		message.Headers = append(message.Headers, kafka.Header{Key: name, Value: []byte(value)})
	}
	plain := &kafka.Writer{Addr: kafka.TCP(hub.Kafka.Brokers...), Topic: hub.Topics.Reports, RequiredAcks: kafka.RequireAll}
	defer plain.Close()
	if err := plain.WriteMessages(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	becomes(t, hub, caller, fraud.Suspected)
}
