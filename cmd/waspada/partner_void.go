package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
)

// partnerChange is a command that changes one partner and shows it.
func partnerChange(
	a *app, cmd *cobra.Command, reason *string,
	change func(*cobra.Command, *client.Client, client.Partner) (client.Partner, error),
) *cobra.Command {
	cmd.Flags().StringVar(reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *reason == "" {
			return usage("--reason is needed: the audit keeps it")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		p, err := hub.Partner(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if p, err = change(cmd, hub, p); err != nil {
			return err
		}
		return a.showPartner(p)
	}
	return cmd
}

func newPartnerVoid(a *app) *cobra.Command {
	var (
		reason, id, key string
		since, until    time.Time
	)
	cmd := &cobra.Command{
		Use: "void ID --since TIME [--until TIME] [--key KEY] --reason TEXT", Args: onePartner,
		Short: "What a partner said since a time does not count",
		Long: text(`
void takes what the hub took from a partner since a time out of force: on every node within 5 seconds, for any
number of reports, and for what is still to come unless --until ends it. --key confines it to what was signed
with one of the partner's signing keys. --void ends one that is there, with --until.

Where a void word had replaced an earlier one, waspadad restore says the earlier one again.`),
		Example: `  waspada partner void bank-kancil --since "2026-11-22 14:05" --reason "the key was stolen"
  waspada partner void bank-kancil --void v7 --until 0s --reason "another key is in use"`,
	}
	flags := cmd.Flags()
	flags.Var(&moment{&since, -1}, "since", "from when on: a time, or how long ago")
	flags.Var(&moment{&until, -1}, "until", "up to when (default open; 0s is now)")
	flags.StringVar(&key, "key", "", "the id of a signing key (default everything)")
	flags.StringVar(&id, "void", "", "the id of a void that is to end")
	return partnerChange(a, cmd, &reason,
		func(cmd *cobra.Command, hub *client.Client, p client.Partner) (client.Partner, error) {
			switch {
			case id != "" && until.IsZero():
				return p, usage("--until is needed: when the void ends")
			case id != "" && (!since.IsZero() || key != ""):
				return p, usage("--since and --key are of a new void")
			case id != "":
				return hub.EndVoid(cmd.Context(), p.ID, p.Revision, id, until, reason)
			case since.IsZero():
				return p, usage("--since is needed: from when on the partner's word does not count")
			}
			return hub.AddVoid(cmd.Context(), p.ID, p.Revision,
				client.Void{Since: since, Until: until, Key: key, Reason: reason})
		})
}

func newPartnerUnvoid(a *app) *cobra.Command {
	var reason, id string
	cmd := &cobra.Command{
		Use: "unvoid ID [--void VOID] --reason TEXT", Short: "Undo a void: what the partner said counts again",
		Args: onePartner, Example: `  waspada partner unvoid bank-kancil --void v7 --reason "the key was not stolen"`,
	}
	cmd.Flags().StringVar(&id, "void", "", "the id of the void, where the partner has several")
	return partnerChange(a, cmd, &reason,
		func(cmd *cobra.Command, hub *client.Client, p client.Partner) (client.Partner, error) {
			if id == "" {
				if len(p.Voids) != 1 {
					return p, usage("the partner has %d voids: --void says which", len(p.Voids))
				}
				id = p.Voids[0].ID
			}
			return hub.UndoVoid(cmd.Context(), p.ID, p.Revision, id, reason)
		})
}
