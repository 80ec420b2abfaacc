//go:build !linux

package testkit

import (
	"errors"
	"testing"
)

var errNotLinux = errors.New("this is done on Linux only")

func mountSmallDisk(t testing.TB, _ string, _ int64) {
	t.Helper()
	cannotMount(t, errNotLinux)
}

func remount(string, bool) error { return errNotLinux }
