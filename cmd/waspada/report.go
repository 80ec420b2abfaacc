package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// statement is what a command says of each of its values.
type statement struct {
	event    fraud.Event
	evidence []string
	t        *indicator.Type
	wait     bool
	dryRun   bool
}

// stated is the answer of report and its kin.
type stated struct {
	client.Receipt
	DryRun bool `json:"dry_run,omitzero"`
	// AcknowledgedMS and VisibleMS count from the moment of sending, in milliseconds.
	AcknowledgedMS float64  `json:"acknowledged_ms"`
	VisibleMS      *float64 `json:"visible_ms,omitempty"`
}

func newReport(a *app) *cobra.Command {
	cmd, s := newStatement(a, fraud.Report, &cobra.Command{
		Use:   "report [--type TYPE] --category CATEGORY VALUE…",
		Short: "Report indicators of a scam",
		Long: text(`
report says that values are part of a scam. The hub has acknowledged it for good when the command
ends; look-ups see it some tens of milliseconds later (--wait waits for that and tells how long it
took). Several values are reported as one bundle, with the same details.

The category is a term of the hub's taxonomy, such as telecommunication, e_commerce, investment,
loan, e_finance, love_parcel, online_gambling. A report without evidence, or by one partner alone,
makes a suspicion; an authority or two independent partners with evidence confirm.

Give neither names nor anything about people: --case joins the indicators of one incident by an
opaque reference.

Exit codes: 0 every event was accepted; 1 the hub refused some or could not be reached; 2 a value
breaks a rule of its type, and nothing was sent.`),
		Example: `  waspada report --type phone --category telecommunication "012-345 6789"
  waspada report -t bank_account --category e_commerce --role mule --evidence police_report,confirmed_loss \
      --confidence 90 --loss-band 10k_100k --case 2026-0815 "maybank:1234 5678 9012"
  waspada report -t url --category investment --expires-at 720h --wait "hxxps://evil[.]example/x"`,
	})
	flags := cmd.Flags()
	flags.StringVarP(&s.event.Category, "category", "c", "", "term of the category taxonomy (required)")
	flags.Uint8Var(&s.event.Confidence, "confidence", 70, "how sure you are, 1 to 100")
	flags.StringSliceVar(&s.evidence, "evidence", nil, "grounds, separated by commas: "+strings.Join(grounds, ", "))
	_ = cmd.RegisterFlagCompletionFunc("evidence", cobra.FixedCompletions(grounds, noFiles))
	addWord(cmd, &s.event.Role, "role", "", "its part in the scam")
	addWord(cmd, &s.event.Advice, "advice", "", "what others may do on the strength of this")
	addWord(cmd, &s.event.LossBand, "loss-band", "", "loss of the incident in ringgit")
	flags.Var(&moment{&s.event.ObservedAt, -1}, "observed-at", "when it happened: a time, or how long ago (90m)")
	flags.StringVar(&s.event.Platform, "platform", "", "term of the platform taxonomy: where it was met")
	flags.StringVar(&s.event.Institution, "institution", "", "term of the institution taxonomy")
	flags.StringVar(&s.event.Region, "region", "", "where, by ISO 3166-2: MY-10")
	return cmd
}

func newWithdraw(a *app) *cobra.Command {
	cmd, _ := newStatement(a, fraud.Withdraw, &cobra.Command{
		Use:   "withdraw [--type TYPE] VALUE…",
		Short: "Take your own report back",
		Long: text(`
withdraw takes back whatever you said of the values: a report, a dispute or a clear. Other partners'
reports stand. It is seen as fast as a report, and no late delivery of the report can undo it. Write
a value in any form that means the same.`),
		Example: `  waspada withdraw --type phone "012-345 6789"`,
	})
	return cmd
}

func newClear(a *app) *cobra.Command {
	cmd, _ := newStatement(a, fraud.Clear, &cobra.Command{
		Use:   "clear [--type TYPE] VALUE…",
		Short: "Say that a value is legitimate",
		Long: text(`
clear says that the values are legitimate, whoever listed them. The kind of partner that holds such
an indicator may say so (banks of accounts, telcos of phone numbers, platforms of their accounts),
and authorities.`),
		Example: `  waspada clear --type phone "03-1234 5678"`,
	})
	return cmd
}

// grounds are the names of the evidence.
var grounds = fraud.Evidence(0xff).Names()

// newStatement completes the command of one kind of event with the flags that all kinds have.
func newStatement(a *app, kind fraud.Kind, cmd *cobra.Command) (*cobra.Command, *statement) {
	s := &statement{event: fraud.Event{Kind: kind}}
	s.t = addType(cmd)
	flags := cmd.Flags()
	addWord(cmd, &s.event.TLP, "tlp", "", "who may see it (TLP 2.0)")
	flags.Var(&moment{&s.event.ExpiresAt, 1}, "expires-at", "when it ends by itself: a time, or how far ahead (720h)")
	flags.StringVar(&s.event.Case, "case", "", "opaque reference that joins the indicators of one incident")
	flags.BoolVar(&s.wait, "wait", false, "wait until look-ups show it, and tell how long it took")
	flags.BoolVar(&s.dryRun, "dry-run", false, "have the hub check it, and send it nowhere")
	cmd.Args = atLeastOne
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.state(cmd.Context(), s, args) }
	return cmd, s
}

