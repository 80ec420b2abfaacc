package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// seen is one line of watch.
type seen struct {
	At time.Time `json:"at"`
	// After is how long the last answer had stood, in milliseconds.
	AfterMS *float64 `json:"after_ms,omitempty"`
	// ReportedMS is how long before it was seen the latest report was issued, in milliseconds.
	ReportedMS *float64       `json:"reported_ms,omitempty"`
	Type       indicator.Type `json:"type"`
	client.Result
}

func newWatch(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [--type TYPE] [VALUE]",
		Short: "Show changes of a verdict, or all that is said, as it happens",
		Long: text(`
Without a value watch follows all that is said and that you may see, in digests: a line for each
word, as the hub takes it. Nobody is told who says it, and words that correct others come without
the digest: the name in brackets is that of the indicator, for you alone.

With a value watch asks again and again, and writes a line whenever the answer changes: the time, the verdict,
and how long after the report was issued it was seen here. A hub that does not answer for a while is
waited for. Stop with Ctrl-C.`),
		Example: `  waspada watch
  waspada watch --type phone "012-345 6789"
  waspada watch --every 20ms --for 30s -o json "hxxp://evil[.]example"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("give one value to watch, or none for all that is said")
			}
			return nil
		},
	}
	t := addType(cmd)
	every := cmd.Flags().Duration("every", 100*time.Millisecond, "how often to ask")
	limit := cmd.Flags().Duration("for", 0, "stop after this time (default: at Ctrl-C)")
	changes := cmd.Flags().Int("changes", 0, "stop after so many changes (default: at Ctrl-C)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *every < time.Millisecond {
			return usage("--every: it is 1ms or more")
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		if *limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *limit)
			defer cancel()
		}
		if len(args) == 0 {
			return a.watchAll(ctx, hub, *changes)
		}
		var question client.Item
		err = a.each(args, func(v value) error {
			in, err := v.parse(*t)
			if err != nil {
				return placed(v.fault(err), args)
			}
			question = client.Item{Type: in.Type, Value: v.raw}
			return nil
		})
		if err != nil {
			return err
		}
		a.warnRaw()
		return a.watch(ctx, hub, question, *every, *changes)
	}
	return cmd
}

// watch ends with the context, which is no error, or after so many changes.
func (a *app) watch(
	ctx context.Context, hub *client.Client, question client.Item, every time.Duration, changes int,
) error {
	var (
		last  client.Result
		since time.Time // when last was first seen
		away  bool
		tick  = time.NewTicker(every)
	)
	defer tick.Stop()
	for {
		answer, err := hub.LookupOne(ctx, question)
		now := time.Now()
		switch refusal := new(client.Problem); {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &refusal) && !refusal.Temporary() || errors.As(err, new(*client.ItemError)):
			return err
		case err != nil && !away:
			away = true
			a.note("%s; still trying", faultOf(err).Detail)
		case err == nil:
			away = false
			if since.IsZero() || changed(last, answer) {
				if err := a.showSeen(question.Type, answer, last, now, since); err != nil {
					return err
				}
				if !since.IsZero() {
					if changes--; changes == 0 {
						return nil
					}
				}
				last, since = answer, now
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// changed tells a change of what is known from the passing of time: a score decays by itself.
func changed(a, b client.Result) bool {
	return a.Verdict != b.Verdict || a.Reporters != b.Reporters || a.Advice != b.Advice || a.Matched != b.Matched ||
		!a.LastReported.Equal(b.LastReported) || !slices.Equal(a.Categories, b.Categories)
}

func (a *app) showSeen(t indicator.Type, r, last client.Result, now, since time.Time) error {
	line := seen{At: now.UTC().Truncate(time.Millisecond), Type: t, Result: r}
	words := []string{now.Format("15:04:05.000"), a.sentence(r, now)}
	if !since.IsZero() {
		after := milliseconds(now.Sub(since))
		line.AfterMS = &after
		took := "after " + now.Sub(since).Round(time.Millisecond).String()
		if delay := now.Sub(r.LastReported); r.Verdict != fraud.NotListed && r.LastReported.After(last.LastReported) {
			ms := milliseconds(delay)
			line.ReportedMS = &ms
			took = "seen " + delay.Round(time.Millisecond).String() + " after it was reported"
		}
		words = append(words, a.paint(dim, "("+took+")"))
	}
	if a.json() {
		return a.tell(line)
	}
	a.say("%s", strings.Join(words, "  "))
	return nil
}

// errEnough ends watching after so many changes.
var errEnough = errors.New("enough")

// watchAll follows all that is said. It ends with the context, which is no error, or after so many changes.
func (a *app) watchAll(ctx context.Context, hub *client.Client, changes int) error {
	err := hub.Follow(ctx, "", func(page client.Changes) error {
		if page.Recheck {
			a.note("what was told before may not stand any more")
		}
		for i := range page.Changes {
			if err := a.showChange(&page.Changes[i]); err != nil {
				return err
			}
			if changes--; changes == 0 {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (a *app) showChange(c *client.Change) error {
	if a.json() {
		return a.tell(c)
	}
	words := []string{c.AcceptedAt.In(malaysia).Format("2006-01-02 15:04:05"), c.Stance, "[" + c.About[:min(8, len(c.About))] + "]"}
	if c.Indicator != nil {
		words = append(words, c.Indicator.Type.String(), c.Indicator.Digest.String())
	}
	for _, word := range []string{c.Category, c.Advice, c.Group} {
		if word != "" {
			words = append(words, word)
		}
	}
	if c.TLP != "" {
		words = append(words, "TLP "+c.TLP)
	}
	a.say("%s", strings.Join(words, "  "))
	return nil
}
