package hubtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

// Main builds the binaries when a test needs them, runs the tests and cleans up. Call it from TestMain.
func Main(m *testing.M) { testkit.Main(m) }

// Binary is the path of a freshly built command of this module.
func Binary(t testing.TB, name string) string {
	t.Helper()
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// build builds once a test process, into a folder that the user's cache keeps, so that the next run only links.
var build = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "waspada", "test-bin", fmt.Sprint(os.Getpid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	const module = "github.com/waspada-hub/waspada"
	cmd := exec.Command("go", "build", "-tags", "nomsgpack", "-o", dir, module+"/cmd/waspadad", module+"/cmd/waspada")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the daemon: %w\n%s", err, out)
	}
	return dir, nil
})