// state sends the statement about every value as one bundle.
func (a *app) state(ctx context.Context, s *statement, args []string) error {
	if s.event.Kind == fraud.Report && s.event.Category == "" {
		return usage("--category is missing; such as telecommunication, e_commerce, investment, loan or love_parcel")
	}
	var err error
	if s.event.Evidence, err = fraud.ParseEvidence(s.evidence...); err != nil {
		return usage("--evidence: %v", err)
	}
	events, err := a.events(s, args)
	if err != nil {
		return err
	}
	hub, err := a.hub()
	if err != nil {
		return err
	}
	a.warnRaw()
	var before []client.Result
	if s.wait {
		if before, err = hub.Lookup(ctx, itemsOf(events)); err != nil {
			return err
		}
	}
	sent := time.Now()
	send := hub.Report
	if s.dryRun {
		send = hub.DryRun
	}
	receipt, err := send(ctx, events...)
	if receipt == nil {
		return err
	}
	answer := stated{Receipt: *receipt, DryRun: s.dryRun, AcknowledgedMS: milliseconds(time.Since(sent))}
	refused := slices.ContainsFunc(receipt.Results, func(r client.EventReceipt) bool {
		return r.Status == client.Refused
	})
	if s.wait && !refused && !s.dryRun {
		w := waiter{hub: hub, events: events, before: before}
		if err := w.wait(ctx, a.patience); err != nil {
			a.showStated(s, answer, *s.t)
			return err
		}
		took := milliseconds(time.Since(sent))
		answer.VisibleMS = &took
	}
	if err := a.showStated(s, answer, *s.t); err != nil {
		return err
	}
	if refused {
		return exitStatus(exitFailed)
	}
	return nil
}

// events makes one event a value. One bad value refuses them all, so that half a list is never sent.
func (a *app) events(s *statement, args []string) ([]client.Event, error) {
	// Loaded now, so that a faulty ring is told before anything is read.
	if _, err := a.keyRing(); err != nil {
		return nil, err
	}
	var events []client.Event
	bad := 0
	err := a.each(args, func(v value) error {
		in, err := v.parse(*s.t)
		if err == nil && s.event.Kind == fraud.Report {
			if broad := in.Reportable(); broad != nil {
				err = v.fault(broad)
			}
		}
		if err != nil {
			bad++
			a.complain(placed(v.fault(err), args))
			return nil
		}
		for _, warning := range in.Warnings {
			a.note("%s", warning)
		}
		e := client.Event{Event: s.event, Value: v.raw}
		e.ID = uuid.Must(uuid.NewV7())
		e.Indicator.Type = in.Type
		events = append(events, e)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case bad > 0:
		return nil, exitStatus(exitUsage)
	case len(events) == 0:
		return nil, usage("standard input has no value")
	case len(events) > client.MaxReport:
		return nil, usage("one call takes %d values; for more write a CSV file and use waspada import", client.MaxReport)
	}
	return events, nil
}

func itemsOf(events []client.Event) []client.Item {
	items := make([]client.Item, len(events))
	for i, e := range events {
		items[i] = client.Item{Type: e.Indicator.Type, Value: e.Value}
	}
	return items
}

func (a *app) showStated(s *statement, answer stated, t indicator.Type) error {
	if a.json() {
		return a.tell(answer)
	}
	for i, r := range answer.Results {
		head := a.paint(green, r.Status)
		if r.Status == client.Refused {
			head = a.paint(red, r.Status)
		}
		line := fmt.Sprintf("%s · event %s", head, r.EventID)
		if len(answer.Results) > 1 {
			line = fmt.Sprintf("%6d  %s", i+1, line)
		}
		if r.Status == client.Refused {
			line += fmt.Sprintf(" · %s (%s)", r.Detail, r.Reason)
			if r.Pointer != "" {
				line += " at " + r.Pointer
			}
		}
		a.say("%s", line)
	}
	switch {
	case s.dryRun:
		a.say("Checked only: nothing was sent.")
		return nil
	case answer.VisibleMS != nil:
		a.say("Look-ups show it %.0f ms after it was sent (acknowledged after %.0f ms).",
			*answer.VisibleMS, answer.AcknowledgedMS)
	}
	if s.event.Kind == fraud.Report && answer.BundleID != "" {
		option := ""
		if t != 0 {
			option = "--type " + t.String() + " "
		}
		a.say("To take it back: waspada withdraw %sVALUE", option)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// errNotVisible is the end of a wait.
var errNotVisible = errors.New("accepted, but look-ups don't show it yet; ask again with waspada check")
