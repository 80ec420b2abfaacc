package main

import "syscall"

// childAttributes lets the kernel end the child when this process dies, by kill -9 too, and keeps the terminal's
// Ctrl-C for this process, which stops the child in its turn.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
