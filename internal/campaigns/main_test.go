package campaigns_test

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
