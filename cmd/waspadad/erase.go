package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// erasure is what the command did, or with a dry run would do.
type erasure struct {
	// Found is false when the hub holds nothing of the digest.
	Found bool `json:"found"`
	// Events are rows of the ledger about it, Mentions those about others that it is a broader form of, and Opinions the
	// words that every node forgets.
	Events   uint64 `json:"events"`
	Mentions uint64 `json:"mentions"`
	Opinions int    `json:"opinions"`
	// Act is under which id the audit tells of it.
	Act    uuid.UUID `json:"act,omitzero"`
	DryRun bool      `json:"dry_run,omitempty"`
}

// remains is what an erasure does not reach, for people.
const remains = `What remains, and for how long:
  - Kafka's reports topic holds the partners' bundles as they came, and the changes topic the opinions, until their
    retention is over (30 and 7 days as deploy/kafka makes them).
  - Every node keeps a 16-byte mark of the digest, without any word, for 37 days, in memory and in its snapshots: so
    nothing older that still arrives lists it again. Snapshots with what was said are replaced within 15 minutes, those
    of nodes that are down when they start.
  - ClickHouse keeps the old parts of its tables for 8 minutes, and the text of the statements about a minute.
  - The ledger keeps that a partner said something at a time of an indicator of this type and category, on which
    platform, of which institution, region and band of loss: the trends.
  - Backups. And partners' own records: they know what they reported.
A dead letter that is replayed, or a backup that is restored, may bring it back: run erase again then.`

