package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// startRedis starts one that keeps a set in memory and writes nothing to disk.
func startRedis(ctx context.Context, s *stage) (*rival, error) {
	server, err := program("redis-server", "valkey-server")
	if err != nil {
		return nil, err
	}
	dir, err := s.folder("redis")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	p, err := start(dir, "redis", exec.Command(server, "--bind", host, "--port", port, "--dir", dir, "--save", "", "--appendonly", "no"))
	if err != nil {
		return nil, err
	}
	r := &rival{network: "tcp", addr: addr, listed: s.size, pids: []int{p.cmd.Process.Pid}, stops: []func(){p.stop}}
	err = eventually(ctx, p, time.Minute, reachable(addr))
	if err == nil {
		err = fillRedis(ctx, addr, s.size)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func fillRedis(ctx context.Context, addr string, n int) error {
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	const share = 1000
	digests, members := loadgen.Digests(n), make([]any, 0, share)
	for {
		b := make([]byte, share*32)
		read, err := io.ReadFull(digests, b)
		for at := 0; at < read; at += 32 {
			members = append(members, b[at:at+32])
		}
		if len(members) > 0 {
			if err := client.SAdd(ctx, loadgen.RedisSet, members...).Err(); err != nil {
				return fmt.Errorf("fill Redis: %w", err)
			}
		}
		if members = members[:0]; err != nil {
			break
		}
	}
	if held, err := client.SCard(ctx, loadgen.RedisSet).Result(); err != nil || held != int64(n) {
		return fmt.Errorf("fill Redis: it holds %d of %d: %w", held, n, err)
	}
	return nil
}

func startGinRedis(ctx context.Context, s *stage) (*rival, error) {
	r, err := s.get(ctx, "redis")
	if err != nil {
		return nil, err
	}
	return s.baseline(ctx, "gin-redis", r.addr, r)
}
