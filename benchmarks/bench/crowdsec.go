package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

const (
	// crowdSecLimit is how many decisions CrowdSec gets at most, and crowdSecPatience how long it may take to take them in.
	crowdSecLimit    = 10_000
	crowdSecPatience = 2 * time.Minute
)

// startCrowdSec starts CrowdSec's local API alone, without its agent and without its central service.
func startCrowdSec(ctx context.Context, s *stage) (*rival, error) {
	server, err := program("crowdsec")
	if err != nil {
		return nil, err
	}
	cli, err := program("cscli")
	if err != nil {
		return nil, err
	}
	dir, err := s.folder("crowdsec")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config, err := writeCrowdSecConfig(dir, addr)
	if err != nil {
		return nil, err
	}
	const bouncer = "0123456789abcdef0123456789abcdef"
	for _, args := range [][]string{
		{"machines", "add", "bench", "--password", "bench", "--file", filepath.Join(dir, "credentials.yaml"), "--force"},
		{"bouncers", "add", "bench", "--key", bouncer},
	} {
		if out, err := exec.CommandContext(ctx, cli, append([]string{"-c", config}, args...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("cscli %s: %w: %.500s", args[0], err, out)
		}
	}
	p, err := start(dir, "crowdsec", exec.Command(server, "-c", config, "-no-cs"))
	if err != nil {
		return nil, err
	}
	r := &rival{
		network: "tcp", addr: addr, listed: min(s.size, crowdSecLimit), target: loadgen.Target{APIKey: bouncer},
		pids: []int{p.cmd.Process.Pid}, stops: []func(){p.stop},
	}
	err = eventually(ctx, p, time.Minute, reachable(addr))
	if err == nil {
		err = fillCrowdSec(ctx, cli, config, dir, r.listed)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// writeCrowdSecConfig writes a configuration of which nothing reaches outside the folder.
func writeCrowdSecConfig(dir, addr string) (path string, err error) {
	for _, inner := range []string{"data", "hub", "notifications", "patterns"} {
		if err := os.MkdirAll(filepath.Join(dir, inner), 0o700); err != nil {
			return "", err
		}
	}
	files := map[string]string{
		"config.yaml": fmt.Sprintf(`common:
  daemonize: false
  log_media: stdout
  log_level: error
  working_dir: %[1]s
config_paths:
  config_dir: %[1]s
  data_dir: %[1]s/data
  simulation_path: %[1]s/simulation.yaml
  hub_dir: %[1]s/hub
  index_path: %[1]s/hub/.index.json
  notification_dir: %[1]s/notifications
  plugin_dir: %[1]s/notifications
cscli:
  output: raw
db_config:
  log_level: error
  type: sqlite
  db_path: %[1]s/data/crowdsec.db
  use_wal: true
api:
  client:
    credentials_path: %[1]s/credentials.yaml
  server:
    log_level: error
    listen_uri: %[2]s
    profiles_path: %[1]s/profiles.yaml
prometheus:
  enabled: false
`, dir, addr),
		"simulation.yaml":  "simulation: false\n",
		"profiles.yaml":    "name: default\nfilters:\n - Alert.Remediation == true\ndecisions:\n - type: ban\n   duration: 4h\non_success: break\n",
		"credentials.yaml": fmt.Sprintf("url: http://%s\nlogin: bench\npassword: bench\n", addr),
		"hub/.index.json":  "{}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "config.yaml"), nil
}

func fillCrowdSec(ctx context.Context, cli, config, dir string, n int) error {
	path := filepath.Join(dir, "decisions.csv")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "duration,value")
	for i := range uint64(n) {
		fmt.Fprintf(w, "24h,%s\n", loadgen.Digest(i))
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, crowdSecPatience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, cli, "-c", config, "decisions", "import", "--scope", "account", "-i", path).CombinedOutput(); err != nil {
		return fmt.Errorf("fill CrowdSec: %w: %.500s", err, out)
	}
	return nil
}
