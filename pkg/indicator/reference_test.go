package indicator_test

import (
	"os/exec"
	"regexp"
	"testing"
)

// TestReferenceAgreesWithVectors runs the second implementation, which shares no code with this one.
func TestReferenceAgreesWithVectors(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is not installed; the vectors can't be checked against their second implementation without it")
	}
	out, err := exec.CommandContext(t.Context(), python, vectorDir+"/reference.py").CombinedOutput()
	if err != nil || !regexp.MustCompile(`^[1-9]\d{2,} vectors, 0 differ\n$`).Match(out) {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
