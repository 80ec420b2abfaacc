package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// EngineVersion is the release that deploy/engine pins. `make engine` fails when its lock file names another.
const EngineVersion = "26.7.3-stable.1"

// ErrNoLibrary is returned when the engine is not installed on this machine.
var ErrNoLibrary = errors.New("the ClickHouse engine is not installed: run `make engine` (npm fetches 178 MB, once)")

// FindLibrary returns the path of the engine's library. It looks at $WASPADA_ENGINE_LIB, then in .waspada/engine of the
// working directory and its parents, then in the user's cache, where `make engine` puts it and all clones share it.
// It returns ErrNoLibrary when there is none.
func FindLibrary() (string, error) {
	if path := os.Getenv("WASPADA_ENGINE_LIB"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("WASPADA_ENGINE_LIB names no readable file: %w", err)
		}
		return path, nil
	}
	pkg, err := libraryPackage()
	if err != nil {
		return "", err
	}
	inside := filepath.Join("node_modules", "@chdb", pkg, "libchdb.so")
	var candidates []string
	if dir, err := os.Getwd(); err == nil {
		for {
			candidates = append(candidates, filepath.Join(dir, ".waspada", "engine", inside))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	if cache, err := os.UserCacheDir(); err == nil {
		candidates = append(candidates, filepath.Join(cache, "waspada", "engine", EngineVersion, inside))
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoLibrary
}

// libraryPackage names the npm package that carries the library for this machine.
func libraryPackage() (string, error) {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "linux/amd64":
		return "lib-linux-x64-gnu", nil
	case "linux/arm64":
		return "lib-linux-arm64-gnu", nil
	case "darwin/amd64":
		return "lib-darwin-x64", nil
	case "darwin/arm64":
		return "lib-darwin-arm64", nil
	}
	return "", fmt.Errorf("no ClickHouse engine is published for %s/%s: use Linux or macOS, or run against a ClickHouse "+
		"server", runtime.GOOS, runtime.GOARCH)
}
