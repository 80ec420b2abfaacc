package main

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func newEvents(a *app) *cobra.Command {
	var (
		q     client.ArrivalQuery
		kind  fraud.Kind
		state fraud.ArrivalState
	)
	cmd := &cobra.Command{
		Use:   "events [--state STATE] [--kind KIND] [--last TIME]",
		Short: "What became of what you reported",
		Long: text(`
events lists your own events, the newest first, with what became of each: stored, held for the
hub's operators, or refused and why. An event that was sent twice stands twice, and counts once.
It needs a key with the scope report. -o json writes a line for each.`),
		Example: `  waspada events
  waspada events --state refused --last 2d
  waspada events --kind dispute --from 2026-11-01 --to 2026-11-15 --most 1000 -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("events takes flags only; see waspada events --help")
			}
			return nil
		},
	}
	addWord(cmd, &state, "state", "", "only what was stored, held or refused")
	addWord(cmd, &kind, "kind", "", "only events of this kind")
	last := span(7 * 24 * time.Hour)
	flags := cmd.Flags()
	flags.Var(&last, "last", "how far back to look: 24h, 7d; at most 31d")
	flags.Var(&moment{&q.From, -1}, "from", "look from this time instead")
	flags.Var(&moment{&q.To, -1}, "to", "look up to this time (default now)")
	most := flags.Int("most", 100, "how many to list")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *most < 1 {
			return usage("--most: it is 1 or more")
		}
		if q.From.IsZero() {
			to := q.To
			if to.IsZero() {
				to = time.Now()
			}
			q.From = to.Add(-time.Duration(last))
		}
		q.Kind, q.State = kind.String(), state.String()
		hub, err := a.hub()
		if err != nil {
			return err
		}
		for left := *most; left > 0; {
			q.Limit = min(left, 500)
			page, err := hub.Arrivals(cmd.Context(), q)
			if err != nil {
				return err
			}
			for i := range page.Events {
				if err := a.showArrival(&page.Events[i]); err != nil {
					return err
				}
			}
			left -= len(page.Events)
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		return nil
	}
	return cmd
}

func (a *app) showArrival(e *client.Arrival) error {
	if a.json() {
		return a.tell(e)
	}
	id := "(no id)"
	if e.EventID != nil {
		id = e.EventID.String()
	}
	words := []string{e.TakenAt.In(malaysia).Format("2006-01-02 15:04:05"), id, e.Status}
	switch {
	case e.Void:
		words = append(words, "void")
	case e.Released:
		words = append(words, "released")
	}
	if e.Reason != "" {
		words = append(words, e.Reason+":", e.Detail)
	} else {
		words = append(words, e.Kind, e.Indicator.Type.String(), cmp.Or(e.Category, "-"), cmp.Or(e.TLP, "AMBER"), e.Group)
	}
	a.say("%s", strings.TrimRight(strings.Join(words, "  "), " "))
	return nil
}
