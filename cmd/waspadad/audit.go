package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/store"
)

// errFound ends an audit that found fault: its report has said everything.
var errFound = errors.New("the audit found fault")

func newAuditCommand(load func() (config, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Prove from the ledger that nothing is lost and nothing counts twice",
		Long: `Prove from the ledger that nothing is lost and nothing counts twice.

Every stored row, good or refused, carries its partition, offset and place in its bundle. The audit checks that the
offsets are contiguous up to the committed ones, that trends show what the ledger counts, and that the opinions in force
are those that follow from the ledger. It may run beside ingest. It exits with 1 when it finds fault.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			storeCfg, err := storeConfig(cfg)
			if err != nil {
				return err
			}
			reader, err := store.NewReader(storeCfg)
			if err != nil {
				return err
			}
			defer reader.Close()
			cluster, err := kafkaCluster(cfg, "waspadad-audit")
			if err != nil {
				return err
			}
			committed, err := ingest.Committed(cmd.Context(), cluster, cfg.Kafka.Reports, cfg.Kafka.Group)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "Kafka does not tell what is committed, so only the ledger is audited: %v\n", err)
			}
			report, err := reader.Audit(cmd.Context(), committed)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if output == "json" {
				if err := json.NewEncoder(out).Encode(report); err != nil {
					return err
				}
			} else {
				for _, line := range report.Lines() {
					fmt.Fprintln(out, line)
				}
			}
			if !report.OK {
				return errFound
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "human", "human or json")
	return cmd
}
