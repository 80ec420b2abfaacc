package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestMain(m *testing.M) { hubtest.Main(m) }

// demo is a small demo of its own folder and ports, as `make demo` runs it.
type demo struct {
	dir     string
	args    []string
	api     string
	output  string // a file
	process *exec.Cmd
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	port := func() string {
		p, err := devstack.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(p)
	}
	dir := t.TempDir()
	d := &demo{
		dir: filepath.Join(dir, "waspada"), output: filepath.Join(dir, "output"), api: net.JoinHostPort("127.0.0.1", port()),
	}
	d.args = []string{
		"demo", "--dir", d.dir, "--quiet", "--kafka", "127.0.0.1:" + port(), "--clickhouse-port", port(),
		"--clickhouse-http-port", port(), "--admin", "127.0.0.1:" + port(),
	}
	return d
}

// start runs the demo until it has written access.json.
func (d *demo) start(t *testing.T) access {
	t.Helper()
	hubtest.Binary(t, "waspadad") // which it starts from beside itself
	d.process = exec.Command(hubtest.Binary(t, "devstack"), d.args...)
	d.process.Env = append(os.Environ(), "WASPADA_DEMO_INDICATORS=200", "WASPADA_HTTP_ADDR="+d.api)
	output, err := os.OpenFile(d.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	d.process.Stdout, d.process.Stderr = output, output
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	var found access
	testkit.Eventually(t, time.Minute, func() error {
		data, err := os.ReadFile(filepath.Join(d.dir, "access.json"))
		if err != nil {
			return fmt.Errorf("%w\n%s", err, d.said())
		}
		return json.Unmarshal(data, &found)
	})
	return found
}

// said is what the demo has printed.
func (d *demo) said() []byte {
	text, err := os.ReadFile(d.output)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// stop is Ctrl-C.
func (d *demo) stop(t *testing.T) {
	t.Helper()
	if err := d.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := d.process.Wait(); err != nil {
		t.Errorf("the demo ended with %v\n%s", err, d.said())
	}
	if _, err := os.Stat(filepath.Join(d.dir, "access.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("access.json outlives the demo: %v", err)
	}
}

func TestTheDemoHandsOutKeysAndKeepsItsData(t *testing.T) {
	d := newDemo(t)
	first := d.start(t)
	t.Cleanup(func() { _ = d.process.Process.Kill() })
	ring, err := indicator.LoadKeyRing(first.KeyRing)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"bank", "platform", "telco", "analyst", "regulator", "police", "admin"} {
		hub, err := client.New(first.API, first.Keys[role])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Me(t.Context()); err != nil {
			t.Errorf("the key of %s: %v", role, err)
		}
	}
	bank, err := client.New(first.API, first.Keys["bank"], client.WithKeyRing(ring))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bank.Report(t.Context(), client.NewReport(indicator.Phone, "012-345 6789", "telecommunication")); err != nil {
		t.Fatal(err)
	}
	listed := func() error {
		got, err := bank.LookupOne(t.Context(), client.Item{Type: indicator.Phone, Value: "012-345 6789"})
		if err == nil && got.Verdict != fraud.Suspected {
			err = fmt.Errorf("verdict %s, want suspected", got.Verdict)
		}
		return err
	}
	testkit.Eventually(t, 10*time.Second, listed)
	admin, err := client.New(first.API, first.Keys["admin"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.AddPartner(t.Context(), client.NewPartner{ID: "purse-new", Name: "New Purse", Kind: "ewallet"}); err != nil {
		t.Errorf("a newcomer's first try of waspada partner add: %v", err)
	}
	d.stop(t)

	again := d.start(t)
	if again.Keys["bank"] != first.Keys["bank"] {
		t.Error("the second start handed out other keys")
	}
	if err := listed(); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if _, err := admin.Partner(t.Context(), "purse-new"); err != nil {
		t.Errorf("after a restart the new partner: %v", err)
	}
	d.stop(t)
}
