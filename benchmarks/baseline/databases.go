package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// poolSize is as many connections as callers have, so that none waits for one.
const poolSize = 32

func knowerOf(kind, database string) (knower, error) {
	if kind == "gin-redis" {
		client := redis.NewClient(&redis.Options{Addr: database, PoolSize: poolSize})
		return func(ctx context.Context, digests [][]byte) ([]bool, error) { return askRedis(ctx, client, digests) }, nil
	}
	cfg, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, digests [][]byte) ([]bool, error) { return askPostgres(ctx, pool, digests) }, nil
}

func askRedis(ctx context.Context, client *redis.Client, digests [][]byte) ([]bool, error) {
	if len(digests) == 1 {
		found, err := client.SIsMember(ctx, loadgen.RedisSet, digests[0]).Result()
		return []bool{found}, err
	}
	members := make([]any, len(digests))
	for i, d := range digests {
		members[i] = d
	}
	return client.SMIsMember(ctx, loadgen.RedisSet, members...).Result()
}

func askPostgres(ctx context.Context, pool *pgxpool.Pool, digests [][]byte) ([]bool, error) {
	found := make([]bool, len(digests))
	if len(digests) == 1 {
		var one int
		err := pool.QueryRow(ctx, "SELECT 1 FROM "+loadgen.PostgresTable+" WHERE digest = $1", digests[0]).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return found, nil
		}
		found[0] = err == nil
		return found, err
	}
	places := make(map[string][]int, len(digests))
	for i, d := range digests {
		places[string(d)] = append(places[string(d)], i)
	}
	rows, err := pool.Query(ctx, "SELECT digest FROM "+loadgen.PostgresTable+" WHERE digest = ANY($1)", digests)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		for _, i := range places[string(values[0])] {
			found[i] = true
		}
	}
	return found, rows.Err()
}
