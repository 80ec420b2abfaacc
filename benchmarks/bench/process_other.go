//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

var serverCPU, ownCPU = 0, 0

var errLinux = errors.New("the comparisons need Linux: they tie servers to CPUs and read their CPU time")

type process struct{ cmd *exec.Cmd }

func start(string, string, *exec.Cmd) (*process, error) { return nil, errLinux }
func onCPU(int, func() error) error                     { return errLinux }
func pin(int, int) error                                { return errLinux }
func (*process) stop()                                  {}
func (*process) failure() error                         { return errLinux }
func children() []int                                   { return nil }
func cpuTime([]int) time.Duration                       { return 0 }
