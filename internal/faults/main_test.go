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
	if os.Getenv("WASPADA_TEST_KAFKA") != "apache" {
		// Said out loud: a scenario on another broker than the one of production would prove something else.
		fmt.Println("the fault suite runs on Apache Kafka: make test-faults, or make test-kafka for its short form")
		return
	}
	testkit.OnExit(writeTable)
	testkit.Main(m)
}

func writeTable() {
	err := table.Write(os.Stdout)
	if path := os.Getenv("WASPADA_FAULTS_TABLE"); path != "" && err == nil {
		var file *os.File
		if file, err = os.Create(path); err == nil {
			defer file.Close()
			err = table.Write(file)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the table of the fault suite:", err)
	}
}
