// Package e2e holds the hub's promises against the real thing: the daemon as its own process, the Kafka protocol, the
// ClickHouse engine. Each test names the promise it proves.
package e2e

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
)

func TestMain(m *testing.M) { hubtest.Main(m) }
