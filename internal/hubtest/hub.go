// Package hubtest runs the real daemon as a process of its own beside a real broker and a real ClickHouse, and speaks
// to it as partners do. It is what the end-to-end tests and the benchmarks share.
//
//	hub := hubtest.Start(t, hubtest.Options{})    a hub of its own: database, topics, keys; ready when Start returns
//	hub.Publish(t, "bank-harimau", events…)       over Kafka
//	hub.Client(t, "bank").Lookup(ctx, items)         over HTTP
//	hub.Kill(t); hub.Restart(t)                   kill -9, and up again
package hubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Options say what a hub runs on; the zero value shares the test process's broker and engine.
type Options struct {
	// Engine is a ClickHouse that the test may stop; nil means the shared one.
	Engine *devstack.Engine
	// Snapshots keeps index snapshots.
	Snapshots bool
	// NotStarted leaves the daemon down: the test calls Restart.
	NotStarted bool
}

// Hub is one hub: its daemon, keys, topics and database.
type Hub struct {
	// API is the address of the HTTP API: http://127.0.0.1:port. Admin is that of the metrics.
	API, Admin string
	Keys       *nation.Keys
	Ring       *indicator.KeyRing
	Around     nation.Surroundings
	// LogFile holds what every run of the daemon wrote.
	LogFile string

	engineHTTP string
	config     string
	process    *exec.Cmd
	ended      chan error
	mu         sync.Mutex
	publishers map[string]*publisher.Publisher
}

// Start makes a hub and starts its daemon.
func Start(t testing.TB, opts Options) *Hub {
	t.Helper()
	engine := opts.Engine
	if engine == nil {
		engine = testkit.ClickHouse(t)
	}
	dir := t.TempDir()
	keys, err := nation.IssueKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.LoadKeyRing(keys.File("keyring.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	reports := testkit.Topic(t, 4)
	h := &Hub{
		Keys: keys, Ring: ring, LogFile: filepath.Join(dir, "waspadad.log"), config: filepath.Join(dir, "waspadad.yaml"),
		engineHTTP: "http://" + engine.HTTPAddr(), publishers: map[string]*publisher.Publisher{},
		Around: nation.Surroundings{
			Node: "test", HTTPAddr: freeAddr(t), AdminAddr: freeAddr(t), Broker: testkit.Kafka(t),
			ClickHouse: engine.Addr(), Database: testkit.DatabaseOn(t, engine),
			Topics: &nation.Topics{
				Reports: reports, Changes: testkit.Topic(t, 4), DeadLetters: testkit.Topic(t, 1), Group: reports + ".ingest",
			},
		},
	}
	if opts.Snapshots {
		h.Around.SnapshotDir = filepath.Join(dir, "index")
	}
	h.API, h.Admin = "http://"+h.Around.HTTPAddr, "http://"+h.Around.AdminAddr
	if err := keys.WriteDaemonConfig(h.config, h.Around); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range h.publishers {
			_ = p.Close()
		}
		if t.Failed() {
			t.Logf("the daemon's last lines:\n%s", tail(h.LogFile, 40))
			h.dumpGoroutines(t)
		}
		h.Kill(t)
	})
	if !opts.NotStarted {
		h.Restart(t)
	}
	return h
}

// dumpGoroutines keeps what a daemon was doing when its test failed; the file outlives the test.
func (h *Hub) dumpGoroutines(t testing.TB) {
	t.Helper()
	resp, err := http.Get(h.Admin + "/debug/pprof/goroutine?debug=2")
	if err != nil {
		t.Logf("no goroutines to see: %v", err)
		return
	}
	defer resp.Body.Close()
	file, err := os.CreateTemp("", "waspadad-goroutines-*.txt")
	if err != nil {
		t.Log(err)
		return
	}
	defer file.Close()
	if _, err := io.Copy(file, resp.Body); err != nil {
		t.Log(err)
	}
	t.Logf("its goroutines: %s", file.Name())
}

func freeAddr(t testing.TB) string {
	t.Helper()
	port, err := devstack.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// Restart starts the daemon, which must be down, and waits until it is ready.
func (h *Hub) Restart(t testing.TB) {
	t.Helper()
	h.Launch(t)
	h.WaitReady(t, time.Minute)
}

// Launch starts the daemon, which must be down, and does not wait.
func (h *Hub) Launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(h.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	h.process = exec.Command(Binary(t, "waspadad"), "serve", "--config", h.config)
	h.process.Env = plainEnv()
	h.process.Stdout, h.process.Stderr = log, log
	if err := h.process.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	h.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan<- error) { ended <- p.Wait() }(h.process, h.ended)
}

