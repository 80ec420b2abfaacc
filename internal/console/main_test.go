package console

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
)

func TestMain(m *testing.M) { hubtest.Main(m) }
