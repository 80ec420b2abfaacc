package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// keyGroup holds the commands about one sort of keys.
func keyGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " COMMAND", Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no such command; see waspada partner %s --help", use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// partnerAndKey takes the ids of a partner and of one of its keys.
func partnerAndKey(_ *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usage("name one partner and one key by their ids; see --help")
	}
	if strings.HasPrefix(args[1], "wsp_") {
		return usage("that is a key itself: name it by its id, as waspada partner show tells it")
	}
	return nil
}

func newPartnerKey(a *app) *cobra.Command {
	return keyGroup("key", "Issue an API key, or revoke one at once", newKeyIssue(a), newKeyRevoke(a))
}

func newKeyIssue(a *app) *cobra.Command {
	var k client.NewAPIKey
	cmd := &cobra.Command{
		Use: "issue ID --scopes SCOPE,… [--expires TIME]", Short: "Issue an API key; rotate issues one in the place of another",
		Example: `  waspada partner key issue bank-kancil --scopes lookup --expires 2027-06-30 > key.txt`, Args: onePartner,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&k.Scopes, "scopes", nil, "what it may do: lookup, report, analyse, admin")
	flags.Var(&moment{&k.Expires, 1}, "expires", "when it ends: a time, or how far ahead (720h); by default never")
	flags.StringVar(&k.Reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := fraud.ParseScopes(k.Scopes...); err != nil {
			return usage("--scopes: %v", err)
		}
		if len(k.Scopes) == 0 {
			return usage("--scopes is needed: a key that may do nothing is none")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		p, err := hub.Partner(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		issued, err := hub.IssueKey(cmd.Context(), p.ID, p.Revision, k)
		if err != nil {
			return err
		}
		return a.showKey(issued)
	}
	return cmd
}

func newKeyRevoke(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "revoke ID KEY --reason TEXT", Short: "Refuse an API key from now on, on every node within 5 seconds",
		Example: `  waspada partner key revoke bank-kancil bank-kancil.h7k2mq9xwd --reason "in a public repository"`,
		Args:    partnerAndKey,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return usage("--reason is needed: the audit keeps it")
		}
		return a.changePartner(cmd, args[0], func(hub *client.Client, p client.Partner) (client.Partner, error) {
			return hub.RevokeKey(cmd.Context(), p.ID, p.Revision, args[1], reason)
		})
	}
	return cmd
}

func newPartnerSigningKey(a *app) *cobra.Command {
	return keyGroup("signing-key", "Add a key that signs bundles, or say since when one is bad",
		newSigningKeyAdd(a), newSigningKeyRevoke(a))
}

func newSigningKeyAdd(a *app) *cobra.Command {
	var (
		k    client.SigningKey
		file string
	)
	cmd := &cobra.Command{
		Use: "add ID KEY --public-key FILE [--from TIME] [--until TIME]", Short: "Add a signing key under an id that is new",
		Long: text(`
add takes the public half of an Ed25519 key; its partner makes the pair and keeps the other half:
  openssl genpkey -algorithm ed25519 -out signing.pem
  openssl pkey -in signing.pem -pubout -out public.pem
Bundles that Kafka takes from --from up to --until may bear its signature. To rotate, add the next one before
the old one ends.`),
		Example: `  waspada partner signing-key add bank-kancil bank-kancil.s2 --public-key public.pem --from 2026-12-01`,
		Args:    partnerAndKey,
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "public-key", "", "file with the public half: PEM, or its 32 bytes in base64")
	flags.Var(&moment{&k.NotBefore, 1}, "from", "when it becomes good: a time, or how far ahead; by default it always was")
	flags.Var(&moment{&k.NotAfter, 1}, "until", "when it ends: a time, or how far ahead; by default never")
	flags.StringVar(&k.Reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if file == "" {
			return usage("--public-key is needed")
		}
		if k.Public, err = readPublicKey(file); err != nil {
			return err
		}
		k.ID = args[1]
		return a.changePartner(cmd, args[0], func(hub *client.Client, p client.Partner) (client.Partner, error) {
			return hub.AddSigningKey(cmd.Context(), p.ID, p.Revision, k)
		})
	}
	return cmd
}

// readPublicKey reads an Ed25519 public key. Its errors never quote the file, which may be the private half by mistake.
func readPublicKey(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("--public-key: %v", err)
	}
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
		if err == nil && len(raw) == ed25519.PublicKeySize {
			return raw, nil
		}
	case block.Type != "PUBLIC KEY":
		return nil, usage("--public-key: %s is no public key: openssl pkey -in signing.pem -pubout makes one", path)
	default:
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if public, ok := key.(ed25519.PublicKey); err == nil && ok {
			return public, nil
		}
	}
	return nil, usage("--public-key: %s holds no Ed25519 public key, in PEM form or as base64 of 32 bytes", path)
}

func newSigningKeyRevoke(a *app) *cobra.Command {
	var (
		since  time.Time
		reason string
	)
	cmd := &cobra.Command{
		Use: "revoke ID KEY --since TIME --reason TEXT", Short: "Say that a signing key is bad since a time",
		Long: text(`
revoke has the hub refuse what Kafka took from --since on and what is not ingested yet. What was ingested before
stands: it is withdrawn, disputed or cleared like every other word.`),
		Example: `  waspada partner signing-key revoke bank-kancil bank-kancil.s1 --since "2026-11-20 18:00" --reason "a lost laptop"`,
		Args:    partnerAndKey,
	}
	flags := cmd.Flags()
	flags.Var(&moment{&since, -1}, "since", "from when on it is bad: a time, or how long ago (0s is now)")
	flags.StringVar(&reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if since.IsZero() || reason == "" {
			return usage("--since and --reason are needed")
		}
		return a.changePartner(cmd, args[0], func(hub *client.Client, p client.Partner) (client.Partner, error) {
			return hub.RevokeSigningKey(cmd.Context(), p.ID, p.Revision, args[1], since, reason)
		})
	}
	return cmd
}
