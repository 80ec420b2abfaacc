package hubtest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
)

// NodeOptions say what one node does.
type NodeOptions struct {
	// Role is all (the default), api or ingest.
	Role string
	// Snapshots keeps index snapshots.
	Snapshots bool
	// Settings are further keys of the configuration, dotted: "kafka.session_timeout".
	Settings map[string]any
	// Env are further variables of the daemon's environment: "GOMAXPROCS=1".
	Env []string
	// Program is another waspadad than the one of this source tree.
	Program string
	// TLS is how the test trusts a node whose Settings name certificates; nil for plain HTTP.
	TLS *tls.Config
}

// Node is one daemon.
type Node struct {
	// Name is the node's and Role what it does; API is the address of the HTTP API: http://127.0.0.1:port. Admin is that of the metrics.
	Name, Role, API, Admin string
	// LogFile holds what every run of the daemon wrote; SnapshotDir its snapshots, if it keeps any.
	LogFile, SnapshotDir string
	// Program is what the next Launch runs.
	Program string

	hub     *Hub
	tls     *tls.Config
	config  string
	env     []string
	process *exec.Cmd
	ended   chan error
}

// NewNode configures a further node of the hub, which is down; it is killed when the test ends.
func (h *Hub) NewNode(t testing.TB, opts NodeOptions) *Node {
	t.Helper()
	name := fmt.Sprintf("node%d", len(h.nodes)+1)
	around := h.around
	around.Node, around.HTTPAddr, around.AdminAddr, around.Settings = name, freeAddr(t), freeAddr(t), opts.Settings
	if opts.Snapshots {
		around.SnapshotDir = filepath.Join(h.dir, name+"-index")
	}
	n := &Node{
		Name: name, API: "http://" + around.HTTPAddr, Admin: "http://" + around.AdminAddr,
		LogFile: filepath.Join(h.dir, name+".log"), SnapshotDir: around.SnapshotDir, Program: opts.Program,
		hub: h, tls: opts.TLS, Role: opts.Role, config: filepath.Join(h.dir, name+".yaml"), env: opts.Env,
	}
	if n.tls != nil {
		n.API = "https://" + around.HTTPAddr
	}
	if n.Program == "" {
		n.Program = Binary(t, "waspadad")
	}
	if n.Role == "" {
		n.Role = "all"
	}
	if err := h.Keys.WriteDaemonConfig(n.config, around); err != nil {
		t.Fatal(err)
	}
	h.nodes = append(h.nodes, n)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last lines of %s:\n%s", n.Name, tail(n.LogFile, 40))
			n.dumpGoroutines(t)
		}
		n.Kill(t)
	})
	return n
}

// dumpGoroutines keeps what a daemon was doing when its test failed; the file outlives the test.
func (n *Node) dumpGoroutines(t testing.TB) {
	t.Helper()
	resp, err := http.Get(n.Admin + "/debug/pprof/goroutine?debug=2")
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
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	n.Launch(t)
	n.WaitReady(t, time.Minute)
}

// Launch starts the daemon, which must be down, and does not wait.
func (n *Node) Launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(n.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	n.process = exec.Command(n.Program, "serve", "--role", n.Role, "--config", n.config)
	// Tests share their machine: a node that turned requests away because others have the CPU would fail at random.
	n.process.Env = append(append(plainEnv(), "WASPADA_HTTP_SHED=false"), n.env...)
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	n.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan<- error) { ended <- p.Wait() }(n.process, n.ended)
}

// plainEnv is the environment without what would override a configuration.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WASPADA_") })
}

// WaitReady waits until the node answers lookups, or one that only takes in reports shows its metrics.
func (n *Node) WaitReady(t testing.TB, within time.Duration) {
	t.Helper()
	testkit.Eventually(t, within, func() error {
		select {
		case err := <-n.ended:
			n.ended <- err
			t.Fatalf("the daemon ended: %v\n%s", err, tail(n.LogFile, 40))
		default:
		}
		page := n.API + "/readyz"
		if n.Role == "ingest" {
			page = n.Admin + "/metrics"
		}
		resp, err := n.httpClient().Get(page)
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
func (n *Node) Kill(t testing.TB) { n.end(t, syscall.SIGKILL) }

// Stop lets the daemon drain.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	if err := n.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the daemon did not drain well: %v\n%s", err, tail(n.LogFile, 20))
	}
}

func (n *Node) end(t testing.TB, sig syscall.Signal) error {
	t.Helper()
	if n.process == nil {
		return nil
	}
	_ = n.process.Process.Signal(sig)
	select {
	case err := <-n.ended:
		n.process = nil
		return err
	case <-time.After(40 * time.Second):
		t.Fatalf("the daemon did not end within 40 s of %s", sig)
		return nil
	}
}

// Audit runs `waspadad audit` with the node's configuration and decodes what it prints into report. It returns the command's error, which is not nil
// when the audit finds fault.
func (n *Node) Audit(t testing.TB, report any) error {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Binary(t, "waspadad"), "audit", "--config", n.config, "--output", "json")
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

// Command runs a command of waspadad with the node's configuration, and returns what it printed.
func (n *Node) Command(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Binary(t, "waspadad"), append([]string{name, "--config", n.config}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = plainEnv(), &out, &log
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, log.Bytes())
	}
	return out.String(), nil
}

// Daemon runs another command of waspadad with the node's configuration, and returns what it printed.
func (n *Node) Daemon(t testing.TB, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), n.Program, append(args, "--config", n.config)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = plainEnv(), &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	return out.String(), err
}

// Signal sends a signal to the daemon, which must be up: SIGSTOP makes it a zombie until SIGCONT.
func (n *Node) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := n.process.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Pid is the process id of the daemon, which must be up.
func (n *Node) Pid() int { return n.process.Process.Pid }

// httpClient trusts the node.
func (n *Node) httpClient() *http.Client {
	if n.tls == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: n.tls, DisableKeepAlives: true}}
}

// Client speaks HTTP with a role's key (nation.Roles) and hashes on its own side.
func (n *Node) Client(t testing.TB, role string, options ...client.Option) *client.Client {
	t.Helper()
	if n.tls != nil {
		options = append([]client.Option{client.WithTLS(n.tls)}, options...)
	}
	c, err := client.New(n.API, n.hub.Keys.API[role], append(options, client.WithKeyRing(n.hub.Ring))...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Metric is the sum of a metric's samples on the node's admin page, 0 when it has none or the node does not answer.
func (n *Node) Metric(t testing.TB, name string) (sum float64) {
	t.Helper()
	resp, err := http.Get(n.Admin + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatalf("metrics of %s: %v", n.Name, err)
	}
	for _, m := range families[name].GetMetric() {
		sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
	}
	return sum
}
