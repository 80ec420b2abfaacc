package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// postgresUser is whom PostgreSQL trusts on the loopback.
const postgresUser = "bench"

// startPostgres starts one on a folder of its own, with memory for the whole table.
func startPostgres(ctx context.Context, s *stage) (*rival, error) {
	initdb, err := program("initdb", "/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, err
	}
	// PostgreSQL refuses to run as root.
	who, home, err := s.unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, "data")
	prepare := exec.CommandContext(ctx, initdb, "--pgdata", data, "--username", postgresUser, "--auth", "trust", "--no-sync", "--encoding", "UTF8")
	prepare.SysProcAttr, prepare.Dir = who, home
	if out, err := prepare.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %.500s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-h", host, "-p", port, "-k", home,
		"-c", "shared_buffers=2GB", "-c", "fsync=off", "-c", "max_wal_size=8GB", "-c", "maintenance_work_mem=1GB",
		"-c", "max_connections=200", "-c", "jit=off")
	cmd.SysProcAttr, cmd.Dir = who, home
	p, err := start(s.dir, "postgres", cmd)
	if err != nil {
		return nil, err
	}
	r := &rival{
		network: "tcp", addr: addr, listed: s.size, target: loadgen.Target{User: postgresUser, Database: "postgres"},
		pids: []int{p.cmd.Process.Pid}, stops: []func(){p.stop},
	}
	err = eventually(ctx, p, time.Minute, func() error { return fillPostgres(ctx, postgresURL(r), 0) })
	if err == nil {
		err = fillPostgres(ctx, postgresURL(r), s.size)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func postgresURL(r *rival) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", r.target.User, r.addr, r.target.Database)
}

// fillPostgres loads the table before it has its index, which takes a third of the time; of no digests it only connects.
func fillPostgres(ctx context.Context, at string, n int) error {
	conn, err := pgx.Connect(ctx, at)
	if err != nil || n == 0 {
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE "+loadgen.PostgresTable+" (digest bytea NOT NULL)"); err != nil {
		return fmt.Errorf("fill PostgreSQL: %w", err)
	}
	digests := loadgen.Digests(n)
	copied, err := conn.CopyFrom(ctx, pgx.Identifier{loadgen.PostgresTable}, []string{"digest"}, pgx.CopyFromFunc(func() ([]any, error) {
		d := make([]byte, 32)
		if _, err := io.ReadFull(digests, d); err == io.EOF {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return []any{d}, nil
	}))
	if err != nil || copied != int64(n) {
		return fmt.Errorf("fill PostgreSQL: %d of %d copied: %w", copied, n, err)
	}
	for _, sql := range []string{"ALTER TABLE " + loadgen.PostgresTable + " ADD PRIMARY KEY (digest)", "VACUUM ANALYZE " + loadgen.PostgresTable} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("fill PostgreSQL: %w", err)
		}
	}
	return nil
}

func startGinPostgres(ctx context.Context, s *stage) (*rival, error) {
	r, err := s.get(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	return s.baseline(ctx, "gin-postgres", postgresURL(r), r)
}

// unprivileged makes a folder for a server that must not run as root, and says as whom it runs: the user of that name
// or nobody where we are root, else ourselves.
func (s *stage) unprivileged(name string) (*syscall.SysProcAttr, string, error) {
	home, err := os.MkdirTemp(s.dir, name+"-")
	if err != nil || os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, home, err
	}
	account, err := user.Lookup(name)
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, "", err
		}
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return nil, "", err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return nil, "", err
	}
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} { // so that it reaches its folder
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, "", err
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, home, os.Chown(home, uid, gid)
}
