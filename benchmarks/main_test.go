// Package benchmarks measures the hub from outside, as partners see it: the daemon is its own process, the broker and
// ClickHouse are real. README.md says how, and what each row means to a user.
package benchmarks

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
)

func TestMain(m *testing.M) {
	bareMain()
	hubtest.Main(m)
}
