// Package archtest holds the import graph to the design: data flows wire → ingest → store and changes → index → api,
// and no stage imports another. What a package may import is the table below; another arrow is a decision, and it is
// made by editing the table in the same commit.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/waspada-hub/waspada/"

// arrows says which packages of ours each package may import. Its tests may import more.
var arrows = map[string]string{
	"schemas":            "",
	"pkg/indicator":      "",
	"pkg/fraud":          "pkg/indicator",
	"pkg/wire":           "pkg/fraud pkg/indicator",
	"pkg/publisher":      "pkg/fraud pkg/wire internal/topic",
	"pkg/client":         "pkg/fraud pkg/indicator",
	"internal/topic":     "pkg/fraud",
	"internal/ingest":    "pkg/fraud pkg/indicator pkg/wire internal/topic",
	"internal/store":     "pkg/fraud pkg/indicator schemas",
	"internal/changes":   "pkg/fraud pkg/indicator internal/topic",
	"internal/index":     "pkg/fraud pkg/indicator",
	"internal/partners":  "pkg/fraud pkg/indicator schemas",
	"internal/trends":    "pkg/fraud",
	"internal/history":   "pkg/fraud pkg/indicator",
	"internal/campaigns": "pkg/fraud pkg/indicator",
	"internal/boards":    "pkg/fraud schemas",
	"internal/quota":     "pkg/fraud pkg/indicator",
	"internal/tally":     "pkg/fraud",
	// What the HTTP API proves itself with, and whose clients it believes.
	"internal/certificates": "pkg/fraud",
	// Quotas are no stage: the api draws on a partner's account as on a library.
	"internal/api":    "pkg/fraud pkg/indicator internal/quota schemas",
	"internal/sweeps": "pkg/fraud pkg/indicator",
	// What authorities decide is said by the gateway: the desk is no stage, and joins what it is given.
	"internal/disputes": "pkg/fraud",
	// What it holds is bounded by the quotas of partners.
	"internal/quarantine": "pkg/fraud pkg/indicator internal/quota",
	// What it says anew goes the way of everything else, from its beginning.
	"internal/restore": "pkg/fraud",
	"internal/console": "",
	"internal/run":     "",
	// The audit holds what the store says against what Kafka says: it belongs to neither.
	"internal/audit": "pkg/fraud internal/topic internal/store",
	// What operators send again goes the way of everything else, from its beginning.
	"internal/deadletters": "pkg/fraud pkg/wire internal/topic",

	"internal/devstack": "",
	// The synthetic country and what only tests use.
	"internal/nation":   "pkg/fraud pkg/indicator pkg/publisher internal/partners",
	"internal/testkit":  anything,
	"internal/hubtest":  anything,
	"internal/e2e":      anything,
	"internal/faults":   anything,
	"internal/archtest": "",
	"benchmarks":        anything,
	// The generator asks as partners do; it and the servers that the hub is held against know nothing of the hub's inside.
	"benchmarks/loadgen":  "pkg/client pkg/fraud pkg/indicator",
	"benchmarks/baseline": "benchmarks/loadgen",
	"benchmarks/report":   "",
	"benchmarks/bench":    anything,
	// The commands.
	"cmd/waspadad": "pkg/fraud pkg/indicator pkg/wire pkg/publisher pkg/client internal/topic internal/ingest " +
		"internal/store internal/changes internal/index internal/partners internal/trends internal/api internal/console " +
		"internal/audit internal/boards internal/campaigns internal/certificates internal/deadletters internal/disputes " +
		"internal/history internal/quarantine internal/quota " +
		"internal/restore internal/sweeps internal/tally internal/run schemas",
	"cmd/waspada": "pkg/fraud pkg/indicator pkg/wire pkg/publisher pkg/client schemas",
	"cmd/devstack": "pkg/fraud pkg/indicator pkg/wire pkg/publisher pkg/client internal/devstack internal/nation " +
		"internal/run schemas",
}

const anything = "*"

