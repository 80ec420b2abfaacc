// Command devstack runs the hub's surroundings on one machine, for laptops.
//
//	devstack up      a Kafka-protocol broker and ClickHouse on loopback, kept under .waspada/
//	devstack demo    the same, and the hub with a synthetic country and live traffic
//
// Ctrl-C stops it; started again, it goes on with the same data.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/devstack"
)

func main() {
	devstack.MaybeRunEngine() // the engine is this binary, started again

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "devstack:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "devstack",
		Short:         "Run the hub's surroundings on one machine, for laptops and tests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(newUpCommand(), newDemoCommand())
	return cmd
}
