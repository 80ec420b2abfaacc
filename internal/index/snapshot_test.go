package index

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/testkit"
)

func snapshotBytes(t *testing.T, s *restored) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encodeSnapshot(&out, s, 1); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func someSnapshot(t *testing.T, opinions int) *restored {
	return &restored{
		base:    load(national(digests(testkit.Seed(t), opinions))),
		reach:   map[int]position{0: {17, noon}, 3: {99, noon.Add(-time.Second)}, 4: {}},
		written: noon,
	}
}

func TestSnapshotGivesBackWhatWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 5000, 300_000} {
		want := someSnapshot(t, n)
		got, err := decodeSnapshot(snapshotBytes(t, want), 1)
		if err != nil {
			t.Fatal(err)
		}
		// A diff of millions of bytes would take minutes.
		a, b := want.base, got.base
		if !bytes.Equal(snapshotBytes(t, want), snapshotBytes(t, got)) ||
			!slices.Equal(a.dir, b.dir) || !same(&a.origins, &b.origins) || !same(&a.expiries, &b.expiries) {
			t.Errorf("%d opinions: what was read differs from what was written", n)
		}
	}
}

func same(a, b *sparse) bool {
	return slices.Equal(a.marks, b.marks) && slices.Equal(a.counts, b.counts) && slices.Equal(a.values, b.values)
}

func TestRefusedSnapshotIsLoggedAndNotUsed(t *testing.T) {
	dir := t.TempDir()
	data := snapshotBytes(t, someSnapshot(t, 10))
	data[100] ^= 1
	if err := os.WriteFile(filepath.Join(dir, snapshotName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	x := New(Config{Epoch: 1, SnapshotDir: dir}, testPolicy(), Sources{}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if s := x.restore(); s != nil {
		t.Error("it was used")
	}
	if !strings.Contains(log.String(), "snapshot refused") {
		t.Errorf("log: %s", log.String())
	}
}

func TestFailedSnapshotLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	write := func(text string, fail error) error {
		return writeSnapshot(dir, func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return fail
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	if err := write("ne", io.ErrShortWrite); err == nil {
		t.Error("no error")
	}
	got, err := os.ReadFile(filepath.Join(dir, snapshotName))
	if err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
