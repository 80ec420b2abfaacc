package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// rival is a server that runs, filled.
type rival struct {
	network, addr string
	target        loadgen.Target
	// listed is how many digests it holds, the first ones.
	listed int
	pids   []int // whose CPU time counts, with all below them
	stops  []func()
}

func (r *rival) stop() {
	for i := len(r.stops) - 1; i >= 0; i-- {
		r.stops[i]()
	}
}

// stage is what rivals are started with.
type stage struct {
	dir  string // for their data, logs and sockets
	bin  string // our programs
	size int
	up   map[string]*rival
	lost map[string]error // why others are not up
}

// rivals are started by name. One that another stands on is started before it.
var rivals map[string]func(context.Context, *stage) (*rival, error)

func init() {
	own := func(kind string) func(context.Context, *stage) (*rival, error) {
		return func(ctx context.Context, s *stage) (*rival, error) { return s.baseline(ctx, kind, "", nil) }
	}
	rivals = map[string]func(context.Context, *stage) (*rival, error){
		"hub": startHub, "echo": own("echo"), "gin-empty": own("gin-empty"), "gin-body": startGinBody,
		"redis": startRedis, "gin-redis": startGinRedis, "postgres": startPostgres, "gin-postgres": startGinPostgres,
		"clickhouse": startClickHouse, "rbldnsd": startRbldnsd, "crowdsec": startCrowdSec,
	}
}

// errAbsent says that a program is not installed.
var errAbsent = errors.New("is not installed; `make bench-tools` installs it on Debian, as root")

// program finds one that Debian has in some package.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		if found, _ := filepath.Glob(name); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("%s %w", filepath.Base(names[0]), errAbsent)
}

// get starts a rival that is not up yet.
func (s *stage) get(ctx context.Context, name string) (*rival, error) {
	if r := s.up[name]; r != nil {
		return r, nil
	}
	if err := s.lost[name]; err != nil {
		return nil, err
	}
	began := time.Now()
	r, err := rivals[name](ctx, s)
	if err != nil {
		s.lost[name] = err
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s is up with %s after %.1f s\n", name, sizeName(r.listed), time.Since(began).Seconds())
	s.up[name] = r
	return r, nil
}

// stop ends all.
func (s *stage) stop() {
	for _, r := range s.up {
		r.stop()
	}
}

// folder makes one for a rival.
func (s *stage) folder(name string) (string, error) {
	dir := filepath.Join(s.dir, name)
	return dir, os.MkdirAll(dir, 0o700)
}

// freeAddr is an address of the loopback on which nothing listens now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// eventually tries until it succeeds, the process ends or the time is over.
func eventually(ctx context.Context, p *process, within time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if p != nil {
			if ended := p.failure(); ended != nil {
				return ended
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", within, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// reachable tries to connect.
func reachable(addr string) func() error {
	return func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// baseline starts a server of ../baseline, which tells its address. What stands on another rival uses that one's CPU, too.
func (s *stage) baseline(_ context.Context, kind, database string, on *rival, args ...string) (*rival, error) {
	cmd := exec.Command(filepath.Join(s.bin, "baseline"), append([]string{"--kind", kind, "--database", database}, args...)...)
	told, tell := io.Pipe()
	cmd.Stdout = tell
	p, err := start(s.dir, kind, cmd)
	if err != nil {
		return nil, err
	}
	go func() {
		<-p.ended
		_ = tell.CloseWithError(io.ErrUnexpectedEOF)
	}()
	lines := bufio.NewScanner(told)
	if !lines.Scan() {
		return nil, p.failure()
	}
	r := &rival{network: "tcp", addr: lines.Text(), listed: s.size, pids: []int{p.cmd.Process.Pid}, stops: []func(){p.stop}}
	r.target.APIKey = strings.Repeat("k", 64) // it reads as long a header as the hub
	if on != nil {
		r.listed, r.pids = on.listed, append(r.pids, on.pids...)
	}
	return r, nil
}
