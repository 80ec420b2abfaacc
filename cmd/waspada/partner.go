package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func newPartner(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partner COMMAND",
		Short: "Say who takes part in the hub, and what of its word counts",
		Long: text(`
partner changes who takes part in the hub. It needs the scope admin, and a hub that keeps
its partners in ClickHouse (registry: clickhouse). Every change is in the audit, with your key's id and
--reason, and is in force on every node within 5 seconds.

A new API key is shown once, alone on standard output: the hub keeps a hash.`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no such command; see waspada partner --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPartnerAdd(a), newPartnerList(a), newPartnerShow(a), newPartnerSet(a), newPartnerRotate(a),
		newPartnerKey(a), newPartnerSigningKey(a),
		newPartnerState(a, "suspend", "Refuse a partner's keys and bundles", fraud.Suspended),
		newPartnerState(a, "activate", "Let a partner's word count", fraud.Active),
		newPartnerVoid(a), newPartnerUnvoid(a), newPartnerHolds(a), newPartnerRelease(a), newPartnerConfirm(a), newPartnerUnrelease(a))
	return cmd
}

// onePartner takes the partner's id as the only argument.
func onePartner(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("name one partner by its id; see --help")
	}
	return nil
}

func newPartnerAdd(a *app) *cobra.Command {
	var (
		p           client.NewPartner
		kind        fraud.PartnerKind
		state       = fraud.Shadow
		weight      = 1.0
		scopes      []string
		certificate subjectFlags
	)
	cmd := &cobra.Command{
		Use: "add ID --name NAME --kind KIND [--scopes SCOPE,…]", Short: "Add a partner, with a first key if it is to have one",
		Example: `  waspada partner add bank-kancil --name "Bank Kancil" --kind bank --scopes lookup,report > key.txt`,
		Args:    onePartner,
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Name, "name", "", "its name, for people")
	addWord(cmd, &kind, "kind", "", "what it is")
	addWord(cmd, &state, "state", "", "shadow reports and lists nothing")
	flags.StringVar(&p.Organisation, "organisation", "", "whom it belongs to (default itself)")
	flags.Float64Var(&weight, "weight", 1, "how much its word counts, 0 to 1")
	flags.StringSliceVar(&scopes, "scopes", nil, "issue an API key that may do this: lookup, report, analyse, admin")
	flags.BoolVar(&p.Licensed, "licensed-platform", false, "it is a platform licensed under the Online Safety Act")
	flags.Uint64Var(&p.Users, "users", 0, "how many people use it in Malaysia")
	certificate.add(flags)
	flags.StringSliceVar(&p.SharingGroups, "sharing-groups", nil, "the sharing groups that it belongs to")
	flags.StringSliceVar(&p.Platforms, "platforms", nil, "the platforms that it runs: facebook,instagram")
	flags.StringVar(&p.Reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.Name == "" || kind == 0 {
			return usage("--name and --kind are needed")
		}
		if _, err := fraud.ParseScopes(scopes...); err != nil {
			return usage("--scopes: %v", err)
		}
		var err error
		if p.Subject, p.SubjectScopes, err = certificate.read(); err != nil {
			return err
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		p.ID, p.Kind, p.State, p.Weight = args[0], kind.String(), state.String(), &weight
		added, err := hub.AddPartner(cmd.Context(), p)
		if err != nil {
			return err
		}
		a.note("added as number %d, %s", added.Number, added.State)
		if len(scopes) == 0 {
			if a.json() {
				return a.tell(added)
			}
			return nil
		}
		issued, err := hub.IssueKey(cmd.Context(), added.ID, added.Revision,
			client.NewAPIKey{Scopes: scopes, Reason: p.Reason})
		if err != nil {
			return err
		}
		return a.showKey(issued)
	}
	return cmd
}

// showKey writes a new key, this once.
func (a *app) showKey(issued client.IssuedKey) error {
	if a.json() {
		return a.tell(issued)
	}
	a.note("this key is shown once: give it to its partner by a safe way")
	a.say("%s", issued.APIKey)
	return nil
}

func newPartnerList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List who takes part",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("partner list takes flags only; see waspada partner list --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			all, err := hub.Partners(cmd.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.tell(all)
			}
			a.say("%-32s %6s  %-9s  %-9s  %4s  %4s", "partner", "number", "kind", "state", "keys", "rev.")
			for _, p := range all {
				a.say("%-32s %6d  %-9s  %-9s  %4d  %4d", p.ID, p.Number, p.Kind, p.State, len(p.APIKeys), p.Revision)
			}
			return nil
		},
	}
}

func newPartnerShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a partner and its keys", Args: onePartner,
		RunE: func(cmd *cobra.Command, args []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			p, err := hub.Partner(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.showPartner(p)
		},
	}
}

func (a *app) showPartner(p client.Partner) error {
	if a.json() {
		return a.tell(p)
	}
	a.say("%s (%s), number %d: %s, %s, weight %g, organisation %s; revision %d", p.ID, p.Name, p.Number, p.Kind, p.State,
		p.Weight, p.Organisation, p.Revision)
	if p.Subject != "" {
		a.say("  certificate  %s  %s", p.Subject, strings.Join(p.SubjectScopes, ","))
	}
	if len(p.SharingGroups) > 0 {
		a.say("  shares in    %s", strings.Join(p.SharingGroups, ", "))
	}
	if len(p.Platforms) > 0 {
		a.say("  runs         %s", strings.Join(p.Platforms, ", "))
	}
	for _, k := range p.APIKeys {
		a.say("  API key      %s  %s%s", k.ID, strings.Join(k.Scopes, ","), ending(k.Expires, ", expires ", ""))
	}
	for _, k := range p.SigningKeys {
		reason := ""
		if k.Reason != "" {
			reason = ": " + k.Reason
		}
		a.say("  signing key  %s%s%s", k.ID, ending(k.NotBefore, ", from ", ""), ending(k.NotAfter, ", until ", reason))
	}
	for _, v := range p.Voids {
		key := ""
		if v.Key != "" {
			key = ", key " + v.Key
		}
		a.say("  void         %s%s%s%s: %s", v.ID, ending(v.Since, ", since ", ""), ending(v.Until, ", until ", ""), key,
			v.Reason)
	}
	for _, r := range p.Releases {
		by := "proposed by " + r.ProposedBy
		if r.InForce {
			by += ", confirmed by " + r.ConfirmedBy
		}
		a.say("  release      %s%s%s, %s: %s", r.ID, ending(r.Since, ", since ", ""), ending(r.Until, ", until ", ""), by,
			r.Reason)
	}
	return nil
}

// ending words a time in Malaysia's, nothing for the zero time.
func ending(t time.Time, before, after string) string {
	if t.IsZero() {
		return ""
	}
	return before + t.In(malaysia).Format("2006-01-02 15:04") + after
}

func newPartnerRotate(a *app) *cobra.Command {
	var key, reason string
	overlap := span(24 * time.Hour)
	cmd := &cobra.Command{
		Use: "rotate ID [--key OLD] [--overlap TIME]", Short: "Issue a new API key now, and end the old one after a while",
		Long: text(`
rotate issues a new key with the rights of the old one. Both are good until --overlap has passed. A partner
with two keys needs --key to say which is the old one.`),
		Example: `  waspada partner rotate bank-kancil --overlap 7d > key.txt`,
		Args:    onePartner,
	}
	flags := cmd.Flags()
	flags.StringVar(&key, "key", "", "the id of the old key")
	flags.Var(&overlap, "overlap", "how long the old key lives on: 24h, 7d")
	flags.StringVar(&reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hub, err := a.hub()
		if err != nil {
			return err
		}
		p, err := hub.Partner(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if key == "" {
			if len(p.APIKeys) != 1 {
				return usage("the partner has %d keys: --key says which is the old one", len(p.APIKeys))
			}
			key = p.APIKeys[0].ID
		}
		issued, err := hub.IssueKey(cmd.Context(), p.ID, p.Revision,
			client.NewAPIKey{Replaces: key, Overlap: time.Duration(overlap), Reason: reason})
		if err != nil {
			return err
		}
		a.note("%s ends in %s", key, time.Duration(overlap))
		return a.showKey(issued)
	}
	return cmd
}

func newPartnerState(a *app, name, short string, state fraud.PartnerState) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: fmt.Sprintf("%s ID --reason TEXT", name), Short: short, Args: onePartner,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage("--reason is needed: the audit keeps it")
			}
			return a.changePartner(cmd, args[0], func(hub *client.Client, p client.Partner) (client.Partner, error) {
				return hub.SetState(cmd.Context(), p.ID, p.Revision, state.String(), reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	return cmd
}
