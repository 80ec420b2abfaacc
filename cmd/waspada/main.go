// Command waspada is the command line of partners and analysts: it asks the hub about indicators, reports them, takes
// reports back, and finds out why something does not work.
//
//	arguments, stdin ──indicator.Parse──▶ digests ──pkg/client──▶ hub ──▶ words for people, or JSON (-o json)
//
// Values are parsed and digested here wherever there is a key ring, and then none leaves this machine. No output of
// this program repeats a value: several are told apart by their place, and a fault names the rule that was broken.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], newTerminal(os.Stdin, os.Stdout, os.Stderr))
}
