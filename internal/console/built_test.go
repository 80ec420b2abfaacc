package console

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tool is an npm package of the console, which `make test` installs.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("web", "node_modules", name)); err != nil {
		t.Fatalf("%s is not installed: run internal/console/web/install.sh browser, as make test does", name)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is missing: install Node.js 20 or later (Debian: sudo apt-get install nodejs)")
	}
}

// folder reads the files of one.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}

func TestTheFilesAreWhatTheSourcesGive(t *testing.T) {
	t.Parallel()
	tool(t, "esbuild")
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "node", filepath.Join("web", "build.mjs"), dir).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	committed, built := folder(t, "dist"), folder(t, dir)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(built)), slices.Sorted(maps.Keys(committed))); diff != "" {
		t.Fatalf("dist (-built +committed): run make console and commit what it makes\n%s", diff)
	}
	for name := range built {
		if built[name] != committed[name] {
			t.Errorf("dist/%s is not what the sources give: run make console", name)
		}
	}
}
