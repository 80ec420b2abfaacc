package main

import (
	"fmt"
	"io/fs"
	"os"

	goyaml "github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// protectedFile is a list of indicators that nobody may list.
type protectedFile struct {
	Version   string `yaml:"version"`
	Protected []struct {
		Type   string   `yaml:"type"`
		Why    string   `yaml:"why"`
		Values []string `yaml:"values"`
	} `yaml:"protected"`
}

// loadProtected digests the built-in list and the operator's own (path may be empty). For a domain its URL root is
// protected too, as a report of the domain would list both.
func loadProtected(path string, ring *indicator.KeyRing) (map[indicator.Digest]bool, error) {
	builtIn, err := fs.ReadFile(schemas.FS, "protected/malaysia.yaml")
	if err != nil {
		return nil, fmt.Errorf("protected list: %w", err)
	}
	digests := map[indicator.Digest]bool{}
	if err := addProtected(digests, "built in", builtIn, ring); err != nil || path == "" {
		return digests, err
	}
	own, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("protected list: %w", err)
	}
	return digests, addProtected(digests, path, own, ring)
}

func addProtected(digests map[indicator.Digest]bool, name string, data []byte, ring *indicator.KeyRing) error {
	var file protectedFile
	if err := goyaml.UnmarshalWithOptions(data, &file, goyaml.Strict()); err != nil {
		return fmt.Errorf("protected list %s: %w", name, err)
	}
	for i, group := range file.Protected {
		kind, err := indicator.ParseType(group.Type)
		if err != nil {
			return fmt.Errorf("protected list %s: entry %d: %w", name, i+1, err)
		}
		for j, value := range group.Values {
			parsed, err := indicator.Parse(kind, indicator.Raw(value))
			if err != nil {
				return fmt.Errorf("protected list %s: entry %d, value %d: %w", name, i+1, j+1, err)
			}
			for _, e := range parsed.Report {
				digests[ring.DigestOf(e)] = true
			}
		}
	}
	return nil
}
