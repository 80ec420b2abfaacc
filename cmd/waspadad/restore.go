package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/restore"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func newRestoreCommand(load func() (config, error)) *cobra.Command {
	var (
		partner, void, by string
		dryRun            bool
	)
	cmd := &cobra.Command{
		Use: "restore --partner PARTNER --void VOID", Short: "Say anew what void words of a partner have replaced",
		Long: `Say anew what void words of a partner have replaced.

A stolen key may have withdrawn, or overwritten, what its partner had said before. A void takes the theft out of force;
this command finds in the ledger, for each indicator whose standing word is void, the last word that is not, and says it
anew: in the partner's name, signed by the hub's gateway, with new ids, issued now. It may be repeated: what was said
counts once. What has expired or decayed is left.

A void that is still open would cover what is said anew: end it first, with
waspada partner void ID --void VOID --until 0s.
The partner's allowance of the day holds here too: see waspada partner holds afterwards.

Exit codes: 0 done; 2 it could not be done.`,
		Example: `  waspadad restore --partner bank-kancil --void v7 --dry-run`,
		Args:    func(cmd *cobra.Command, args []string) error { return couldNot(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if partner == "" || void == "" {
				return couldNot(errors.New("--partner and --void are needed"))
			}
			if err := nameOperator(&by); err != nil {
				return couldNot(err)
			}
			cfg, err := load()
			if err != nil {
				return couldNot(err)
			}
			done, err := restoreOnce(cmd.Context(), cfg, partner, void, by, dryRun)
			if err != nil {
				return couldNot(err)
			}
			tellRestored(cmd.OutOrStdout(), done, dryRun)
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return couldNot(err) })
	flags := cmd.Flags()
	flags.StringVar(&partner, "partner", "", "the id of the partner")
	flags.StringVar(&void, "void", "", "the id of its void")
	flags.StringVar(&by, "by", "", "who does it, for the audit (default the user of the operating system)")
	flags.BoolVar(&dryRun, "dry-run", false, "say nothing anew, and tell how much it would be")
	return cmd
}

func restoreOnce(
	ctx context.Context, cfg config, partner, void, by string, dryRun bool,
) (done restore.Done, err error) {
	trust, err := loadTrust(cfg)
	if err != nil {
		return done, err
	}
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return done, err
	}
	reader, err := store.NewReader(storeCfg)
	if err != nil {
		return done, err
	}
	defer reader.Close()
	writer, err := store.NewWriter(storeCfg)
	if err != nil {
		return done, err
	}
	defer writer.Close()
	if cfg.Registry == registryClickHouse {
		cfg.Index.SnapshotDir = "" // a daemon's copy is none of ours
		shared, err := openShared(cfg, ledger{reader, writer}, slog.New(slog.DiscardHandler))
		if err != nil {
			return done, err
		}
		if err := shared.Sync(ctx); err != nil {
			return done, err
		}
		trust.share(shared)
	}
	now := time.Now()
	p, ok := trust.registry.PartnerByID(partner)
	if !ok {
		return done, fmt.Errorf("--partner: the hub has no partner %q", partner)
	}
	restorer, err := restore.New(p, void, trust.policy, trust.taxonomy, now)
	if err != nil {
		return done, err
	}
	if dryRun {
		return restorer.Run(ctx, reader, nil, writer, by, now)
	}
	cluster, err := kafkaCluster(cfg, "waspadad-restore")
	if err != nil {
		return done, err
	}
	gateway := publisher.New(publisher.Config{
		Brokers: cluster.Brokers, TLS: cluster.TLS, SASL: cluster.SASL, Topic: cfg.Kafka.Reports,
		ClientID: "waspadad-restore",
	}, &wire.Signer{Audience: cfg.Name, KeyID: cfg.Gateway.KeyID, Key: trust.gateway}, "")
	defer func() { err = errors.Join(err, gateway.Close()) }()
	return restorer.Run(ctx, reader, gateway, writer, by, now)
}

func tellRestored(w io.Writer, done restore.Done, dryRun bool) {
	verb := "Said anew"
	if dryRun {
		verb = "Would say anew"
	}
	var kinds []string
	for _, kind := range []fraud.Kind{fraud.Report, fraud.Uphold, fraud.Clear, fraud.Dispute} {
		if n := done.Kinds[kind]; n > 0 {
			kinds = append(kinds, count(n, kind.String()))
		}
	}
	say(w, "%s: %s of %s%s.", verb, count(done.Restored, "word"), count(done.Indicators, "indicator"),
		strings.Join(slices.Concat([]string{""}, kinds), ", "))
	if done.Left > 0 {
		say(w, "%s could not be said anew: the taxonomy has lost a term.", count(done.Left, "word"))
	}
}
