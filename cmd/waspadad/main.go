// Command waspadad is the hub's daemon: it wires the stages and runs them.
//
//	waspadad serve           answer lookups and take in reports, until SIGTERM; --role api or ingest for one of the two
//	waspadad migrate         bring the ClickHouse schema up to date, once
//	waspadad audit           prove that nothing is lost and nothing counts twice
//	waspadad deadletters     see what was refused for good, and send it again once the reason is gone
//	waspadad canary          make indicators that nobody has a reason to ask about
//	waspadad restore         say anew what void words have replaced
//	waspadad config          check or print the configuration
//
// One file, serve.go, shows how the parts hang together.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/sweeps"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		code := 1
		if with := (*exitError)(nil); errors.As(err, &with) {
			code, err = with.code, with.err
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "waspadad:", err)
		}
		os.Exit(code)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "waspadad",
		Short: "The Waspada hub",
		Long: `The Waspada hub: partners' hashed scam indicators from Kafka to ClickHouse, and lookups from memory.

Every setting can be overridden by the environment: http.addr by WASPADA_HTTP_ADDR. See 'waspadad config print'.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	var path string
	root.PersistentFlags().StringVar(&path, "config", "", "configuration file (YAML)")
	load := func() (config, error) { return loadConfig(path, os.LookupEnv) }
	root.AddCommand(newServeCommand(load), newMigrateCommand(load), newAuditCommand(load), newDeadLettersCommand(load),
		newCanaryCommand(load), newEraseCommand(load), newRestoreCommand(load), newConfigCommand(load))
	return root
}

func newConfigCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check or print the configuration"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say whether the configuration and the files that it names can be used", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := load()
				if err != nil {
					return err
				}
				if err := checkFiles(cfg); err != nil {
					return err
				}
				for _, warning := range cfg.warnings() {
					fmt.Fprintln(cmd.ErrOrStderr(), "Warning:", warning)
				}
				fmt.Fprintln(cmd.OutOrStdout(), "The configuration can be used.")
				return nil
			},
		},
		&cobra.Command{
			Use: "print", Short: "Print every setting as it is in force; secrets are files and are not shown", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := load()
				if err != nil {
					return err
				}
				fmt.Fprint(cmd.OutOrStdout(), cfg)
				return nil
			},
		},
	)
	return cmd
}

// checkFiles reads every file that the configuration names, and names all that are wrong.
func checkFiles(cfg config) error {
	trust, trustErr := loadTrust(cfg)
	var canaryErr error
	if trustErr == nil {
		canaryErr = sweeps.Check(cfg.Sweeps.CanariesFile, trust.ring)
	}
	_, kafkaErr := kafkaCluster(cfg, "")
	_, storeErr := analystConfig(cfg)
	keeper, httpErr := httpCertificates(cfg)
	if httpErr == nil && keeper != nil && !keeper.Until().After(time.Now()) {
		httpErr = fmt.Errorf("config: http.tls.cert_file: %s has ended: no caller trusts it", cfg.HTTP.TLS.CertFile)
	}
	return errors.Join(trustErr, canaryErr, kafkaErr, storeErr, httpErr)
}

func newMigrateCommand(load func() (config, error)) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the ClickHouse schema up to date, once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			return migrate(cmd.Context(), cfg, newLogger(cfg))
		},
	}
}

func newLogger(cfg config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", cfg.Node)
}
