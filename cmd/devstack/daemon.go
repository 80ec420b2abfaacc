package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// daemon runs waspadad as its own process and starts it again when it dies, as a service manager would.
type daemon struct {
	binary, config, logFile string
}

// stable is how long a daemon must have run for its end to be an accident.
const stable = 3 * time.Second

// daemonBinary is the waspadad beside this program.
func daemonBinary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "waspadad")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: run `make build` first", err)
	}
	return path, nil
}

// supervise runs the daemon until ctx ends and then lets it drain.
func (d *daemon) supervise(ctx context.Context) error {
	log, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// The kernel ends the daemon when the thread that started it ends, so this goroutine keeps its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for quick := 0; ; {
		started := time.Now()
		cmd := exec.Command(d.binary, "serve", "--config", d.config)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = childAttributes()
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ctx.Done():
			return d.stop(cmd, ended)
		case err := <-ended:
			if quick++; time.Since(started) > stable {
				quick = 0
			}
			if quick == 3 {
				return fmt.Errorf("waspadad ends as soon as it starts (%w); its log: %s", err, d.logFile)
			}
			fmt.Fprintf(os.Stderr, "waspadad ended (%v), starting it again; its log: %s\n", err, d.logFile)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
		}
	}
}

func (d *daemon) stop(cmd *exec.Cmd, ended <-chan error) error {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("waspadad did not drain within 20 s and was killed"), cmd.Process.Kill())
	}
}

// waitReady polls /readyz until it says yes.
func waitReady(ctx context.Context, api string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := errors.New("no answer")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("it answers %s", resp.Status)
		} else if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("the hub was not ready within %s: %w", limit, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
