package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// database is the hub's in ClickHouse.
const database = "waspada"

// startHub starts a broker, ClickHouse and the daemon, which loads what ClickHouse holds as after any loss of its
// snapshot.
func startHub(ctx context.Context, s *stage) (_ *rival, err error) {
	r := &rival{network: "tcp", listed: s.size}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	dir, err := s.folder("hub")
	if err != nil {
		return nil, err
	}
	broker, err := devstack.StartBroker(ctx, devstack.BrokerOptions{Topics: devstack.DefaultTopics})
	if err != nil {
		return nil, err
	}
	r.stops = append(r.stops, broker.Close)
	engine, err := startEngine(ctx, s)
	if err != nil {
		return nil, err
	}
	keys, err := nation.IssueKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if r.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "waspadad.yaml")
	if err := keys.WriteDaemonConfig(config, nation.Surroundings{
		Node: "bench", HTTPAddr: r.addr, AdminAddr: admin, Brokers: []string{broker.Addr()}, ClickHouse: engine.Addr(), Database: database,
	}); err != nil {
		return nil, err
	}
	daemon := func(args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(s.bin, "waspadad"), append(args, "--config", config)...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WASPADA_") })
		return cmd
	}
	if out, err := daemon("migrate").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrate: %w: %s", err, out)
	}
	if err := fillClickHouse(ctx, engine, s.size); err != nil {
		return nil, err
	}
	p, err := start(dir, "waspadad", daemon("serve"))
	if err != nil {
		return nil, err
	}
	r.stops, r.pids = append(r.stops, p.stop), []int{p.cmd.Process.Pid}
	if err := eventually(ctx, p, 10*time.Minute, func() error { return ready("http://" + r.addr + "/readyz") }); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "hub profiles: http://%s/debug/pprof/profile?seconds=10\n", admin)
	r.target.APIKey = keys.API["platform"]
	return r, answersRight(ctx, r)
}

// startEngine starts the ClickHouse of the dev stack, which the hub and the point query share.
func startEngine(ctx context.Context, s *stage) (*devstack.Engine, error) {
	dir, err := s.folder("clickhouse")
	if err != nil {
		return nil, err
	}
	before := children()
	engine, err := devstack.StartEngine(ctx, devstack.EngineOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	r := &rival{network: "tcp", addr: engine.HTTPAddr(), listed: s.size, target: loadgen.Target{Database: database}, stops: []func(){engine.Kill}}
	for _, pid := range children() {
		if !slices.Contains(before, pid) {
			r.pids = append(r.pids, pid)
		}
	}
	s.up["clickhouse"] = r
	_, err = engine.Query(ctx, "CREATE DATABASE "+database)
	return engine, err
}

// startClickHouse is for point queries of the hub's own table, merged to one part as it is after a while.
func startClickHouse(ctx context.Context, s *stage) (*rival, error) {
	if _, err := s.get(ctx, "hub"); err != nil {
		return nil, fmt.Errorf("its table is the hub's: %w", err)
	}
	return s.up["clickhouse"], nil
}

// fillClickHouse stores one listing by a bank of each digest, as ingest would have stored it.
func fillClickHouse(ctx context.Context, engine *devstack.Engine, n int) error {
	const category, confidence = 1, 80
	sql := fmt.Sprintf(`INSERT INTO opinions
		(digest, partner, origin, sighted, type, grade, stance, category, evidence, confidence, advice, tlp, expires_at, issued, tie)
		SELECT digest, 1, 0, false, 'bank_account', 'exact', 'listed', %d, %d, %d, 'hold', 'AMBER', 0, %d, 0
		FROM input('digest FixedString(32)') FORMAT RowBinary`,
		category, fraud.BankSuspected, confidence, uint64(time.Now().Add(-time.Hour).UnixMilli())<<22)
	at := "http://" + engine.HTTPAddr() + "/?database=" + database + "&query=" + url.QueryEscape(sql)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, loadgen.Digests(n))
	if err != nil {
		return err
	}
	if err := do(req); err != nil {
		return fmt.Errorf("fill ClickHouse: %w", err)
	}
	req, err = http.NewRequestWithContext(ctx, http.MethodPost, "http://"+engine.HTTPAddr()+"/?database="+database,
		strings.NewReader("OPTIMIZE TABLE opinions FINAL"))
	if err != nil {
		return err
	}
	if err := do(req); err != nil {
		return fmt.Errorf("merge what was filled in: %w", err)
	}
	return nil
}

func do(req *http.Request) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("%s: %.500s", resp.Status, body))
	}
	return nil
}

func ready(page string) error {
	resp, err := http.Get(page)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %.300s", resp.Status, body)
	}
	return nil
}

// answersRight asks as a partner does, with the client that partners use: a benchmark of wrong answers is of no use.
func answersRight(ctx context.Context, r *rival) error {
	hub, err := client.New("http://"+r.addr, r.target.APIKey)
	if err != nil {
		return err
	}
	const sample = 500
	var items []client.Item
	for i := range uint64(sample) {
		items = append(items, item(i*uint64(r.listed)/sample), item(uint64(r.listed)+i))
	}
	results, err := hub.Lookup(ctx, items)
	if err != nil {
		return err
	}
	for i, result := range results {
		want := fraud.Suspected
		if i%2 == 1 {
			want = fraud.NotListed
		}
		if result.Verdict != want {
			return fmt.Errorf("the hub answers %s to question %d, and %s is right", result.Verdict, i, want)
		}
	}
	return nil
}

func item(i uint64) client.Item {
	return client.Item{Ref: fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: loadgen.Digest(i)}}
}

// startGinBody answers always as the hub does about what is not listed.
func startGinBody(ctx context.Context, s *stage) (*rival, error) {
	hub, err := s.get(ctx, "hub")
	if err != nil {
		return nil, err
	}
	d := loadgen.Digest(uint64(hub.listed))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+hub.addr+"/v1/lookup/bank_account/"+d.String()+"?epoch=1", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+hub.target.APIKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "answer.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return nil, err
	}
	return s.baseline(ctx, "gin-body", "", nil, "--body", file)
}
