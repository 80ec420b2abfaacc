package publisher_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// registry knows one key, of the hub's gateway, and two partners.
type registry struct{ public ed25519.PublicKey }

func (r registry) SigningKey(id string) (fraud.SigningKey, bool) {
	return fraud.SigningKey{ID: id, Public: r.public, Gateway: true}, id == "gateway"
}
func (r registry) Partner(fraud.PartnerNumber) (*fraud.Partner, bool) { return nil, false }
func (r registry) PartnerByID(id string) (*fraud.Partner, bool) {
	return &fraud.Partner{ID: id, State: fraud.Active}, id == "bank" || id == "shop"
}

func signer(t *testing.T) (*wire.Signer, *wire.Verifier) {
	t.Helper()
	key, err := publisher.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Signer{KeyID: "gateway", Key: key}, &wire.Verifier{Registry: registry{key.Public().(ed25519.PublicKey)}}
}

func report(t *testing.T) fraud.Event {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return fraud.Event{
		ID: id, Kind: fraud.Report, IssuedAt: time.Now().UTC().Truncate(time.Millisecond),
		Category: "telecommunication", Confidence: 50,
		Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1, Digest: indicator.Digest{1}},
	}
}

// bundles reads the topic and opens all that is on it.
func bundles(t *testing.T, name string, partitions int, verifier *wire.Verifier) []*wire.Bundle {
	t.Helper()
	tp := topic.Cluster{Brokers: []string{testkit.Kafka(t)}}.Open(name)
	ends, err := tp.Ends(t.Context())
	if err != nil || len(ends) != partitions {
		t.Fatal(ends, err)
	}
	var all []*wire.Bundle
	for partition, end := range ends {
		r := tp.NewReader(partition, 0)
		defer r.Close()
		for next := int64(0); next < end; {
			got, err := r.Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Messages {
				var headers []wire.Header
				for _, h := range m.Headers {
					headers = append(headers, wire.Header{Name: h.Name, Value: h.Value})
				}
				b, err := verifier.Open(headers, m.Value, m.Appended)
				if err != nil {
					t.Fatal(err)
				}
				if string(m.Key) != b.ID.String() {
					t.Errorf("bundle %s has key %s", b.ID, m.Key)
				}
				all = append(all, b)
			}
			next = got.Next
		}
	}
	return all
}

func TestPublishSplitsIntoBundlesThatTheHubTakes(t *testing.T) {
	name := testkit.Topic(t, 3)
	s, v := signer(t)
	p := publisher.New(publisher.Config{Brokers: []string{testkit.Kafka(t)}, Topic: name}, s, "bank")
	defer p.Close()
	sent := map[uuid.UUID]bool{}
	var events []fraud.Event
	for range 1_203 {
		e := report(t)
		e.Category = strings.Repeat("long ", 400) // the hub will refuse the term, but take the bundle
		events, sent[e.ID] = append(events, e), true
	}
	if err := p.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for _, b := range bundles(t, name, 3, v) {
		if b.Partner.ID != "bank" {
			t.Errorf("a bundle of %s", b.Partner.ID)
		}
		for _, item := range b.Items {
			delete(sent, item.Event.ID)
		}
	}
	if len(sent) > 0 {
		t.Fatalf("%d events did not arrive", len(sent))
	}
}

func TestGatewaySpeaksForItsPartners(t *testing.T) {
	name := testkit.Topic(t, 1)
	s, v := signer(t)
	p := publisher.New(publisher.Config{Brokers: []string{testkit.Kafka(t)}, Topic: name}, s, "")
	defer p.Close()
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			id, _ := uuid.NewV7()
			if err := p.PublishAs(t.Context(), "shop", id, []fraud.Event{report(t)}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	all := bundles(t, name, 1, v)
	if len(all) != 50 || all[0].Partner.ID != "shop" {
		t.Fatalf("%d bundles", len(all))
	}
}

func TestPublishSaysUnavailableWhenKafkaIs(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	name := testkit.TopicOn(t, broker.Addr(), 1)
	s, _ := signer(t)
	p := publisher.New(publisher.Config{Brokers: []string{broker.Addr()}, Topic: name}, s, "bank")
	defer p.Close()
	broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := p.Publish(ctx, []fraud.Event{report(t)}); !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("Publish = %v", err)
	}
}

func TestSigningKeyFile(t *testing.T) {
	key, err := publisher.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	good, err := publisher.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "MC4CAQAwBQYDK2VwBCIEIHnot-a-key"
	for _, c := range []struct {
		name, file, want string
	}{
		{"what MarshalKey writes", string(good), ""},
		{"no PEM", secret, "not one PEM block"},
		{"two keys", string(good) + string(good), "not one PEM block"},
		{"a public key", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "not one PEM block"},
		{"damaged", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "not a PKCS #8 key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := publisher.LoadSigningKey(path)
			switch {
			case c.want == "" && (err != nil || !got.Equal(key)):
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("error %v, want %q", err, c.want)
			case c.want != "" && strings.Contains(err.Error(), secret):
				t.Fatal("the error quotes the key")
			}
		})
	}
}
