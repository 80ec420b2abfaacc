package topic

import (
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Mechanisms are the ways of proving a password that [Password] knows.
func Mechanisms() []string { return []string{"plain", "scram-sha-256", "scram-sha-512"} }

// Password proves a user's password to the brokers by one of the [Mechanisms]. Only the scram ones keep it from whoever
// reads along; plain needs TLS. An error never quotes user or password.
func Password(mechanism, user, password string) (sasl.Mechanism, error) {
	var proof sasl.Mechanism
	var err error
	switch mechanism {
	case "plain":
		return plain.Mechanism{Username: user, Password: password}, nil
	case "scram-sha-256":
		proof, err = scram.Mechanism(scram.SHA256, user, password)
	case "scram-sha-512":
		proof, err = scram.Mechanism(scram.SHA512, user, password)
	default:
		return nil, fmt.Errorf("%q is no SASL mechanism: take %s", mechanism, strings.Join(Mechanisms(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s takes neither control characters nor unassigned ones in user and password", mechanism)
	}
	return proof, nil
}
