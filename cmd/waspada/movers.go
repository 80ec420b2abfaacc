package main

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// addOnly adds the flag that narrows a question.
func addOnly(cmd *cobra.Command) *[]string {
	return cmd.Flags().StringArray("only", nil, "count some values alone: DIMENSION=VALUE,VALUE; may be repeated")
}

func readOnly(flags []string) (map[string][]string, error) {
	only := map[string][]string{}
	for _, flag := range flags {
		name, values, ok := strings.Cut(flag, "=")
		var d fraud.Dimension
		if err := d.UnmarshalText([]byte(name)); err != nil || !ok {
			return nil, usage("--only: it is written DIMENSION=VALUE,VALUE, with a dimension of --by")
		}
		only[name] = append(only[name], strings.Split(values, ",")...)
	}
	return only, nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%[1]s takes flags only; see waspada %[1]s --help", cmd.Name())
	}
	return nil
}

func newTop(a *app) *cobra.Command {
	metric, by := fraud.EventCount, fraud.ByCategory
	var q client.TopQuery
	cmd := &cobra.Command{
		Use:   "top [--metric METRIC] [--by DIMENSION] [--only DIMENSION=VALUE,…] [--from DAY --to DAY]",
		Short: "Tell what moved",
		Long: text(`
top counts a span of whole days of Malaysia against another before it, and shows the largest changes
first: by default the last seven days against the seven before. It needs a key with the scope analyse.

-o csv writes a line for each key; -o json writes the hub's answer.`),
		Example: `  waspada top --by region --metric reports
  waspada top --by platform --only category=investment --from 2026-11-01 --to 2026-11-15 -o csv`,
		Args: noArguments,
	}
	addWord(cmd, &metric, "metric", "", "what to count")
	addWord(cmd, &by, "by", "", "what to split by")
	only := addOnly(cmd)
	flags := cmd.Flags()
	flags.Var(&moment{&q.From, -1}, "from", "count from this day")
	flags.Var(&moment{&q.To, -1}, "to", "count up to this day, which is left out (default today)")
	flags.Var(&moment{&q.BaselineFrom, -1}, "baseline-from", "compare with what was from this day")
	flags.Var(&moment{&q.BaselineTo, -1}, "baseline-to", "up to this day, which is left out (default --from)")
	flags.IntVar(&q.Limit, "limit", 0, "how many lines, 1 to 100 (default 20)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		q.Metric, q.By = metric.String(), by.String()
		if q.Only, err = readOnly(*only); err != nil {
			return err
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		set, err := hub.Top(cmd.Context(), q)
		if err != nil {
			return err
		}
		switch a.output {
		case "json":
			return a.tell(set)
		case "csv":
			return a.topCSV(set)
		}
		a.showTop(set)
		return nil
	}
	return cmd
}

// barWidth is how many marks the largest change has.
const barWidth = 20

func (a *app) showTop(set client.TopSet) {
	day := func(t time.Time) string { return t.In(malaysia).Format("2006-01-02") }
	a.say("%s by %s, %s to %s against %s to %s (Malaysian time)", set.Metric, set.By, day(set.From), day(set.To),
		day(set.BaselineFrom), day(set.BaselineTo))
	if len(set.Movers) == 0 {
		a.say("nothing was reported in this time")
		return
	}
	width, most := 0, 1.0
	for _, m := range set.Movers {
		width, most = max(width, len(named(m.Key))), max(most, m.Change, -m.Change)
	}
	for _, m := range set.Movers {
		if m.Suppressed {
			a.say("  %-*s  %s", width, named(m.Key), a.paint(dim, "too few to be told"))
			continue
		}
		ratio, colour, mark := "new", red, "▲"
		if m.Ratio > 0 || m.Expected > 0 {
			ratio = fmt.Sprintf("×%.2f", m.Ratio)
		}
		if m.Change < 0 {
			colour, mark = green, "▼"
		}
		size := int(max(m.Change, -m.Change) / most * barWidth)
		a.say("  %-*s  %8d  %+9.0f  %6s  %s", width, named(m.Key), m.Value, m.Change, ratio,
			a.paint(colour, strings.Repeat(mark, size)))
	}
}

// named is a key for people.
func named(key string) string {
	if key == "" {
		return "(none)"
	}
	return key
}

func (a *app) topCSV(set client.TopSet) error {
	rows := [][]string{{"key", "value", "baseline", "expected", "change", "ratio", "suppressed"}}
	for _, m := range set.Movers {
		row := []string{m.Key, "", "", "", "", "", "true"}
		if !m.Suppressed {
			row = []string{m.Key, strconv.FormatUint(m.Value, 10), strconv.FormatUint(m.Baseline, 10), decimal(m.Expected),
				decimal(m.Change), decimal(m.Ratio), "false"}
		}
		rows = append(rows, row)
	}
	return csv.NewWriter(a.out).WriteAll(rows)
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func newEmerging(a *app) *cobra.Command {
	by := fraud.ByCategory.String()
	cmd := &cobra.Command{
		Use:   "emerging [--by DIMENSION[,DIMENSION]]",
		Short: "Tell what rises",
		Long: text(`
emerging holds the reports of the last 6 and 24 hours against the same hours of the 28 days before, for
each value of a dimension or each pair of two, and tells what rises beyond chance: with how many were
counted, how many are usual, since when, and how many organisations reported. It needs a key with the
scope analyse.`),
		Example: `  waspada emerging
  waspada emerging --by category,region`,
		Args: noArguments,
	}
	cmd.Flags().StringVar(&by, "by", by, "one or two of: "+strings.Join(words[fraud.Dimension](), ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dimensions := strings.Split(by, ",")
		for _, name := range dimensions {
			var d fraud.Dimension
			if err := d.UnmarshalText([]byte(name)); err != nil || len(dimensions) > 2 {
				return usage("--by: it is one or two of %s", strings.Join(words[fraud.Dimension](), ", "))
			}
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		set, err := hub.Emerging(cmd.Context(), dimensions...)
		if err != nil {
			return err
		}
		switch a.output {
		case "json":
			return a.tell(set)
		case "csv":
			return a.emergingCSV(set)
		}
		a.say("as of %s (Malaysian time), %d series of reports by %s", set.AsOf.In(malaysia).Format("2006-01-02 15:04"),
			set.Watched, strings.Join(set.By, " and "))
		if len(set.Alarms) == 0 {
			a.say("nothing rises beyond chance")
		}
		for _, alarm := range set.Alarms {
			keys := make([]string, len(alarm.Keys))
			for i, key := range alarm.Keys {
				keys[i] = named(key)
			}
			a.say("  %s  %s", a.paint(red, strings.Join(keys, " × ")), a.paint(cyan, sparkline([]uint64{uint64(alarm.Expected),
				alarm.Observed})))
			a.say("    %s", alarm.Reason)
		}
		return nil
	}
	return cmd
}

func (a *app) emergingCSV(set client.EmergingSet) error {
	rows := [][]string{append(append([]string{}, set.By...), "window_hours", "observed", "expected", "ratio", "chance",
		"rising_for_hours", "reporters", "one_reporter")}
	for _, m := range set.Alarms {
		reporters := ""
		if m.Reporters > 0 {
			reporters = strconv.FormatUint(m.Reporters, 10)
		}
		rows = append(rows, append(append([]string{}, m.Keys...), strconv.Itoa(m.WindowHours),
			strconv.FormatUint(m.Observed, 10), decimal(m.Expected), decimal(m.Ratio), decimal(m.Chance),
			strconv.Itoa(m.RisingForHours), reporters, strconv.FormatBool(m.OneReporter)))
	}
	return csv.NewWriter(a.out).WriteAll(rows)
}
