package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

func newDispute(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dispute COMMAND",
		Short: "Say that a listing is in doubt, and decide: open, list, show, review, decide, withdraw",
		Long: text(`
dispute open says that a listing is in doubt: look-ups answer "disputed, observe only" at once. An authority (the
police, a regulator) acknowledges the dispute with review and ends it with decide. The id of a dispute is that of the
event that opened it, on whichever road it came.

  open ─▶ under_review ─▶ upheld, corrected, cleared or restored
  withdrawn by who opened it, or lapsed where no reporter renews its listing in time`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no such command; to open a dispute: waspada dispute open VALUE…")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDisputeOpen(a), newDisputeList(a), newDisputeDecide(a),
		newDisputeStep(a, "show", "Show a dispute as far as it concerns you", (*client.Client).Dispute),
		newDisputeStep(a, "review", "Acknowledge a dispute, for authorities", (*client.Client).ReviewDispute),
		newDisputeWithdraw(a))
	return cmd
}

func newDisputeOpen(a *app) *cobra.Command {
	cmd, _ := newStatement(a, fraud.Dispute, &cobra.Command{
		Use:   "open [--type TYPE] VALUE…",
		Short: "Say that a listing is in doubt: observe only",
		Long: text(`
open opens a dispute: while it stands, look-ups answer "disputed, observe only". The kind of partner
that holds such an indicator may say so (banks of accounts, telcos of phone numbers, platforms of
their accounts), and authorities. The id of the event is that of the dispute.`),
		Example: `  waspada dispute open --type bank_account "maybank:1234 5678 9012" --case D-77`,
	})
	return cmd
}

func newDisputeList(a *app) *cobra.Command {
	var q client.DisputeQuery
	cmd := &cobra.Command{
		Use:   "list [--state STATE,…] [--overdue] [--mine]",
		Short: "List the disputes that concern you, the overdue ones first",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("dispute list takes flags only; see waspada dispute list --help")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.States, "state", nil, strings.Join(fraud.DisputeStates(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(fraud.DisputeStates(), noFiles))
	flags.BoolVar(&q.Overdue, "overdue", false, "only those with a clock that has run out")
	flags.BoolVar(&q.Mine, "mine", false, "only what you opened, or took a step in, or is about listings of yours")
	flags.IntVar(&q.Limit, "limit", 50, "how many at most, 1 to 200")
	flags.StringVar(&q.Cursor, "cursor", "", "where the page before ended")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, state := range q.States {
			if !slices.Contains(fraud.DisputeStates(), state) {
				return usage("--state: any of %s", strings.Join(fraud.DisputeStates(), ", "))
			}
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		page, next, err := hub.Disputes(cmd.Context(), q)
		if err != nil {
			return err
		}
		if a.json() {
			return a.tell(map[string]any{"disputes": page, "next": next})
		}
		now := time.Now()
		for i := range page {
			a.say("%s", a.disputeLine(&page[i], now))
		}
		if next != "" {
			a.note("there are more: --cursor %s", next)
		}
		return nil
	}
	return cmd
}

// disputeLine is a dispute in one line.
func (a *app) disputeLine(d *client.Dispute, now time.Time) string {
	parts := []string{d.ID.String(), d.State, d.Indicator.Type.String(), "opened " + ago(now.Sub(d.OpenedAt))}
	switch {
	case len(d.Overdue) > 0:
		parts = append(parts, a.paint(red, "OVERDUE: "+strings.Join(d.Overdue, ", ")))
	case !d.AcknowledgeBy.IsZero():
		parts = append(parts, "acknowledge"+ending(d.AcknowledgeBy, " by ", ""))
	case !d.DecideBy.IsZero():
		parts = append(parts, "decide"+ending(d.DecideBy, " by ", ""))
	}
	if d.Reason != nil {
		parts = append(parts, d.Reason.Code)
	}
	if d.Effect != "in_force" {
		parts = append(parts, "effect "+d.Effect)
	}
	return strings.Join(parts, " · ")
}

// oneDispute takes the id of a dispute as the only argument.
func oneDispute(_ *cobra.Command, args []string) error {
	if len(args) != 1 || uuid.Validate(args[0]) != nil {
		return usage("name one dispute by its id, the UUID of the event that opened it; see --help")
	}
	return nil
}

// newDisputeStep is a command that needs only the id.
func newDisputeStep(
	a *app, name, short string, do func(*client.Client, context.Context, uuid.UUID) (client.Dispute, error),
) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short, Args: oneDispute,
		RunE: func(cmd *cobra.Command, args []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			d, err := do(hub, cmd.Context(), uuid.MustParse(args[0]))
			if err != nil {
				return err
			}
			return a.showDispute(&d)
		},
	}
}

