package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The server has one CPU and the generator, with all else of this program, another. With one CPU only they share it.
var serverCPU, ownCPU = 0, min(1, runtime.NumCPU()-1)

// process is a server of ours.
type process struct {
	name  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts a server on its CPU, as a group of processes that ends with this program.
func start(dir, name string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), cmd: cmd, ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	cmd.Stderr = out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGTERM
	err = onCPU(serverCPU, cmd.Start)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// onCPU does something that starts a process, which then stays on that CPU.
func onCPU(cpu int, do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	return errors.Join(do(), unix.SchedSetaffinity(0, &before))
}

// pin keeps a process that runs already on a CPU.
func pin(pid, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// stop ends it: SIGINT is what PostgreSQL calls fast, and good enough for all.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what is left of the group
	<-p.ended
}

// failure is an error with the end of the log, if it has ended.
func (p *process) failure() error {
	select {
	case <-p.ended:
		text, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s ended; its log ends: %.1000s", p.name, text[max(0, len(text)-1000):])
	default:
		return nil
	}
}

// family lists a process and all below it.
func family(pid int) []int {
	parents := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		// pid (name) state ppid …, and a name may hold anything
		if _, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " "); ok {
			if fields := strings.Fields(rest); len(fields) > 1 {
				if parent, err := strconv.Atoi(fields[1]); err == nil {
					parents[parent] = append(parents[parent], id)
				}
			}
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, parents[all[i]]...)
	}
	return all
}

// children are the processes that this program has started.
func children() []int {
	all := family(os.Getpid())[1:]
	slices.Sort(all)
	return all
}

// cpuTime is what the processes and all below them have used.
func cpuTime(pids []int) (sum time.Duration) {
	for _, root := range pids {
		for _, pid := range family(root) {
			const scheduled = 2 // CPUCLOCK_SCHED of a process's clock, as clock_getcpuclockid makes its number
			var t unix.Timespec
			if unix.ClockGettime(int32(^pid<<3|scheduled), &t) == nil {
				sum += time.Duration(t.Nano())
			}
		}
	}
	return sum
}
