package testkit

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed returns the test's source of randomness and logs its seed. WASPADA_TEST_SEED, a decimal number, repeats a run.
func Seed(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("WASPADA_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("WASPADA_TEST_SEED must be a decimal number: %v", err)
		}
	}
	t.Logf("seed: WASPADA_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
