package store

import (
	"io/fs"
	"testing"
)

// CountCells is the statement that recounts the cells which rows of the condition touched.
func CountCells(touched string) string { return countCells("", touched) }

// Statements are those of all files for a cluster.
func Statements(t testing.TB, fsys fs.FS, cluster string) []string {
	t.Helper()
	files, err := migrations(fsys, cluster)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.statements...)
	}
	return all
}