// owners says which packages alone may import a library, by the beginning of its import path.
var owners = map[string]string{
	"github.com/gin-gonic/":        "internal/api benchmarks/baseline",
	"github.com/redis/":            "benchmarks/bench benchmarks/baseline",
	"github.com/jackc/":            "benchmarks/bench benchmarks/baseline",
	"github.com/gin-contrib/":      "internal/api",
	"github.com/ClickHouse/":       "internal/store internal/devstack internal/testkit benchmarks",
	"github.com/bits-and-blooms/":  "internal/index",
	"github.com/twmb/franz-go":     "internal/devstack",
	"github.com/ebitengine/purego": "internal/devstack",
	"github.com/creack/pty":        "internal/devstack internal/hubtest internal/e2e",
	"github.com/segmentio/kafka-go": "internal/topic internal/ingest internal/changes pkg/publisher internal/devstack " +
		"internal/testkit benchmarks",
	"github.com/nyaruka/phonenumbers":       "pkg/indicator",
	"github.com/santhosh-tekuri/jsonschema": "",
}

// unreachable says which libraries may not be in a program or in what partners embed, however indirectly.
var unreachable = map[string][]string{
	"cmd/waspadad": {"github.com/twmb/franz-go", "github.com/ebitengine/purego", "github.com/creack/pty",
		module + "internal/devstack", module + "internal/testkit", module + "internal/hubtest", module + "internal/nation"},
	"cmd/waspada": {"github.com/twmb/franz-go", "github.com/ebitengine/purego", "github.com/creack/pty",
		"github.com/gin-gonic/", "github.com/ClickHouse/", "github.com/bits-and-blooms/bloom", module + "internal/devstack"},
	"pkg/client": {"github.com/segmentio/kafka-go", "github.com/gin-gonic/", "github.com/ClickHouse/",
		"github.com/bits-and-blooms/", "github.com/prometheus/"},
	"pkg/publisher": {"github.com/gin-gonic/", "github.com/ClickHouse/", "github.com/bits-and-blooms/bloom"},
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	graph := importGraph(t)
	for _, name := range slices.Sorted(maps.Keys(graph)) {
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s is not in the table of arrows: add it with what it may import", name)
			continue
		}
		for _, imported := range graph[name].Imports {
			ours, isOurs := strings.CutPrefix(imported, module)
			if isOurs && allowed != anything && !slices.Contains(strings.Fields(allowed), ours) {
				t.Errorf("%s imports %s; it may import: %s", name, ours, allowed)
			}
		}
	}
}

func TestLibrariesStayWithTheirOwners(t *testing.T) {
	for name, pkg := range importGraph(t) {
		for _, imported := range pkg.Imports {
			for library, allowed := range owners {
				if strings.HasPrefix(imported, library) && !slices.Contains(strings.Fields(allowed), name) {
					t.Errorf("%s imports %s, which belongs to: %s", name, imported, allowed)
				}
			}
		}
	}
}

func TestDevelopmentPartsDoNotReachWhatIsShipped(t *testing.T) {
	graph := importGraph(t)
	for name, banned := range unreachable {
		pkg, ok := graph[name]
		if !ok {
			t.Errorf("%s is not there", name)
		}
		for _, reached := range pkg.Deps {
			for _, library := range banned {
				if strings.HasPrefix(reached, library) {
					t.Errorf("%s reaches %s", name, reached)
				}
			}
		}
	}
}

// goPackage is what the tests read of "go list".
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

// importGraph maps each package of ours, by its path in the module, to what it imports and reaches.
func importGraph(t *testing.T) map[string]goPackage {
	t.Helper()
	root := filepath.Join("..", "..")
	touch(t, root)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &complaint)
	}
	graph := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg goPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if name, ours := strings.CutPrefix(pkg.ImportPath, module); ours {
			graph[name] = pkg
		}
	}
	if len(graph) < 10 {
		t.Fatalf("go list shows %d packages: is the module still called %s?", len(graph), module)
	}
	return graph
}

// touch looks at every source file, so that the test's cached result is void when one changes: what "go list" reads
// is not seen by the cache.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, _ = os.Stat(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
