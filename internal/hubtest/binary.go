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

// Binary is the path of a freshly built command of this module. All of them lie in one folder.
func Binary(t testing.TB, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path := built.paths[name]; path != "" {
		return path
	}
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "waspada-bin-")
		if err != nil {
			t.Fatal(err)
		}
		testkit.OnExit(func() { _ = os.RemoveAll(dir) })
		built.dir = dir
	}
	path, err := build(built.dir, name)
	if err != nil {
		t.Fatal(err)
	}
	built.paths[name] = path
	return path
}

// built are the commands that this test process has: most need one, and each takes seconds to link.
var built = struct {
	sync.Mutex
	dir   string
	paths map[string]string
}{paths: map[string]string{}}

// build links a command. Go's own cache keeps what is compiled.
func build(dir, name string) (path string, err error) {
	path = filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-tags", "nomsgpack", "-o", path, "github.com/waspada-hub/waspada/cmd/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// former is the commit that FormerDaemon builds: the last one whose boards had no roll-up. Move it with each release.
const former = "596d41e8796720ae31e34107d2d148e96fce562e"

// FormerDaemon is the path of waspadad as it was one version ago, built from the repository's history.
func FormerDaemon(t testing.TB) string {
	t.Helper()
	dir, err := buildFormer()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "waspadad")
}

var buildFormer = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "waspada-former-")
	if err != nil {
		return "", err
	}
	testkit.OnExit(func() { _ = os.RemoveAll(dir) })
	const script = `root=$(git rev-parse --show-toplevel) && git -C "$root" archive "$1" | tar -x -C "$2" && cd "$2" &&
		go build -tags nomsgpack -o . ./cmd/waspadad`
	if out, err := exec.Command("bash", "-euo", "pipefail", "-c", script, "build", former, dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the former version from the history (is this a shallow clone? git fetch --unshallow): "+
			"%w\n%s", err, out)
	}
	return dir, nil
})
