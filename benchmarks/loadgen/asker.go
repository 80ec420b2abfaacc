package loadgen

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// Asker speaks one protocol. A connection has one question under way at a time, and an Asker is used by one goroutine.
type Asker interface {
	// Ask appends the next question.
	Ask(to []byte) []byte
	// Answer measures the answer that b begins with: its length, 0 while it is not all there. [ErrRefused] says that the
	// server did not want to answer just now; another error ends the run.
	Answer(b []byte) (length int, hits int, err error)
}

// greeter is an Asker whose connections begin with something else than a question.
type greeter interface {
	Greet(net.Conn) error
}

// ErrRefused is a proper answer all the same: 503 or 429.
var ErrRefused = errors.New("refused")

// Target is what askers need to know of the server.
type Target struct {
	// APIKey is for the hub.
	APIKey string
	// Epoch is the key epoch of the digests that are asked about, 1 if absent.
	Epoch int
	// Database and User are for database servers.
	Database, User string
}

// Askers are the kinds of question, by name.
var Askers = map[string]func(Scenario, *Keys, Target) Asker{
	// The hub's three ways to ask.
	"get":    func(_ Scenario, k *Keys, t Target) Asker { return newGet(k, t) },
	"json":   func(s Scenario, k *Keys, t Target) Asker { return newJSON(s.Batch, k, t) },
	"binary": func(s Scenario, k *Keys, t Target) Asker { return newBinary(s.Batch, k, t) },
	// What a user would pick instead.
	"echo":       func(_ Scenario, k *Keys, t Target) Asker { return newEcho(newGet(k, t)) },
	"redis":      func(s Scenario, k *Keys, _ Target) Asker { return &redis{batch: s.Batch, keys: k} },
	"postgres":   func(s Scenario, k *Keys, t Target) Asker { return newPostgres(s.Batch, k, t) },
	"clickhouse": func(s Scenario, k *Keys, t Target) Asker { return newClickHouse(s.Batch, k, t) },
	"dns":        func(_ Scenario, k *Keys, _ Target) Asker { return &dns{keys: k} },
	"crowdsec":   func(_ Scenario, k *Keys, t Target) Asker { return newCrowdSec(k, t) },
}

// NewAsker makes the scenario's.
func NewAsker(s Scenario, k *Keys, t Target) (Asker, error) {
	make, ok := Askers[s.Ask]
	if !ok {
		return nil, fmt.Errorf("ask: %q is none of %s", s.Ask, strings.Join(slices.Sorted(maps.Keys(Askers)), ", "))
	}
	if t.Epoch == 0 {
		t.Epoch = 1
	}
	return make(s, k, t), nil
}
