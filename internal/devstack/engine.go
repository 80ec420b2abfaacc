package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// EngineOptions says where and how an engine runs. The zero value of every field but Dir is good.
type EngineOptions struct {
	// Dir keeps the data, the log and the configuration of the engine. It is made if it is missing.
	Dir string
	// Library is the path of libchdb.so; empty asks FindLibrary.
	Library string
	// NativePort and HTTPPort are loopback ports; 0 takes a free one, which a restart keeps.
	NativePort, HTTPPort int
	// Users are accounts beside "default".
	Users []User
	// Config is XML that goes inside <clickhouse> of the engine's configuration, such as <remote_servers>.
	Config string
}

// Engine is a ClickHouse in a child process. It ends with its parent, however that ends. Its methods may be called from
// several goroutines.
type Engine struct {
	opts EngineOptions
	args []string

	mu  sync.Mutex
	run *engineRun
}

// engineRun is one life of the child.
type engineRun struct {
	cmd      *exec.Cmd
	terminal *os.File // the side of the pseudo-terminal that we hold
	done     chan struct{}
	err      error // valid when done is closed
	wanted   bool  // Stop or Kill was called; guarded by Engine.mu
}

const (
	engineStartLimit = 60 * time.Second // it takes 0.4 s; a loaded machine has shown 8 s
	engineStopLimit  = 20 * time.Second
	logTailBytes     = 2048
	endOfInput       = 4 // Ctrl-D, which leaves the engine's prompt
)

// StartEngine starts a ClickHouse and returns when it answers. The context bounds the start, not the engine's life.
func StartEngine(ctx context.Context, opts EngineOptions) (*Engine, error) {
	if opts.Dir == "" {
		return nil, errors.New("start engine: no directory given")
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	opts.Dir = dir
	if opts.Library == "" {
		if opts.Library, err = FindLibrary(); err != nil {
			return nil, fmt.Errorf("start engine: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	users, config := filepath.Join(dir, "users.xml"), filepath.Join(dir, "config.xml")
	if err := os.WriteFile(users, []byte(usersXML(opts.Users)), 0o600); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	if err := writeConfig(config, users, opts.Config); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}

	// Somebody may take a free port between our look and the engine's bind, so other ports get a chance.
	for attempt := 0; ; attempt++ {
		e := &Engine{opts: opts}
		for _, port := range []*int{&e.opts.NativePort, &e.opts.HTTPPort} {
			if *port == 0 {
				if *port, err = freePort(); err != nil {
					return nil, fmt.Errorf("start engine: %w", err)
				}
			}
		}
		e.args = []string{
			"--config-file", config,
			"--path", filepath.Join(dir, "data"),
			"--listen_host", "127.0.0.1",
			"--tcp_port", strconv.Itoa(e.opts.NativePort),
			"--http_port", strconv.Itoa(e.opts.HTTPPort),
			"--interactive", "--progress=off",
			"--query", "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP",
		}
		err := e.Start(ctx)
		if err == nil {
			return e, nil
		}
		if attempt == 2 || opts.NativePort != 0 || opts.HTTPPort != 0 || ctx.Err() != nil {
			return nil, err
		}
	}
}

// Addr is the "host:port" of the native protocol.
func (e *Engine) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(e.opts.NativePort)) }

// HTTPAddr is the "host:port" of the HTTP interface, which also serves /play.
func (e *Engine) HTTPAddr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(e.opts.HTTPPort))
}

// LogFile is the path of the engine's output.
func (e *Engine) LogFile() string { return filepath.Join(e.opts.Dir, "engine.log") }

// Start starts an engine that has ended, on the same ports and data, and returns when it answers. A running engine is
// left alone.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run != nil && !e.run.ended() {
		return nil
	}
	for _, addr := range []string{e.Addr(), e.HTTPAddr()} {
		// The engine itself would log the failed bind and go on without that listener.
		ln, err := listen(addr)
		if err != nil {
			return fmt.Errorf("start engine: %w", err)
		}
		ln.Close()
	}
	run, err := e.launch()
	if err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, engineStartLimit)
	defer cancel()
	if err := e.awaitReady(ctx, run); err != nil {
		run.wanted = true
		_ = run.cmd.Process.Kill()
		<-run.done
		return fmt.Errorf("start engine: %w; its log ends: %s", err, e.logTail())
	}
	e.run = run
	return nil
}

