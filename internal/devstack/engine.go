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
	// Settings are ClickHouse's settings by name for "default" and for users without Limits.
	Settings map[string]string
	// Config is XML that goes inside <clickhouse> of the engine's configuration, such as <remote_servers>.
	Config string
}

// Engine is a ClickHouse in a child process. It ends with its parent, however that ends. Its methods may be called from
// several goroutines.
type Engine struct {
	opts   EngineOptions
	args   []string
	shards []*Engine // of the cluster, if it is part of one

	mu     sync.Mutex
	child  *child
	wanted bool // the child's end, if it has one, was our wish
}

const (
	engineStartLimit = 60 * time.Second // it takes 0.4 s; a loaded machine has shown 8 s
	engineStopLimit  = 20 * time.Second
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
	if err := os.WriteFile(users, []byte(usersXML(opts)), 0o600); err != nil {
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
				if *port, err = FreePort(); err != nil {
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

// Dir keeps the engine's data, in "data", and its log.
func (e *Engine) Dir() string { return e.opts.Dir }

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
	if e.child != nil && !e.child.ended() {
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
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	// Without the terminal that startChild gives it, the engine would abort at the first malformed packet or wrong
	// password (ClickHouse issue 115666).
	cmd := exec.Command(self, e.args...)
	cmd.Env = append(os.Environ(), engineEnv+"="+e.opts.Library, "TERM=dumb")
	cmd.Dir = e.opts.Dir
	c, err := startChild("engine", cmd, e.LogFile())
	if err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	if err := c.awaitReady(func() error { return e.probe(ctx) }, engineStartLimit, ctx.Done()); err != nil {
		c.kill()
		return fmt.Errorf("start engine: %w", err)
	}
	e.child, e.wanted = c, false
	return nil
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
	if e.wanted || !e.child.ended() {
		return nil
	}
	return e.child.err
}

// Stop ends the engine in good order, and by force if it takes more than 20 s. It returns when the engine has ended.
func (e *Engine) Stop() error {
	c := e.want()
	return c.stop(func() { _, _ = c.terminal.Write([]byte{endOfInput}) }, engineStopLimit)
}

// Kill ends the engine at once with SIGKILL and returns when it has ended.
func (e *Engine) Kill() { e.want().kill() }

// PID is the engine's process, which must run.
func (e *Engine) PID() int { return e.current().cmd.Process.Pid }

// Pause freezes the engine with SIGSTOP: connections stay open and nothing answers.
func (e *Engine) Pause() error { return e.current().signal(syscall.SIGSTOP) }

// Resume lets a paused engine go on.
func (e *Engine) Resume() error { return e.current().signal(syscall.SIGCONT) }

func (e *Engine) current() *child {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.child
}

// want returns the running child, whose end is from now on our wish.
func (e *Engine) want() *child {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.child.ended() {
		e.wanted = true
	}
	return e.child
}
