package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// listedAtOnce is what fits on a screen.
const listedAtOnce = 50

func newLettersList(load func() (config, error)) *cobra.Command {
	var (
		flags      letterFlags
		all        bool
		by, output string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters that are outstanding, the newest first, or count them",
		Long: `List dead letters that are outstanding, the newest first, or count them.

A dead letter is outstanding until its message has been sent again. What is then still bad is a new dead letter.

-o json writes one object a line, -o csv a line for each with a header.`,
		Example: `  waspadad deadletters list --by reason
  waspadad deadletters list --reason unknown_key --since 7d
  waspadad deadletters list --partner bank-harimau --all --limit 0 -o csv > letters.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return couldNot(func() error {
				grouping, ok := map[string]fraud.LetterGrouping{
					"": fraud.LettersTogether, "reason": fraud.LettersByReason, "partner": fraud.LettersByPartner,
				}[by]
				if !ok {
					return fmt.Errorf("--by is reason or partner, not %q", by)
				}
				if err := formOf(output, "human", "json", "csv"); err != nil {
					return err
				}
				desk, err := openLetterDesk(cmd.Context(), load)
				if err != nil {
					return err
				}
				defer desk.close()
				query, err := flags.query(desk, time.Now())
				if err != nil {
					return err
				}
				query.Replayed = all
				if by != "" {
					return desk.listGroups(cmd, query, grouping, output)
				}
				return desk.list(cmd, query, output)
			}())
		},
	}
	flags.add(cmd, listedAtOnce, "how many at most; 0 for all")
	cmd.Flags().BoolVar(&all, "all", false, "also those whose message was sent again")
	cmd.Flags().StringVar(&by, "by", "", "count them by reason or partner instead")
	cmd.Flags().StringVarP(&output, "output", "o", "human", "human, json or csv")
	return cmd
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return couldNot(fmt.Errorf("%q is too much: flags only", args[0]))
	}
	return nil
}

// letterView is a dead letter as it is written out.
type letterView struct {
	Position  string              `json:"position"`
	Partition int32               `json:"partition"`
	Offset    int64               `json:"offset"`
	Index     uint16              `json:"index"`
	Whole     bool                `json:"whole"`
	Appended  time.Time           `json:"appended"`
	Partner   string              `json:"partner,omitempty"`
	Number    fraud.PartnerNumber `json:"partner_number"`
	EventID   string              `json:"event_id,omitempty"`
	Reason    fraud.Reason        `json:"reason"`
	Pointer   string              `json:"pointer"`
	Hint      string              `json:"hint"`
	Size      int                 `json:"size"`
	// Replays is how often its message was sent again; the rest tells of the last time.
	Replays    int        `json:"replays"`
	ReplayedTo string     `json:"replayed_to,omitempty"`
	ReplayedAt *time.Time `json:"replayed_at,omitempty"`
	ReplayedBy string     `json:"replayed_by,omitempty"`
}

func (d *letterDesk) view(l *fraud.Letter) letterView {
	v := letterView{
		Position:  deadletters.PositionOf(&l.DeadLetter),
		Partition: l.Partition, Offset: l.Offset, Index: l.Index, Whole: l.Whole, Appended: l.Appended,
		Partner: d.partner(l.Partner), Number: l.Partner,
		Reason: l.Fault.Reason, Pointer: l.Fault.Pointer, Hint: l.Fault.Hint, Size: l.Size, Replays: l.Replays,
	}
	if l.EventID != uuid.Nil {
		v.EventID = l.EventID.String()
	}
	if l.Replays > 0 {
		v.ReplayedTo, v.ReplayedAt, v.ReplayedBy = l.Last.To.String(), &l.Last.At, l.Last.By
	}
	return v
}

func (d *letterDesk) list(cmd *cobra.Command, query fraud.LetterQuery, output string) error {
	out := cmd.OutOrStdout()
	n := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	sheet, lines := csv.NewWriter(out), json.NewEncoder(out)
	if output == "csv" {
		_ = sheet.Write([]string{"position", "partition", "offset", "index", "whole", "appended", "partner", "partner_number",
			"event_id", "reason", "pointer", "hint", "size", "replays", "replayed_to", "replayed_at", "replayed_by"})
	}
	err := d.reader.DeadLetters(cmd.Context(), query, func(l *fraud.Letter) error {
		v := d.view(l)
		n++
		switch output {
		case "json":
			return lines.Encode(v)
		case "csv":
			at := ""
			if v.ReplayedAt != nil {
				at = v.ReplayedAt.Format(time.RFC3339Nano)
			}
			return sheet.Write([]string{v.Position, strconv.Itoa(int(v.Partition)), strconv.FormatInt(v.Offset, 10),
				strconv.Itoa(int(v.Index)), strconv.FormatBool(v.Whole), v.Appended.Format(time.RFC3339Nano), v.Partner,
				strconv.Itoa(int(v.Number)), v.EventID, string(v.Reason), v.Pointer, v.Hint, strconv.Itoa(v.Size),
				strconv.Itoa(v.Replays), v.ReplayedTo, at, v.ReplayedBy})
		}
		if n == 1 {
			say(table, "POSITION\tCAME (MALAYSIA)\tPARTNER\tREASON\tFIELD\tSENT AGAIN TO")
		}
		say(table, "%s\t%s\t%s\t%s\t%s\t%s", v.Position, shown(v.Appended), dash(v.Partner), v.Reason, dash(v.Pointer),
			dash(v.ReplayedTo))
		return nil
	})
	if err != nil {
		return err
	}
	sheet.Flush()
	if output != "human" {
		return sheet.Error()
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return d.sum(cmd, query, n)
}

// sum says how many there are beyond those that were listed.
func (d *letterDesk) sum(cmd *cobra.Command, query fraud.LetterQuery, listed int) error {
	out := cmd.OutOrStdout()
	which := "outstanding "
	if query.Replayed {
		which = ""
	}
	switch {
	case listed == 0:
		say(out, "There is no such %sdead letter.", which)
	case listed == query.Limit:
		groups, err := d.reader.CountDeadLetters(cmd.Context(), query, fraud.LettersTogether)
		if err != nil {
			return err
		}
		if len(groups) == 1 && groups[0].Letters > uint64(listed) {
			say(out, "The newest %d of %d: --limit 0 lists all, --by reason counts them.", listed, groups[0].Letters)
		}
	}
	return nil
}

func (d *letterDesk) listGroups(
	cmd *cobra.Command, query fraud.LetterQuery, by fraud.LetterGrouping, output string,
) error {
	groups, err := d.reader.CountDeadLetters(cmd.Context(), query, by)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	column := "reason"
	key := func(g *fraud.LetterGroup) string { return string(g.Reason) }
	if by == fraud.LettersByPartner {
		column = "partner"
		key = func(g *fraud.LetterGroup) string { return d.partner(g.Partner) }
	}
	if output == "csv" {
		sheet := csv.NewWriter(out)
		_ = sheet.Write([]string{column, "dead_letters", "messages", "first", "last"})
		for i := range groups {
			g := &groups[i]
			_ = sheet.Write([]string{key(g), fmt.Sprint(g.Letters), fmt.Sprint(g.Messages), g.First.Format(time.RFC3339Nano),
				g.Last.Format(time.RFC3339Nano)})
		}
		sheet.Flush()
		return sheet.Error()
	}
	if output == "json" {
		lines := json.NewEncoder(out)
		for i := range groups {
			g := &groups[i]
			if err := lines.Encode(map[string]any{
				column: key(g), "dead_letters": g.Letters, "messages": g.Messages, "first": g.First, "last": g.Last,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(groups) == 0 {
		return d.sum(cmd, query, 0)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	name := "REASON"
	if by == fraud.LettersByPartner {
		name = "PARTNER"
	}
	say(table, "%s\tDEAD LETTERS\tMESSAGES\tOLDEST (MALAYSIA)\tNEWEST", name)
	for i := range groups {
		g := &groups[i]
		say(table, "%s\t%d\t%d\t%s\t%s", cmp.Or(key(g), "none"), g.Letters, g.Messages, shown(g.First), shown(g.Last))
	}
	return table.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