func (a *app) showDispute(d *client.Dispute) error {
	if a.json() {
		return a.tell(d)
	}
	a.say("%s", a.disputeLine(d, time.Now()))
	if d.Reason != nil {
		a.say("  reason        %s / %s", d.Reason.English, d.Reason.Malay)
	}
	if !d.ReaffirmBy.IsZero() {
		a.say("  the listing lapses unless its reporter renews it%s", ending(d.ReaffirmBy, " by ", ""))
	}
	if d.Authority == nil {
		return nil
	}
	a.say("  opened by     %s; listed by %s", d.Authority.OpenedBy, strings.Join(d.Authority.Reporters, ", "))
	for _, s := range d.Authority.Steps {
		line := fmt.Sprintf("  %s  %s by %s", s.At.In(malaysia).Format("2006-01-02 15:04"), s.To, s.By)
		for _, code := range []string{s.Reason, s.InvestigatorReason} {
			if code != "" {
				line += ", " + code
			}
		}
		a.say("%s", line)
	}
	return nil
}

func newDisputeDecide(a *app) *cobra.Command {
	var (
		decision client.DisputeDecision
		outcome  fraud.DisputeState
	)
	// The program's own copy of the taxonomy is for help alone: the hub's may be newer.
	reasons, investigators := "", ""
	if terms, err := fraud.LoadTaxonomy(schemas.Taxonomy()); err == nil {
		reasons, investigators = strings.Join(terms.Reason.Names(), ", "), strings.Join(terms.Investigator.Names(), ", ")
	}
	cmd := &cobra.Command{
		Use:   "decide ID --outcome OUTCOME --reason CODE [--investigator-reason CODE]",
		Short: "Decide a dispute, for authorities",
		Long: text(`
decide ends a dispute in your name. upheld and restored list the indicator and answer every dispute and clear said
before; cleared and corrected clear it. Look-ups show it tens of milliseconds later.

--reason may be shown to the person concerned: ` + reasons + `.

--investigator-reason is shown to authorities alone: ` + investigators + `.

After a failure repeat the same command: it finishes what was begun, and counts once.`),
		Example: `  waspada dispute decide 019a… --outcome cleared --reason victim_not_mule \
      --investigator-reason account_takeover`,
		Args: oneDispute,
	}
	flags := cmd.Flags()
	flags.Var(&word[fraud.DisputeState, *fraud.DisputeState]{&outcome}, "outcome", "upheld, corrected, cleared or restored")
	_ = cmd.RegisterFlagCompletionFunc("outcome",
		cobra.FixedCompletions([]string{"upheld", "corrected", "cleared", "restored"}, noFiles))
	flags.StringVar(&decision.Reason, "reason", "", "why, in words for the person concerned")
	flags.StringVar(&decision.InvestigatorReason, "investigator-reason", "", "why, for authorities alone")
	flags.StringVarP(&decision.Category, "category", "c", "", "of what is listed (default that of the listing)")
	flags.Uint8Var(&decision.Confidence, "confidence", 0, "of what is listed, 1 to 100 (default that of the listing)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, decides := outcome.Says(); !decides || decision.Reason == "" {
			return usage("--outcome (upheld, corrected, cleared or restored) and --reason are needed")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		decision.Outcome = outcome.String()
		d, err := hub.DecideDispute(cmd.Context(), uuid.MustParse(args[0]), decision)
		if err != nil {
			return err
		}
		return a.showDispute(&d)
	}
	return cmd
}

func newDisputeWithdraw(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw ID", Short: "Take your own dispute back", Args: oneDispute,
		Long: text(`
withdraw takes your own dispute back, and with it whatever else you last said of the indicator: the listings of others
count again. By its value: waspada withdraw VALUE.`),
		RunE: func(cmd *cobra.Command, args []string) error {
			hub, err := a.hub()
			if err != nil {
				return err
			}
			receipt, err := hub.WithdrawDispute(cmd.Context(), uuid.MustParse(args[0]))
			if receipt == nil {
				return err
			}
			s := &statement{event: fraud.Event{Kind: fraud.Withdraw}}
			if err := a.showStated(s, stated{Receipt: *receipt}, 0); err != nil {
				return err
			}
			if receipt.Results[0].Status == client.Refused {
				return exitStatus(exitFailed)
			}
			return err
		},
	}
}
