package testkit_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
)

func TestSmallDiskIsReallyFull(t *testing.T) {
	dir := testkit.SmallDisk(t, 1<<20)
	write := func(name string, size int) error {
		return os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600)
	}
	if err := write("too-large", 1<<20+1); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a byte more than the disk has: %v, want ENOSPC", err)
	}
	if err := os.Remove(filepath.Join(dir, "too-large")); err != nil {
		t.Fatal(err)
	}
	filling := testkit.FillDisk(t, dir, 64<<10)
	if err := write("fits", 64<<10); err != nil {
		t.Fatalf("what was left free is not: %v", err)
	}
	if err := write("more", 1); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("on a full disk: %v, want ENOSPC", err)
	}
	if err := os.Remove(filling); err != nil {
		t.Fatal(err)
	}
	if err := write("more", 1); err != nil {
		t.Fatalf("after the filling was removed: %v", err)
	}
	testkit.ReadOnly(t, dir, true)
	if err := write("more", 1); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("on a disk that is read-only: %v, want EROFS", err)
	}
	testkit.ReadOnly(t, dir, false)
	if err := write("more", 1); err != nil {
		t.Fatal(err)
	}
}
