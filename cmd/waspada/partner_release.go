package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
)

func newPartnerHolds(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "holds", Short: "List what partners said beyond their allowance of a day",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("partner holds takes flags only; see waspada partner holds --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			all, err := hub.Holds(cmd.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.tell(all)
			}
			a.say("%-32s  %-10s  %8s  %-8s  %-19s  %-19s  %s", "partner", "day", "events", "state", "since", "until", "types")
			for _, h := range all {
				var types []string
				for _, name := range slices.Sorted(maps.Keys(h.Types)) {
					types = append(types, fmt.Sprintf("%s %d", name, h.Types[name]))
				}
				a.say("%-32s  %-10s  %8d  %-8s  %-19s  %-19s  %s", h.Partner, h.Day, h.Events, h.State,
					h.Since.In(malaysia).Format(time.DateTime), h.Until.In(malaysia).Format(time.DateTime),
					strings.Join(types, ", "))
			}
			return nil
		},
	}
}

func newPartnerRelease(a *app) *cobra.Command {
	var (
		reason       string
		since, until time.Time
	)
	cmd := &cobra.Command{
		Use: "release ID --since TIME --until TIME --reason TEXT", Args: onePartner,
		Short: "Propose that what was held of a partner counts",
		Long: text(`
release proposes that what the hub holds of a partner, taken from --since up to --until, counts. It does when
another operator has confirmed it with another key. To discard what is held, void the span, or let it be: what
nobody releases within 30 days never counts.`),
		Example: `  waspada partner release bank-kancil --since 90m --until 75m --reason "a raid, they confirm"`,
	}
	flags := cmd.Flags()
	flags.Var(&moment{&since, -1}, "since", "from when on: a time, or how long ago")
	flags.Var(&moment{&until, -1}, "until", "up to when: a time, or how long ago")
	return partnerChange(a, cmd, &reason,
		func(cmd *cobra.Command, hub *client.Client, p client.Partner) (client.Partner, error) {
			if since.IsZero() || until.IsZero() {
				return p, usage("--since and --until are needed")
			}
			p, err := hub.ProposeRelease(cmd.Context(), p.ID, p.Revision, since, until, reason)
			if err == nil {
				r := p.Releases[len(p.Releases)-1]
				a.note("another operator confirms it: waspada partner confirm %s --release %s", p.ID, r.ID)
			}
			return p, err
		})
}

func newPartnerConfirm(a *app) *cobra.Command {
	var reason, id string
	cmd := &cobra.Command{
		Use: "confirm ID [--release RELEASE] --reason TEXT", Short: "Confirm a release that another operator proposed",
		Args: onePartner, Example: `  waspada partner confirm bank-kancil --release r7 --reason "looked at twenty of them"`,
	}
	cmd.Flags().StringVar(&id, "release", "", "the id of the release, where several are proposed")
	return partnerChange(a, cmd, &reason,
		func(cmd *cobra.Command, hub *client.Client, p client.Partner) (client.Partner, error) {
			if id == "" {
				var open []string
				for _, r := range p.Releases {
					if !r.InForce {
						open = append(open, r.ID)
					}
				}
				if len(open) != 1 {
					return p, usage("%d releases are proposed: --release says which", len(open))
				}
				id = open[0]
			}
			return hub.ConfirmRelease(cmd.Context(), p.ID, p.Revision, id, reason)
		})
}

func newPartnerUnrelease(a *app) *cobra.Command {
	var reason, id string
	cmd := &cobra.Command{
		Use: "unrelease ID --release RELEASE --reason TEXT", Args: onePartner,
		Short: "Withdraw a release, proposed or confirmed",
	}
	cmd.Flags().StringVar(&id, "release", "", "the id of the release")
	return partnerChange(a, cmd, &reason,
		func(cmd *cobra.Command, hub *client.Client, p client.Partner) (client.Partner, error) {
			if id == "" {
				return p, usage("--release is needed")
			}
			return hub.WithdrawRelease(cmd.Context(), p.ID, p.Revision, id, reason)
		})
}
