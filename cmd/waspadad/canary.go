package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

func newCanaryCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "canary", Short: "Indicators that nobody has a reason to ask about"}
	cmd.AddCommand(newCanaryMakeCommand(load))
	return cmd
}

func newCanaryMakeCommand(load func() (config, error)) *cobra.Command {
	var (
		kind   string
		random int
	)
	cmd := &cobra.Command{
		Use:   "make --type <type>",
		Short: "Print canaries for sweeps.canaries_file: the digests of values on standard input, or of random ones",
		Long: `Print canaries for sweeps.canaries_file: the digests of the values on standard input, one a line, or with
--random of values that nobody ever sees. No value is printed or kept.

A partner that asks about a canary is told of at once: in the log, in waspada_api_canary_touches_total and in the audit.
So take values that nobody has: account numbers that a bank keeps free, telephone numbers that a telco keeps free, what
was planted in a list that only thieves read. A random account number is nobody's, as good as surely. A random telephone
number may be somebody's, and an alarm then proves nothing.

A sweep of half a million numbers out of 240 million meets one of 1,000 canaries with 87 %.`,
		Example: `  waspadad canary make --type bank_account --random 1000 --config waspadad.yaml >> canaries.yaml
  waspadad canary make --type phone --config waspadad.yaml < free-numbers.txt >> canaries.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := indicator.ParseType(kind)
			if err != nil {
				return fmt.Errorf("--type: %w", err)
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			ring, err := indicator.LoadKeyRing(cfg.KeyRing)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("random") {
				return randomCanaries(cmd.OutOrStdout(), ring, of, random)
			}
			return canariesOf(cmd.OutOrStdout(), cmd.InOrStdin(), ring, of)
		},
	}
	cmd.Flags().StringVar(&kind, "type", "", "type of indicator: bank_account, phone, …")
	cmd.Flags().IntVar(&random, "random", 0, "make so many of random values; for bank_account and phone")
	_ = cmd.MarkFlagRequired("type")
	return cmd
}

// canariesOf prints one for each line.
func canariesOf(to io.Writer, from io.Reader, ring *indicator.KeyRing, of indicator.Type) error {
	lines := bufio.NewScanner(from)
	n := 0
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if n++; text == "" {
			continue
		}
		parsed, err := indicator.Parse(of, indicator.Raw(text))
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := printCanary(to, ring, parsed); err != nil {
			return err
		}
	}
	if n == 0 {
		return errors.New("no value on standard input: give one a line, or --random")
	}
	return lines.Err()
}

// randomCanaries prints n of values that look like real ones.
func randomCanaries(to io.Writer, ring *indicator.KeyRing, of indicator.Type, n int) error {
	value := map[indicator.Type]func() string{
		// Of the banks whose numbers have as many digits as these.
		indicator.BankAccount: func() string { return oneOf("maybank", "affin", "kfh") + ":" + digits(12) },
		indicator.Phone: func() string {
			return oneOf("010", "011", "012", "013", "014", "016", "017", "018", "019") + digits(8)
		},
	}[of]
	if value == nil {
		return fmt.Errorf("--random makes bank_account and phone; of %s give values on standard input", of)
	}
	if n < 1 || n > 1_000_000 {
		return errors.New("--random: 1 to 1,000,000")
	}
	for n > 0 {
		parsed, err := indicator.Parse(of, indicator.Raw(value()))
		if err != nil {
			continue // a number that no network has
		}
		if err := printCanary(to, ring, parsed); err != nil {
			return err
		}
		n--
	}
	return nil
}

// printCanary prints the digest of every expression that a look-up or a report of the value begins with or holds.
func printCanary(to io.Writer, ring *indicator.KeyRing, in indicator.Indicator) error {
	var digests []string
	for _, e := range slices.Concat(in.Lookup[:1], in.Report) {
		if d := ring.DigestOf(e).String(); !slices.Contains(digests, d) {
			digests = append(digests, d)
		}
	}
	var label [6]byte
	rand.Read(label[:])
	_, err := fmt.Fprintf(to, "- {label: c-%s, type: %s, epoch: %d, digests: ['%s']}\n", hex.EncodeToString(label[:]),
		in.Type, ring.Epoch(), strings.Join(digests, "', '"))
	return err
}

func digits(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	return fmt.Sprintf("%0*d", n, below(limit))
}

func oneOf(words ...string) string { return words[below(big.NewInt(int64(len(words)))).Int64()] }

func below(limit *big.Int) *big.Int {
	n, err := rand.Int(rand.Reader, limit)
	if err != nil { // the system's source of randomness does not fail
		panic(err)
	}
	return n
}