func newEraseCommand(load func() (config, error)) *cobra.Command {
	var (
		kindName, digest string
		epoch            uint16
		reason, by       string
		output           string
		dryRun           bool
	)
	cmd := &cobra.Command{
		Use:   "erase --type TYPE --digest DIGEST --epoch EPOCH --reason CODE",
		Short: "Remove all that the hub holds of one indicator: a person's right",
		Long: `Remove all that the hub holds of one indicator: a person's right.

Every table is rewritten without it, and every node forgets at once what partners said of it. The ledger's rows stay as
places without content, so that the audit still proves that nothing is lost. The audit tells that something was erased,
when, by whom and why; not what. The digest comes from 'waspada hash'. It may be repeated, and reported anew.

` + remains + `

It runs with the configuration and the rights of a node that ingests: it writes to the changes topic, and ClickHouse
must let it ALTER the tables events and opinions.

Exit codes: 0 nothing is left; 1 something is; 2 it could not be done: run it again.`,
		Args: func(cmd *cobra.Command, args []string) error { return couldNot(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := indicator.ParseType(kindName); err != nil {
				return couldNot(fmt.Errorf("--type: %w", err))
			}
			d, err := indicator.ParseDigest(digest)
			switch {
			case err != nil:
				return couldNot(fmt.Errorf("--digest: %w", err))
			case epoch == 0:
				return couldNot(errors.New("--epoch is needed: the key epoch at which the digest was made"))
			case !reasonCode.MatchString(reason):
				return couldNot(errors.New("--reason is a word like subject_request, of 3 to 40 of a-z 0-9 _: the audit keeps it"))
			case output != "human" && output != "json":
				return couldNot(fmt.Errorf("--output is human or json, not %q", output))
			}
			if err := nameOperator(&by); err != nil {
				return couldNot(err)
			}
			cfg, err := load()
			if err != nil {
				return couldNot(err)
			}
			ring, err := indicator.LoadKeyRing(cfg.KeyRing)
			if err != nil {
				return couldNot(err)
			}
			if d, err = ring.Lift(d, epoch); err != nil {
				return couldNot(fmt.Errorf("--epoch: %w", err))
			}
			act := fraud.Act{What: fraud.IndicatorErased, Reason: reason + ", by " + by}
			done, err := eraseOnce(cmd.Context(), cfg, d, act, dryRun)
			if err != nil {
				return couldNot(err)
			}
			if output == "json" {
				return couldNot(json.NewEncoder(cmd.OutOrStdout()).Encode(done))
			}
			fmt.Fprintln(cmd.OutOrStdout(), done.line())
			if done.Found && !dryRun {
				fmt.Fprintln(cmd.OutOrStdout(), remains)
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return couldNot(err) })
	flags := cmd.Flags()
	flags.StringVar(&kindName, "type", "", "type of the indicator")
	flags.StringVar(&digest, "digest", "", "its digest, 64 hexadecimal digits")
	flags.Uint16Var(&epoch, "epoch", 0, "the key epoch at which the digest was made")
	flags.StringVar(&reason, "reason", "", "why, as one word for the audit: subject_request, court_order, mistake")
	flags.StringVar(&by, "by", "", "who does it, for the audit (default the user of the operating system)")
	flags.BoolVar(&dryRun, "dry-run", false, "only say how much would be erased")
	flags.StringVarP(&output, "output", "o", "human", "human or json")
	return cmd
}

// reasonCode keeps everything out of the audit that could tell of whom it is.
var reasonCode = regexp.MustCompile(`^[a-z][a-z0-9_]{2,39}$`)

func (e erasure) line() string {
	switch {
	case !e.Found:
		return "Nothing was found: the hub holds nothing of this digest."
	case e.DryRun:
		return fmt.Sprintf("Would erase %d events, %d mentions in other events and %d opinions.", e.Events, e.Mentions,
			e.Opinions)
	}
	return fmt.Sprintf("Erased: %d events, %d mentions in other events, %d opinions. Nothing is left in ClickHouse. Act %s.",
		e.Events, e.Mentions, e.Opinions, e.Act)
}

const (
	// erasePasses is how often what was still on its way into the ledger is looked for again, and erasePause between.
	erasePasses = 5
	erasePause  = 2 * time.Second
)

// eraseOnce erases as the configuration says. In this order:
//
//  1. the act, so that nothing is erased that the audit does not tell of
//  2. every node forgets: appended to the changes
//  3. the tables; opinions first, as the ledger tells which they are
//  4. again, if something was on its way meanwhile
//
// A crash anywhere is mended by another run.
func eraseOnce(ctx context.Context, cfg config, d indicator.Digest, act fraud.Act, dryRun bool) (done erasure, err error) {
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return done, err
	}
	eraser, err := store.NewEraser(storeCfg)
	if err != nil {
		return done, err
	}
	defer eraser.Close()
	found, err := eraser.Find(ctx, d)
	if err != nil {
		return done, err
	}
	done = erasure{
		Found: !found.None(), Events: found.Events, Mentions: found.Mentions, Opinions: len(found.Opinions), DryRun: dryRun,
	}
	if !done.Found || dryRun {
		return done, nil
	}
	writer, err := store.NewWriter(storeCfg)
	if err != nil {
		return done, err
	}
	defer writer.Close()
	if act.ID, err = uuid.NewV7(); err != nil {
		return done, err
	}
	act.At, done.Act = time.Now().UTC(), act.ID
	if err := writer.RecordActs(ctx, act); err != nil {
		return done, err
	}
	cluster, err := kafkaCluster(cfg, "waspadad-erase")
	if err != nil {
		return done, err
	}
	log := changes.NewLog(cluster, cfg.Kafka.Changes, newLogger(cfg))
	defer log.Close()
	for range erasePasses {
		forget := make([]fraud.Opinion, len(found.Opinions))
		for i := range found.Opinions {
			forget[i] = found.Opinions[i].Erased()
		}
		if err := log.Append(ctx, forget); err != nil {
			return done, err
		}
		if err := eraser.Erase(ctx, d, &found); err != nil {
			return done, err
		}
		if !pause(ctx, erasePause) {
			return done, ctx.Err()
		}
		if found, err = eraser.Find(ctx, d); err != nil {
			return done, err
		}
		if found.None() {
			return done, nil
		}
	}
	if len(found.Elsewhere) > 0 {
		return done, &exitError{exitLeft, fmt.Errorf("erase: this version does not know how to erase from %v, and they hold it",
			found.Elsewhere)}
	}
	return done, &exitError{exitLeft,
		errors.New("erase: it comes again and again, as somebody reports it at this moment: run erase again")}
}
