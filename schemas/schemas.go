// Package schemas holds every contract of the hub as a file and embeds it: what the code must honour is read from here
// and never written a second time. README.md is the map.
package schemas

import (
	"embed"
	"io/fs"
)

// FS holds the contracts under the paths that they have in this folder.
//
//go:embed asyncapi.v1.yaml bundle.v1.json clickhouse openapi protected taxonomy
var FS embed.FS

// Taxonomy is the folder for [github.com/waspada-hub/waspada/pkg/fraud.LoadTaxonomy].
func Taxonomy() fs.FS { return sub("taxonomy") }

// ClickHouse is the folder of migrations, in the order of their names.
func ClickHouse() fs.FS { return sub("clickhouse") }

// OpenAPI is the contract of the HTTP API, in YAML.
func OpenAPI() []byte { return read("openapi/hub.v1.yaml") }

// Bundle is the JSON Schema of a bundle's value.
func Bundle() []byte { return read("bundle.v1.json") }

// sub and read panic for what is not there: the files are part of the program.
func sub(dir string) fs.FS {
	inner, err := fs.Sub(FS, dir)
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return inner
}

func read(name string) []byte {
	data, err := FS.ReadFile(name)
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return data
}
