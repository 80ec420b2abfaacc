package e2e

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
)

// rights holds the user to what analyst.sql says of it. What trends need they were asked with before.
func (a *analysts) rights(t *testing.T) {
	for _, statement := range testkit.AnalystStatements(t) {
		statement = strings.ReplaceAll(statement, "SHA256_OF_THE_PASSWORD", strings.Repeat("0f", 32))
		if status, body := a.as(t, "default", "", "EXPLAIN AST "+statement); status != http.StatusOK {
			t.Errorf("ClickHouse cannot read this: %s\n%s", statement, body)
		}
	}
	const (
		denied, readOnly, outOfBounds             = "497", "164", "452"
		tooLong, tooMany, tooMuchMemory, tooLarge = "159", "158", "241", "396"
	)
	tests := []struct{ situation, statement, refused string }{
		{"counts indicators", "SELECT uniqExact(digest) FROM events WHERE kind = 'report'", ""},
		{"asks who partners are", "SELECT id, kind FROM partners", ""},
		{"lowers a limit", "SELECT 1 SETTINGS max_execution_time = 1", ""},

		{"reads a case", "SELECT case_id FROM events", denied},
		{"reads weaker expressions", "SELECT also_digest FROM events", denied},
		{"reads all columns", "SELECT * FROM events", denied},
		{"reads opinions", "SELECT count() FROM opinions", denied},
		{"reads the registry, where hashes of keys are", "SELECT record FROM partner_revisions", denied},
		{"reads what operators did", "SELECT * FROM acts", denied},
		{"reads disputes", "SELECT * FROM dispute_steps", denied},
		{"reads campaigns", "SELECT * FROM campaigns", denied},
		{"reads dead letters", "SELECT * FROM dead_letters", denied},
		{"reads another database", "SELECT * FROM elsewhere.secrets", denied},
		{"reads a file", "SELECT * FROM file('/etc/passwd', 'LineAsString')", denied},
		{"asks another server", "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'x String')", denied},
		{"asks another ClickHouse", "SELECT * FROM remote('127.0.0.1:1', 'system.one')", denied},

		{"inserts", "INSERT INTO trend_days_progress VALUES (1, 1)", "*"},
		{"alters", "ALTER TABLE trend_days DELETE WHERE 1", "*"},
		{"drops", "DROP TABLE trend_days", "*"},
		{"truncates", "TRUNCATE TABLE trend_days", "*"},
		{"makes a table", "CREATE TABLE mine (x UInt8) ENGINE = MergeTree ORDER BY x", "*"},
		{"grants itself more", "GRANT SELECT ON *.* TO waspada_analyst", "*"},
		{"ends what others ask", "KILL QUERY WHERE 1", "*"},

		{"takes more time than it may", "SELECT 1 SETTINGS max_execution_time = 61", outOfBounds},
		{"takes all time", "SELECT 1 SETTINGS max_execution_time = 0", outOfBounds},
		{"takes all memory", "SELECT 1 SETTINGS max_memory_usage = 0", outOfBounds},
		{"reads everything", "SELECT 1 SETTINGS max_rows_to_read = 0", outOfBounds},
		{"is told everything", "SELECT 1 SETTINGS max_result_rows = 0", outOfBounds},
		{"asks for a part instead of a refusal", "SELECT 1 SETTINGS timeout_overflow_mode = 'break'", outOfBounds},
		{"stops being read-only", "SELECT 1 SETTINGS readonly = 0", readOnly},

		{"runs too long", "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_execution_time = 1, max_block_size = 1",
			tooLong},
		{"reads too much", "SELECT count() FROM numbers(1000000000000) WHERE number % 7 = 0", tooMany},
		{"holds too much", "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 50000000",
			tooMuchMemory},
		{"takes too much away", "SELECT number FROM numbers(1000001) FORMAT Null", tooLarge},
	}
	for _, shard := range a.engine.Shards() {
		for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS elsewhere ENGINE = Atomic",
			"CREATE TABLE IF NOT EXISTS elsewhere.secrets (x UInt8) ENGINE = MergeTree ORDER BY x"} {
			if _, err := shard.Query(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			status, body := a.as(t, a.user.Name, a.user.Password, tt.statement)
			switch {
			case tt.refused == "" && status != http.StatusOK:
				t.Fatal(body)
			case tt.refused == "*" && (status == http.StatusOK || !strings.Contains(body, "Code: "+denied) &&
				!strings.Contains(body, "Code: "+readOnly)):
				t.Fatalf("want it denied or read-only: %s %.300s", http.StatusText(status), body)
			case tt.refused != "" && tt.refused != "*" && !strings.Contains(body, "Code: "+tt.refused):
				t.Fatalf("want code %s: %s %.300s", tt.refused, http.StatusText(status), body)
			}
		})
	}
}

// limits asks a node whose analyst's user meets a limit with each question: who asks is told what to do about it.
func (a *analysts) limits(t *testing.T) {
	node := a.NewNode(t, hubtest.NodeOptions{Role: "api", Settings: a.settings(t, a.hasty)})
	node.Restart(t)
	_, err := node.Client(t, "regulator").Series(t.Context(), client.SeriesQuery{By: "category", Bucket: "hour",
		From: midnight(-5), To: midnight(1)})
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusBadRequest ||
		!strings.Contains(err.Error(), "ask for less time") {
		t.Errorf("want to be told to ask for less: %v", err)
	}
}
