package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
)

func newBoard(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "board platforms|partners", Short: "What was done about what was reported, and who gives and takes",
		Long: text(`
A partner is shown itself, and the median of its kind where at least five are of it; a regulator or the police, with a
key of the scope analyse, everybody. Days are Malaysia's.`),
	}
	cmd.AddCommand(newBoardOf(a, "platforms", "What platforms did about what they were told, and how fast",
		func(cmd *cobra.Command, hub *client.Client, from, to time.Time) error {
			board, err := hub.PlatformBoard(cmd.Context(), from, to)
			if err != nil {
				return err
			}
			return a.showPlatforms(board)
		}), newBoardOf(a, "partners", "What partners gave and what they took",
		func(cmd *cobra.Command, hub *client.Client, from, to time.Time) error {
			board, err := hub.PartnerBoard(cmd.Context(), from, to)
			if err != nil {
				return err
			}
			return a.showPartners(board)
		}))
	return cmd
}

func newBoardOf(a *app, name, short string,
	show func(cmd *cobra.Command, hub *client.Client, from, to time.Time) error,
) *cobra.Command {
	var (
		from, to time.Time
		last     = span(30 * 24 * time.Hour)
	)
	cmd := &cobra.Command{
		Use: name + " [--last TIME]", Short: short, Args: cobra.NoArgs,
		Example: "  waspada board " + name + " --last 90d\n  waspada board " + name +
			" --from 2026-10-01 --to 2026-11-01 -o json",
	}
	flags := cmd.Flags()
	flags.Var(&last, "last", "how far back: 24h, 30d, 12w")
	flags.Var(&moment{&from, -1}, "from", "from this time instead")
	flags.Var(&moment{&to, -1}, "to", "up to this time (default now)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if to.IsZero() {
			to = time.Now()
		}
		if from.IsZero() {
			from = to.Add(-time.Duration(last))
		}
		if !from.Before(to) {
			return usage("--from: it is before --to")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		return show(cmd, hub, from, to)
	}
	return cmd
}

// table writes aligned lines, or CSV.
func (a *app) table(lines [][]string) error {
	if a.output == "csv" {
		return csv.NewWriter(a.out).WriteAll(lines)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range lines {
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")+"\t"); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (a *app) showPlatforms(board client.PlatformBoard) error {
	if a.json() {
		return a.tell(board)
	}
	lines := [][]string{{"platform", "signals", "acted", "share", "median h", "p90 h", "withdrawn", "open", "overdue"}}
	for _, p := range board.Platforms {
		lines = append(lines, []string{p.Platform, count(p.Signals), count(p.Acted), share(p.ShareActed), inHours(p.MedianHours),
			inHours(p.P90Hours), count(p.Withdrawn), count(p.Open), count(p.Overdue)})
	}
	if a.output != "csv" {
		a.say("signals that began %s; overdue after %g h", days(board.From, board.To), board.OverdueAfter)
		if len(board.Platforms) == 0 {
			a.say("none about a platform that this key may see")
			return nil
		}
	}
	if err := a.table(lines); err != nil {
		return err
	}
	if p := board.Peers; p != nil && a.output != "csv" {
		a.say("median of %d organisations of your kind: %s acted on, %.1f h", p.Organisations, share(p.ShareActed), p.MedianHours)
	}
	return nil
}

func (a *app) showPartners(board client.PartnerBoard) error {
	if a.json() {
		return a.tell(board)
	}
	lines := [][]string{{"partner", "reports", "indicators", "first", "lead h", "shared", "confirmed", "withdrawn", "cleared",
		"lookups", "asked", "hits", "actions"}}
	for _, p := range board.Partners {
		g, t := p.Given, p.Taken
		lines = append(lines, []string{p.Partner, count(g.Reports), count(g.Indicators), count(g.First),
			inHours(g.MedianLeadHours), count(g.Shared), count(g.Confirmed), count(g.LaterWithdrawn), count(g.LaterCleared),
			count(t.Lookups), count(t.Indicators), count(t.Hits), count(t.Actions)})
	}
	if a.output != "csv" {
		a.say("given and taken %s", days(board.From, board.To))
		if len(board.Partners) == 0 {
			a.say("nothing by a partner that this key may see")
			return nil
		}
	}
	if err := a.table(lines); err != nil {
		return err
	}
	if p := board.Peers; p != nil && a.output != "csv" {
		a.say("median of %d partners of your kind: %d reports, %s first, %s confirmed", p.Partners, p.Reports,
			share(p.ShareFirst), share(p.ShareConfirmed))
	}
	return nil
}

func days(from, to time.Time) string {
	return from.In(malaysia).Format("2006-01-02") + " to " + to.In(malaysia).Add(-time.Second).Format("2006-01-02") +
		" (Malaysian days)"
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

func share(part float64) string { return strconv.FormatFloat(100*part, 'f', 1, 64) + "%" }

func inHours(h *float64) string {
	if h == nil {
		return "-"
	}
	digits := 1
	if *h < 1 {
		digits = 2
	}
	return strconv.FormatFloat(*h, 'f', digits, 64)
}

var monthPattern = regexp.MustCompile(`^2[01]\d\d-(0[1-9]|1[0-2])$`)

func newEvidence(a *app) *cobra.Command {
	var (
		q    client.EvidenceQuery
		file string
	)
	cmd := &cobra.Command{
		Use: "evidence --month 2026-10 [--lang ms] [--platform NAME] [--csv] > FILE", Short: "Take the evidence of a month, to print",
		Long: text(`
evidence writes a page with what each platform did about what it was told, who took part, what was corrected, and how it
was counted: HTML that prints well and loads nothing, in English or Malay; with --csv the numbers alone. The numbers are
hashed and signed by the hub. It needs a key of a regulator or the police with the scope analyse, and the hub's audit
tells of it.`),
		Example: `  waspada evidence --month 2026-10 --lang ms --file bukti-2026-10.html
  waspada evidence --month 2026-10 --platform facebook --csv > facebook.csv`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Month, "month", "", "the month in Malaysia: 2026-10")
	flags.StringVar(&q.Language, "lang", "en", "en or ms")
	flags.StringVar(&q.Platform, "platform", "", "signals about this platform alone")
	asCSV := flags.Bool("csv", false, "the numbers alone")
	flags.StringVar(&file, "file", "", "write it to this file instead of the standard output")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !monthPattern.MatchString(q.Month):
			return usage("--month is needed, and written 2026-10")
		case q.Language != "en" && q.Language != "ms":
			return usage("--lang: it is en or ms")
		}
		q.Format = "html"
		if *asCSV || a.output == "csv" {
			q.Format = "csv"
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		page, err := hub.Evidence(cmd.Context(), q)
		if err != nil {
			return err
		}
		if file != "" {
			return os.WriteFile(file, page, 0o600)
		}
		_, err = a.out.Write(page)
		return err
	}
	return cmd
}
