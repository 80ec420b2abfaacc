package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// defaultServer is where `make demo` listens.
const defaultServer = "http://127.0.0.1:8080"

// app is what all commands share: the terminal and the global flags.
type app struct {
	*terminal
	output   string
	server   string
	key      string
	keyring  string
	tls      tlsFlags
	patience time.Duration

	ring     *indicator.KeyRing
	notified bool
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, t *terminal) int {
	a := &app{terminal: t}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if status := exitStatus(0); errors.As(err, &status) {
		return int(status)
	}
	f := faultOf(err)
	a.complain(f)
	return f.exit
}

// complain tells of a fault in the form that was asked for.
func (a *app) complain(f *fault) {
	if a.json() {
		_ = writeJSON(a.err, map[string]*fault{"error": f})
		return
	}
	a.note("%v", f)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "waspada",
		Short: "Share hashed scam indicators, and ask: is this known fraud?",
		Long: `waspada asks the hub about bank accounts, phone numbers, links and their kin, and tells it what you know.

Where the hub is and who you are:
  --server   WASPADA_SERVER    address of the hub                (default ` + defaultServer + `)
  --key      WASPADA_API_KEY   your API key; @FILE reads a file
  --keyring  WASPADA_KEYRING   file with the hub's key ring
  --cert, --cert-key, --ca     your client certificate and its key, instead of an API key or beside it, and the
                               authorities that vouch for the hub; also WASPADA_CERT, WASPADA_CERT_KEY, WASPADA_CA

With a key ring values are digested on this machine and never leave it. Without one they are sent to the hub, which
digests and forgets them. No output repeats a value.

How values are written (--type, and the value; without --type it is guessed where that is safe):
  bank_account     maybank:1234 5678 9012   the bank as its BIC, FPX code or any usual name; or the number alone
  payment_id       mobile:012-345 6789      DuitNow: mobile, nric, passport, army, business; or an e-wallet: tng:…
  phone            012-345 6789             without + a Malaysian number
  url              hxxp://evil[.]example/x  with or without scheme, also defanged
  domain           evil.example
  email            a@evil.example
  crypto_address   tron:T…, 0x…, bc1…       <chain>:<address>, or the address where it tells its chain
  social_account   telegram:@name           <platform>:<id or @name>
A value "-" reads values from standard input, one a line: so they stay out of the shell's history.

Exit codes: 0 done; 1 the hub could not be reached, refused, or a check failed; 2 a value breaks a rule of its type or
the command line is wrong, and nothing was sent. "check --exit-code" has more.`,
		Example: `  export WASPADA_SERVER=https://hub.example.my WASPADA_API_KEY=@key.txt WASPADA_KEYRING=keyring.yaml
  waspada doctor
  waspada check "012-345 6789"
  waspada report --type phone --category telecommunication "012-345 6789"
  waspada withdraw --type phone "012-345 6789"`,
		SilenceErrors: true, SilenceUsage: true,
		// Cobra's own message would repeat the argument, which may be a value.
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no such command; see waspada --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			switch a.output {
			case "human", "json":
				return nil
			case "csv":
				if slices.Contains([]string{"trends", "top", "emerging", "audit"}, cmd.Name()) || strings.Contains(cmd.CommandPath(), " campaign ") {
					return nil
				}
			}
			return usage("--output: it is human or json, and csv for trends, top, emerging, audit and campaign")
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.output, "output", "o", "human", "how to answer: human or json")
	flags.StringVar(&a.server, "server", cmp.Or(os.Getenv("WASPADA_SERVER"), defaultServer), "address of the hub")
	flags.StringVar(&a.key, "key", "", "API key, or @FILE (better in WASPADA_API_KEY: others see your arguments)")
	flags.StringVar(&a.keyring, "keyring", os.Getenv("WASPADA_KEYRING"), "file with the hub's key ring")
	a.tls.add(flags)
	flags.DurationVar(&a.patience, "timeout", 10*time.Second, "how long to keep trying a hub that does not answer")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"human", "json"}, noFiles))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagFault(err) })
	root.AddCommand(newHash(a), newCheck(a), newReport(a), newWithdraw(a), newDispute(a), newClear(a),
		newImport(a), newEvents(a), newHistory(a), newWatch(a), newDoctor(a), newTrends(a), newTop(a), newEmerging(a),
		newCampaign(a), newBoard(a), newEvidence(a), newAudit(a), newPartner(a))
	return root
}

// text is the long help of a command, which begins on a line of its own.
func text(help string) string { return strings.TrimSpace(help) }

const noFiles = cobra.ShellCompDirectiveNoFileComp

func (a *app) json() bool { return a.output == "json" }

// keyRing is the key ring, nil if none was given.
func (a *app) keyRing() (*indicator.KeyRing, error) {
	if a.keyring == "" || a.ring != nil {
		return a.ring, nil
	}
	ring, err := indicator.LoadKeyRing(a.keyring)
	if err != nil {
		return nil, &fault{exit: exitUsage, Code: "keyring", Detail: err.Error()}
	}
	a.ring = ring
	return ring, nil
}

// apiKey is the key, from a file if it says so.
func (a *app) apiKey() (string, error) {
	key := cmp.Or(a.key, os.Getenv("WASPADA_API_KEY"))
	path, isFile := strings.CutPrefix(key, "@")
	if !isFile {
		return key, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", usage("API key: %v", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// hub makes the client.
func (a *app) hub() (*client.Client, error) {
	ring, err := a.keyRing()
	if err != nil {
		return nil, err
	}
	key, err := a.apiKey()
	if err != nil {
		return nil, err
	}
	secured, err := a.tls.options()
	if err != nil {
		return nil, err
	}
	hub, err := client.New(a.server, key, append(secured,
		client.WithKeyRing(ring), client.WithPatience(a.patience), client.WithUserAgent("waspada-cli"))...)
	if err != nil {
		return nil, usage("%v", err)
	}
	return hub, nil
}

// warnRaw says once that values are about to be sent as they are.
func (a *app) warnRaw() {
	if a.ring == nil && !a.notified {
		a.notified = true
		a.note("no key ring: the value itself is sent to the hub, which digests and forgets it (see --keyring)")
	}
}
