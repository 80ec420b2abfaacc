package main

import (
	"errors"
	"io"
	"testing"
)

func TestAuditThatCannotBeDoneEndsWith2(t *testing.T) {
	config := writeConfig(t, "kafka: {tls: {enabled: true, ca_file: nowhere.pem}}\n")
	for name, args := range map[string][]string{
		"an unknown flag":           {"audit", "--fast"},
		"an argument":               {"audit", "all"},
		"an unknown output":         {"audit", "--output", "xml"},
		"no configuration":          {"audit", "--config", "nowhere.yaml"},
		"a file that is not there":  {"audit", "--config", config},
		"ClickHouse does not speak": {"audit", "--config", writeConfig(t, "clickhouse: {addrs: ['127.0.0.1:1']}\n")},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := newCommand()
			cmd.SetArgs(args)
			cmd.SetOut(io.Discard)
			cmd.SetErr(io.Discard)
			err := cmd.ExecuteContext(t.Context())
			var end *exitError
			if !errors.As(err, &end) || end.code != 2 || end.err == nil {
				t.Fatalf("it ends with %#v, want exit code 2 and a reason", err)
			}
		})
	}
}
