package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
	"github.com/waspada-hub/waspada/schemas"
)

func newDeadLettersCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deadletters",
		Short: "See what was refused for good, and send it again once the reason is gone",
		Long: `See what was refused for good, and send it again once the reason is gone.

A dead letter points to a message on the reports topic, or to one event of it, and says why it was refused. It holds
none of the message's bytes, which may be what must never be kept: a raw value. They stay on the topic for as long as
its retention says.

Exit codes: 0 done; 1 something was refused or left out; 2 it could not be done.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return couldNot(fmt.Errorf("deadletters does not know %q: list, show or replay", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return couldNot(err) })
	cmd.AddCommand(newLettersList(load), newLettersShow(load), newLettersReplay(load))
	return cmd
}

// The exit codes of deadletters.
const (
	exitLeft     = 1
	exitCouldNot = 2
)

// couldNot is an error of a command that was not done.
func couldNot(err error) error {
	var told *exitError
	if err == nil || errors.As(err, &told) {
		return err
	}
	return &exitError{exitCouldNot, err}
}

// letterDesk is what the commands share: the way to the store and the names of partners.
type letterDesk struct {
	cfg    config
	reader *store.Reader
	// ids are the partners' by their numbers, those of former ones too.
	ids map[fraud.PartnerNumber]string
}

func openLetterDesk(ctx context.Context, load func() (config, error)) (*letterDesk, error) {
	cfg, err := load()
	if err != nil {
		return nil, err
	}
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return nil, err
	}
	reader, err := store.NewReader(storeCfg)
	if err != nil {
		return nil, err
	}
	ids, err := reader.PartnerIDs(ctx)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &letterDesk{cfg, reader, ids}, nil
}

func (d *letterDesk) close() { _ = d.reader.Close() }

// reports is the topic on which the originals stand.
func (d *letterDesk) reports() (*topic.Topic, error) {
	cluster, err := kafkaCluster(d.cfg, "waspadad-deadletters")
	if err != nil {
		return nil, err
	}
	return cluster.Open(d.cfg.Kafka.Reports), nil
}

// judge judges by the files that the configuration names, as a daemon does that starts now.
func (d *letterDesk) judge() (*deadletters.Judge, *partners.Registry, error) {
	ring, err := indicator.LoadKeyRing(d.cfg.KeyRing)
	if err != nil {
		return nil, nil, err
	}
	registry, err := partners.Load(d.cfg.Partners)
	if err != nil {
		return nil, nil, err
	}
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		return nil, nil, err
	}
	protection, err := loadProtection(d.cfg.Protected, ring)
	if err != nil {
		return nil, nil, err
	}
	return &deadletters.Judge{
		Opener: &wire.Verifier{Audience: d.cfg.Name, Registry: registry},
		Screen: &fraud.Screen{Keys: ring, Taxonomy: taxonomy, Protected: protection.Protected},
	}, registry, nil
}

// partner names a partner for people and scripts: its id, or its number where nobody knows the id, "" for none.
func (d *letterDesk) partner(number fraud.PartnerNumber) string {
	if id := d.ids[number]; id != "" || number == 0 {
		return id
	}
	return strconv.Itoa(int(number))
}

// letterFlags choose dead letters.
type letterFlags struct {
	reasons, partners, since, until string
	partitions                      []int32
	limit                           int
}

// add adds the flags. What a limit counts differs.
func (f *letterFlags) add(cmd *cobra.Command, limit int, limitHelp string) {
	flags := cmd.Flags()
	flags.StringVar(&f.reasons, "reason", "", "refused for this reason, or one of several: unknown_key,key_not_valid")
	flags.StringVar(&f.partners, "partner", "", "of this partner (id or number), or of several; none: not proven")
	flags.StringVar(&f.since, "since", "", "came since this time: 2026-11-21, 2026-11-21T15:04, or how long ago: 90m, 7d")
	flags.StringVar(&f.until, "until", "", "came before this time")
	flags.Int32SliceVar(&f.partitions, "partition", nil, "of this partition, or of several")
	flags.IntVar(&f.limit, "limit", limit, limitHelp)
	reasons := cobra.FixedCompletions(words(fraud.Reasons()), cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc("reason", reasons)
}

// any reports whether a flag narrows the choice.
func (f *letterFlags) any() bool {
	return f.reasons+f.partners+f.since+f.until != "" || len(f.partitions) > 0
}

func (f *letterFlags) query(d *letterDesk, now time.Time) (q fraud.LetterQuery, err error) {
	for _, word := range split(f.reasons) {
		reason := fraud.Reason(word)
		if !slices.Contains(fraud.Reasons(), reason) {
			all := strings.Join(words(fraud.Reasons()), ", ")
			return q, fmt.Errorf("--reason: there is no %q; the reasons are %s", word, all)
		}
		q.Reasons = append(q.Reasons, reason)
	}
	for _, word := range split(f.partners) {
		number, err := d.number(word)
		if err != nil {
			return q, err
		}
		q.Partners = append(q.Partners, number)
	}
	if q.Since, err = parseMoment("--since", f.since, now); err != nil {
		return q, err
	}
	if q.Until, err = parseMoment("--until", f.until, now); err != nil {
		return q, err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, errors.New("--since is not before --until: nothing lies between them")
	}
	for _, p := range f.partitions {
		if p < 0 {
			return q, fmt.Errorf("--partition: partitions count from 0, there is no %d", p)
		}
	}
	if f.limit < 0 {
		return q, errors.New("--limit: 0 is no limit, and there is nothing below it")
	}
	q.Partitions, q.Limit = f.partitions, f.limit
	return q, nil
}

// number finds a partner's number.
func (d *letterDesk) number(word string) (fraud.PartnerNumber, error) {
	if word == "none" {
		return 0, nil
	}
	for number, id := range d.ids {
		if id == word {
			return number, nil
		}
	}
	if n, err := strconv.ParseUint(word, 10, 16); err == nil {
		return fraud.PartnerNumber(n), nil
	}
	return 0, fmt.Errorf("--partner: the hub has never had a partner %q: give its id or number, or none", word)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func words(reasons []fraud.Reason) []string {
	all := make([]string, len(reasons))
	for i, r := range reasons {
		all[i] = string(r)
	}
	return all
}

// malaysia is the zone of times that name none, and of those that people read: it has had no other since 1982.
var malaysia = time.FixedZone("MYT", 8*60*60)

// parseMoment reads a time, a day or how long ago it was; the zero time for "".
func parseMoment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 12); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	} {
		if at, err := time.ParseInLocation(layout, text, malaysia); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: a time is written 2026-11-21T15:04:05+08:00, 2026-11-21T15:04 or 2026-11-21 "+
		"(in Malaysia's time), or as how long ago: 90m, 7d", flag)
}

// formOf checks what --output says.
func formOf(output string, forms ...string) error {
	if !slices.Contains(forms, output) {
		return fmt.Errorf("--output is %s, not %q", strings.Join(forms, " or "), output)
	}
	return nil
}

// shown is a time as people read it.
func shown(t time.Time) string { return t.In(malaysia).Format("2006-01-02 15:04:05") }

// count writes a number with what is counted, in the plural where it takes one.
func count[N ~int | ~uint64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// say writes one line for people.
func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
