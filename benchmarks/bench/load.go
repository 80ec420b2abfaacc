package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/benchmarks/loadgen"
)

// newLoadCommand plays one run of a plan against a hub that runs already, such as a demo.
func newLoadCommand() *cobra.Command {
	var (
		server string
		listed int
		rate   float64
		during time.Duration
	)
	cmd := &cobra.Command{
		Use: "load PLAN.yaml RUN", Short: "Ask a running hub much, and tell how long answers took", Args: cobra.ExactArgs(2),
		Long: `Ask a running hub much, and tell how long answers took: one run of a plan, such as "hub GET" of
benchmarks/scenarios/lookups-single.yaml. The API key stands in WASPADA_API_KEY.

The digests are made up: a hub that this program has not filled lists none of them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := loadPlan(args[0])
			if err != nil {
				return err
			}
			r, ok := p.Runs[args[1]]
			if !ok || r.To != "hub" {
				return fmt.Errorf("%s has no run %q of the hub; its runs: %s", args[0], args[1],
					strings.Join(slices.Sorted(maps.Keys(p.Runs)), "; "))
			}
			at, err := url.Parse(server)
			if err != nil || at.Scheme != "http" || at.Port() == "" {
				return errors.New("--server is like http://127.0.0.1:8080")
			}
			r.Rate, r.During = rate, during
			if err := r.Check(); err != nil {
				return err
			}
			target := loadgen.Target{APIKey: os.Getenv("WASPADA_API_KEY")}
			asker, err := loadgen.NewAsker(r.Scenario, loadgen.NewKeys(r.Scenario, listed, 1), target)
			if err != nil {
				return err
			}
			session, err := loadgen.Dial(r.Scenario, asker, "tcp", at.Host)
			if err != nil {
				return err
			}
			defer session.Close()
			result, err := session.Run(r.Rate, r.During)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), result)
			return err
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://127.0.0.1:8080", "the hub")
	cmd.Flags().Float64Var(&rate, "rate", 0, "questions a second, in an open loop; 0 is as many as are answered")
	cmd.Flags().DurationVar(&during, "during", 10*time.Second, "how long")
	cmd.Flags().IntVar(&listed, "listed", 1_000_000, "hits are drawn from so many of the digests")
	return cmd
}
