package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dirVariable names the folder of the results.
const dirVariable = "WASPADA_BENCH_RESULTS"

// Dir is the folder that WASPADA_BENCH_RESULTS names, "" for none: then results are not to be kept.
func Dir() string { return os.Getenv(dirVariable) }

// Family is the rows that belong together: a file of results and a table of the page.
type Family struct {
	// Name is that of its file, without an ending.
	Name string `json:"family"`
	// Title heads its table, and About stands below the title.
	Title string `json:"title"`
	About string `json:"about,omitempty"`
	// Machine is where the rows were seen last.
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
}

// Machine is where something was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Memory string `json:"memory,omitempty"`
	System string `json:"system"`
	Go     string `json:"go"`
	// Commit is what was checked out, with a + where files had been changed since.
	Commit string `json:"commit,omitempty"`
}

// Seen is the family with rows that were seen here and now: it adds the time, the load and the machine.
func Seen(f Family, rows ...Row) Family {
	f.Machine, f.Rows = thisMachine(), slices.Clone(rows)
	now, load := time.Now().UTC().Truncate(time.Second), load()
	for i := range f.Rows {
		f.Rows[i].When, f.Rows[i].Load = now, load
	}
	return f
}

// Put enters rows that were seen here and now into the family's file in a folder, each in the place of the one of its
// name; others stay as they are. Without a folder it does nothing.
func Put(dir string, f Family, rows ...Row) error {
	if dir == "" {
		return nil
	}
	path := filepath.Join(dir, f.Name+".json")
	kept, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep results: %w", err)
	}
	f = Seen(f, rows...)
	for _, r := range f.Rows {
		if i := slices.IndexFunc(kept.Rows, func(o Row) bool { return o.Row == r.Row }); i >= 0 {
			kept.Rows[i] = r
		} else {
			kept.Rows = append(kept.Rows, r)
		}
	}
	f.Rows = kept.Rows
	data, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}

// All reads every family of a folder, by name.
func All(dir string) ([]Family, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	families := make([]Family, len(paths))
	for i, path := range paths {
		if families[i], err = read(path); err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
	}
	return families, nil
}

func read(path string) (f Family, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Family{}, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return Family{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// thisMachine leaves empty what the system does not tell.
func thisMachine() Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name"), CPUs: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Commit: commit(),
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(kernel))
	}
	if kb, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " "); kb != "" {
		if n, err := strconv.Atoi(kb); err == nil {
			m.Memory = fmt.Sprintf("%d GiB", (n+1<<19)>>20)
		}
	}
	return m
}

// field is the first value of a name in one of the kernel's tables.
func field(file, name string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func commit() string {
	id, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	changed, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", "*.go").Output()
	if len(changed) > 0 {
		return strings.TrimSpace(string(id)) + "+"
	}
	return strings.TrimSpace(string(id))
}
