package devstack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// child is a process of ours with a terminal as its standard input and its output in a log file. When this process
// dies, even by kill -9, the terminal hangs up, which ends the child.
type child struct {
	name     string
	cmd      *exec.Cmd
	terminal *os.File // the side of the pseudo-terminal that we hold
	log      string
	done     chan struct{}
	err      error // valid when done is closed
}

const logTailBytes = 2048

// startChild starts cmd, with its output appended to the file log.
func startChild(name string, cmd *exec.Cmd, log string) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own descriptor
	cmd.Stdout, cmd.Stderr = out, out
	terminal, err := pty.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start child process: %w", err)
	}
	c := &child{name: name, cmd: cmd, terminal: terminal, log: log, done: make(chan struct{})}
	go func() { _, _ = io.Copy(io.Discard, terminal) }() // a full terminal would block the child
	go func() {
		err := cmd.Wait()
		_ = terminal.Close()
		if err == nil {
			err = errors.New("exit status 0")
		}
		c.err = fmt.Errorf("%s ended: %w; its log ends: %s", name, err, c.logTail())
		close(c.done)
	}()
	return c, nil
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *child) signal(sig os.Signal) error { return c.cmd.Process.Signal(sig) }

// kill ends the child at once and returns when it has ended.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// stop asks the child to end, by ask and halfway through limit by SIGTERM, and kills it after limit.
func (c *child) stop(ask func(), limit time.Duration) error {
	_ = c.signal(syscall.SIGCONT) // it may be paused
	ask()
	for range 2 {
		select {
		case <-c.done:
			return nil
		case <-time.After(limit / 2):
			_ = c.signal(syscall.SIGTERM)
		}
	}
	c.kill()
	return fmt.Errorf("%s was killed: it did not end within %s; its log ends: %s", c.name, limit, c.logTail())
}

// logTail returns the last two kilobytes of the log, quoted so that an error stays on one line.
func (c *child) logTail() string {
	f, err := os.Open(c.log)
	if err != nil {
		return "(no log)"
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTailBytes {
		_, _ = f.Seek(-logTailBytes, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return strconv.Quote(strings.TrimSpace(string(text)))
}

// awaitReady calls probe until it returns nil, the child ends or limit has passed.
func (c *child) awaitReady(probe func() error, limit time.Duration, stopped <-chan struct{}) error {
	timeout := time.After(limit)
	for {
		err := probe()
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return c.err
		case <-stopped:
			return fmt.Errorf("given up while waiting for an answer (%w); its log ends: %s", err, c.logTail())
		case <-timeout:
			return fmt.Errorf("no answer within %s (%w); its log ends: %s", limit, err, c.logTail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
