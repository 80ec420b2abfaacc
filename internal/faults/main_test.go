package faults

import (
	"fmt"
	"os"
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// table is what this run has shown.
var table Table

func TestMain(m *testing.M) {
	testkit.OnExit(func() {
		if err := table.Write(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	testkit.Main(m)
}
