package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// inNamespace tells the child that it is one.
const inNamespace = "WASPADA_TEST_IN_NAMESPACE"

func mountSmallDisk(t testing.TB, dir string, bytes int64) {
	t.Helper()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes))
	switch {
	case err == nil:
		t.Cleanup(func() {
			// Lazily: what still holds a file there must not keep the test from ending.
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount the small disk: %v", err)
			}
		})
	case !errors.Is(err, syscall.EPERM) || os.Getenv(inNamespace) != "":
		cannotMount(t, err)
	default:
		runInNamespace(t)
	}
}

// runInNamespace runs the test again where it is root, and ends this run of it.
func runInNamespace(t testing.TB) {
	t.Helper()
	elements := strings.Split(t.Name(), "/")
	for i, e := range elements {
		elements[i] = "^" + regexp.QuoteMeta(e) + "$"
	}
	// What tells the testing package to write files is left out: the parent writes them.
	args := []string{"-test.v", "-test.run", strings.Join(elements, "/")}
	for _, a := range os.Args[1:] {
		if !strings.HasPrefix(a, "-test.") {
			args = append(args, a)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	// The child dies with the thread that made it, which must not end while it runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Skipf("passed in a user namespace, where it can mount a small disk:\n%s", out)
	case err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()):
		t.Skipf("skipped in a user namespace:\n%s", out)
	case err == nil || errors.As(err, &exit):
		t.Fatalf("in a user namespace, where it can mount a small disk: %v\n%s", err, out)
	default:
		cannotMount(t, err)
	}
}

func remount(dir string, readOnly bool) error {
	flags := uintptr(syscall.MS_REMOUNT)
	if readOnly {
		flags |= syscall.MS_RDONLY
	}
	return syscall.Mount("", dir, "", flags, "")
}
