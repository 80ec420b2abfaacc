package testkit

import (
	"testing"
	"time"
)

// Eventually calls check until it returns nil, and fails the test with its last error when that takes longer than
// within. It is for real servers; where time can be injected, do that instead.
func Eventually(t testing.TB, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still not after %s: %v", within, err)
		}
		time.Sleep(pause)
	}
}