// launch starts the child. Its standard input is a terminal for two reasons: without one the engine aborts at the first
// malformed packet or wrong password, and when this process dies the terminal hangs up, which ends the child.
func (e *Engine) launch() (*engineRun, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(e.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own descriptor
	cmd := exec.Command(self, e.args...)
	cmd.Env = append(os.Environ(), engineEnv+"="+e.opts.Library, "TERM=dumb")
	cmd.Dir = e.opts.Dir
	cmd.Stdout, cmd.Stderr = log, log
	terminal, err := pty.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start child process: %w", err)
	}
	run := &engineRun{cmd: cmd, terminal: terminal, done: make(chan struct{})}
	go func() { _, _ = io.Copy(io.Discard, terminal) }() // a full terminal would block the child
	go func() {
		err := cmd.Wait()
		_ = terminal.Close()
		e.finish(run, err)
	}()
	return run, nil
}

// finish records how a run ended. It does not take the lock, which Start and Stop hold while they wait for it.
func (e *Engine) finish(run *engineRun, err error) {
	if err == nil {
		err = errors.New("exited")
	}
	run.err = fmt.Errorf("engine ended: %w; its log ends: %s", err, e.logTail())
	close(run.done)
}

func (r *engineRun) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// awaitReady polls until both listeners answer and it is our engine that does.
func (e *Engine) awaitReady(ctx context.Context, run *engineRun) error {
	var last error
	for {
		if last = e.probe(ctx); last == nil {
			return nil
		}
		select {
		case <-run.done:
			return errors.New("the child process ended")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w (%w)", ctx.Err(), last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// probe asks for the data directory, because on a port lost to another process another engine may answer.
func (e *Engine) probe(ctx context.Context) error {
	path, err := e.Query(ctx, "SELECT path FROM system.disks WHERE name = 'default'")
	if err != nil {
		return err
	}
	if got, want := filepath.Clean(strings.TrimSpace(path)), filepath.Join(e.opts.Dir, "data"); got != want {
		return errors.New("another engine answers on this port")
	}
	conn, err := net.DialTimeout("tcp", e.Addr(), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Query runs one statement as the user "default" over HTTP and returns the answer as tab-separated text. It is for
// set-up; the hub itself speaks to ClickHouse through internal/store alone.
func (e *Engine) Query(ctx context.Context, statement string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.HTTPAddr()+"/", strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	resp, err := engineHTTP.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("engine refused the statement: %s", strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// engineHTTP keeps no connection: one that outlives a killed engine would fail the next statement.
var engineHTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// Done is closed when the engine has ended. After a restart it is another channel.
func (e *Engine) Done() <-chan struct{} { return e.current().done }

// Err tells why the engine ended, with the end of its log. It is nil while the engine runs and after Stop and Kill.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run.wanted || !e.run.ended() {
		return nil
	}
	return e.run.err
}

// Stop ends the engine in good order, and by force if it takes more than 20 s. It returns when the engine has ended.
func (e *Engine) Stop() error {
	run := e.want()
	_ = run.cmd.Process.Signal(syscall.SIGCONT) // it may be paused
	_, _ = run.terminal.Write([]byte{endOfInput})
	select {
	case <-run.done:
		return nil
	case <-time.After(engineStopLimit / 2):
		_ = run.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-run.done:
		return nil
	case <-time.After(engineStopLimit / 2):
	}
	_ = run.cmd.Process.Kill()
	<-run.done
	return fmt.Errorf("stop engine: killed, it did not end in %s; its log ends: %s", engineStopLimit, e.logTail())
}

// Kill ends the engine at once with SIGKILL and returns when it has ended.
func (e *Engine) Kill() {
	run := e.want()
	_ = run.cmd.Process.Kill()
	<-run.done
}

// Pause freezes the engine with SIGSTOP: connections stay open and nothing answers.
func (e *Engine) Pause() error { return e.current().cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused engine go on.
func (e *Engine) Resume() error { return e.current().cmd.Process.Signal(syscall.SIGCONT) }

func (e *Engine) current() *engineRun {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run
}

// want returns the current run, marked as one that we end.
func (e *Engine) want() *engineRun {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.run.ended() {
		e.run.wanted = true
	}
	return e.run
}

func (e *Engine) logTail() string { return tail(e.LogFile()) }

// tail returns the last two kilobytes of a log file, quoted so that an error stays on one line.
func tail(path string) string {
	f, err := os.Open(path)
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
