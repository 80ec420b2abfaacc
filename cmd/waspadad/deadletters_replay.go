package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// withoutYes is how many messages are sent without being asked for twice.
const withoutYes = 100

func newLettersReplay(load func() (config, error)) *cobra.Command {
	var (
		flags  letterFlags
		cfg    = deadletters.DefaultConfiguration()
		yes    bool
		output string
	)
	cmd := &cobra.Command{
		Use:   "replay [PARTITION:OFFSET[:INDEX]…]",
		Short: "Send refused messages again, to be judged by today's keys, taxonomy and code",
		Long: `Send refused messages again, to be judged by today's keys, taxonomy and code.

The very same bytes go to the reports topic again, as far as its retention still holds them. Ingest judges them like any
other message. Event ids stay, so what had been accepted before counts once. What is still bad becomes a new dead letter
at its new place.

A message is not sent where, as things stand, nothing that was refused would be accepted (--anyway sends it: ingest has
the last word), or where it was sent before (--again). It is never sent where its signing key was not valid when it
first came, by what the partner file says today. A key that has ended since makes its bundles bad, too: the partner
sends the events again under its present key.

Give positions as list prints them, or the filters of list. Interrupting it, or starting it again, does no harm.
-o json writes one object for each message, and one for the sum.`,
		Example: `  waspadad deadletters replay --reason unknown_key --partner bank-harimau --dry-run
  waspadad deadletters replay --reason unknown_key --since 7d --yes
  waspadad deadletters replay 3:128411 3:128415:2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return couldNot(func() error {
				if err := formOf(output, "human", "json"); err != nil {
					return err
				}
				if cfg.Rate < 1 {
					return errors.New("--rate is at least 1 message a second")
				}
				if err := nameOperator(&cfg.By); err != nil {
					return err
				}
				desk, err := openLetterDesk(cmd.Context(), load)
				if err != nil {
					return err
				}
				defer desk.close()
				choice, err := desk.choice(args, &flags)
				if err != nil {
					return err
				}
				if !yes && !cfg.DryRun {
					if err := desk.askTwice(cmd, choice, cfg.Again); err != nil {
						return err
					}
				}
				return desk.replay(cmd, choice, cfg, output)
			}())
		},
	}
	flags.add(cmd, 0, "how many messages at most; 0 for all")
	f := cmd.Flags()
	f.BoolVar(&cfg.DryRun, "dry-run", false, "send nothing, and say what would become of each message")
	f.BoolVar(&cfg.Again, "again", false, "also what was sent again before")
	f.BoolVar(&cfg.Anyway, "anyway", false, "also what would be refused again, as things stand")
	f.IntVar(&cfg.Rate, "rate", cfg.Rate, "how many messages a second at most")
	f.StringVar(&cfg.By, "by", "", "who does it, for the record (default the user of the operating system)")
	f.BoolVar(&yes, "yes", false, fmt.Sprintf("do it for more than %d messages, too", withoutYes))
	f.StringVarP(&output, "output", "o", "human", "human or json")
	return cmd
}

// nameOperator finds out who does it, unless that was said.
func nameOperator(by *string) error {
	if *by == "" {
		who, err := user.Current()
		if err != nil {
			return fmt.Errorf("--by: the operating system does not say who you are: %w", err)
		}
		*by = cmp.Or(who.Username, "uid "+who.Uid)
	}
	if len(*by) > 64 || strings.ContainsFunc(*by, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("--by is a name of at most 64 bytes, all of them printable")
	}
	return nil
}

// choice is what the command line chooses: positions or filters, never all by accident.
func (d *letterDesk) choice(args []string, flags *letterFlags) (choice deadletters.Choice, err error) {
	for _, arg := range args {
		target, err := deadletters.ParseTarget(arg)
		if err != nil {
			return choice, err
		}
		choice.Targets = append(choice.Targets, target)
	}
	switch {
	case len(args) > 0 && flags.any():
		return choice, errors.New("give positions or filters, not both")
	case len(args) == 0 && !flags.any():
		return choice, errors.New("say which: positions as list prints them, or filters such as --reason or --since 7d")
	}
	choice.Query, err = flags.query(d, time.Now())
	return choice, err
}

// askTwice stops what would send many messages.
func (d *letterDesk) askTwice(cmd *cobra.Command, choice deadletters.Choice, again bool) error {
	messages := uint64(len(choice.Targets))
	if messages == 0 {
		query := choice.Query
		query.Replayed = again
		groups, err := d.reader.CountDeadLetters(cmd.Context(), query, fraud.LettersTogether)
		if err != nil {
			return err
		}
		for _, g := range groups {
			messages = g.Messages
		}
		if limit := uint64(query.Limit); limit > 0 {
			messages = min(messages, limit)
		}
	}
	if messages > withoutYes {
		return fmt.Errorf("these are %d messages, and more than %d are sent only with --yes; --dry-run tells what would "+
			"become of them", messages, withoutYes)
	}
	return nil
}

func (d *letterDesk) replay(
	cmd *cobra.Command, choice deadletters.Choice, cfg deadletters.Config, output string,
) error {
	judge, _, err := d.judge()
	if err != nil {
		return err
	}
	reports, err := d.reports()
	if err != nil {
		return err
	}
	storeCfg, err := storeConfig(d.cfg)
	if err != nil {
		return err
	}
	writer, err := store.NewWriter(storeCfg)
	if err != nil {
		return err
	}
	defer writer.Close()
	teller := newReplayTeller(cmd.OutOrStdout(), cmd.ErrOrStderr(), output == "json")
	err = deadletters.New(cfg, reports, judge, d.reader, writer, newLogger(d.cfg)).Run(cmd.Context(), choice, teller.tell)
	if cmd.Context().Err() != nil {
		err = errors.New("interrupted: what was told is done, the rest was not touched")
	}
	teller.sum(err)
	switch {
	case err != nil:
		return err
	case !teller.done:
		return &exitError{code: exitLeft}
	}
	return nil
}
