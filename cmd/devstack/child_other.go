//go:build !linux

package main

import "syscall"

// childAttributes keeps the terminal's Ctrl-C for this process, which stops the child in its turn.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
