// Command bench holds the hub's look-ups against what a user would pick instead, all on this machine, and makes the
// tables of benchmarks/README.md.
//
//	plan (scenarios/*.yaml) ──▶ start the rivals that it names, fill each with the same digests
//	  └──▶ rounds: each run after the other, in turns forwards and backwards: A B C, C B A, …
//	         load generator on one CPU ──questions──▶ one server on another CPU
//	         └──▶ wall time, and CPU time of the server's processes, for each indicator
//	  └──▶ rows: a run's figure, or its ratio to another run's of the same round ──▶ results/*.json
//
// The hub is the real daemon as it runs in production, with its middleware, API keys, quotas, sweeps and shedding; its
// broker speaks the real protocol, its ClickHouse is the real engine. Ratios are of CPU time: what else the machine does
// meanwhile takes part of the wall time, and hardly changes what an answer costs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/benchmarks/report"
	"github.com/waspada-hub/waspada/internal/devstack"
)

func main() {
	devstack.MaybeRunEngine() // ClickHouse is this program in another role
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use: "bench", Short: "Benchmarks of the hub, side by side with what a user would pick instead",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(newRunCommand(), newLoadCommand(), newTableCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func newTableCommand() *cobra.Command {
	return &cobra.Command{
		Use: "table PAGE RESULTS", Short: "Make the tables of a page anew from a folder of results", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return report.WriteTables(args[0], args[1]) },
	}
}
