package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// demoSeed makes every demo the same country.
const demoSeed = 2024_10_31

// demoOptions are the flags of `devstack demo` beside those of `devstack up`.
type demoOptions struct {
	upOptions
	httpAddr, adminAddr string
	indicators          int
	quiet               bool
}

func newDemoCommand() *cobra.Command {
	opts := demoOptions{httpAddr: envOr("WASPADA_HTTP_ADDR", "127.0.0.1:8080")}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole hub with a synthetic country and live traffic until Ctrl-C",
		Long: `Run the whole hub on this machine: broker, ClickHouse, the daemon and a dozen simulated partners.

The first start seeds a synthetic national set through Kafka; later starts find the data where they were.
Environment: WASPADA_HTTP_ADDR (127.0.0.1:8080), WASPADA_DEMO_INDICATORS (423720).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if text := os.Getenv("WASPADA_DEMO_INDICATORS"); text != "" {
				n, err := strconv.Atoi(text)
				if err != nil || n < 1 {
					return errors.New("WASPADA_DEMO_INDICATORS must be a positive whole number")
				}
				opts.indicators = n
			}
			return runDemo(cmd.Context(), opts)
		},
	}
	opts.upOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&opts.adminAddr, "admin", "127.0.0.1:8081", "address of the daemon's metrics and profiles")
	cmd.Flags().BoolVar(&opts.quiet, "quiet", false, "no live traffic after the seeding")
	return cmd
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// access is .waspada/access.json: how a script finds its way around a running demo.
type access struct {
	API        string            `json:"api"`
	Kafka      string            `json:"kafka"`
	ClickHouse string            `json:"clickhouse"`
	KeyRing    string            `json:"keyring"`
	Keys       map[string]string `json:"keys"`
	// SigningKeys are the partners' private keys, for scripts that speak Kafka themselves.
	SigningKeys map[string]signingKey `json:"signing_keys"`
}

type signingKey struct {
	KeyID string `json:"key_id"`
	File  string `json:"file"`
}

func runDemo(ctx context.Context, opts demoOptions) (err error) {
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return err
	}
	opts.dir = dir
	accessFile := filepath.Join(dir, "access.json")
	if err := os.Remove(accessFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	keep, err := nation.IssueKeys(filepath.Join(dir, "demo"))
	if err != nil {
		return err
	}
	ring, err := indicator.LoadKeyRing(keep.File("keyring.yaml"))
	if err != nil {
		return err
	}

	fmt.Println("Starting a Kafka-protocol broker and ClickHouse …")
	stack, err := startStack(ctx, opts.upOptions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.stop()) }()

	configFile := filepath.Join(dir, "waspadad.yaml")
	err = keep.WriteDaemonConfig(configFile, nation.Surroundings{
		Node: "demo", HTTPAddr: opts.httpAddr, AdminAddr: opts.adminAddr, Brokers: []string{stack.broker.Addr()},
		ClickHouse: stack.engine.Addr(), Database: "waspada", SnapshotDir: filepath.Join(dir, "index"),
		Settings: map[string]any{"registry": "clickhouse"}, // so that partners can be added and changed
	})
	if err != nil {
		return err
	}
	binary, err := daemonBinary()
	if err != nil {
		return err
	}
	d := &daemon{binary: binary, config: configFile, logFile: filepath.Join(dir, "waspadad.log")}
	// ctx ends when the daemon is given up; the daemon itself ends only when everything that uses it has.
	ctx, giveUp := context.WithCancelCause(ctx)
	running, stopDaemon := context.WithCancel(context.WithoutCancel(ctx))
	daemonEnded := make(chan error, 1)
	go func() {
		err := d.supervise(running)
		giveUp(err)
		daemonEnded <- err
	}()
	defer func() { stopDaemon(); err = errors.Join(err, <-daemonEnded) }()

	api := "http://" + opts.httpAddr
	fmt.Println("Starting the hub …")
	if err := waitReady(ctx, api, 2*time.Minute); err != nil {
		return fmt.Errorf("%w; its log: %s", err, d.logFile)
	}
	country := nation.New(demoSeed, opts.indicators)
	partners, err := openPartners(stack.broker.Addr(), keep)
	if err != nil {
		return err
	}
	defer partners.close()
	hub, err := newWatcher(api, keep.API["police"])
	if err != nil {
		return err
	}
	if err := seed(ctx, country, partners, ring, hub, keep.File("seeded")); err != nil {
		return err
	}

	found := access{
		API: api, Kafka: stack.broker.Addr(), ClickHouse: stack.engine.Addr(), KeyRing: keep.File("keyring.yaml"),
		Keys: keep.API, SigningKeys: map[string]signingKey{},
	}
	for _, p := range nation.Partners() {
		id, file := keep.SigningKey(p.ID)
		found.SigningKeys[p.ID] = signingKey{id, file}
	}
	if err := found.write(accessFile); err != nil {
		return err
	}
	defer os.Remove(accessFile)
	found.print(accessFile)

	if !opts.quiet {
		go traffic(ctx, country, partners, ring, hub)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	fmt.Println("\nStopping; the data stay under", dir)
	return nil
}

// write puts the file in place at once, so that nobody reads half of it.
func (a *access) write(path string) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (a *access) print(path string) {
	fmt.Printf("\nWaspada is ready at %s, which is its console, too   (API page: %s/docs)\n\nA key for each role (also in %s):\n", a.API, a.API, path)
	for _, r := range nation.Roles {
		fmt.Printf("  %-10s %s\n", r.Name, a.Keys[r.Name])
	}
	fmt.Printf(`
Three commands to try, in another terminal:

  export WASPADA_SERVER=%s WASPADA_KEYRING=%s WASPADA_API_KEY=%s
  bin/waspada report --type phone --category telecommunication "012-345 6789"
  bin/waspada check --type phone "+60 12 345 6789"
  bin/waspada withdraw --type phone "012-345 6789"

With WASPADA_API_KEY=%s you say who takes part:

  bin/waspada partner list

Ctrl-C stops everything; start it again and the data are there.
`, a.API, a.KeyRing, a.Keys["bank"], a.Keys["admin"])
}
