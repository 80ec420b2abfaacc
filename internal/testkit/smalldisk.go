package testkit

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// SmallDisk mounts an empty disk of so many bytes, 64 KiB or more, for this test alone, and returns its directory. What
// is written beyond that fails as on any full disk, with ENOSPC. It is gone after the test.
//
// Call it before anything else: mounting takes root, and where the test is not root, SmallDisk runs it again from its
// beginning in a child process with a user namespace of its own, where it is. The run out here then ends as skipped, or
// fails with what the child said.
//
// Where neither is possible the test fails, as nothing of what it claims was tried. WASPADA_TEST_NO_MOUNT=1 says that
// this is known, and skips it.
func SmallDisk(t testing.TB, bytes int64) (dir string) {
	t.Helper()
	const least = 64 << 10 // less holds no directory worth the name
	if bytes < least {
		t.Fatalf("a disk of %d bytes is too small, the least is %d", bytes, least)
	}
	dir = t.TempDir()
	mountSmallDisk(t, dir, bytes)
	return dir
}

// ReadOnly turns a SmallDisk read-only, and writable again when readOnly is false. Files that are open for writing make
// it fail the test.
func ReadOnly(t testing.TB, dir string, readOnly bool) {
	t.Helper()
	if err := remount(dir, readOnly); err != nil {
		t.Fatalf("remount the small disk: %v", err)
	}
}

// FillDisk writes a file onto a disk until nothing more fits, less the bytes to leave free, and returns its path: who
// removes it has the space again.
func FillDisk(t testing.TB, dir string, leave int64) (path string) {
	t.Helper()
	file, err := os.CreateTemp(dir, "filling-")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size := int64(0)
	for block := make([]byte, 4096); ; size += int64(len(block)) {
		if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Truncate(max(0, size-leave)); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// cannotMount ends a test that has no way to a small disk.
func cannotMount(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("WASPADA_TEST_NO_MOUNT") == "1" {
		t.Skipf("NOT TESTED: no small disk can be mounted here: %v", why)
	}
	t.Fatalf("NOT TESTED: no small disk can be mounted here, as root or in a user namespace: %v. "+
		"Run as root, or allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0), "+
		"or accept that this is not tested with WASPADA_TEST_NO_MOUNT=1", why)
}
