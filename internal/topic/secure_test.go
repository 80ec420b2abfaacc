package topic_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waspada-hub/waspada/internal/topic"
)

const secureTopic = "reports"

// secureBroker has TLS, users for every mechanism, and a user "outsider" without any right.
func secureBroker(t *testing.T) (addr string, trust *tls.Config) {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // for its certificate for 127.0.0.1
	t.Cleanup(certified.Close)
	everything := func(resource kmsg.ACLResourceType, name string) kfake.ACL {
		return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral,
			Operation: kmsg.ACLOperationAll, Allow: true}
	}
	rights := []kfake.ACL{everything(kmsg.ACLResourceTypeTopic, secureTopic)}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, secureTopic),
		kfake.TLS(&tls.Config{Certificates: certified.TLS.Certificates}), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.User("PLAIN", "plain", "p-secret", rights...),
		kfake.User("SCRAM-SHA-256", "scram256", "s256-secret", rights...),
		kfake.User("SCRAM-SHA-512", "scram512", "s512-secret", rights...),
		kfake.User("SCRAM-SHA-512", "outsider", "o-secret"),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	return cluster.ListenAddrs()[0], &tls.Config{RootCAs: roots}
}

func password(t *testing.T, mechanism, user, secret string) sasl.Mechanism {
	t.Helper()
	m, err := topic.Password(mechanism, user, secret)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryWayToASecureClusterIsSecured(t *testing.T) {
	addr, trust := secureBroker(t)
	for i, c := range []struct{ mechanism, user, secret string }{
		{"plain", "plain", "p-secret"},
		{"scram-sha-256", "scram256", "s256-secret"},
		{"scram-sha-512", "scram512", "s512-secret"},
	} {
		t.Run(c.mechanism, func(t *testing.T) {
			cluster := topic.Cluster{Brokers: []string{addr}, TLS: trust, SASL: password(t, c.mechanism, c.user, c.secret)}
			tp := cluster.Open(secureTopic)
			w := tp.NewWriter(quiet)
			defer w.Close()
			if err := w.Write(t.Context(), numbered(i, i+1)...); err != nil {
				t.Fatal(err)
			}
			ends, err := tp.Ends(t.Context())
			if err != nil || ends[0] != int64(i+1) {
				t.Fatal(ends, err)
			}
			r := tp.NewReader(0, int64(i))
			defer r.Close()
			got, err := r.Fetch(t.Context())
			if err != nil || len(got.Messages) != 1 || string(got.Messages[0].Value) != fmt.Sprint(i) {
				t.Fatal(got, err)
			}
		})
	}
}

func TestErrorsNameTheLikelyCause(t *testing.T) {
	addr, trust := secureBroker(t)
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	right := password(t, "plain", "plain", "p-secret")
	for name, c := range map[string]struct {
		trust *tls.Config
		proof sasl.Mechanism
		want  string
	}{
		"a wrong password":         {trust, password(t, "scram-sha-512", "scram512", "wr0ng"), "SASL user or password"},
		"no password":              {trust, nil, "listener asks for TLS or SASL in another way"},
		"no TLS":                   {nil, right, "listener asks for TLS or SASL in another way"},
		"a certificate of another": {&tls.Config{RootCAs: x509.NewCertPool()}, right, "signed by another CA"},
		"no rights":                {trust, password(t, "scram-sha-512", "outsider", "o-secret"), " ACL "},
	} {
		t.Run(name, func(t *testing.T) {
			tp := topic.Cluster{Brokers: []string{addr}, TLS: c.trust, SASL: c.proof}.Open(secureTopic)
			check := func(way string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") ||
					!topic.Passing(err) {
					t.Errorf("%s: %v\nwant %q in it", way, err, c.want)
				}
			}
			_, err := tp.Ends(t.Context())
			check("offsets", err)
			r := tp.NewReader(0, 0)
			defer r.Close()
			_, err = r.Fetch(t.Context())
			check("fetch", err)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			w := tp.NewWriter(quiet)
			defer w.Close()
			check("write", w.Write(ctx, numbered(0, 1)...))
		})
	}
}

// What Apache Kafka 4.1 was seen to answer, where the broker of these tests answers otherwise.
func TestWhatKafkaAnswersIsExplained(t *testing.T) {
	for answer, want := range map[error]string{
		kafka.BrokerNotAvailable:       "a wrong SASL user or password",
		kafka.TopicAuthorizationFailed: "an ACL",
		kafka.UnknownTopicOrPartition:  "no such topic, or its ACL",
		kafka.GroupAuthorizationFailed: "as the consumer group",
		tls.RecordHeaderError{}:        "does not speak TLS",
		io.ErrUnexpectedEOF:            "when this lasts",
	} {
		got := topic.Explain(fmt.Errorf("offsets: %w", answer))
		if !errors.Is(got, answer) || !strings.Contains(got.Error(), want) {
			t.Errorf("%v, want %q in it", got, want)
		}
	}
	plain := errors.New("the moon is full")
	if got := topic.Explain(plain); got != plain {
		t.Errorf("%v is explained as %v", plain, got)
	}
}
