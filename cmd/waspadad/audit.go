package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/audit"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/topic"
)

// The exit codes of audit.
const (
	exitFound    = 1 // something is wrong
	exitUnproven = 2 // it cannot be told
)

// newOracle is what the command and the nightly audit share.
func newOracle(cfg config, cluster topic.Cluster, ledger *store.Reader) *audit.Oracle {
	reports := cluster.Open(cfg.Kafka.Reports)
	return audit.NewOracle(ledger, reports, func(ctx context.Context) (map[int32]int64, error) {
		return ingest.Committed(ctx, cluster, cfg.Kafka.Reports, cfg.Kafka.Group)
	})
}

func newAuditCommand(load func() (config, error)) *cobra.Command {
	var output string
	unproven := func(err error) error { return &exitError{exitUnproven, err} }
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Prove that nothing is lost and nothing counts twice",
		Long: `Prove that nothing is lost and nothing counts twice, from the ledger and from Kafka.

Every stored row, good or refused, carries its partition, offset and place in its bundle. The audit checks that the
offsets have no gap up to the committed ones, that trends show what the ledger counts, that the opinions in force follow
from the ledger, and that Kafka's topic is still the one that the ledger was filled from and has deleted nothing that was
not stored. It changes nothing, names no value, and may run beside ingest. A node that ingests does the same each night
at the time of audit.at: see the metrics waspada_audit_*.

Where Kafka does not answer, the ledger is audited alone, and lines that begin with UNCHECKED say what that leaves open.
It cannot see: the end of a bundle that was never stored, or what Kafka lost before it was read.

Exit codes:
  0  nothing is wrong, and everything was checked
  1  something is wrong: lines that begin with FOUND say what
  2  the audit could not be done, or not everything could be checked`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return unproven(err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "human" && output != "json" {
				return unproven(fmt.Errorf("--output is human or json, not %q", output))
			}
			cfg, err := load()
			if err != nil {
				return unproven(err)
			}
			report, err := auditOnce(cmd.Context(), cfg)
			if err != nil {
				return unproven(err)
			}
			out := cmd.OutOrStdout()
			if output == "json" {
				if err := json.NewEncoder(out).Encode(report); err != nil {
					return unproven(err)
				}
			} else {
				for _, line := range report.Lines() {
					fmt.Fprintln(out, line)
				}
			}
			switch {
			case !report.OK:
				return &exitError{code: exitFound}
			case !report.Complete:
				return &exitError{code: exitUnproven}
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return unproven(err) })
	cmd.Flags().StringVarP(&output, "output", "o", "human", "human or json")
	return cmd
}

// auditOnce audits as the configuration says.
func auditOnce(ctx context.Context, cfg config) (audit.Report, error) {
	cluster, err := kafkaCluster(cfg, "waspadad-audit")
	if err != nil {
		return audit.Report{}, err
	}
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return audit.Report{}, err
	}
	reader, err := store.NewReader(storeCfg)
	if err != nil {
		return audit.Report{}, err
	}
	defer reader.Close()
	return newOracle(cfg, cluster, reader).Run(ctx)
}