// plainEnv is the environment without what would override a configuration.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WASPADA_") })
}

// WaitReady waits until /readyz says yes.
func (h *Hub) WaitReady(t testing.TB, within time.Duration) {
	t.Helper()
	testkit.Eventually(t, within, func() error {
		select {
		case err := <-h.ended:
			h.ended <- err
			t.Fatalf("the daemon ended: %v\n%s", err, tail(h.LogFile, 40))
		default:
		}
		resp, err := http.Get(h.API + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", resp.Status, body)
		}
		return nil
	})
}

// Kill ends the daemon with kill -9; no harm when it is down.
func (h *Hub) Kill(t testing.TB) { h.end(t, syscall.SIGKILL) }

// Stop lets the daemon drain.
func (h *Hub) Stop(t testing.TB) {
	t.Helper()
	if err := h.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the daemon did not drain well: %v\n%s", err, tail(h.LogFile, 20))
	}
}

func (h *Hub) end(t testing.TB, sig syscall.Signal) error {
	t.Helper()
	if h.process == nil {
		return nil
	}
	_ = h.process.Process.Signal(sig)
	select {
	case err := <-h.ended:
		h.process = nil
		return err
	case <-time.After(40 * time.Second):
		t.Fatalf("the daemon did not end within 40 s of %s", sig)
		return nil
	}
}

// Client speaks HTTP with a role's key (nation.Roles) and hashes on its own side.
func (h *Hub) Client(t testing.TB, role string) *client.Client {
	t.Helper()
	c, err := client.New(h.API, h.Keys.API[role], client.WithKeyRing(h.Ring))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Publisher is a partner's publisher on Kafka.
func (h *Hub) Publisher(t testing.TB, partner string) *publisher.Publisher {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.publishers[partner]; p != nil {
		return p
	}
	p := publisher.New(publisher.Config{Brokers: []string{h.Around.Broker}, Topic: h.Around.Topics.Reports}, h.Signer(t, partner), partner)
	h.publishers[partner] = p
	return p
}

// Signer signs as a partner.
func (h *Hub) Signer(t testing.TB, partner string) *wire.Signer {
	t.Helper()
	id, file := h.Keys.SigningKey(partner)
	key, err := publisher.LoadSigningKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Signer{KeyID: id, Key: key}
}

// Publish sends events over Kafka and fails the test unless they are acknowledged.
func (h *Hub) Publish(t testing.TB, partner string, events ...fraud.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.Publisher(t, partner).Publish(ctx, events); err != nil {
		t.Fatal(err)
	}
}

// Query asks ClickHouse directly, past all of the hub's code, in the hub's database; the answer is tab-separated.
func (h *Hub) Query(t testing.TB, sql string) string {
	t.Helper()
	resp, err := http.Post(h.engineHTTP+"/?database="+url.QueryEscape(h.Around.Database), "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", sql, resp.Status, err, body)
	}
	return strings.TrimSpace(string(body))
}

// Audit runs `waspadad audit` and decodes what it prints into report. It returns the command's error, which is not nil
// when the audit finds fault.
func (h *Hub) Audit(t testing.TB, report any) error {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Binary(t, "waspadad"), "audit", "--config", h.config, "--output", "json")
	cmd.Env, cmd.Stdout, cmd.Stderr = plainEnv(), &out, &log
	err := cmd.Run()
	if report != nil {
		if jsonErr := json.Unmarshal(out.Bytes(), report); jsonErr != nil {
			t.Fatalf("audit printed no JSON: %v\n%s\n%s", jsonErr, out.Bytes(), log.Bytes())
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s%s", err, out.Bytes(), log.Bytes())
	}
	return nil
}

// CLI runs the partner's command line with a role's key and returns what it printed.
func (h *Hub) CLI(t testing.TB, role string, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t, "waspada"), args...)
	cmd.Env = append(plainEnv(), "WASPADA_SERVER="+h.API, "WASPADA_API_KEY="+h.Keys.API[role],
		"WASPADA_KEYRING="+h.Keys.File("keyring.yaml"), "NO_COLOR=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = errors.Join(err, errors.New(errs.String()))
	}
	return out.String(), err
}

func tail(file string, lines int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Counted is how many events the trends count over the time from which events are accepted.
func (h *Hub) Counted(t testing.TB) (events int) {
	t.Helper()
	now := time.Now()
	set, err := h.Client(t, "analyst").Series(t.Context(), client.SeriesQuery{
		By: "type", Bucket: "hour", From: now.Add(-fraud.MaxAge - time.Hour), To: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.Series {
		for _, p := range s.Points {
			events += int(p.Value)
		}
	}
	return events
}
