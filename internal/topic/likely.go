package topic

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
)

// likely is what is probably wrong when Kafka answers so. Its own words name what it saw, and that is often not what
// the operator has to mend: kafka-go keeps the refusal of a password to itself and says that there is no broker, and a
// broker hides a topic from whoever may not describe it.
var likely = []struct {
	answer kafka.Error
	cause  string
}{
	{kafka.BrokerNotAvailable, "no broker lets this client in: a wrong SASL user or password, TLS on one side alone, " +
		"or the brokers are down"},
	{kafka.SASLAuthenticationFailed, "a wrong SASL user or password"},
	{kafka.UnsupportedSASLMechanism, "the listener does not offer this SASL mechanism"},
	{kafka.IllegalSASLState, "the listener and this client differ on whether SASL is used"},
	{kafka.UnknownTopicOrPartition, "there is no such topic, or its ACL does not let this user describe it"},
	{kafka.TopicAuthorizationFailed, "an ACL that gives this user the right to the topic is missing"},
	{kafka.GroupAuthorizationFailed, "an ACL that gives this user the right to read as the consumer group is missing"},
	{kafka.ClusterAuthorizationFailed, "an ACL that gives this user the right to the cluster is missing"},
	{kafka.InvalidSessionTimeout, "the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms do not " +
		"allow the session timeout"},
}

// Likely is the probable cause of an error of Kafka, for an operator; empty where nothing is known beyond its words.
func Likely(err error) string {
	for _, l := range likely {
		if errors.Is(err, l.answer) {
			return l.cause
		}
	}
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "the brokers' certificate is signed by another CA than the one that this client was given"
	case errors.As(err, new(tls.RecordHeaderError)):
		return "the listener does not speak TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the broker goes down or, when this lasts, it refuses the SASL user or password, or its listener asks for " +
			"TLS or SASL in another way"
	}
	return ""
}

// Explain adds to an error of Kafka what is probably wrong. Whoever wraps such an error calls it, so that logs and
// readiness tell.
func Explain(err error) error {
	if cause := Likely(err); cause != "" {
		return fmt.Errorf("%w (likely: %s)", err, cause)
	}
	return err
}
