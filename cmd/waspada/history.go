package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func newHistory(a *app) *cobra.Command {
	var at time.Time
	cmd := &cobra.Command{
		Use:   "history TYPE VALUE",
		Short: "What was said of an indicator, and was it listed then?",
		Long: text(`
history tells what was said of one indicator, as far as you may see it: what, when, and by how
many. With --at it also tells the verdict that you would have got at that moment. Police and
regulators are told who said it; others see numbers that mean something in this answer alone.
It needs a key with the scope lookup. -o json writes the hub's answer.`),
		Example: `  waspada history phone "012-345 6789"
  waspada history bank_account "maybank:1234 5678 9012" --at "2026-11-20 10:00"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("give a type and one value")
			}
			return nil
		},
	}
	cmd.Flags().Var(&moment{&at, -1}, "at", "the moment to ask about")
	most := cmd.Flags().Int("most", 50, "how many events to list, at most 200")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		of, err := indicator.ParseType(args[0])
		if err != nil {
			return usage("the first argument is one of the eight types; see waspada --help")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		return a.each(args[1:], func(v value) error {
			if _, err := v.parse(of); err != nil {
				return placed(v.fault(err), args[1:])
			}
			a.warnRaw()
			h, err := hub.History(cmd.Context(), client.HistoryQuery{Item: client.Item{Type: of, Value: v.raw}, At: at, Limit: *most})
			if err != nil {
				return err
			}
			if a.json() {
				return a.tell(h)
			}
			a.showHistory(&h)
			return nil
		})
	}
	return cmd
}

func (a *app) showHistory(h *client.History) {
	now := time.Now()
	a.say("now   %s", a.sentence(h.Verdict, now))
	if t := h.Then; t != nil {
		note := ""
		if t.Partners == "now" {
			note = a.paint(dim, " (by the partners of today)")
		}
		a.say("then  %s%s", a.sentence(t.Verdict, t.At), note)
	}
	for i := range h.Events {
		a.say("%s", sayingWords(&h.Events[i]))
	}
	if h.Next != "" {
		a.note("there are older events")
	}
}

// sayingWords is one event in one line.
func sayingWords(s *client.Saying) string {
	words := []string{s.AcceptedAt.In(malaysia).Format("2006-01-02 15:04:05"), s.Kind}
	add := func(format, value string) {
		if value != "" {
			words = append(words, fmt.Sprintf(format, value))
		}
	}
	switch {
	case s.Mine:
		words = append(words, "by you")
		if s.EventID != nil {
			add("(%s)", s.EventID.String())
		}
	case s.Partner != "":
		add("by %s", s.Partner)
	case s.Reporter > 0:
		words = append(words, fmt.Sprintf("by reporter %d", s.Reporter))
		add("(%s)", s.PartnerKind)
	}
	add("%s", s.Category)
	add("evidence %s", strings.Join(s.Evidence, ", "))
	add("advice %s", s.Advice)
	add("TLP %s", s.TLP)
	add("%s only", s.Group)
	if s.Grade != indicator.Exact.String() {
		add("by its %s form", s.Grade)
	}
	add("does not count: %s", s.NotCounted)
	return strings.Join(words, "  ")
}
