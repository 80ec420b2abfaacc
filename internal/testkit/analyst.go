package testkit

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// AnalystDatabase is the database that deploy/clickhouse/analyst.sql grants rights on.
const AnalystDatabase = "waspada"

// Analyst is the user of deploy/clickhouse/analyst.sql, for an engine of the test's own; its password is made up.
//
// The engine of the dev stack has no place to keep users that SQL creates, and takes them from a file when it starts. So
// the limits are carried over one by one, and each GRANT stands in that file as it is, for the engine itself to read. A
// statement of any other kind fails the test.
func Analyst(t testing.TB) devstack.User {
	t.Helper()
	u := devstack.User{Password: "counts, and nothing else"}
	for _, statement := range AnalystStatements(t) {
		switch words := strings.Fields(statement); {
		case strings.HasPrefix(statement, "CREATE SETTINGS PROFILE "):
			for setting := range strings.SplitSeq(statement[strings.LastIndex(statement, " SETTINGS ")+10:], ",") {
				u.Limits = append(u.Limits, limitOf(t, strings.TrimSpace(setting)))
			}
		case strings.HasPrefix(statement, "CREATE USER "):
			u.Name = words[4]
		case strings.HasPrefix(statement, "GRANT "):
			what, whom, _ := strings.Cut(statement, " TO ")
			if whom != u.Name {
				t.Fatalf("analyst.sql grants to %q, and its user is %q", whom, u.Name)
			}
			u.Grants = append(u.Grants, what)
		default:
			t.Fatalf("analyst.sql has a statement that the dev stack's engine cannot be given: %s", statement)
		}
	}
	return u
}

// AnalystStatements are those of deploy/clickhouse/analyst.sql, each on one line.
func AnalystStatements(t testing.TB) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sourceTree(t), "deploy", "clickhouse", "analyst.sql"))
	if err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(string(text), "")
	for statement := range strings.SplitSeq(bare, ";") {
		if words := strings.Fields(statement); len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
	}
	return all
}

var limitForm = regexp.MustCompile(`^(\w+) = '?(\w+)'?(?: MIN (\w+))?(?: MAX (\w+))?( READONLY)?$`)

func limitOf(t testing.TB, setting string) devstack.Limit {
	t.Helper()
	m := limitForm.FindStringSubmatch(setting)
	if m == nil {
		t.Fatalf("analyst.sql has a setting that is not understood: %s", setting)
	}
	return devstack.Limit{Setting: m[1], Value: m[2], Min: m[3], Max: m[4], Fixed: m[5] != ""}
}
