package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// startRbldnsd starts the server of DNS block lists, with a data set of names.
func startRbldnsd(ctx context.Context, s *stage) (*rival, error) {
	server, err := program("rbldnsd", "/usr/sbin/rbldnsd")
	if err != nil {
		return nil, err
	}
	who, home, err := s.unprivileged("nobody")
	if err != nil {
		return nil, err
	}
	zone := filepath.Join(home, "listed")
	if err := writeZone(zone, s.size); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(server, "-n", "-b", host+"/"+port, "-w", home, "-c", "0", loadgen.DNSZone+":dnset:listed")
	cmd.SysProcAttr, cmd.Dir = who, home
	p, err := start(s.dir, "rbldnsd", cmd)
	if err != nil {
		return nil, err
	}
	r := &rival{network: "udp", addr: addr, listed: s.size, pids: []int{p.cmd.Process.Pid}, stops: []func(){p.stop}}
	if err := eventually(ctx, p, time.Minute, func() error { return asksDNS(addr) }); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func writeZone(path string, n int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	_, err = fmt.Fprintln(w, ":127.0.0.2:listed")
	var line []byte
	for i := range uint64(n) {
		if err != nil {
			break
		}
		line = append(loadgen.DNSName(line[:0], loadgen.Digest(i)), '\n')
		_, err = w.Write(line)
	}
	return errors.Join(err, w.Flush(), file.Close(), os.Chmod(path, 0o644))
}

// asksDNS asks about the first digest, which is listed.
func asksDNS(addr string) error {
	s := loadgen.Scenario{Ask: "dns", Hits: 1, Connections: 1}
	if err := s.Check(); err != nil {
		return err
	}
	asker, err := loadgen.NewAsker(s, loadgen.NewKeys(s, 1, 1), loadgen.Target{})
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(asker.Ask(nil)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	b := make([]byte, 512)
	read, err := conn.Read(b)
	if err != nil {
		return err
	}
	if _, hits, err := asker.Answer(b[:read]); err != nil || hits != 1 {
		return fmt.Errorf("it does not know what is listed: %w", err)
	}
	return nil
}
