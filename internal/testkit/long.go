package testkit

import "os"

// Long reports whether tests run in their long form: the same claims, with more rounds and larger outages, at which
// `make test-faults` proves them.
func Long() bool { return os.Getenv("WASPADA_TEST_LONG") != "" }
