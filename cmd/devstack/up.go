package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// upOptions are the flags of `devstack up`. Ports are fixed so that what is configured against them stays valid.
type upOptions struct {
	dir        string
	kafkaAddr  string
	nativePort int
	httpPort   int
}

func newUpCommand() *cobra.Command {
	var opts upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run a Kafka-protocol broker and ClickHouse until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := startStack(cmd.Context(), opts)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Kafka       %s\n", s.broker.Addr())
			fmt.Fprintf(out, "ClickHouse  %s (native), http://%s/play\n", s.engine.Addr(), s.engine.HTTPAddr())
			fmt.Fprintf(out, "Data        %s\nCtrl-C stops it; the data stay.\n", opts.dir)
			<-cmd.Context().Done()
			return s.stop()
		},
	}
	opts.addFlags(cmd.Flags())
	return cmd
}

func (o *upOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.dir, "dir", ".waspada", "directory that keeps everything")
	flags.StringVar(&o.kafkaAddr, "kafka", "127.0.0.1:19092", "address of the broker, host:port; port 0 takes a free one")
	flags.IntVar(&o.nativePort, "clickhouse-port", 19000, "port of ClickHouse's native protocol; 0 takes a free one")
	flags.IntVar(&o.httpPort, "clickhouse-http-port", 18123, "port of ClickHouse's HTTP interface; 0 takes a free one")
}

// stack is the broker and the engine, running.
type stack struct {
	broker *devstack.Broker
	engine *devstack.Engine
	// letGo ends the care for the engine.
	letGo context.CancelFunc
}

// startStack starts both parts with their data under opts.dir and the hub's topics.
func startStack(ctx context.Context, opts upOptions) (*stack, error) {
	broker, err := devstack.StartBroker(ctx, devstack.BrokerOptions{
		Addr:    opts.kafkaAddr,
		DataDir: filepath.Join(opts.dir, "kafka"),
		Topics:  devstack.DefaultTopics,
	})
	if err != nil {
		return nil, err
	}
	engine, err := devstack.StartEngine(ctx, devstack.EngineOptions{
		Dir:        filepath.Join(opts.dir, "clickhouse"),
		NativePort: opts.nativePort,
		HTTPPort:   opts.httpPort,
	})
	if err != nil {
		broker.Close()
		return nil, err
	}
	caring, letGo := context.WithCancel(ctx)
	s := &stack{broker: broker, engine: engine, letGo: letGo}
	go s.keepEngine(caring)
	return s, nil
}

// keepEngine starts ClickHouse again when it dies, as a service manager would, until ctx ends.
func (s *stack) keepEngine(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.engine.Done():
		}
		if ctx.Err() != nil {
			return
		}
		fmt.Fprintf(os.Stderr, "ClickHouse ended, starting it again; its log: %s\n", s.engine.LogFile())
		for s.engine.Start(ctx) != nil && ctx.Err() == nil {
			time.Sleep(time.Second)
		}
	}
}

// stop ends both, in the reverse order of their start.
func (s *stack) stop() error {
	s.letGo()
	err := s.engine.Stop()
	s.broker.Close()
	return err
}
