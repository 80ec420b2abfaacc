package devstack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ClusterName is what the engines of StartShards call the cluster that they form.
const ClusterName = "shards"

// StartShards starts n engines that know each other as the shards of one cluster, with a replica each. Distributed
// tables work on it; ON CLUSTER and replicated tables do not, as the engine has no Keeper. Each engine has a folder of
// its own in opts.Dir and ports of its own; the other options are for all of them.
func StartShards(ctx context.Context, opts EngineOptions, n int) ([]*Engine, error) {
	if opts.NativePort != 0 || opts.HTTPPort != 0 {
		return nil, errors.New("start shards: each takes free ports, so give none")
	}
	// As with one engine: a port may be lost between our look and the bind.
	for attempt := 0; ; attempt++ {
		shards, err := startShards(ctx, opts, n)
		if err == nil || attempt == 2 || ctx.Err() != nil {
			return shards, err
		}
	}
}

func startShards(ctx context.Context, opts EngineOptions, n int) ([]*Engine, error) {
	var servers strings.Builder
	ports := make([]int, n)
	for i := range ports {
		port, err := FreePort()
		if err != nil {
			return nil, fmt.Errorf("start shards: %w", err)
		}
		ports[i] = port
		fmt.Fprintf(&servers, "<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>", port)
	}
	all := make([]*Engine, 0, n)
	for i, port := range ports {
		own := opts
		own.Dir, own.NativePort = filepath.Join(opts.Dir, fmt.Sprintf("shard%d", i+1)), port
		own.Config += fmt.Sprintf("<remote_servers><%[1]s>%[2]s</%[1]s></remote_servers>", ClusterName, &servers)
		engine, err := StartEngine(ctx, own)
		if err != nil {
			for _, e := range all {
				e.Kill()
			}
			return nil, err
		}
		all = append(all, engine)
	}
	for _, e := range all {
		e.shards = all
	}
	return all, nil
}

// Shards are the engines of the cluster that this one belongs to, in order; itself alone without a cluster.
func (e *Engine) Shards() []*Engine {
	if len(e.shards) == 0 {
		return []*Engine{e}
	}
	return e.shards
}

// Cluster is the name of the cluster that this engine belongs to; empty for none.
func (e *Engine) Cluster() string {
	if len(e.shards) == 0 {
		return ""
	}
	return ClusterName
}

// Addrs are the native addresses of all shards, this engine's first.
func (e *Engine) Addrs() []string {
	addrs := []string{e.Addr()}
	for _, s := range e.shards {
		if s != e {
			addrs = append(addrs, s.Addr())
		}
	}
	return addrs
}
